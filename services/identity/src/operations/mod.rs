//! Everything that changes something: load, decide in the domain, store and announce, in one transaction.

mod administer_user;
mod apply_to_sell;
mod change_password;
mod create_account;
mod delete_user;
mod ensure_seller;
mod log_in;
mod log_out;
mod purge;
mod rate_seller;
mod refresh;
mod reset_password;
mod review_seller;
mod team;
mod tokens;
mod update_profile;
mod update_seller;

pub use administer_user::{set_roles, set_suspended};
pub use apply_to_sell::{Application, apply_to_sell};
pub use change_password::change_password;
pub use create_account::{NewAccount, create_account, register};
pub use delete_user::delete_user;
pub use ensure_seller::ensure_seller;
pub use log_in::{Account, check_password, log_in, merge_cart};
pub use log_out::{log_out, revoke_session};
pub use purge::purge;
pub use rate_seller::{Stars, rate_seller};
pub use refresh::refresh;
pub use reset_password::{ResetAsked, ask_for_reset, reset_password, send_reset};
pub use review_seller::review_seller;
pub use team::{add_member, change_member, remove_member};
pub use tokens::LoggedIn;
pub use update_profile::{ProfileChange, update_profile};
pub use update_seller::{SellerChange, update_seller};

use crate::error::Error;

/// What happens to a write that was decided on a version which is no longer the current one.
fn saved(was_current: bool) -> Result<(), Error> {
    if was_current { Ok(()) } else { Err(Error::VersionLost) }
}

/// Refuses a write whose sender saw another version.
fn seen(version: i64, if_match: Option<i64>) -> Result<(), Error> {
    saved(if_match.is_none_or(|wanted| wanted == version))
}

#[cfg(test)]
mod tests;
