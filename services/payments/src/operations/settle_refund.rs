//! Has a provider give money back, and books that it did.

use souk_contracts::events::PaymentRefunded;
use souk_kernel::RefundId;
use souk_platform::{db::Tx, events::Receipt};

use crate::{
    app::App,
    domain::{
        ledger::{Portion, Transaction},
        payment::PaymentStatus,
        refund::{Parts, RefundStatus},
    },
    error::Error,
    providers::{Reversal, ReversalWord},
    store::{Payment, Refund, RefundPart, ledger, payments, refunds},
};

/// Asks the provider for a pending refund and books the answer. Safe to repeat, also at the same time: the refund's id is
/// the provider's idempotency key, and only one of several turns it from pending.
pub async fn settle_refund(app: &App, id: RefundId, receipt: Option<Receipt>) -> Result<(), Error> {
    let refund = refunds::find(app.db.reader(), id).await?.ok_or(Error::NotFound("refund"))?;
    if refund.status != RefundStatus::Pending {
        return Ok(());
    }
    let payment = payments::find(app.db.reader(), refund.payment_id).await?.ok_or(Error::NotFound("payment"))?;
    let provider = app.providers.get(payment.provider).ok_or(Error::ProviderNotOffered)?;
    let reversal = Reversal { refund: id, payment: payment.id, amount: refund.amount };
    match provider.refund(reversal).await? {
        ReversalWord::Done => complete_refund(app, refund, receipt).await,
        ReversalWord::Refused(reason) => refuse_refund(app, refund, reason, receipt).await,
        // Reconciliation asks again.
        ReversalWord::Waiting => Ok(()),
    }
}

/// Books that the money went back.
pub async fn complete_refund(app: &App, refund: Refund, receipt: Option<Receipt>) -> Result<(), Error> {
    let id = refund.id;
    let parts = refunds::parts(app.db.reader(), id).await?;
    app.db
        .transaction(move |tx| async move {
            if let Some(payment) = turn(&tx, &refund, RefundStatus::Completed, None, receipt).await? {
                book(&tx, &payment, &refund, &parts).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    // Nobody may be waiting.
    let _ = app.settled.send(id);
    Ok(())
}

/// Frees what was set aside, and calls an operator: somebody still waits for this money.
pub async fn refuse_refund(app: &App, refund: Refund, reason: String, receipt: Option<Receipt>) -> Result<(), Error> {
    let id = refund.id;
    let parts = refunds::parts(app.db.reader(), id).await?;
    app.db
        .transaction(move |tx| async move {
            let Some(payment) = turn(&tx, &refund, RefundStatus::Failed, Some(reason.clone()), receipt).await? else {
                return Ok(());
            };
            tracing::warn!(refund_id = %id, payment_id = %payment.id, "a refund was refused");
            let reach = refund.reach();
            for part in &parts {
                payments::give_back(&tx, payment.id, part.seller_order_id, part.parts().negated(), reach);
            }
            let flag = Some(format!("refund {id} was refused: {reason}"));
            let (refunded, status) = (payment.refunded_amount, payment.status);
            payments::settle_aside(&tx, payment.id, refund.amount, refunded, status, flag);
            Ok::<_, Error>(())
        })
        .await?;
    let _ = app.settled.send(id);
    Ok(())
}

/// Ends a refund if it is still pending, and gives its payment as it stands then.
async fn turn(
    tx: &Tx,
    refund: &Refund,
    status: RefundStatus,
    failure: Option<String>,
    receipt: Option<Receipt>,
) -> Result<Option<Payment>, Error> {
    if let Some(receipt) = receipt
        && !tx.accept(receipt).await?
    {
        return Ok(None);
    }
    if !refunds::settle(tx, refund.id, status, failure).await? {
        return Ok(None);
    }
    payments::find(tx, refund.payment_id).await?.ok_or(Error::NotFound("payment")).map(Some)
}

async fn book(tx: &Tx, payment: &Payment, refund: &Refund, parts: &[RefundPart]) -> Result<(), Error> {
    let refunded = payment.refunded_amount + refund.amount;
    let status = PaymentStatus::of_refunded(payment.amount, refunded);
    payments::settle_aside(tx, payment.id, refund.amount, refunded, status, None);
    let allocations = payments::allocations(tx, payment.id).await?;
    let released = |part: &RefundPart| {
        let own = allocations.iter().find(|allocation| allocation.seller_order_id == part.seller_order_id);
        own.is_some_and(|allocation| allocation.released_at.is_some())
    };
    let portions: Vec<Portion> = parts
        .iter()
        .filter(|part| part.parts() != Parts::default())
        .map(|part| Portion {
            seller: part.seller_id,
            seller_order: part.seller_order_id,
            parts: part.parts(),
            released: released(part),
        })
        .collect();
    let posted =
        Transaction::refund(refund.id, refund.order_id, payment.provider, refund.amount, refund.currency, &portions)?;
    ledger::post(tx, posted);
    tx.publish(PaymentRefunded {
        payment_id: payment.id,
        order_id: refund.order_id,
        refund_id: refund.id,
        amount: refund.amount,
        currency: refund.currency,
        refunded_amount: refunded,
        full: status == PaymentStatus::Refunded,
    });
    Ok(())
}
