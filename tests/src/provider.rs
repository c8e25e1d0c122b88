//! The payment provider, seen from outside: what a real one would send.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use souk_kernel::{Clock, EventId};

use crate::{Answer, Call, Client, Thing};

/// A payment provider that knows the secret for webhooks.
#[derive(Clone)]
pub struct Provider {
    pub(crate) client: Client,
    pub(crate) clock: Clock,
    pub(crate) secret: String,
}

/// A message of the provider about a payment, ready to be sent any number of times.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The payment it is sent for; part of the path.
    pub payment_id: String,
    /// The message.
    pub body: Value,
}

impl Webhook {
    /// The same message with another value for a field.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.body[field] = value.into();
        self
    }
}

impl Provider {
    /// What it sends when `order` was paid as asked.
    pub fn completed(&self, order: &Thing) -> Webhook {
        self.about(order, "payment.completed")
    }

    /// What it sends when the payment was declined.
    pub fn failed(&self, order: &Thing) -> Webhook {
        self.about(order, "payment.failed")
    }

    fn about(&self, order: &Thing, kind: &str) -> Webhook {
        let payment_id = order.text("payment_id").to_owned();
        let body = json!({
            "id": EventId::new().to_string(),
            "type": kind,
            "payment_id": payment_id,
            "amount": order.number("total"),
            "currency": order.text("currency"),
            "created_at": self.clock.now().to_rfc3339(),
        });
        Webhook { payment_id, body }
    }

    /// Sends it, signed now.
    pub async fn sends(&self, webhook: &Webhook) -> Answer {
        self.signed(webhook, 0).await
    }

    /// Sends it as if signed `age` ago.
    pub async fn sends_late(&self, webhook: &Webhook, age: Duration) -> Answer {
        self.signed(webhook, i64::try_from(age.as_secs()).expect("an age")).await
    }

    /// Sends it as if signed by a clock that is `ahead`.
    pub async fn sends_early(&self, webhook: &Webhook, ahead: Duration) -> Answer {
        self.signed(webhook, -i64::try_from(ahead.as_secs()).expect("a time")).await
    }

    fn signed(&self, webhook: &Webhook, age: i64) -> Call {
        let body = webhook.body.to_string();
        let signature = self.signature(&body, age);
        let path = format!("/payments/{}/webhook", webhook.payment_id);
        self.client.post_empty(&path).header("souk-signature", signature).bytes("application/json", body)
    }

    /// The header that signs `body`, `age` seconds ago.
    pub fn signature(&self, body: &str, age: i64) -> String {
        let time = self.clock.now().timestamp() - age;
        format!("t={time},v1={}", sign(&self.secret, time, body))
    }
}

/// The signature of `body` under `secret`: hex HMAC-SHA256 of `<time>.<body>`.
pub fn sign(secret: &str, time: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{time}.{body}").as_bytes());
    hex::encode(mac.finalize().into_bytes())
}
