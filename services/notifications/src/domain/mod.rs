//! Rules about what is sent to whom and how often it is tried. No I/O here.

mod delivery;
mod preferences;

pub use delivery::{Attempt, MailStatus, Next, next};
pub use preferences::{Category, Channels, Preferences};
