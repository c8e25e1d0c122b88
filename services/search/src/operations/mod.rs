//! One file for each write.

mod apply_level;
mod count_queries;
mod fill;
mod index_changes;
mod note_counts;
mod note_seller;
mod rebuild;
mod store_product;

pub use apply_level::apply_level;
pub use count_queries::{count_queries, day};
pub use fill::{fill, is_filled, read, seller};
pub use index_changes::{blocking, index_changes};
pub use note_counts::{note_rating, note_sales};
pub use note_seller::note_seller;
pub use rebuild::{rebuild, reindex};
pub use store_product::{hide_product, store_product};

/// How far something long has come: what is done, and how much there is.
pub type Progress<'a> = &'a (dyn Fn(&'static str, u64, u64) + Send + Sync);
