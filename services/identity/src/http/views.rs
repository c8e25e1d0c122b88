//! How accounts, sessions and sellers look to clients.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use souk_kernel::{SellerId, UserId};
use souk_platform::security::{Role, SellerStatus, TeamRole};
use utoipa::ToSchema;

use crate::{
    domain::{AccountStatus, Address},
    operations::LoggedIn,
    store::{members, sellers, users::Person},
};

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub name: String,
    /// Those of this moment.
    pub roles: Vec<Role>,
    pub phone: Option<String>,
    pub locale: String,
    #[schema(value_type = Object)]
    pub preferences: Map<String, Value>,
    pub addresses: Vec<Address>,
    pub status: AccountStatus,
    /// The seller to whose team the user belongs.
    pub seller: Option<Membership>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Somebody's place in a seller's team.
#[derive(Debug, Serialize, ToSchema)]
pub struct Membership {
    pub id: SellerId,
    pub name: String,
    pub slug: String,
    pub status: SellerStatus,
    pub team_role: TeamRole,
}

impl From<(members::Model, sellers::Model)> for Membership {
    fn from((member, seller): (members::Model, sellers::Model)) -> Self {
        let status = seller.status();
        Self { id: seller.id, name: seller.name, slug: seller.slug, status, team_role: member.role.0 }
    }
}

impl From<Person> for User {
    fn from(person: Person) -> Self {
        let roles = person.roles();
        let Person { user, team } = person;
        Self {
            id: user.id,
            email: user.email,
            name: user.name,
            roles,
            phone: user.phone,
            locale: user.locale,
            preferences: user.preferences.0,
            addresses: user.addresses.0,
            status: user.status,
            seller: team.map(Membership::from),
            version: user.version,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// Who logged in, and the pair of tokens.
#[derive(Serialize, ToSchema)]
pub struct Session {
    pub user: User,
    /// Goes into `Authorization: Bearer …`.
    pub access_token: String,
    /// Good once, for the next pair.
    pub refresh_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds until the access token ends.
    pub expires_in: u64,
}

impl From<LoggedIn> for Session {
    fn from(logged_in: LoggedIn) -> Self {
        let LoggedIn { person, access_token, refresh_token, expires_in } = logged_in;
        Self { user: person.into(), access_token, refresh_token, token_type: "Bearer", expires_in }
    }
}

/// A shop.
#[derive(Debug, Serialize, ToSchema)]
pub struct Seller {
    pub id: SellerId,
    pub name: String,
    pub slug: String,
    pub description: String,
    pub status: SellerStatus,
    /// Closed by its team for a while.
    pub holiday: bool,
    pub rating: Rating,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// For its team and the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend_reason: Option<String>,
    /// The caller's own role in its team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_role: Option<TeamRole>,
}

/// What buyers think of its products.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rating {
    /// 1 to 5 with one decimal; null without reviews.
    pub average: Option<f64>,
    pub count: i64,
}

impl Rating {
    fn of(sum: i64, count: i64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 reviews")]
        let average = (count > 0).then(|| (sum as f64 / count as f64 * 10.0).round() / 10.0);
        Self { average, count }
    }
}

impl Seller {
    /// As the public sees it.
    pub fn public(seller: sellers::Model) -> Self {
        Self {
            id: seller.id,
            status: seller.status(),
            rating: Rating::of(seller.rating_sum, seller.rating_count),
            name: seller.name,
            slug: seller.slug,
            description: seller.description,
            holiday: seller.holiday,
            version: seller.version,
            created_at: seller.created_at,
            updated_at: seller.updated_at,
            suspend_reason: None,
            team_role: None,
        }
    }

    /// As its team and the operator see it.
    pub fn inside(seller: sellers::Model, team_role: Option<TeamRole>) -> Self {
        let suspend_reason = seller.suspend_reason.clone();
        Self { suspend_reason, team_role, ..Self::public(seller) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratings_have_one_decimal_and_nothing_is_not_zero() {
        assert_eq!(Rating::of(0, 0).average, None);
        assert_eq!(Rating::of(13, 3).average, Some(4.3));
        assert_eq!(Rating::of(5, 1).average, Some(5.0));
    }
}
