//! The rules of the catalogue. No database, no HTTP, no clock.

pub mod attributes;
pub mod category;
pub mod faults;
pub mod filters;
pub mod image;
pub mod import;
pub mod offer;
pub mod options;
pub mod product;
pub mod rating;
pub mod seller;
