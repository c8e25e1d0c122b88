//! Everything that changes something.

mod forget_user;
mod notify;
mod preferences;
mod purge;
mod read_notices;
mod retry_mail;
mod send_mail;

pub use forget_user::forget_user;
pub use notify::{Message, Notice, notify};
pub use preferences::{PreferenceChange, set_preferences};
pub use purge::purge;
pub use read_notices::{read_all, read_one};
pub use retry_mail::retry_mail;
pub use send_mail::{MailQueued, send_mail};

#[cfg(test)]
mod tests;
