//! Rules about accounts, sessions and sellers. No I/O here.

mod account;
mod address;
mod fields;
mod removable;
mod seller;
mod session;
mod throttle;

pub use account::{AccountStatus, Credential, Roles, deleted_email};
pub use address::Address;
pub use fields::{MAX_PASSWORD, email, email_key, locale, name, phone, preferences, slug};
pub use removable::Removable;
pub use seller::{SellerAction, SellerState, free_slug, seller_status, slug_candidates};
pub use session::{Presented, SessionState, Verdict, judge};
pub use throttle::Attempts;
