//! What is wrong with a configuration, in words that help to correct it.

use std::{fmt, path::PathBuf};

use figment::{Metadata, Source, error::Kind};

/// A setting that can't be used as it is: it is no such thing, or what it names refuses us.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {message}")]
pub struct SettingError {
    /// The configuration key.
    pub setting: &'static str,
    /// What is wrong.
    pub message: String,
}

impl SettingError {
    pub(crate) fn new(setting: &'static str, message: impl Into<String>) -> Self {
        Self { setting, message: message.into() }
    }
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where, and what is expected.
        message: String,
    },
    /// Some keys don't exist, all at once.
    #[error("{}", lines(.0))]
    Unknown(Vec<UnknownKey>),
    /// A value is of the wrong type or can't be used.
    #[error("{origin}: {key}: {message}")]
    Invalid {
        /// The file, variable or option.
        origin: String,
        /// The key, `orders.queue.limit`.
        key: String,
        /// What was found and what is expected.
        message: String,
    },
    /// The program's own defaults can't be written down. A mistake of ours.
    #[error("the default configuration can't be serialised: {0}")]
    Defaults(#[from] serde_json::Error),
}

/// A key that does not exist.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownKey {
    /// The file or the command line; `None` for a variable, whose name says it.
    pub origin: Option<String>,
    /// As it was written.
    pub key: String,
    /// The nearest key that does exist, written the same way.
    pub nearest: Option<String>,
}

impl fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: unknown key `{}`", self.key)?,
            None => write!(f, "unknown environment variable `{}`", self.key)?,
        }
        match &self.nearest {
            Some(nearest) => write!(f, ", did you mean `{nearest}`?"),
            None => Ok(()),
        }
    }
}

fn lines(unknown: &[UnknownKey]) -> String {
    unknown.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl ConfigError {
    pub(super) fn invalid(error: &figment::Error) -> Self {
        let origin = error.metadata.as_ref().map_or_else(|| "the configuration".to_owned(), origin);
        let message = match &error.kind {
            Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
                format!("expected {expected}, found {found}")
            }
            Kind::UnknownField(field, fields) => match nearest(field, fields) {
                Some(near) => format!("unknown key `{field}`, did you mean `{near}`?"),
                None => format!("unknown key `{field}`"),
            },
            Kind::UnknownVariant(found, variants) => {
                format!("expected one of {}, found \"{found}\"", variants.join(", "))
            }
            other => other.to_string(),
        };
        Self::Invalid { origin, key: error.path.join("."), message }
    }
}

fn origin(metadata: &Metadata) -> String {
    match &metadata.source {
        Some(Source::File(path)) => path.display().to_string(),
        _ => metadata.name.clone().into_owned(),
    }
}

fn nearest<'a>(wanted: &str, known: &[&'a str]) -> Option<&'a str> {
    let score = |name: &&str| strsim::jaro_winkler(wanted, name);
    known.iter().copied().max_by(|a, b| score(a).total_cmp(&score(b)))
}
