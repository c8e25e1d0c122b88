//! The section `[orders]` of the configuration.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use souk_kernel::{Currency, Problem, Timestamp};

/// How orders are placed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long units are held for an order that waits for its payment.
    #[serde(with = "humantime_serde")]
    pub reservation_ttl: Duration,
    /// How long after delivery a buyer may ask to return.
    #[serde(with = "humantime_serde")]
    pub return_window: Duration,
    /// How long a buyer waits for the answer to POST /orders before the order counts as queued.
    #[serde(with = "humantime_serde")]
    pub answer_within: Duration,
    /// What is added to goods and shipping, in hundredths of a percent.
    pub tax_basis_points: u16,
    /// Ways to ship. `standard`, free, is added when it is not among them.
    pub shipping_methods: Vec<ShippingMethod>,
    /// Where payment providers send the browser back to; `{order_id}` stands for the order.
    pub return_url: String,
    /// Status streams that may be open at once.
    pub streams: usize,
    pub queue: QueueConfig,
}

/// How many checkouts run and wait.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueueConfig {
    /// Checkouts that run side by side.
    pub permits: usize,
    /// Orders that may wait for their turn; past that, buyers are asked to come back.
    pub limit: usize,
}

/// A way to ship, and what it costs for each seller's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShippingMethod {
    /// What POST /orders names.
    pub code: String,
    /// For people.
    pub name: String,
    /// In the smallest unit.
    #[serde(default)]
    pub price: i64,
    /// The marketplace's own when absent.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// For people: how long it takes.
    #[serde(default)]
    pub estimate: String,
}

/// The method that always exists.
pub const STANDARD: &str = "standard";

impl Default for Config {
    fn default() -> Self {
        Self {
            reservation_ttl: Duration::from_mins(15),
            return_window: Duration::from_hours(14 * 24),
            answer_within: Duration::from_secs(10),
            tax_basis_points: 0,
            shipping_methods: vec![standard()],
            return_url: "/orders/{order_id}?paid=1".to_owned(),
            streams: 10_000,
            queue: QueueConfig::default(),
        }
    }
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self { permits: 64, limit: 10_000 }
    }
}

fn standard() -> ShippingMethod {
    ShippingMethod {
        code: STANDARD.to_owned(),
        name: "Standard delivery".to_owned(),
        price: 0,
        currency: None,
        estimate: "3 to 5 days".to_owned(),
    }
}

impl Config {
    /// The configuration with `standard` among the shipping methods; an error names what can't be worked with.
    pub fn checked(mut self) -> Result<Self, Problem> {
        let refuse = |key: &str, message: &str| Err(Problem::invalid(format!("orders.{key}"), message));
        if self.queue.permits == 0 {
            return refuse("queue.permits", "must be at least 1");
        }
        if self.reservation_ttl < Duration::from_secs(1) || self.reservation_ttl > Duration::from_hours(30 * 24) {
            return refuse("reservation_ttl", "must be 1s to 30d");
        }
        if self.return_window > Duration::from_hours(3650 * 24) {
            return refuse("return_window", "must be at most 3650d");
        }
        for (place, method) in self.shipping_methods.iter().enumerate() {
            let code_fits = (1..=50).contains(&method.code.len());
            let twice = self.shipping_methods[..place].iter().any(|other| other.code == method.code);
            if !code_fits || twice || !(0..=1_000_000_000).contains(&method.price) {
                return refuse("shipping_methods", "each needs a code of its own and a price of 0 to 1000000000");
            }
        }
        if !self.shipping_methods.iter().any(|method| method.code == STANDARD) {
            self.shipping_methods.insert(0, standard());
        }
        Ok(self)
    }

    /// The method with this code.
    pub fn shipping_method(&self, code: &str) -> Option<&ShippingMethod> {
        self.shipping_methods.iter().find(|method| method.code == code)
    }
}

/// `duration` after `time`.
pub fn after(time: Timestamp, duration: Duration) -> Timestamp {
    chrono::TimeDelta::from_std(duration)
        .ok()
        .and_then(|delta| time.checked_add_signed(delta))
        .unwrap_or(Timestamp::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_method_always_exists() {
        let express = ShippingMethod { code: "express".to_owned(), price: 900, ..standard() };
        let config = Config { shipping_methods: vec![express], ..Config::default() }.checked().unwrap();
        assert_eq!(config.shipping_method(STANDARD).unwrap().price, 0);
        assert_eq!(config.shipping_method("express").unwrap().price, 900);
    }

    #[test]
    fn a_queue_without_permits_would_place_nothing() {
        let queue = QueueConfig { permits: 0, limit: 1 };
        assert!(Config { queue, ..Config::default() }.checked().is_err());
    }
}
