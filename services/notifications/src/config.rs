//! The section `notifications` of the configuration.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use souk_platform::config::Secret;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How mail leaves: `mailbox` keeps it here for the operator to read, `smtp` sends it.
    pub transport: TransportKind,
    /// The sender of all mail.
    pub from: String,
    /// What the marketplace calls itself.
    pub marketplace: String,
    /// How long mails and read notifications are kept.
    #[serde(with = "humantime_serde")]
    pub retention: Duration,
    pub smtp: SmtpConfig,
}

/// How mail leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransportKind {
    Mailbox,
    Smtp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmtpConfig {
    /// `smtps://user:password@host:465` or `smtp://user:password@host:587?tls=required`.
    pub url: Secret,
    /// From connecting to the last answer; at most 25 s.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// A PEM file with the certificate that the server's is signed by, when no public authority signed it.
    pub root_certificate: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            transport: TransportKind::Mailbox,
            from: "Souk <souk@localhost>".to_owned(),
            marketplace: "Souk".to_owned(),
            retention: Duration::from_hours(180 * 24),
            smtp: SmtpConfig::default(),
        }
    }
}

impl Default for SmtpConfig {
    fn default() -> Self {
        Self { url: Secret::default(), timeout: Duration::from_secs(15), root_certificate: None }
    }
}
