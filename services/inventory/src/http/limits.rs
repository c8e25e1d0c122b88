//! Rules for texts that several requests hold.

use souk_kernel::Problem;

use crate::error::Error;

/// A garde rule: the name of a location or of a source, which stands in paths and histories.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde hands the context over by reference")]
pub fn name(text: &str, _: &()) -> garde::Result {
    let letters = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if letters && (1..=64).contains(&text.len()) && !text.starts_with('-') {
        Ok(())
    } else {
        Err(garde::Error::new("must be 1 to 64 lower-case letters, digits and hyphens"))
    }
}

/// The most items that one batch may hold.
pub const MOST_ITEMS: usize = 1_000;
/// The most lines that one file may hold.
pub const MOST_LINES: usize = 20_000;

/// 422 when a file has more lines than we take at once.
pub fn lines(count: usize) -> Result<(), Error> {
    if count <= MOST_LINES {
        Ok(())
    } else {
        Err(Problem::invalid("body", format!("must have at most {MOST_LINES} lines")).into())
    }
}
