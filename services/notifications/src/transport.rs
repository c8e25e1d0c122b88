//! How mail leaves: by SMTP, or into the embedded mailbox, where the stored mail is the delivered one.

#[cfg(test)]
pub mod responder;
mod smtp;
#[cfg(test)]
mod tests;

use smtp::Smtp;
pub use smtp::TransportError;

use crate::{
    config::{Config, TransportKind},
    domain::Attempt,
    store::mails,
};

#[derive(Clone)]
pub enum Transport {
    Mailbox,
    Smtp(Box<Smtp>),
}

impl Transport {
    pub fn new(config: &Config) -> Result<Self, TransportError> {
        match config.transport {
            TransportKind::Mailbox => Ok(Self::Mailbox),
            TransportKind::Smtp => Ok(Self::Smtp(Box::new(Smtp::new(config)?))),
        }
    }

    /// Whether a stored mail is delivered by being stored.
    pub fn is_embedded(&self) -> bool {
        matches!(self, Self::Mailbox)
    }

    /// Tries once.
    pub async fn deliver(&self, mail: &mails::Model) -> Attempt {
        match self {
            Self::Mailbox => Attempt::Delivered,
            Self::Smtp(smtp) => smtp.deliver(mail).await,
        }
    }
}
