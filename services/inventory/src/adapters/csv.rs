//! Stock files: comma-separated lines below a first line that names `sku` and `on_hand`.

use souk_kernel::Problem;

use super::{Adapter, MOST_LINES, Reading};
use crate::domain::source::Item;

/// Reads files.
pub struct Csv;

impl Adapter for Csv {
    fn is_pushed(&self) -> bool {
        false
    }

    fn is_uploaded(&self) -> bool {
        true
    }

    fn media_type(&self) -> &'static str {
        "text/csv"
    }

    fn read(&self, document: &[u8]) -> Result<Reading, Problem> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(document);
        let headers = reader.headers().map_err(|_| columns_missing())?;
        let column = |name: &str| headers.iter().position(|header| header.trim_start_matches('\u{feff}') == name);
        let (sku, on_hand) = column("sku").zip(column("on_hand")).ok_or_else(columns_missing)?;
        let mut reading = Reading::default();
        for (line, record) in reader.records().enumerate() {
            if line >= MOST_LINES {
                return Err(Problem::invalid("body", format!("must have at most {MOST_LINES} lines")));
            }
            let item = record.ok().and_then(|record| {
                let name = record.get(sku).filter(|name| is_name(name))?;
                Some(Item { sku: name.to_owned(), on_hand: record.get(on_hand)?.parse().ok()? })
            });
            match item {
                Some(item) => reading.items.push(item),
                // The first line has the number 1 and is the headers'.
                None => reading.unreadable.push(format!("line {}", line + 2)),
            }
        }
        Ok(reading)
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= 200 && !text.contains('\0')
}

fn columns_missing() -> Problem {
    Problem::invalid("body", "must be CSV whose first line names the columns sku and on_hand")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_by_the_names_of_their_columns() {
        let file = "\u{feff}title,sku,on_hand\n\"Mug, blue\",A-1, 5\nPlate,A-2,many\nCup\n,,3\nBowl,A-3,-1\n";
        let reading = Csv.read(file.as_bytes()).unwrap();
        let items: Vec<_> = reading.items.iter().map(|item| (item.sku.as_str(), item.on_hand)).collect();
        assert_eq!(items, [("A-1", 5), ("A-3", -1)]);
        assert_eq!(reading.unreadable, ["line 3", "line 4", "line 5"]);
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        for file in ["", "a,b\n1,2\n", "\u{0}\u{1}"] {
            assert!(Csv.read(file.as_bytes()).is_err(), "{file:?}");
        }
        assert!(Csv.read(b"sku,on_hand\n\xff\xfe,1\n").unwrap().items.is_empty(), "not UTF-8");
        let long = format!("sku,on_hand\n{}", "a,1\n".repeat(MOST_LINES + 1));
        assert!(Csv.read(long.as_bytes()).is_err());
    }
}
