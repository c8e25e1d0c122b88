//! Rate, errors and duration of every method that is called, with handles kept so that a call pays for no lookup.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use tonic::Code;

const REQUESTS: &str = "souk_rpc_requests_total";
const SECONDS: &str = "souk_rpc_duration_seconds";
const RETRIES: &str = "souk_rpc_retries_total";
const OPEN: &str = "souk_rpc_circuit_open";

/// gRPC knows the codes 0 to 16.
const CODES: usize = 17;

pub(super) fn describe() {
    describe_counter!(REQUESTS, "Calls between services, by outcome");
    describe_histogram!(SECONDS, Unit::Seconds, "How long calls between services took, retries included");
    describe_counter!(RETRIES, "Calls between services that were repeated");
    describe_gauge!(OPEN, "1 while the caller does not call the callee because it kept failing");
}

/// The meters of one caller → callee pair.
pub(super) struct Meters {
    caller: &'static str,
    callee: &'static str,
    methods: RwLock<HashMap<Box<str>, Arc<Method>>>,
}

impl Meters {
    pub(super) fn new(from: &'static str, to: &'static str) -> Self {
        Self { caller: from, callee: to, methods: RwLock::default() }
    }

    /// The meters of the method with this path (`/souk.catalog.v1.Catalog/GetProduct`).
    pub(super) fn method(&self, path: &str) -> Arc<Method> {
        if let Some(known) = self.methods.read().unwrap_or_else(PoisonError::into_inner).get(path) {
            return Arc::clone(known);
        }
        let mut methods = self.methods.write().unwrap_or_else(PoisonError::into_inner);
        let name = path.rsplit('/').next().unwrap_or(path);
        let new =
            || Method { caller: self.caller, callee: self.callee, name: name.into(), outcomes: Default::default() };
        Arc::clone(methods.entry(path.into()).or_insert_with(|| Arc::new(new())))
    }

    pub(super) fn circuit(&self) -> Gauge {
        gauge!(OPEN, "caller" => self.caller, "callee" => self.callee)
    }
}

/// The meters of one method.
pub(super) struct Method {
    caller: &'static str,
    callee: &'static str,
    name: Box<str>,
    outcomes: [OnceLock<(Counter, Histogram)>; CODES],
}

impl Method {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn record(&self, code: Code, took: Duration) {
        let (requests, seconds) = self.outcomes[code as usize].get_or_init(|| {
            let labels = [
                ("caller", self.caller.to_owned()),
                ("callee", self.callee.to_owned()),
                ("method", self.name.clone().into_string()),
                ("code", format!("{code:?}")),
            ];
            (counter!(REQUESTS, &labels), histogram!(SECONDS, &labels))
        });
        requests.increment(1);
        seconds.record(took.as_secs_f64());
    }

    pub(super) fn retried(&self) {
        let method = self.name.clone().into_string();
        counter!(RETRIES, "caller" => self.caller, "callee" => self.callee, "method" => method).increment(1);
    }
}
