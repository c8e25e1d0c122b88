use souk_kernel::OrderId;
use souk_platform::db::Tx;

use super::apply;
use crate::{
    app::App,
    domain::{Demand, Totals, reservation},
    error::Error,
    store::{
        holds,
        stock::{self, Cause},
    },
};

/// Puts committed units of an order back: the given ones, or all that are not back yet. Once for each `reference`.
pub async fn restock(app: &App, order_id: OrderId, reference: String, lines: Option<Demand>) -> Result<(), Error> {
    let work = move |tx: Tx| async move { run(&tx, order_id, reference, lines).await };
    let changed = app.db.guarded(work).await?;
    app.stock_moved(&changed);
    Ok(())
}

async fn run(tx: &Tx, order_id: OrderId, reference: String, lines: Option<Demand>) -> Result<Vec<Totals>, Error> {
    let mut held = holds::lock(tx, order_id).await?;
    let before = held.clone();
    // Nothing to bring back is not noted: a restock that came before the commit can be asked for again.
    let nothing = lines.is_none() && before.iter().all(|hold| hold.returnable() == 0);
    if nothing || !holds::note_restock(tx, order_id, reference.clone()).await? {
        return Ok(Vec::new());
    }
    let steps = reservation::restock(&mut held, lines.as_ref())?;
    let mut stocks = stock::lock(tx, steps.iter().map(|step| step.sku_id)).await?;
    apply(&mut stocks, steps)?;
    let cause = Cause { reference: Some(reference), ..Cause::order(order_id) };
    let changed = stock::save(tx, stocks.values(), &cause);
    let touched = held.into_iter().zip(before).filter(|(after, before)| after != before).map(|(after, _)| after);
    holds::put(tx, touched.collect());
    Ok(changed)
}
