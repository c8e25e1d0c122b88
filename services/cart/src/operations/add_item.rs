use souk_kernel::{CartId, SkuId};
use souk_platform::db::Tx;

use super::{advance, change};
use crate::{
    app::App,
    domain::{Cart, Owner, Seen},
    error::Error,
    store,
};

/// Units of a SKU for a cart.
#[derive(Clone, Debug)]
pub struct NewItem {
    pub owner: Owner,
    /// Whether the owner is known to have no cart: the token was made for this request.
    pub fresh: bool,
    pub sku_id: SkuId,
    pub units: i64,
    pub seen: Seen,
    pub available: Option<i64>,
}

/// Adds units to the owner's cart.
pub async fn add_item(app: &App, item: NewItem) -> Result<Cart, Error> {
    change(app, move |tx| async move { run(&tx, item).await }).await
}

async fn run(tx: &Tx, item: NewItem) -> Result<Cart, Error> {
    let NewItem { owner, fresh, sku_id, units, seen, available } = item;
    let found = if fresh { None } else { store::find_for_owner(tx, &owner).await? };
    let (mut cart, is_new) = match found {
        Some(cart) => (cart, false),
        None => (Cart::new(CartId::new()), true),
    };
    let line = cart.add(sku_id, units, seen, available, tx.now())?.clone();
    if is_new {
        if !store::add(tx, &owner, &cart).await? {
            return Err(Error::Overtaken);
        }
        store::add_line(tx, cart.id, line);
    } else {
        advance(tx, &mut cart).await?;
        store::put_lines(tx, cart.id, vec![line]);
    }
    Ok(cart)
}
