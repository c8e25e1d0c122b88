//! Events between services: `CloudEvents` 1.0 with JSON data.
//!
//! An event says what happened, with all that its consumers need, so that they need not ask back. Fields are only ever
//! added, with a default.

mod catalog;
mod identity;
mod inventory;
mod orders;
mod payments;

pub use catalog::*;
pub use identity::*;
pub use inventory::*;
pub use orders::*;
pub use payments::*;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use souk_kernel::{EventId, Timestamp};

/// Something that happened. Events of one key are delivered in the order in which they were published.
pub trait Event: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The `CloudEvents` type, for example `order.confirmed`.
    const TYPE: &'static str;
    /// The aggregate that it is about; also the `CloudEvents` subject.
    fn key(&self) -> String;
}

/// The `CloudEvents` 1.0 envelope in structured JSON mode (specification section 3).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// Always `1.0`.
    pub specversion: String,
    /// Names the event; consumers remember it, so that delivering twice has one effect.
    pub id: EventId,
    /// `/souk/<service>`.
    pub source: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The aggregate's key.
    pub subject: String,
    /// When it happened.
    pub time: Timestamp,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// The request that led to it (`CloudEvents` extension attribute).
    pub requestid: String,
    /// The event itself.
    pub data: serde_json::Value,
}

macro_rules! event {
    ($name:ident, $kind:literal, |$event:ident| $key:expr) => {
        impl $crate::events::Event for $name {
            const TYPE: &'static str = $kind;
            fn key(&self) -> String {
                let $event = self;
                $key.to_string()
            }
        }
    };
}
pub(crate) use event;
