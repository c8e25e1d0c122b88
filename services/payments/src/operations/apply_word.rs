//! Acts on a provider's word about a payment, whichever way it came: by webhook, because we asked, or from an operator.
//!
//! This is the one place where a payment becomes paid. The guard stands in the update itself, so that two triggers at once
//! post to the ledger and announce once.

use std::sync::Arc;

use souk_contracts::events::{PaymentCompleted, PaymentFailed};
use souk_kernel::{EventId, PaymentId};
use souk_platform::{db::Tx, events::Receipt};

use crate::{
    app::{App, Terms},
    domain::{
        ledger::{Portion, Transaction},
        payment::{Turn, Verdict, Word, weigh},
    },
    error::Error,
    store::{Allocation, Payment, Webhook, ledger, payments, webhooks},
};

/// Where a word came from.
#[derive(Clone, Copy, Debug)]
pub enum Trigger {
    Webhook { webhook: EventId, receipt: Receipt },
    Asked,
}

/// Applies `word` to the payment. Saying the same again, late or in another order, is harmless.
pub async fn apply_word(app: &App, id: PaymentId, word: Word, trigger: Trigger) -> Result<(), Error> {
    let terms = app.terms(id).await?.ok_or(Error::NotFound("payment"))?;
    let heard = Heard::of(word, &terms);
    if heard.verdict == Verdict::Nothing && matches!(trigger, Trigger::Asked) {
        return Ok(());
    }
    app.db
        .guarded(move |tx| async move {
            if let Trigger::Webhook { receipt, .. } = trigger
                && !tx.accept(receipt).await?
            {
                return Ok(());
            }
            let outcome = heard.act(&tx, &terms).await?;
            if let Trigger::Webhook { webhook, .. } = trigger {
                webhooks::handled(&tx, webhook, outcome, heard.note());
            }
            Ok(())
        })
        .await
}

/// Stores a provider's message together with what follows from it. One that was sent before changes nothing.
pub async fn apply_message(app: &App, terms: Arc<Terms>, message: Webhook, word: Word) -> Result<(), Error> {
    let heard = Heard::of(word, &terms);
    app.db
        .guarded(move |tx| async move {
            let expected = heard.expected();
            let message =
                Webhook { outcome: expected, note: heard.note(), handled_at: Some(tx.now()), ..message.clone() };
            let id = message.id;
            if !webhooks::insert(&tx, message).await? {
                return Ok(());
            }
            let outcome = heard.act(&tx, &terms).await?;
            if outcome != expected {
                webhooks::handled(&tx, id, outcome, heard.note());
            }
            Ok(())
        })
        .await
}

/// A word, and what it means for a payment.
#[derive(Clone)]
struct Heard {
    verdict: Verdict,
    /// Why it failed, where that was said.
    reason: Option<String>,
}

impl Heard {
    fn of(word: Word, terms: &Terms) -> Self {
        let verdict = weigh(&word, terms.payment.amount, terms.payment.currency);
        let reason = match word {
            Word::Failed { reason } => Some(reason),
            _ => None,
        };
        Self { verdict, reason }
    }

    /// What it leads to, unless it was said before.
    fn expected(&self) -> webhooks::Outcome {
        match self.verdict {
            Verdict::Turn(_) => webhooks::Outcome::Applied,
            Verdict::Flag(_) => webhooks::Outcome::Flagged,
            Verdict::Nothing => webhooks::Outcome::Ignored,
        }
    }

    /// What is noted about it for people.
    fn note(&self) -> Option<String> {
        match &self.verdict {
            Verdict::Flag(flag) => Some(flag.clone()),
            Verdict::Turn(_) => self.reason.clone(),
            Verdict::Nothing => None,
        }
    }

    /// Does what follows from it.
    async fn act(&self, tx: &Tx, Terms { payment, allocations }: &Terms) -> Result<webhooks::Outcome, Error> {
        match &self.verdict {
            Verdict::Turn(Turn::Paid) => complete(tx, payment, allocations).await,
            Verdict::Turn(turn) => fail(tx, payment, *turn, self.reason.clone()).await,
            Verdict::Flag(flag) => {
                tracing::warn!(payment_id = %payment.id, "a provider reports another amount than asked for");
                payments::flag(tx, payment.id, Some(flag.clone())).await?;
                Ok(webhooks::Outcome::Flagged)
            }
            Verdict::Nothing => Ok(webhooks::Outcome::Ignored),
        }
    }
}

async fn complete(tx: &Tx, payment: &Payment, allocations: &[Allocation]) -> Result<webhooks::Outcome, Error> {
    if !payments::turn(tx, payment.id, Turn::Paid, None, None).await? {
        return Ok(webhooks::Outcome::Ignored);
    }
    let portions: Vec<Portion> = allocations
        .iter()
        .map(|allocation| Portion {
            seller: allocation.seller_id,
            seller_order: allocation.seller_order_id,
            parts: allocation.whole(),
            released: false,
        })
        .collect();
    let posted = Transaction::payment(
        payment.id,
        payment.order_id,
        payment.provider,
        payment.amount,
        payment.currency,
        &portions,
    )?;
    ledger::post(tx, posted);
    tx.publish(PaymentCompleted {
        payment_id: payment.id,
        order_id: payment.order_id,
        amount: payment.amount,
        currency: payment.currency,
        completed_at: tx.now(),
    });
    Ok(webhooks::Outcome::Applied)
}

/// Ends an open payment and says so. It is still asked about from time to time: money may come late.
pub async fn fail(tx: &Tx, payment: &Payment, turn: Turn, reason: Option<String>) -> Result<webhooks::Outcome, Error> {
    if !payments::turn(tx, payment.id, turn, reason.clone(), Some(tx.now() + super::reconcile::LATE_CHECK)).await? {
        return Ok(webhooks::Outcome::Ignored);
    }
    tx.publish(PaymentFailed {
        payment_id: payment.id,
        order_id: payment.order_id,
        reason: reason.unwrap_or_default(),
    });
    Ok(webhooks::Outcome::Applied)
}
