//! A seller's part arrived; later, the time to return it is over.

use sea_orm::ActiveValue::Set;
use souk_contracts::events::OrderDelivered;
use souk_kernel::{Actor, OrderId, SellerId, SellerOrderId};

use super::until_won;
use crate::{
    app::App,
    config::after,
    domain::{PartEvent, PartStatus},
    error::Error,
    events::PartDue,
    store::{self, Entry, orders, parts},
};

/// Notes that the seller's own part arrived, and sets the timer that ends the time to return it.
pub async fn deliver_order(app: &App, id: SellerOrderId, seller: SellerId) -> Result<(), Error> {
    let window = app.config.return_window;
    let part = parts::find_for_seller(app.db.reader(), id, seller).await?.ok_or(Error::NotFound("seller order"))?;
    let _turn = app.locks.enter(part.order_id).await;
    until_won(|| async {
        let order = app.order(part.order_id).await?;
        let place = order.place_of(id).ok_or(Error::NotFound("seller order"))?;
        let lifecycle = order.lifecycle().part(place, PartEvent::Deliver)?;
        let entry = Entry::part(id, lifecycle.parts[place], Actor::Seller(seller), "");
        let (order_id, seen, change) = (order.row.id, order.row.version, orders::change(&lifecycle));
        let snapshot = app.snapshot(&order);
        app.write(order_id, move |tx| async move {
            let now = tx.now();
            orders::update(&tx, order_id, seen, now, change).await??;
            let delivered = parts::ActiveModel {
                status: Set(PartStatus::Delivered),
                delivered_at: Set(Some(now)),
                ..Default::default()
            };
            parts::update(&tx, id, delivered);
            store::history::write(&tx, order_id, now, [entry]);
            tx.publish(OrderDelivered { order: snapshot, seller_order_id: id, delivered_at: now });
            tx.publish_at(PartDue { order_id, seller_order_id: id }, after(now, window));
            Ok(())
        })
        .await
    })
    .await
}

/// The time to return the part is over: it is completed, unless a return of it waits for a decision.
pub async fn complete_part(app: &App, order_id: OrderId, id: SellerOrderId) -> Result<(), Error> {
    until_won(|| async {
        let order = app.order(order_id).await?;
        let Some(place) = order.place_of(id) else { return Ok(()) };
        let Ok(lifecycle) = order.lifecycle().part(place, PartEvent::Complete) else { return Ok(()) };
        let mut entries = vec![Entry::part(id, lifecycle.parts[place], Actor::System, "")];
        if lifecycle.status() != order.row.status {
            entries.push(Entry::order(lifecycle.status(), Actor::System, ""));
        }
        let (seen, change) = (order.row.version, orders::change(&lifecycle));
        app.write(order_id, move |tx| async move {
            orders::update(&tx, order_id, seen, tx.now(), change).await??;
            let completed = parts::ActiveModel { status: Set(PartStatus::Completed), ..Default::default() };
            parts::update(&tx, id, completed);
            store::history::write(&tx, order_id, tx.now(), entries);
            Ok(())
        })
        .await
    })
    .await
}
