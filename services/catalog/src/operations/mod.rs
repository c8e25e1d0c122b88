//! Everything that changes the catalogue, one file for each kind of change.

pub mod add_images;
pub mod add_offer;
pub mod announce;
pub mod apply_seller;
pub mod apply_stock;
pub mod archive_product;
pub mod change_category;
pub mod change_offer;
pub mod count_sales;
pub mod create_product;
pub mod ensure_category;
pub mod forget_user;
pub mod import_products;
pub mod moderate_product;
pub mod moderate_review;
pub mod owned;
pub mod post_review;
pub mod remove_category;
pub mod store_category;
pub mod update_plan;
pub mod update_product;
