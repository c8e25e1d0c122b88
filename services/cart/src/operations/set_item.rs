use souk_kernel::SkuId;

use super::{advance, change, find_or_add};
use crate::{
    app::App,
    domain::{Cart, Owner, Refusal, Seen},
    error::Error,
    store,
};

/// Sets the units of a SKU that lies in the owner's cart.
pub async fn set_item(
    app: &App,
    owner: Owner,
    sku_id: SkuId,
    units: i64,
    seen: Seen,
    available: Option<i64>,
) -> Result<Cart, Error> {
    change(app, move |tx| async move {
        let mut cart = store::find_for_owner(&tx, &owner).await?.ok_or(Refusal::NotThere)?;
        let line = cart.set(sku_id, units, seen, available, tx.now())?.clone();
        advance(&tx, &mut cart).await?;
        store::put_lines(&tx, cart.id, vec![line]);
        Ok(cart)
    })
    .await
}

/// Takes a SKU out of the owner's cart.
pub async fn remove_item(app: &App, owner: Owner, sku_id: SkuId) -> Result<Cart, Error> {
    change(app, move |tx| async move {
        let mut cart = store::find_for_owner(&tx, &owner).await?.ok_or(Refusal::NotThere)?;
        cart.remove(sku_id)?;
        advance(&tx, &mut cart).await?;
        store::remove_lines(&tx, cart.id, &[sku_id]);
        Ok(cart)
    })
    .await
}

/// Empties the owner's cart.
pub async fn clear(app: &App, owner: Owner) -> Result<Cart, Error> {
    change(app, move |tx| async move {
        let mut cart = find_or_add(&tx, &owner).await?;
        cart.must_be_open()?;
        if !cart.lines.is_empty() {
            cart.lines.clear();
            advance(&tx, &mut cart).await?;
            store::clear(&tx, cart.id);
        }
        Ok(cart)
    })
    .await
}
