//! The configuration: defaults < `souk.toml` < environment (`SOUK_ORDERS__QUEUE__LIMIT=50`) < command line.
//!
//! A configuration is a struct of sections with `#[serde(default, deny_unknown_fields)]` on each and a `Default` that
//! holds the defaults. What it serialises to tells the known keys, so no field may be skipped (an `Option` shows as
//! null); the values come from `Default` itself, so that a [`Secret`] with a default keeps it.

mod error;
mod keys;
mod network;
mod secret;
mod setting;

#[cfg(test)]
mod tests;

use std::path::Path;

use figment::{
    Figment, Profile, Provider,
    error::Kind,
    providers::{Format, Toml},
};
use serde::{Serialize, de::DeserializeOwned};

pub use self::{
    error::{ConfigError, SettingError, UnknownKey},
    network::{Network, ParseNetworkError},
    secret::Secret,
};
use self::{
    keys::{Keys, Known},
    setting::Setting,
};

const PREFIX: &str = "SOUK_";

/// Variables that belong to tests, not to the configuration.
const TESTS: &str = "SOUK_TEST_";

/// The variables of the process that [`load`] looks at.
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect()
}

/// Reads the configuration. `overrides` are keys and values from the command line (`orders.queue.limit`, `50`).
///
/// Texts from the environment and the command line are read as what the key holds: a number, `true`, a list (`a,b` or
/// `["a","b"]`), a table (`{a=1}`), a text as it is. Unknown keys are refused, all at once.
pub fn load<T: DeserializeOwned + Serialize + Default>(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    overrides: impl IntoIterator<Item = (String, String)>,
) -> Result<T, ConfigError> {
    let keys = Keys::of(&T::default())?;
    let mut unknown = Vec::new();
    let file = file.map(|path| read(path, &keys, &mut unknown)).transpose()?;
    let mut settings = Vec::new();
    for (name, text) in environment {
        let Some(rest) = name.strip_prefix(PREFIX).filter(|_| !name.starts_with(TESTS)) else { continue };
        let key = rest.to_lowercase().replace("__", ".");
        match keys.known(&key) {
            Known::No => {
                let nearest = keys.nearest(&key, variable);
                unknown.push(UnknownKey { origin: None, key: name, nearest });
            }
            known => settings.push(Setting::new(name, key, text, known)),
        }
    }
    for (key, text) in overrides {
        let origin = "the command line";
        match keys.known(&key) {
            Known::No => {
                let nearest = keys.nearest(&key, str::to_owned);
                unknown.push(UnknownKey { origin: Some(origin.to_owned()), key, nearest });
            }
            known => settings.push(Setting::new(format!("{origin} ({key})"), key, text, known)),
        }
    }
    if !unknown.is_empty() {
        return Err(ConfigError::Unknown(unknown));
    }
    extract(file.as_ref(), &mut settings)
}

/// The configuration as TOML, secrets hidden.
pub fn render<T: Serialize>(config: &T) -> Result<String, toml::ser::Error> {
    toml::to_string_pretty(config)
}

/// For a test: checks that every section has the same values when only one of its keys is given as when none is. A
/// section without `#[serde(default)]`, or one whose own `Default` is not what the whole configuration says, would
/// surprise the operator who sets one key of it.
pub fn check_defaults<T: DeserializeOwned + Serialize + Default>() -> Result<(), String> {
    let expected = serde_json::to_value(T::default()).map_err(|error| error.to_string())?;
    let sections = sections_only(&expected).unwrap_or_default();
    let got: T = serde_json::from_value(sections).map_err(|error| error.to_string())?;
    let got = serde_json::to_value(got).map_err(|error| error.to_string())?;
    if got == expected { Ok(()) } else { Err(format!("with empty sections:\n{got:#}\nwithout:\n{expected:#}")) }
}

fn sections_only(value: &serde_json::Value) -> Option<serde_json::Value> {
    let map = value.as_object()?;
    Some(map.iter().filter_map(|(key, child)| Some((key.clone(), sections_only(child)?))).collect())
}

fn read(
    path: &Path,
    keys: &Keys,
    unknown: &mut Vec<UnknownKey>,
) -> Result<figment::providers::Data<Toml>, ConfigError> {
    // Figment takes a missing file for an empty one.
    std::fs::File::open(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let file = Toml::file_exact(path);
    let data =
        file.data().map_err(|error| ConfigError::Syntax { path: path.to_owned(), message: error.kind.to_string() })?;
    if let Some(values) = data.get(&Profile::Default) {
        let origin = path.display().to_string();
        unknown.extend(keys.unknown_in(values).into_iter().map(|key| {
            let nearest = keys.nearest(&key, str::to_owned);
            UnknownKey { origin: Some(origin.clone()), key, nearest }
        }));
    }
    Ok(file)
}

fn extract<T: DeserializeOwned>(
    file: Option<&figment::providers::Data<Toml>>,
    settings: &mut [Setting],
) -> Result<T, ConfigError> {
    loop {
        let mut figment = Figment::new();
        if let Some(file) = file {
            figment = figment.merge(file);
        }
        for setting in &*settings {
            figment = figment.merge(setting);
        }
        let error = match figment.extract() {
            Ok(config) => return Ok(config),
            Err(error) => error,
        };
        let source = error.metadata.as_ref().map(|metadata| &*metadata.name);
        let setting = settings.iter_mut().find(|setting| Some(&*setting.origin) == source);
        // A key that is not set by default: only now its type turned out to be a text.
        let again = matches!(error.kind, Kind::InvalidType(..)) && setting.is_some_and(Setting::read_as_text);
        if !again {
            return Err(ConfigError::invalid(&error));
        }
    }
}

/// The variable that sets a key.
fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}
