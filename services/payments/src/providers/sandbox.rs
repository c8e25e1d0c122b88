//! The embedded provider: a hosted page with buttons, signed webhooks, faults on demand.
//!
//! It plays somebody else: it has its own tables, is only asked through [`Provider`], and speaks only by webhooks that go
//! through the same verification as anybody's.

use axum::http::{HeaderMap, HeaderName};
use chrono::TimeDelta;
use sea_orm::DbErr;
use serde::{Deserialize, Serialize};
use souk_kernel::{Currency, EventId, PaymentId, Timestamp};
use souk_platform::{
    config::Secret,
    db::{Database, Tx},
};

use super::{
    Answer, BadNotice, Charge, Fault, Notice, Provider, Reversal, ReversalWord,
    faults::{CallFault, FaultBox, RefundFault, WebhookFault},
};
use crate::{
    domain::{
        payment::{ProviderName, Word},
        signature::{Refused, sign, verify},
    },
    events::SandboxPaymentDue,
    store::sandbox::{self as store, SandboxPayment, SandboxRefund, State},
};

/// Carries the signature of a message.
pub const SIGNATURE_HEADER: HeaderName = HeaderName::from_static("souk-signature");

/// What the buyer does on the hosted page.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Pay,
    Decline,
}

/// A message as it is sent: a body and the value of [`SIGNATURE_HEADER`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    pub signature: String,
    pub body: Vec<u8>,
}

/// The body of a message. Fields that we don't know are the provider's business.
#[derive(Serialize, Deserialize)]
struct Body {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    payment_id: String,
    amount: i64,
    currency: String,
    /// Not looked at: the signature carries the time that counts.
    #[serde(skip_deserializing)]
    created_at: Timestamp,
}

/// Longer names of events are nobody's.
const MAX_EVENT_ID: usize = 255;

/// The sandbox. Cheap to clone; clones are the same.
#[derive(Clone)]
pub struct Sandbox {
    db: Database,
    secret: Secret,
    pub faults: FaultBox,
}

impl Sandbox {
    pub fn new(db: Database, secret: Secret) -> Self {
        Self { db, secret, faults: FaultBox::default() }
    }

    /// What its page shows.
    pub async fn payment(&self, id: PaymentId) -> Result<Option<SandboxPayment>, DbErr> {
        store::find(self.db.reader(), id).await
    }

    /// The buyer pressed a button. Paid is paid: declining afterwards changes nothing here, though the message is sent.
    pub async fn decide(&self, id: PaymentId, decision: Decision) -> Result<(), DbErr> {
        let (from, to): (&'static [State], _) = match decision {
            Decision::Pay => (&[State::Open, State::Processing, State::Declined, State::Cancelled], State::Paid),
            Decision::Decline => (&[State::Open], State::Declined),
        };
        self.db.guarded(move |tx| async move { store::go(&tx, id, from, to).await.map(drop) }).await
    }

    /// The buyer paid, but the bank takes its time: the message comes after `delay`.
    pub async fn delay(&self, id: PaymentId, delay: TimeDelta) -> Result<(), DbErr> {
        self.db
            .guarded(move |tx| async move {
                if store::go(&tx, id, &[State::Open, State::Declined, State::Cancelled], State::Processing).await? {
                    tx.publish_at(SandboxPaymentDue { payment_id: id }, tx.now() + delay);
                }
                Ok(())
            })
            .await
    }

    /// The messages about a decision, in the order in which they are sent, as the fault wants them.
    pub fn messages(&self, payment: &SandboxPayment, decision: Decision, fault: WebhookFault) -> Vec<Message> {
        let message = |decision| self.message(payment, decision, "");
        match fault {
            WebhookFault::Drop => Vec::new(),
            WebhookFault::None => vec![message(decision)],
            WebhookFault::Duplicate => vec![message(decision), message(decision)],
            WebhookFault::Repeat => vec![message(decision), self.message(payment, decision, "again")],
            WebhookFault::WrongAmount => {
                let wrong = SandboxPayment { amount: payment.amount.saturating_add(1), ..payment.clone() };
                vec![self.message(&wrong, decision, "wrong amount")]
            }
            WebhookFault::WrongCurrency => {
                let other = if payment.currency.code() == "XTS" { "XXX" } else { "XTS" };
                let currency = other.parse().unwrap_or(payment.currency);
                vec![self.message(&SandboxPayment { currency, ..payment.clone() }, decision, "wrong currency")]
            }
            WebhookFault::BadSignature => {
                let body = self.body(payment, decision, "");
                vec![Message { signature: sign("not the secret", self.db.clock().now(), &body), body }]
            }
            WebhookFault::FailedFirst => vec![message(Decision::Decline), message(decision)],
            WebhookFault::FailedAfter => vec![message(decision), message(Decision::Decline)],
        }
    }

    fn message(&self, payment: &SandboxPayment, decision: Decision, which: &str) -> Message {
        let body = self.body(payment, decision, which);
        Message { signature: sign(self.secret.expose(), self.db.clock().now(), &body), body }
    }

    /// The body of a message. A button pressed twice sends the same event.
    fn body(&self, payment: &SandboxPayment, decision: Decision, which: &str) -> Vec<u8> {
        let kind = match decision {
            Decision::Pay => "payment.completed",
            Decision::Decline => "payment.failed",
        };
        let body = Body {
            id: EventId::derived(&format!("sandbox/{}/{kind}/{which}", payment.id)).to_string(),
            kind: kind.to_owned(),
            payment_id: payment.id.to_string(),
            amount: payment.amount,
            currency: payment.currency.to_string(),
            created_at: payment.decided_at.unwrap_or_else(|| self.db.clock().now()),
        };
        serde_json::to_vec(&body).expect("plain data always encodes")
    }

    async fn obey(&self, fault: CallFault) -> Result<(), Fault> {
        match fault {
            CallFault::None => Ok(()),
            CallFault::Down => Err(down("it is told to be down")),
            CallFault::LoseAnswer => std::future::pending().await,
        }
    }

    async fn word(&self, id: PaymentId) -> Result<Word, Fault> {
        let payment = store::find(self.db.reader(), id).await.map_err(broken)?;
        Ok(payment.map_or(Word::Failed { reason: "the sandbox does not know it".to_owned() }, |payment| match payment
            .state
        {
            State::Open | State::Processing => Word::Open,
            State::Paid => Word::Paid { amount: payment.amount, currency: payment.currency.to_string() },
            State::Declined => Word::Failed { reason: "declined".to_owned() },
            State::Cancelled => Word::Failed { reason: "cancelled".to_owned() },
        }))
    }
}

fn down(cause: &str) -> Fault {
    Fault::Unavailable { provider: ProviderName::Sandbox, cause: cause.to_owned() }
}

/// The text of a currency goes into notes for people: anything but a code is not repeated.
fn readable(currency: String) -> String {
    if currency.parse::<Currency>().is_ok() { currency } else { "(no currency code)".to_owned() }
}

#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn broken(error: DbErr) -> Fault {
    down(&error.to_string())
}

impl Provider for Sandbox {
    fn name(&self) -> ProviderName {
        ProviderName::Sandbox
    }

    fn create<'a>(&'a self, charge: &'a Charge) -> Answer<'a, String> {
        Box::pin(async move {
            let fault = self.faults.get().create;
            if fault == CallFault::Down {
                self.obey(fault).await?;
            }
            let row = SandboxPayment {
                id: charge.payment,
                amount: charge.amount,
                currency: charge.currency,
                state: State::Open,
                return_url: charge.return_url.clone(),
                decided_at: None,
                created_at: self.db.clock().now(),
            };
            let open = move |tx: Tx| async move {
                store::open(&tx, row);
                Ok(())
            };
            self.db.guarded(open).await.map_err(broken)?;
            self.obey(fault).await?;
            Ok(format!("/sandbox/payments/{}", charge.payment))
        })
    }

    /// The buyer pays on the page: there is nothing left to take.
    fn capture<'a>(&'a self, charge: &'a Charge) -> Answer<'a, Word> {
        Box::pin(self.word(charge.payment))
    }

    fn cancel(&self, payment: PaymentId) -> Answer<'_, Word> {
        Box::pin(async move {
            let fault = self.faults.get().cancel;
            if fault == CallFault::Down {
                self.obey(fault).await?;
            }
            let open = &[State::Open, State::Declined];
            self.db
                .guarded(move |tx| async move { store::go(&tx, payment, open, State::Cancelled).await.map(drop) })
                .await
                .map_err(broken)?;
            self.obey(fault).await?;
            self.word(payment).await
        })
    }

    fn refund(&self, reversal: Reversal) -> Answer<'_, ReversalWord> {
        Box::pin(async move {
            let fault = self.faults.get().refund;
            match fault {
                RefundFault::Down => return Err(down("it is told to be down")),
                RefundFault::Wait => return Ok(ReversalWord::Waiting),
                RefundFault::Refuse => return Ok(ReversalWord::Refused("the sandbox is told to refuse".to_owned())),
                RefundFault::None | RefundFault::LoseAnswer => {}
            }
            let row = SandboxRefund {
                id: reversal.refund,
                payment_id: reversal.payment,
                amount: reversal.amount,
                created_at: self.db.clock().now(),
            };
            self.db.transaction(move |tx| async move { store::refund(&tx, row).await }).await.map_err(broken)?;
            if fault == RefundFault::LoseAnswer {
                return std::future::pending().await;
            }
            Ok(ReversalWord::Done)
        })
    }

    fn fetch(&self, payment: PaymentId) -> Answer<'_, Word> {
        Box::pin(async move {
            self.obey(self.faults.get().fetch).await?;
            self.word(payment).await
        })
    }

    fn read_notice(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Notice, BadNotice> {
        let mut signatures = headers.get_all(SIGNATURE_HEADER).iter();
        let (Some(signature), None) = (signatures.next(), signatures.next()) else {
            return Err(Refused::Unreadable.into());
        };
        let signature = signature.to_str().map_err(|_| Refused::Unreadable)?;
        verify(self.secret.expose(), signature, body, now)?;
        let body: Body = serde_json::from_slice(body).map_err(|error| BadNotice::Unreadable(error.to_string()))?;
        let printable = body.id.bytes().all(|byte| byte.is_ascii_graphic());
        if !(printable && (1..=MAX_EVENT_ID).contains(&body.id.len())) {
            let message = "must be 1 to 255 visible ASCII characters";
            return Err(BadNotice::Unacceptable { field: "id", message });
        }
        let payment = body.payment_id.parse().map_err(|_| BadNotice::UnknownPayment)?;
        let word = match body.kind.as_str() {
            "payment.completed" => Word::Paid { amount: body.amount, currency: readable(body.currency) },
            "payment.failed" => Word::Failed { reason: "declined".to_owned() },
            _ => Word::Other,
        };
        Ok(Notice { event_id: body.id, payment, word })
    }
}
