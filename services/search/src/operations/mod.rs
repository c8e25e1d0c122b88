//! One file for each write.

mod count_queries;
mod fill;
mod index_changes;
mod note;
mod note_rating;
mod note_seller;
mod rebuild;
mod store_product;

pub use count_queries::{count_queries, day};
pub use fill::{fill, is_filled, read, seller};
pub use index_changes::{blocking, index_changes};
pub use note::{Notes, apply_level, note_sales};
pub use note_rating::note_rating;
pub use note_seller::note_seller;
pub use rebuild::{rebuild, reindex};
pub use store_product::{hide_product, store_product};

/// How far something long has come: what is done, and how much there is.
pub type Progress<'a> = &'a (dyn Fn(&'static str, u64, u64) + Send + Sync);
