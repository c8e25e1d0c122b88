//! How the services of a test's marketplace are spread over processes.

use souk::{Config, roster::GATEWAY};

/// How the services are spread over processes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// All in one.
    Whole,
    /// Each in its own.
    Split,
    /// Two of each behind one gateway, with mutual TLS between them.
    Cluster,
}

impl Shape {
    /// As `SOUK_TEST_SHAPE` says: `split`, `cluster`, or whole.
    ///
    /// # Panics
    /// When it says something else.
    pub fn of_the_run() -> Self {
        match std::env::var("SOUK_TEST_SHAPE").as_deref() {
            Ok("cluster") => Self::Cluster,
            Ok("split") => Self::Split,
            Ok("whole" | "") | Err(_) => Self::Whole,
            Ok(other) => panic!("SOUK_TEST_SHAPE is `{other}`; there are `whole`, `split` and `cluster`"),
        }
    }

    /// This one, if it gives every service a process of its own.
    pub(crate) fn or_split(self) -> Self {
        if self == Self::Whole { Self::Split } else { self }
    }

    /// How many processes a service has.
    pub(crate) fn instances(self, service: &str, config: &Config) -> usize {
        // An index in the data directory belongs to one process.
        let alone = service == GATEWAY || service == "search" && config.search.url.is_empty();
        if self == Self::Cluster && !alone { 2 } else { 1 }
    }

    /// # Panics
    /// When processes of one service would lack what they have to share.
    pub(crate) fn check(self, config: &Config) {
        let shared = [
            ("a database on a server: SOUK_TEST_DATABASE_URL", !config.database.url.is_empty()),
            ("Redis: SOUK_TEST_REDIS_URL", !config.redis.url.is_empty()),
            ("images in S3: SOUK_TEST_S3_URL", !config.files.url.is_empty()),
        ];
        let missing: Vec<_> = shared.into_iter().filter(|(_, given)| !given).map(|(what, _)| what).collect();
        assert!(
            self != Self::Cluster || missing.is_empty(),
            "two processes of a service have to share what embedded storage can't, so SOUK_TEST_SHAPE=cluster needs {} \
             (scripts/with-postgres scripts/with-engines)",
            missing.join("; ")
        );
    }
}
