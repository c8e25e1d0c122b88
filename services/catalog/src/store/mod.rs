//! Entities, queries and migrations. A finder that may show what isn't public takes the [`Scope`] of who asks.

pub mod bulk;
pub mod categories;
pub mod entities;
pub mod listing;
mod migrations;
pub mod products;
pub mod reviews;
pub mod sellers;
pub mod skus;
pub mod standing;

pub use migrations::Migrator;
use souk_kernel::SellerId;

/// Whose eyes a finder looks with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Anybody: what is public.
    Public,
    /// A seller's team: what is public, and all that is the seller's own.
    Seller(SellerId),
    /// An operator.
    Everything,
}

impl Scope {
    /// Whether the owner's view is open to this scope.
    pub fn owns(self, seller: SellerId) -> bool {
        match self {
            Self::Public => false,
            Self::Seller(own) => own == seller,
            Self::Everything => true,
        }
    }
}
