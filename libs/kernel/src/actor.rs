//! Who does something: written beside every change that a person may ask about later.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{SellerId, UserId};

/// Who acts. Its text form (`buyer`, `seller:seller_…`, `admin:user_…`, `system`) stands in histories and events.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Actor {
    /// The buyer, with or without an account.
    Buyer(Option<UserId>),
    /// Somebody of the seller's team.
    Seller(SellerId),
    /// An operator.
    Admin(UserId),
    /// A payment provider's word.
    Provider,
    /// The marketplace itself: a timer, a job, a consequence.
    System,
}

impl fmt::Display for Actor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Buyer(_) => out.write_str("buyer"),
            Self::Seller(id) => write!(out, "seller:{id}"),
            Self::Admin(id) => write!(out, "admin:{id}"),
            Self::Provider => out.write_str("provider"),
            Self::System => out.write_str("system"),
        }
    }
}
