use souk_kernel::OrderId;
use souk_platform::db::Tx;

use super::apply;
use crate::{
    app::App,
    domain::{HoldStatus, Standing, Totals, reservation},
    error::Error,
    store::{
        holds,
        stock::{self, Cause},
    },
};

/// Makes the order's hold final: the units have left the shelf. False when nothing is held any more.
pub async fn commit(app: &App, order_id: OrderId) -> Result<bool, Error> {
    let (committed, changed) = app.db.guarded(move |tx| async move { run(&tx, order_id).await }).await?;
    app.stock_moved(&changed);
    Ok(committed)
}

async fn run(tx: &Tx, order_id: OrderId) -> Result<(bool, Vec<Totals>), Error> {
    let mut held = holds::take(tx, order_id).await?;
    match Standing::of(&held) {
        Standing::Held => {}
        Standing::Committed | Standing::Returned => return Ok((true, Vec::new())),
        Standing::Nothing => return Ok((false, Vec::new())),
    }
    let steps = reservation::commit(&mut held);
    let mut stocks = stock::take(tx, steps.iter().map(|step| step.sku_id)).await?;
    apply(&mut stocks, steps)?;
    let changed = stock::save(tx, stocks.values(), &Cause::order(order_id));
    holds::end(tx, order_id, &held, HoldStatus::Committed);
    Ok((true, changed))
}
