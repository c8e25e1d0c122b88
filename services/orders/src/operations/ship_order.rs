//! A seller hands its part to the carrier.

use souk_contracts::events::OrderShipped;
use souk_kernel::{Actor, SellerId, SellerOrderId};

use super::until_won;
use crate::{
    app::App,
    domain::{PartEvent, Refusal},
    error::Error,
    store::{self, Entry, orders, parts},
};

/// What the buyer tracks the parcel by.
#[derive(Clone, Debug)]
pub struct Parcel {
    pub carrier: String,
    pub tracking_number: String,
}

/// Ships the seller's own part.
pub async fn ship_order(app: &App, id: SellerOrderId, seller: SellerId, parcel: Parcel) -> Result<(), Error> {
    let part = parts::find_for_seller(app.db.reader(), id, seller).await?.ok_or(Error::NotFound("seller order"))?;
    let _turn = app.locks.enter(part.order_id).await;
    until_won(|| async {
        let order = app.order(part.order_id).await?;
        let place = order.place_of(id).ok_or(Error::NotFound("seller order"))?;
        // Both are read apart: the part as it belongs to the order's version counts.
        let lifecycle = order.lifecycle().part(place, PartEvent::Ship).map_err(|_| Refusal::PartState)?;
        let entry = Entry::part(
            id,
            lifecycle.parts[place],
            Actor::Seller(seller),
            format!("{} {}", parcel.carrier, parcel.tracking_number),
        );
        let (order_id, seen, change) = (order.row.id, order.row.version, orders::change(&lifecycle));
        let (snapshot, parcel) = (app.snapshot(&order), parcel.clone());
        app.write(order_id, move |tx| async move {
            orders::update(&tx, order_id, seen, tx.now(), change).await??;
            parts::update(&tx, id, parts::shipped(&parcel.carrier, &parcel.tracking_number, tx.now()));
            store::history::write(&tx, order_id, tx.now(), [entry]);
            let Parcel { carrier, tracking_number } = parcel;
            tx.publish(OrderShipped { order: snapshot, seller_order_id: id, carrier, tracking_number });
            Ok(())
        })
        .await
    })
    .await
}
