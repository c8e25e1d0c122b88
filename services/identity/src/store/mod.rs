//! Tables, migrations and queries. Finders carry the scope: who may not see a row does not find it.

mod matching;
pub mod members;
mod migration;
pub mod resets;
pub mod sellers;
pub mod sessions;
pub mod users;

pub use migration::Migrator;
