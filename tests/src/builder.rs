//! How a marketplace for a test is set up.

use std::time::Duration;

use souk::Config;
use souk_gateway::AccessLog;
use souk_kernel::{Clock, ProductId, TypedId};
use souk_platform::config::Secret;

use crate::{Market, shape::Shape};

/// A marketplace that is about to be started.
pub struct Builder {
    config: Config,
    shape: Shape,
}

impl Default for Builder {
    /// As operators run it, but sellers may sell at once, nobody is throttled, passwords are cheap to check, and logins last
    /// while tests turn the clock.
    fn default() -> Self {
        let mut config = Config::default();
        config.sellers.auto_approve = true;
        config.gateway.rate_limit.enabled = false;
        // A machine that runs other tests besides may be slow; what a test takes away says so at once.
        config.rpc.timeout = Duration::from_secs(20);
        config.rpc.checkout_timeout = Duration::from_secs(20);
        config.payments.provider_timeout = Duration::from_secs(20);
        config.orders.answer_within = Duration::from_secs(20);
        config.database.connect_timeout = Duration::from_secs(20);
        config.identity.access_token_ttl = Duration::from_hours(90 * 24);
        config.identity.argon2.memory_kib = 8;
        config.identity.argon2.iterations = 1;
        config.gateway.access_log = AccessLog::Off;
        config.payments.sandbox.webhook_secret = Secret::from(WEBHOOK_SECRET);
        if let Some(url) = search_cluster() {
            config.search.url = Secret::from(url);
            // Each marketplace has an index of its own.
            config.search.cluster.index = format!("souk-test-{}", ProductId::new().uuid().simple());
            config.search.cluster.replicas = 0;
        }
        if let Some(files) = souk_platform::files::testing::bucket() {
            config.files = files;
        }
        if let Some(events) = souk_platform::events::broker::testing::broker() {
            config.events = events;
        }
        if let Some(redis) = souk_platform::redis::testing::server() {
            config.redis = redis;
        }
        Self { config, shape: Shape::of_the_run() }
    }
}

/// The search cluster that tests run on, if they don't run on embedded indexes: `SOUK_TEST_ELASTICSEARCH_URL`.
pub fn search_cluster() -> Option<String> {
    std::env::var("SOUK_TEST_ELASTICSEARCH_URL").ok().filter(|url| !url.is_empty())
}

pub(crate) const WEBHOOK_SECRET: &str = "a secret between the provider and the marketplace";

impl Builder {
    /// Changes the configuration.
    #[must_use]
    pub fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Gives every service a process of its own, also where this run has all in one.
    #[must_use]
    pub fn split(mut self) -> Self {
        self.shape = self.shape.or_split();
        self
    }

    /// Starts it.
    pub async fn start(self) -> Market {
        Market::new(self.config, self.shape, Clock::adjustable()).await
    }
}
