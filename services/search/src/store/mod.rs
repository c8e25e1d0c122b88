//! Tables, migrations and queries.

pub mod changes;
pub mod documents;
mod entities;
mod migration;
pub mod queries;
pub mod sellers;

pub use entities::seller::SellerStatus;
pub use migration::Migrator;
