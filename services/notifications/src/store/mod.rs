//! Tables, migrations and queries. Finders carry whose rows they find.

pub mod mails;
mod migration;
pub mod notices;
pub mod preferences;

pub use migration::Migrator;
