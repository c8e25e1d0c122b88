//! Logs to standard error and metrics for Prometheus.
//!
//! Both are the process's own, not a marketplace's: two marketplaces in one process write to the same log and count in
//! the same meters, and whichever comes first sets them up.

use std::{
    io::IsTerminal,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use serde::{Deserialize, Serialize};
use tracing_subscriber::{EnvFilter, filter::ParseError, fmt, util::SubscriberInitExt};

/// How a log line looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object per line, for programs.
    #[default]
    Json,
    /// Several lines per entry, for people.
    Pretty,
    /// One line per entry, for people.
    Compact,
}

/// Why logs or metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter can't be read.
    #[error("the log filter `{filter}` can't be read, expected for example `info,souk_orders=debug`: {source}")]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// Somebody else has set up metrics in this process.
    #[error(transparent)]
    Metrics(#[from] BuildError),
}

/// Upper bounds of histogram buckets, in seconds: from an in-memory call to a request that is given up.
const BUCKETS: [f64; 15] =
    [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// How often samples are moved into their buckets; between scrapes they would pile up.
const UPKEEP: Duration = Duration::from_secs(5);

static METRICS: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

/// Writes logs to standard error. `filter` is a list of levels, `info,souk_orders=debug`. Only the first call in a
/// process decides; a later one with a valid filter changes nothing.
pub fn init(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    let levels =
        EnvFilter::try_new(filter).map_err(|source| TelemetryError::Filter { filter: filter.to_owned(), source })?;
    let people = std::io::stderr().is_terminal();
    let builder = fmt().with_env_filter(levels).with_writer(std::io::stderr).with_ansi(people);
    let first = match format {
        LogFormat::Json => builder.json().flatten_event(true).with_span_list(false).finish().try_init(),
        LogFormat::Pretty => builder.pretty().finish().try_init(),
        LogFormat::Compact => builder.compact().finish().try_init(),
    };
    if first.is_err() {
        tracing::debug!("logging is already set up");
    }
    Ok(())
}

/// All meters of the process, as text for `/metrics`.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// Starts to count; before, meters count nothing. The second call in a process answers the same as the first.
    pub fn install() -> Result<Self, TelemetryError> {
        let mut installed = METRICS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = &*installed {
            return Ok(Self { handle: handle.clone() });
        }
        let handle = PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()?;
        *installed = Some(handle.clone());
        let upkeep = handle.clone();
        let tidy = move || {
            loop {
                thread::park_timeout(UPKEEP);
                upkeep.run_upkeep();
            }
        };
        // A thread of its own: it has to outlive the runtime that happens to be the first.
        if let Err(error) = thread::Builder::new().name("metrics-upkeep".to_owned()).spawn(tidy) {
            tracing::warn!(cause = %error, "metrics are tidied up at scrapes only");
        }
        Ok(Self { handle })
    }

    /// The meters in the Prometheus text format.
    pub fn render(&self) -> String {
        self.handle.render()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_installed_once_and_rendered() {
        let first = Metrics::install().unwrap();
        let second = Metrics::install().unwrap();
        metrics::counter!("souk_test_total", "kind" => "a").increment(2);
        metrics::histogram!("souk_test_seconds").record(0.003);
        for metrics in [first, second] {
            let text = metrics.render();
            assert!(text.contains(r#"souk_test_total{kind="a"} 2"#), "{text}");
            assert!(text.contains(r#"souk_test_seconds_bucket{le="0.005"} 1"#), "{text}");
        }
    }

    #[test]
    fn logging_is_set_up_once_and_a_bad_filter_is_refused() {
        for format in [LogFormat::Json, LogFormat::Pretty, LogFormat::Compact] {
            init(format, "warn,souk=info").unwrap();
        }
        let error = init(LogFormat::Json, "souk=loud").unwrap_err();
        assert!(error.to_string().contains("souk=loud"));
    }
}
