//! Sending an order elsewhere, before anything is shipped.

use sea_orm::ActiveValue::Set;
use souk_kernel::{Actor, OrderId};

use super::until_won;
use crate::{
    app::App,
    error::Error,
    store::{self, Address, Entry, Scope, orders},
};

/// Changes the address. With `seen`, only if that is still the order's version.
pub async fn change_address(
    app: &App,
    id: OrderId,
    scope: &Scope,
    by: Actor,
    address: Address,
    seen: Option<i64>,
) -> Result<(), Error> {
    until_won(|| async {
        let order = store::load_in(app.db.reader(), id, scope).await?.ok_or(Error::NotFound("order"))?;
        if seen.is_some_and(|seen| seen != order.row.version) {
            return Err(Error::VersionLost);
        }
        order.lifecycle().may_change_address()?;
        let entry = Entry::order(order.row.status, by, "address changed");
        let (seen, change) =
            (order.row.version, orders::ActiveModel { address: Set(address.clone()), ..Default::default() });
        app.write(id, move |tx| async move {
            orders::update(&tx, id, seen, tx.now(), change).await??;
            store::history::write(&tx, id, tx.now(), [entry]);
            Ok(())
        })
        .await
    })
    .await
}
