//! Brokers for tests: one for the whole run with `SOUK_TEST_AMQP_URL` (see `scripts/with-engines`), on which every test has
//! queues of its own, and such as can be taken away.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::EventsConfig;

/// What the script says when the programs are missing.
const NOT_INSTALLED: i32 = 69;

/// Names a broker; the user must be allowed to make queues.
const VARIABLE: &str = "SOUK_TEST_AMQP_URL";

/// The broker of this run with a name that nobody else uses; nothing when tests run without one.
pub fn broker() -> Option<EventsConfig> {
    let url = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty())?;
    Some(EventsConfig {
        url: url.into(),
        name: format!("souk-test-{}", uuid::Uuid::now_v7().simple()),
        ..EventsConfig::default()
    })
}

/// Removes the queues of these consumers and what belongs to them.
///
/// # Panics
/// When the broker can't be asked.
#[cfg(feature = "cluster")]
pub async fn remove(broker: &super::Broker, consumers: &[&str]) {
    broker.remove(consumers).await.expect("queues of a test can be removed");
}

/// Removes the queues of these consumers and what belongs to them.
#[cfg(not(feature = "cluster"))]
pub fn remove(broker: &super::Broker, _: &[&str]) -> std::future::Ready<()> {
    match broker.0 {}
}

/// A broker for one test, which can be taken away (`scripts/broker`).
pub struct Server {
    folder: PathBuf,
}

impl Server {
    /// Starts it in `folder`; nothing when its programs are not installed.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(folder: &Path) -> Option<Self> {
        let server = Self { folder: folder.join("rabbitmq") };
        let started = server.command("start").status().expect("scripts/broker can be run");
        if started.code() == Some(NOT_INSTALLED) {
            return None;
        }
        assert!(started.success(), "the broker starts");
        Some(server)
    }

    /// Does what `scripts/broker` knows: `stop`, `kill`, `start`.
    ///
    /// # Panics
    /// When that fails.
    pub fn does(&self, what: &str) {
        assert!(self.command(what).status().expect("scripts/broker can be run").success(), "{what}");
    }

    /// The configuration of those that use it.
    ///
    /// # Panics
    /// When the script fails.
    pub fn config(&self) -> EventsConfig {
        let output = self.command("url").stdout(Stdio::piped()).output().expect("scripts/broker can be run");
        let url = String::from_utf8(output.stdout).expect("a URL is text");
        EventsConfig { url: url.trim().into(), ..EventsConfig::default() }
    }

    fn command(&self, what: &str) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/broker");
        let mut command = Command::new(script);
        command.arg(&self.folder).arg(what).stdout(Stdio::null());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.command("end").status() {
            eprintln!("the broker of a test can't be ended: {error}");
        }
    }
}
