//! From identity.

use serde::{Deserialize, Serialize};
use souk_kernel::{SellerId, Timestamp, UserId};

use super::event;

/// Somebody made an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserRegistered {
    pub user_id: UserId,
    pub email: String,
    pub name: String,
    pub locale: String,
}
event!(UserRegistered, "user.registered", |event| event.user_id);

/// An account was deleted and its personal data wiped; other services wipe theirs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserDeleted {
    pub user_id: UserId,
}
event!(UserDeleted, "user.deleted", |event| event.user_id);

/// A seller may sell (again).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SellerApproved {
    pub seller_id: SellerId,
    pub name: String,
    pub slug: String,
    /// The owner, to be told; absent for imported sellers.
    pub owner: Option<UserId>,
    pub owner_email: Option<String>,
    pub owner_name: Option<String>,
    pub locale: Option<String>,
}
event!(SellerApproved, "seller.approved", |event| event.seller_id);

/// A seller's public profile changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SellerUpdated {
    pub seller_id: SellerId,
    pub name: String,
    pub slug: String,
    /// `approved`, `suspended`, `holiday` or `pending`.
    pub status: String,
}
event!(SellerUpdated, "seller.updated", |event| event.seller_id);

/// A seller may not sell for now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SellerSuspended {
    pub seller_id: SellerId,
    pub name: String,
    pub slug: String,
    pub reason: String,
}
event!(SellerSuspended, "seller.suspended", |event| event.seller_id);

/// Somebody forgot a password. The token is secret: it goes into one mail and nowhere else.
#[derive(Clone, Serialize, Deserialize)]
pub struct PasswordResetRequested {
    pub user_id: UserId,
    pub email: String,
    pub name: String,
    pub locale: String,
    pub token: String,
    pub expires_at: Timestamp,
}
event!(PasswordResetRequested, "password.reset_requested", |event| event.user_id);

impl std::fmt::Debug for PasswordResetRequested {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("PasswordResetRequested").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}
