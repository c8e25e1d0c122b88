//! Stock files: comma-separated lines below a first line that names `sku` and `on_hand`.

use souk_kernel::Problem;

use super::limits;
use crate::{domain::source::Item, error::Error};

/// The items of a file, and its lines that can't be read. 422 when the columns are missing.
pub fn read(bytes: &[u8]) -> Result<(Vec<Item>, Vec<String>), Error> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let headers = reader.headers().map_err(|_| columns_missing())?;
    let column = |name: &str| headers.iter().position(|header| header.trim_start_matches('\u{feff}') == name);
    let (sku, on_hand) = column("sku").zip(column("on_hand")).ok_or_else(columns_missing)?;
    let (mut items, mut unreadable) = (Vec::new(), Vec::new());
    for (line, record) in reader.records().enumerate() {
        limits::lines(line + 1)?;
        let item = record.ok().and_then(|record| {
            let name = record.get(sku).filter(|name| is_name(name))?;
            Some(Item { sku: name.to_owned(), on_hand: record.get(on_hand)?.parse().ok()? })
        });
        match item {
            Some(item) => items.push(item),
            // The first line has the number 1 and is the headers'.
            None => unreadable.push(format!("line {}", line + 2)),
        }
    }
    Ok((items, unreadable))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= 200 && !text.contains('\0')
}

fn columns_missing() -> Error {
    Problem::invalid("body", "must be CSV whose first line names the columns sku and on_hand").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_by_the_names_of_their_columns() {
        let file = "\u{feff}title,sku,on_hand\n\"Mug, blue\",A-1, 5\nPlate,A-2,many\nCup\n,,3\nBowl,A-3,-1\n";
        let (items, unreadable) = read(file.as_bytes()).unwrap();
        let items: Vec<_> = items.iter().map(|item| (item.sku.as_str(), item.on_hand)).collect();
        assert_eq!(items, [("A-1", 5), ("A-3", -1)]);
        assert_eq!(unreadable, ["line 3", "line 4", "line 5"]);
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        for file in ["", "a,b\n1,2\n", "\u{0}\u{1}"] {
            assert!(read(file.as_bytes()).is_err(), "{file:?}");
        }
        assert!(read(b"sku,on_hand\n\xff\xfe,1\n").unwrap().0.is_empty(), "not UTF-8");
        let long = format!("sku,on_hand\n{}", "a,1\n".repeat(limits::MOST_LINES + 1));
        assert!(read(long.as_bytes()).is_err());
    }
}
