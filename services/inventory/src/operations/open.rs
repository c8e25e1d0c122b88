use souk_kernel::{SellerId, SkuId};
use souk_platform::db::Tx;

use crate::{
    app::App,
    domain::{MAIN, Movement, MovementKind, Stock, Totals},
    error::Error,
    store::stock::{self, Cause},
};

/// A new SKU and its first quantity.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    pub sku_id: SkuId,
    pub seller_id: SellerId,
    pub on_hand: i64,
}

/// Opens the stock of SKUs; those that have some stay as they are.
pub async fn open(app: &App, openings: Vec<Opening>) -> Result<(), Error> {
    let levels = app.db.guarded(move |tx| async move { run(&tx, openings).await }).await?;
    app.levels.remember(&levels);
    Ok(())
}

async fn run(tx: &Tx, openings: Vec<Opening>) -> Result<Vec<Totals>, Error> {
    let mut known = stock::lock(tx, openings.iter().map(|opening| opening.sku_id)).await?;
    let mut opened = Vec::new();
    for Opening { sku_id, seller_id, on_hand } in openings {
        if known.contains_key(&sku_id) {
            continue;
        }
        // An entry even for nothing: every row can be folded from the ledger.
        let mut new = Stock::new(sku_id, seller_id);
        new.record(MAIN, Movement::new(MovementKind::Received, on_hand))?;
        opened.push(new.clone());
        known.insert(sku_id, new);
    }
    if !opened.is_empty() {
        let cause = Cause { actor: "catalog".to_owned(), ..Cause::default() };
        stock::open(tx, &opened, &cause);
    }
    Ok(known.values().map(Stock::totals).collect())
}
