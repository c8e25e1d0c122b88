//! The roles of people and what a seller's team may do.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A word that is not one of the known ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a known word")]
pub struct UnknownWord;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// The word that stands for it in JSON, tokens and calls.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(UnknownWord),
                }
            }
        }
    )*};
}

words! {
    /// What somebody is to the marketplace.
    Role {
        /// Everybody with an account.
        Buyer = "buyer",
        /// Belongs to a seller's team.
        Seller = "seller",
        /// Helps buyers and sellers; sees what they see.
        Support = "support",
        /// The operator.
        Admin = "admin",
    }
    /// What somebody is in a seller's team.
    TeamRole {
        /// Applied for the shop, or was handed it.
        Owner = "owner",
        /// Runs the shop.
        Manager = "manager",
        /// Packs and counts.
        Staff = "staff",
    }
    /// Where a seller stands.
    SellerStatus {
        /// Has applied.
        Pending = "pending",
        /// Sells.
        Approved = "approved",
        /// Was stopped by the operator.
        Suspended = "suspended",
        /// Has stopped for a while.
        Holiday = "holiday",
    }
}

/// Something that not everybody in a seller's team may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Permission {
    /// Change products, prices and images.
    Products,
    /// Change stock.
    Stock,
    /// Ship, deliver, answer returns.
    Orders,
    /// Give money back.
    Refunds,
    /// See balance and payouts.
    Money,
    /// Change the shop's profile.
    Profile,
    /// Add and remove members.
    Team,
}

impl TeamRole {
    /// The permission table of seller teams.
    #[must_use]
    pub const fn may(self, permission: Permission) -> bool {
        match self {
            Self::Owner => true,
            Self::Manager => !matches!(permission, Permission::Team),
            Self::Staff => matches!(permission, Permission::Products | Permission::Stock | Permission::Orders),
        }
    }
}
