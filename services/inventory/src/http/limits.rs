//! Rules for texts that several requests hold.

use std::time::Duration;

use souk_platform::outbound::Target;

/// A garde rule: the name of a location or of a source, which stands in paths and histories.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde hands the context over by reference")]
pub fn name(text: &str, _: &()) -> garde::Result {
    let letters = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if letters && (1..=64).contains(&text.len()) && !text.starts_with('-') {
        Ok(())
    } else {
        Err(garde::Error::new("must be 1 to 64 lower-case letters, digits and hyphens"))
    }
}

/// The shortest and the longest pause between two pulls of a feed.
const EVERY: std::ops::RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(7 * 24);

/// A garde rule: an address that we ask by ourselves, or nothing.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde hands the context over by reference")]
pub fn url(text: &str, _: &()) -> garde::Result {
    if text.is_empty() {
        return Ok(());
    }
    text.parse::<Target>().map(drop).map_err(garde::Error::new)
}

/// A garde rule: how often a feed is pulled.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde hands the context over by reference")]
pub fn every(text: &str, _: &()) -> garde::Result {
    let fits = duration(text).is_some_and(|every| EVERY.contains(&every));
    if fits { Ok(()) } else { Err(garde::Error::new("must be a duration from 1m to 7days, such as 15m")) }
}

/// A duration as it is written here: `15m`.
pub fn duration(text: &str) -> Option<Duration> {
    humantime_serde::re::humantime::parse_duration(text).ok()
}

/// A duration as [`duration`] reads it.
pub fn written(duration: Duration) -> String {
    humantime_serde::re::humantime::format_duration(duration).to_string()
}
