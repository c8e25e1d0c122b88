use souk_kernel::OrderId;

use super::change;
use crate::{
    app::App,
    domain::{Cart, Owner, Refusal, Status},
    error::Error,
    store,
};

/// Binds the owner's cart to an order: it can't change until thawed or closed. Harmless when repeated for the same order.
pub async fn freeze(app: &App, owner: Owner, order_id: OrderId) -> Result<Cart, Error> {
    change(app, move |tx| async move {
        let mut cart = store::find_for_owner(&tx, &owner).await?.ok_or(Error::Empty)?;
        match (cart.status, cart.order_id) {
            (Status::Frozen, Some(bound)) if bound == order_id => return Ok(cart),
            (Status::Open, _) if cart.lines.is_empty() => return Err(Error::Empty),
            (Status::Open, _) => {}
            (Status::Frozen | Status::Closed, order_id) => return Err(Refusal::Frozen { order_id }.into()),
        }
        if store::bind(&tx, &mut cart, order_id).await? {
            return Ok(cart);
        }
        Err(if store::ended_orders::has(&tx, order_id).await? { Error::Ended } else { Error::Overtaken })
    })
    .await
}
