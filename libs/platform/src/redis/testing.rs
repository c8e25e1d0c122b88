//! Redis for tests: the one that `SOUK_TEST_REDIS_URL` names (see `scripts/with-engines`), on which every test has names of
//! its own.

use super::RedisConfig;

const VARIABLE: &str = "SOUK_TEST_REDIS_URL";

/// The server of this run with a name that nobody else uses; nothing when tests run without one.
pub fn server() -> Option<RedisConfig> {
    let url = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty())?;
    let name = format!("souk-test-{}", uuid::Uuid::now_v7().simple());
    // A machine that runs many tests is slow to answer.
    let timeout = std::time::Duration::from_secs(2);
    Some(RedisConfig { url: url.into(), name, timeout, ..RedisConfig::default() })
}
