//! What a seller's standing means for its offers.

use sea_orm::{DeriveActiveEnum, EnumIter, sea_query::StringLen};

/// A seller's standing, as identity tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum SellerStatus {
    Pending,
    Approved,
    /// Shown, but not selling for now.
    Holiday,
    Suspended,
}

impl SellerStatus {
    /// The standing with this name; one we don't know can't sell.
    pub fn named(name: &str) -> Self {
        match name {
            "approved" => Self::Approved,
            "holiday" => Self::Holiday,
            "suspended" => Self::Suspended,
            _ => Self::Pending,
        }
    }

    /// Its name, as [`SellerStatus::named`] takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Holiday => "holiday",
            Self::Suspended => "suspended",
        }
    }

    /// Whether its offers can be bought.
    pub fn sells(self) -> bool {
        self == Self::Approved
    }

    /// Whether its offers are shown.
    pub fn shown(self) -> bool {
        matches!(self, Self::Approved | Self::Holiday)
    }
}
