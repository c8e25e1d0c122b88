use std::collections::HashMap;

use souk_kernel::{SkuId, UserId};
use souk_platform::db::Tx;

use super::{advance, change, give, remove};
use crate::{
    app::App,
    domain::{self, Owner, Status},
    error::Error,
    market, store,
};

/// Adds a guest's cart to the user's, who has just logged in. Nothing happens while an order is being made of either; the
/// next login tries again.
pub async fn merge(app: &App, user_id: UserId, guest: Owner) -> Result<(), Error> {
    let user = Owner::User(user_id);
    let Some(cart) = store::find_for_owner(app.db.reader(), &guest).await? else { return Ok(()) };
    let sku_ids: Vec<SkuId> = cart.lines.iter().map(|line| line.sku_id).collect();
    let available = market::available(app, &sku_ids).await;
    change(app, move |tx| async move { run(&tx, user, guest, available).await }).await
}

async fn run(tx: &Tx, user: Owner, guest: Owner, available: HashMap<SkuId, i64>) -> Result<(), Error> {
    let Some(theirs) = store::find_for_owner(tx, &guest).await? else { return Ok(()) };
    let Some(mut cart) = store::find_for_owner(tx, &user).await? else {
        return give(tx, &theirs, Some(&user)).await;
    };
    if cart.status != Status::Open || theirs.status != Status::Open {
        return Ok(());
    }
    let changed = domain::merge(&mut cart, &theirs, &available);
    if !changed.is_empty() {
        advance(tx, &mut cart).await?;
        store::put_lines(tx, cart.id, changed);
    }
    remove(tx, &theirs).await
}
