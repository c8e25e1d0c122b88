//! An operator sends a seller what is available.

use souk_kernel::{Currency, PayoutId, SellerId};

use crate::{
    app::App,
    domain::ledger::Transaction,
    error::Error,
    store::{Payout, ledger, payouts},
};

/// A payout to be made.
#[derive(Clone, Debug)]
pub struct NewPayout {
    /// The same id again is the same payout.
    pub id: PayoutId,
    pub seller_id: SellerId,
    pub currency: Currency,
    /// All that is available, if absent.
    pub amount: Option<i64>,
    pub note: String,
    pub by: String,
}

/// Books a payout. The balance is read in the same transaction, so that nothing is paid twice.
pub async fn pay_out(app: &App, new: NewPayout) -> Result<Payout, Error> {
    let minimum = app.config.payout_minimum;
    app.db
        .transaction(move |tx| async move {
            if let Some(known) = payouts::find(&tx, new.id).await? {
                return Ok(known);
            }
            let available = ledger::balance(&tx, new.seller_id, new.currency).await?.available;
            let amount = new.amount.unwrap_or(available);
            if amount > available {
                return Err(Error::PayoutTooLarge { available: available.max(0) });
            }
            if amount < minimum {
                return Err(Error::PayoutTooSmall { minimum });
            }
            let payout = Payout {
                id: new.id,
                seller_id: new.seller_id,
                amount,
                currency: new.currency,
                note: new.note,
                created_by: new.by,
                created_at: tx.now(),
            };
            payouts::insert(&tx, payout.clone()).await?;
            ledger::post(&tx, Transaction::payout(new.id, new.seller_id, amount, new.currency)?);
            Ok(payout)
        })
        .await
}
