//! Requests to hosts that somebody else chose: a seller's stock feed, for example.
//!
//! Whoever chooses a URL must not reach with our hands what only we can reach, so connections go to public addresses, and
//! to what the operator allows besides; what counts is the address that is connected to, also after a redirect. Answers
//! are bounded in time and size. A connection serves one request: there is no pool that could lead elsewhere.

mod address;
mod connection;
mod error;
mod target;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode};
use tokio_rustls::rustls::ClientConfig;

pub use self::{
    error::OutboundError,
    target::{ParseTargetError, Target},
};
use crate::config::Network;

/// Asks hosts that somebody else chose. Clones are cheap.
#[derive(Clone)]
pub struct Outbound {
    reach: address::Reach,
    tls: Arc<ClientConfig>,
}

/// What one request may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From connecting to the last byte, redirects included.
    pub time: Duration,
    /// Of the answer's body.
    pub bytes: usize,
    /// Redirects that are followed.
    pub redirects: u8,
}

/// What came back, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// One request, wherever redirects take it.
struct Sending<'a> {
    method: Method,
    headers: &'a HeaderMap,
    body: Bytes,
    limits: Limits,
}

impl Outbound {
    /// Reaches the public Internet and the networks `allowed`.
    pub fn new(allowed: Vec<Network>) -> Self {
        Self { reach: address::Reach::new(allowed), tls: connection::encryption() }
    }

    /// Fetches `target`, following redirects.
    pub async fn get(&self, target: &Target, headers: &HeaderMap, limits: Limits) -> Result<Answer, OutboundError> {
        self.send(target, Sending { method: Method::GET, headers, body: Bytes::new(), limits }).await
    }

    /// Sends `body` to `target`. A redirect is an answer like any other.
    pub async fn post(
        &self,
        target: &Target,
        headers: &HeaderMap,
        body: Bytes,
        limits: Limits,
    ) -> Result<Answer, OutboundError> {
        self.send(target, Sending { method: Method::POST, headers, body, limits }).await
    }

    async fn send(&self, target: &Target, sending: Sending<'_>) -> Result<Answer, OutboundError> {
        let limit = sending.limits.time;
        let answered = tokio::time::timeout(limit, self.follow(target.clone(), sending)).await;
        answered.unwrap_or(Err(OutboundError::TooSlow(limit.as_secs())))
    }

    async fn follow(&self, mut target: Target, sending: Sending<'_>) -> Result<Answer, OutboundError> {
        for _ in 0..=sending.limits.redirects {
            let answer = connection::ask(&self.reach, &self.tls, &target, &sending).await?;
            let Some(location) = connection::redirect(&answer, &sending) else { return Ok(answer) };
            target = target.redirected(&location).ok_or(OutboundError::BadRedirect)?;
        }
        Err(OutboundError::TooManyRedirects)
    }
}

impl Answer {
    /// A header's value, if it is text.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
