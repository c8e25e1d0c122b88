use std::collections::HashMap;

use souk_kernel::{CartId, OrderId, SkuId};
use souk_platform::{db::Tx, events::Receipt};

use super::{advance, change};
use crate::{
    app::App,
    domain::{Status, without_bought},
    error::Error,
    store,
};

/// Closes the cart of which a confirmed order was made. If it was freed before (the order had expired, and the payment came
/// late), what was bought is taken out instead.
pub async fn close(
    app: &App,
    order_id: OrderId,
    cart_id: CartId,
    bought: HashMap<SkuId, i64>,
    receipt: Receipt,
) -> Result<(), Error> {
    change(app, move |tx| async move { run(&tx, order_id, cart_id, bought, receipt).await }).await
}

async fn run(
    tx: &Tx,
    order_id: OrderId,
    cart_id: CartId,
    bought: HashMap<SkuId, i64>,
    receipt: Receipt,
) -> Result<(), Error> {
    if !tx.accept(receipt).await? || store::close(tx, order_id).await? {
        return Ok(());
    }
    let Some(mut cart) = store::find_by_id(tx, cart_id).await?.filter(|cart| cart.status == Status::Open) else {
        return Ok(());
    };
    let (smaller, gone) = without_bought(&cart, &bought);
    if smaller.is_empty() && gone.is_empty() {
        return Ok(());
    }
    advance(tx, &mut cart).await?;
    store::put_lines(tx, cart_id, smaller);
    store::remove_lines(tx, cart_id, &gone);
    Ok(())
}
