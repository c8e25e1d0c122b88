//! Rules without I/O: from text to terms, from a query to a plan, from a product to what the index holds of it.

pub mod analysis;
mod fold;
pub mod item;
mod language;
pub mod offer;
pub mod prices;
pub mod query;
mod quotes;
pub mod ranking;
pub mod refining;
pub mod synonyms;
pub mod texts;
mod tokens;
pub mod weighing;

pub use fold::fold;
pub use language::Language;
pub use tokens::is_code;
