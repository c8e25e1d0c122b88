use souk_kernel::{SellerId, SkuId, Timestamp};
use souk_platform::db::Tx;

use crate::{
    app::App,
    domain::{MovementKind, Stock},
    error::Error,
    store::stock::{self, Cause},
};

/// How stock is corrected by hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// So many are on hand.
    OnHand(i64),
    /// So many more, or fewer.
    Adjust(i64),
}

/// A correction of one SKU's stock.
#[derive(Clone, Debug)]
pub struct SetStock {
    pub sku_id: SkuId,
    pub seller_id: SellerId,
    /// Absent: all locations together, and the main one takes up the difference.
    pub location: Option<String>,
    pub change: Change,
    /// The version that the caller saw; lost when it is another by now.
    pub seen: Option<i64>,
    /// Whether a SKU without stock is opened instead of being unknown.
    pub open: bool,
    pub reason: Option<String>,
    pub actor: String,
}

/// Corrects the stock of one of the seller's SKUs. Gives it as it is then.
pub async fn set_stock(app: &App, request: SetStock) -> Result<(Stock, Timestamp), Error> {
    let (stock, now) = app.db.guarded(move |tx| async move { run(&tx, request).await }).await?;
    app.stock_was_set(&[stock.totals()]).await;
    Ok((stock, now))
}

async fn run(tx: &Tx, request: SetStock) -> Result<(Stock, Timestamp), Error> {
    let SetStock { sku_id, seller_id, location, change, seen, open, reason, actor } = request;
    let mut stock = match stock::lock(tx, [sku_id]).await?.remove(&sku_id) {
        Some(stock) if stock.seller_id() == seller_id => stock,
        None if open => Stock::new(sku_id, seller_id),
        Some(_) | None => return Err(Error::UnknownSku),
    };
    if seen.is_some_and(|seen| seen != stock.version()) {
        return Err(Error::VersionLost);
    }
    match change {
        Change::OnHand(on_hand) => stock.set_on_hand(location.as_deref(), on_hand, MovementKind::Adjusted)?,
        Change::Adjust(units) => stock.shift(location.as_deref(), units, MovementKind::Adjusted)?,
    }
    let cause = Cause { reason, actor, ..Cause::default() };
    stock::save(tx, [&stock], &cause);
    Ok((stock, tx.now()))
}
