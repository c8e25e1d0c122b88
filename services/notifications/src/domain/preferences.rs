//! What somebody wants to be told, and how.

use sea_orm::FromJsonQueryResult;
use serde::{Deserialize, Serialize};

/// What a notification is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Category {
    /// Passwords and shops: always told.
    Account,
    /// Orders, to buyers and to sellers.
    Orders,
    /// Reviews of a seller's products.
    Reviews,
}

/// By which ways.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Channels {
    pub email: bool,
    pub in_app: bool,
}

impl Channels {
    const ALL: Self = Self { email: true, in_app: true };
}

/// The choices of one person. A category that came later than the choice has its default.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, FromJsonQueryResult, utoipa::ToSchema)]
#[serde(default)]
pub struct Preferences {
    pub orders: Channels,
    pub reviews: Channels,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { orders: Channels::ALL, reviews: Channels { email: false, in_app: true } }
    }
}

impl Preferences {
    pub fn of(self, category: Category) -> Channels {
        match category {
            Category::Account => Channels::ALL,
            Category::Orders => self.orders,
            Category::Reviews => self.reviews,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_can_turn_off_password_resets() {
        let silent = Channels { email: false, in_app: false };
        let preferences = Preferences { orders: silent, reviews: silent };
        assert_eq!(preferences.of(Category::Account), Channels::ALL);
        assert_eq!(preferences.of(Category::Orders), silent);
    }

    #[test]
    fn a_category_that_came_later_has_its_default() {
        let stored: Preferences = serde_json::from_str(r#"{"orders":{"email":false,"in_app":true}}"#).unwrap();
        assert!(!stored.orders.email);
        assert_eq!(stored.reviews, Preferences::default().reviews);
    }
}
