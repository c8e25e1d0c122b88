use souk_kernel::OrderId;
use souk_platform::{db::Tx, events::Receipt};

use super::apply;
use crate::{
    app::App,
    domain::{Hold, HoldStatus, Standing, Totals, reservation},
    error::Error,
    store::{
        holds,
        stock::{self, Cause},
    },
};

/// Gives the order's hold back. False when nothing was held.
pub async fn release(app: &App, order_id: OrderId, reason: String) -> Result<bool, Error> {
    let work = move |tx: Tx| async move {
        let held = holds::lock(&tx, order_id).await?;
        give_back(&tx, order_id, held, reason).await
    };
    let (released, changed) = app.db.guarded(work).await?;
    app.stock_moved(&changed);
    Ok(released)
}

/// Gives the order's hold back if its time is over.
pub async fn expire(app: &App, order_id: OrderId, receipt: Receipt) -> Result<(), Error> {
    // Nearly every hold has been committed by now; no need to trouble the writer for those.
    if !holds::has_expired(app.db.reader(), order_id, app.db.clock().now()).await? {
        return Ok(());
    }
    let work = move |tx: Tx| async move {
        if !tx.accept(receipt).await? {
            return Ok((false, Vec::new()));
        }
        let held = holds::lock(&tx, order_id).await?;
        if held.iter().any(|hold| hold.has_expired(tx.now())) {
            give_back(&tx, order_id, held, "expired".to_owned()).await
        } else {
            Ok((false, Vec::new()))
        }
    };
    let (_, changed) = app.db.guarded(work).await?;
    app.stock_moved(&changed);
    Ok(())
}

/// Gives back what is `held` for the order, and locked.
async fn give_back(
    tx: &Tx,
    order_id: OrderId,
    mut held: Vec<Hold>,
    reason: String,
) -> Result<(bool, Vec<Totals>), Error> {
    if Standing::of(&held) != Standing::Held {
        return Ok((false, Vec::new()));
    }
    let steps = reservation::release(&mut held);
    let mut stocks = stock::lock(tx, steps.iter().map(|step| step.sku_id)).await?;
    apply(&mut stocks, steps)?;
    let cause = Cause::order(order_id).because(reason);
    let changed = stock::save(tx, stocks.values(), &cause);
    holds::end(tx, order_id, &held, HoldStatus::Released);
    Ok((true, changed))
}
