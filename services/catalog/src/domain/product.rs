//! A product's status and its names.

use sea_orm::{DeriveActiveEnum, EnumIter, sea_query::StringLen};
use serde::{Deserialize, Serialize};
use souk_kernel::{ProductId, text};
use utoipa::ToSchema;

/// Where a product stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, ToSchema, EnumIter, DeriveActiveEnum)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Status {
    /// Its seller is still working on it.
    Draft,
    /// Waits for an operator's word.
    Pending,
    Active,
    /// Deleted; kept because orders speak of it.
    Archived,
}

impl Status {
    /// The status with this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "draft" => Self::Draft,
            "pending" => Self::Pending,
            "active" => Self::Active,
            "archived" => Self::Archived,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Archived => "archived",
        }
    }

    /// What becomes of a seller's wish. Under moderation a product that wasn't approved yet waits for an operator.
    pub fn wished_by_seller(self, before: Option<Self>, moderated: bool) -> Self {
        match (self, before) {
            (Self::Active, Some(Self::Active)) => Self::Active,
            (Self::Active | Self::Pending, _) if moderated => Self::Pending,
            (Self::Pending, _) => Self::Active,
            (wish, _) => wish,
        }
    }
}

/// Characters of an id's random part that make a slug unique; 40 bits.
const SUFFIX: usize = 8;

/// The slug of a product: its title, with the end of its id when the title alone is taken or has nothing to spell.
pub fn slug(title: &str, id: ProductId, taken: impl Fn(&str) -> bool) -> String {
    let plain = text::slugify(title);
    if !plain.is_empty() && !taken(&plain) {
        return plain;
    }
    let id = id.to_string();
    let suffix = &id[id.len() - SUFFIX..];
    if plain.is_empty() { format!("product-{suffix}") } else { format!("{plain}-{suffix}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_the_title_unless_that_is_taken() {
        let id = ProductId::derived("x");
        assert_eq!(slug("Blue Mug", id, |_| false), "blue-mug");
        let second = slug("Blue Mug", id, |slug| slug == "blue-mug");
        assert!(second.starts_with("blue-mug-") && second.len() == 17, "{second}");
        assert!(slug("日本", id, |_| false).starts_with("product-"));
    }

    #[test]
    fn moderation_holds_back_only_what_was_never_approved() {
        use Status::{Active, Archived, Draft, Pending};
        let cases = [
            (Active, None, false, Active),
            (Active, None, true, Pending),
            (Active, Some(Active), true, Active),
            (Active, Some(Draft), true, Pending),
            (Active, Some(Archived), true, Pending),
            (Pending, None, false, Active),
            (Draft, None, true, Draft),
            (Draft, Some(Active), true, Draft),
        ];
        for (wish, before, moderated, becomes) in cases {
            assert_eq!(wish.wished_by_seller(before, moderated), becomes, "{wish:?} {before:?} {moderated}");
        }
    }
}
