//! Payment providers: one trait, an adapter each, and what stands around every call to them.
//!
//! An adapter translates. It decides nothing about payments: what it is told by its provider it hands on as a [`Word`].

mod breaker;
pub mod faults;
pub mod manual;
pub mod sandbox;

#[cfg(test)]
mod suite;

use std::{sync::Arc, time::Duration};

use axum::http::HeaderMap;
use futures::future::BoxFuture;
use souk_kernel::{Clock, Currency, PaymentId, RefundId, Timestamp};

use crate::domain::{
    payment::{ProviderName, Word},
    signature::Refused,
};
use breaker::Breaker;

/// What a provider has to know to take money.
#[derive(Clone, Debug)]
pub struct Charge {
    /// Also the idempotency key: the same charge again is the same charge.
    pub payment: PaymentId,
    pub amount: i64,
    pub currency: Currency,
    /// Where to send the browser back.
    pub return_url: String,
}

/// What a provider has to know to give money back.
#[derive(Clone, Copy, Debug)]
pub struct Reversal {
    /// Also the idempotency key: the same reversal again is the same reversal.
    pub refund: RefundId,
    pub payment: PaymentId,
    pub amount: i64,
}

/// What a provider says about a reversal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReversalWord {
    /// The money went back.
    Done,
    /// It will go back; ask again.
    Waiting,
    /// It will not.
    Refused(String),
}

/// A provider's message that carries its signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// The provider's name for the message: sent again, it has the same.
    pub event_id: String,
    pub payment: PaymentId,
    pub word: Word,
}

/// Why a message is not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadNotice {
    #[error(transparent)]
    Signature(#[from] Refused),
    #[error("the message can't be read: {0}")]
    Unreadable(String),
    #[error("{field}: {message}")]
    Unacceptable { field: &'static str, message: &'static str },
    /// It speaks of a payment that can't be one of ours.
    #[error("unknown payment")]
    UnknownPayment,
    #[error("this provider sends no messages")]
    NotOffered,
}

/// Why a provider did not do what it was asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// It did not answer in time, or said that it can't now. It may have done it all the same.
    #[error("provider {provider} is unavailable: {cause}")]
    Unavailable { provider: ProviderName, cause: String },
    /// It does not offer this.
    #[error("provider {provider} does not do this")]
    NotOffered { provider: ProviderName },
}

pub type Answer<'a, T> = BoxFuture<'a, Result<T, Fault>>;

/// A payment provider. Every call may be repeated: the payment's and the refund's ids are its idempotency keys.
pub trait Provider: Send + Sync {
    fn name(&self) -> ProviderName;

    /// Opens a charge; the answer is the page where the buyer pays.
    fn create<'a>(&'a self, charge: &'a Charge) -> Answer<'a, String>;

    /// Takes the money of a charge that is not taken by the buyer's own doing.
    fn capture<'a>(&'a self, charge: &'a Charge) -> Answer<'a, Word>;

    /// Gives an open charge up. The answer is what became of it: `Paid` when it was too late, `Failed` when it is given up,
    /// `Open` when it can't be given up any more but isn't paid yet.
    fn cancel(&self, payment: PaymentId) -> Answer<'_, Word>;

    /// Gives money back.
    fn refund(&self, reversal: Reversal) -> Answer<'_, ReversalWord>;

    /// What has become of a charge.
    fn fetch(&self, payment: PaymentId) -> Answer<'_, Word>;

    /// Reads a message after making sure that the provider sent it, at about `now`.
    fn read_notice(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Notice, BadNotice>;
}

/// The providers that are offered, each behind a time limit and a circuit breaker.
pub struct Providers {
    offered: Vec<Guarded>,
    fallback: Vec<ProviderName>,
}

impl Providers {
    /// `offered` in the order of preference, `fallback` in the order in which to try them.
    pub fn new(
        offered: impl IntoIterator<Item = Arc<dyn Provider>>,
        fallback: Vec<ProviderName>,
        timeout: Duration,
        clock: &Clock,
    ) -> Self {
        let guard = |inner| Guarded { inner, timeout, breaker: Breaker::new(clock.clone()) };
        Self { offered: offered.into_iter().map(guard).collect(), fallback }
    }

    pub fn get(&self, name: ProviderName) -> Option<&Guarded> {
        self.offered.iter().find(|provider| provider.name() == name)
    }

    /// The one for who doesn't choose.
    pub fn default_name(&self) -> Option<ProviderName> {
        self.offered.first().map(Guarded::name)
    }

    /// All of them, the default first.
    pub fn names(&self) -> impl Iterator<Item = ProviderName> {
        self.offered.iter().map(Guarded::name)
    }

    /// Whom to ask for a payment that `wanted` should take, in order.
    pub fn candidates(&self, wanted: ProviderName) -> impl Iterator<Item = &Guarded> {
        let others = self.fallback.iter().copied().filter(move |name| *name != wanted);
        std::iter::once(wanted).chain(others).filter_map(|name| self.get(name))
    }
}

/// A provider with what stands around every call to it.
pub struct Guarded {
    inner: Arc<dyn Provider>,
    timeout: Duration,
    breaker: Breaker,
}

impl Guarded {
    pub fn name(&self) -> ProviderName {
        self.inner.name()
    }

    pub async fn create(&self, charge: &Charge) -> Result<String, Fault> {
        self.call("create", self.inner.create(charge)).await
    }

    pub async fn capture(&self, charge: &Charge) -> Result<Word, Fault> {
        self.call("capture", self.inner.capture(charge)).await
    }

    pub async fn cancel(&self, payment: PaymentId) -> Result<Word, Fault> {
        self.call("cancel", self.inner.cancel(payment)).await
    }

    pub async fn refund(&self, reversal: Reversal) -> Result<ReversalWord, Fault> {
        self.call("refund", self.inner.refund(reversal)).await
    }

    pub async fn fetch(&self, payment: PaymentId) -> Result<Word, Fault> {
        self.call("fetch", self.inner.fetch(payment)).await
    }

    pub fn read_notice(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Notice, BadNotice> {
        self.inner.read_notice(headers, body, now)
    }

    async fn call<T>(&self, what: &'static str, call: Answer<'_, T>) -> Result<T, Fault> {
        let provider = self.name();
        let unavailable = |cause: &str| Fault::Unavailable { provider, cause: cause.to_owned() };
        if !self.breaker.lets_through() {
            return Err(unavailable("it failed several times; it is left alone for a while"));
        }
        let answer =
            tokio::time::timeout(self.timeout, call).await.unwrap_or_else(|_| Err(unavailable("it took too long")));
        let outcome = if let Err(Fault::Unavailable { cause, .. }) = &answer {
            self.breaker.failed();
            tracing::warn!(%provider, call = what, cause, "a provider is unavailable");
            "unavailable"
        } else {
            self.breaker.succeeded();
            "answered"
        };
        metrics::counter!(
            "souk_payment_provider_calls_total",
            "provider" => provider.as_str(), "call" => what, "outcome" => outcome,
        )
        .increment(1);
        answer
    }
}
