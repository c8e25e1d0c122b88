//! The search box: how good its results are, how fast it answers, how soon it finds what was written;
//! and catalogues of any size to try that with.

mod eval;
mod freshness;
mod generate;
mod load;
mod measures;

pub use eval::SearchEval;
pub use freshness::SearchFreshness;
pub use generate::SearchGenerate;
pub use load::SearchLoad;

use std::path::Path;

use crate::error::Error;

pub use eval::run as eval;
pub use freshness::run as freshness;
pub use generate::run as generate;
pub use load::run as load;

/// A query of a file, with the name that labels call it by.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Query {
    id: String,
    text: String,
}

/// The queries of a tab-separated file: `query_id`, `query`, with a line of headings.
fn queries(path: &Path) -> Result<Vec<Query>, Error> {
    let text = read(path)?;
    let line = |line: &str| {
        let (id, text) = line.split_once('\t')?;
        Some(Query { id: id.trim().to_owned(), text: text.trim().to_owned() })
    };
    let found: Vec<Query> = text.lines().skip(1).filter_map(line).collect();
    if found.is_empty() {
        return Err(Error::Usage(format!("{} holds no queries", path.display())));
    }
    Ok(found)
}

/// The text of a file, plain or `.gz`.
fn read(path: &Path) -> Result<String, Error> {
    let failed = || path.display().to_string();
    let bytes = std::fs::read(path).map_err(Error::io(failed()))?;
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(bytes.as_slice()), &mut text)
            .map_err(Error::io(failed()))?;
        return Ok(text);
    }
    String::from_utf8(bytes).map_err(|_| Error::Usage(format!("{} is not UTF-8", path.display())))
}

/// A text as the value of a query parameter.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            byte => out.extend(['%', hex(byte >> 4), hex(byte & 15)]),
        }
    }
    out
}

fn hex(half: u8) -> char {
    char::from_digit(u32::from(half), 16).expect("four bits are one digit").to_ascii_uppercase()
}
