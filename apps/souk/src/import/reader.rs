//! Reads JSON lines or CSV, plain or gzipped, one record at a time.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value};

/// One line of the file: its number, from 1, and its fields or what is wrong with it.
pub struct Record {
    /// Line number, from 1.
    pub line: u64,
    /// The fields.
    pub fields: Result<Map<String, Value>, String>,
}

/// The longest line that is read.
const MAX_LINE: u64 = 4 << 20;

/// All records of `path`. `read` is told how many bytes of the file have been read so far.
pub fn records(path: &Path, read: impl Fn(u64) + 'static) -> io::Result<Box<dyn Iterator<Item = io::Result<Record>>>> {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let counted = Counted { file: File::open(path)?, bytes: 0, read };
    let (plain_name, input): (&str, Box<dyn Read>) = match name.strip_suffix(".gz") {
        Some(plain) => (plain, Box::new(MultiGzDecoder::new(BufReader::new(counted)))),
        None => (&name, Box::new(counted)),
    };
    // The name is in lower case already.
    if Path::new(plain_name).extension().is_some_and(|extension| extension == "csv") {
        csv_records(BufReader::with_capacity(1 << 16, input))
    } else {
        Ok(Box::new(JsonLines { input: BufReader::with_capacity(1 << 16, input), line: 0 }))
    }
}

fn csv_records(input: impl Read + 'static) -> io::Result<Box<dyn Iterator<Item = io::Result<Record>>>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let header = reader.headers()?.clone();
    Ok(Box::new(reader.into_records().map(move |row| {
        let row = match row {
            Ok(row) => row,
            Err(error) => match error.position() {
                Some(place) if !error.is_io_error() => {
                    return Ok(Record { line: place.line(), fields: Err(error.to_string()) });
                }
                _ => return Err(error.into()),
            },
        };
        let line = row.position().map_or(0, csv::Position::line);
        if row.len() != header.len() {
            let reason = format!("has {} fields where the header has {}", row.len(), header.len());
            return Ok(Record { line, fields: Err(reason) });
        }
        let fields = header
            .iter()
            .zip(row.iter())
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.to_owned(), Value::String(value.to_owned())))
            .collect();
        Ok(Record { line, fields: Ok(fields) })
    })))
}

struct JsonLines<R> {
    input: BufReader<R>,
    line: u64,
}

impl<R: Read> Iterator for JsonLines<R> {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<io::Result<Record>> {
        loop {
            self.line += 1;
            let mut bytes = Vec::new();
            match (&mut self.input).take(MAX_LINE).read_until(b'\n', &mut bytes) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
            if bytes.len() as u64 == MAX_LINE && !bytes.ends_with(b"\n") {
                if let Err(error) = self.input.skip_until(b'\n') {
                    return Some(Err(error));
                }
                let reason = format!("is longer than {MAX_LINE} bytes");
                return Some(Ok(Record { line: self.line, fields: Err(reason) }));
            }
            if bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let fields = serde_json::from_slice(&bytes).map_err(|error| format!("is not a JSON object: {error}"));
            return Some(Ok(Record { line: self.line, fields }));
        }
    }
}

struct Counted<F> {
    file: File,
    bytes: u64,
    read: F,
}

impl<F: Fn(u64)> Read for Counted<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.bytes += count as u64;
        (self.read)(self.bytes);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(name: &str, content: &[u8]) -> Vec<Record> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        File::create(&path).unwrap().write_all(content).unwrap();
        records(&path, |_| {}).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn bad_lines_are_named_and_the_rest_goes_on() {
        let lines = read("a.jsonl", b"{\"a\":1}\n\nnot json\n[1]\n{\"a\":2}");
        assert_eq!(
            lines.iter().map(|line| (line.line, line.fields.is_ok())).collect::<Vec<_>>(),
            [(1, true), (3, false), (4, false), (5, true)]
        );
        let rows = read("a.csv", b"a,b\n1,2\n3\n\"x, y\",\n");
        assert_eq!(rows[0].fields.as_ref().unwrap()["b"], "2");
        assert!(rows[1].fields.is_err());
        assert_eq!(rows[2].fields.as_ref().unwrap()["a"], "x, y");
        assert!(!rows[2].fields.as_ref().unwrap().contains_key("b"), "an empty cell is an absent field");
    }
}
