//! What instances of orders tell each other. All of it is found without being told, only later or by each for itself.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use souk_contracts::catalog::Offer;
use souk_kernel::OrderId;
use souk_platform::{cache::Cache, invalidations::Invalidations};

use crate::{app::App, hub::Hub};

/// What happened at one of them.
#[derive(Serialize, Deserialize)]
enum Change {
    /// The catalog said something new.
    Offer(Box<Offer>),
    Order(OrderId),
}

/// Passes on what the others tell. What was missed comes with the next look.
pub fn listen(others: &Invalidations, hub: &Hub, offers: &Cache<String, Arc<Offer>>) {
    let (hub, offers) = (hub.clone(), offers.clone());
    others.listen(move |change| {
        let (hub, offers) = (hub.clone(), offers.clone());
        async move {
            match change {
                Some(Change::Offer(offer)) => offers.insert(offer.sku_id.clone(), Arc::from(offer)).await,
                Some(Change::Order(order)) => hub.announce(order),
                None => {}
            }
        }
    });
}

impl App {
    /// Tells those who watch the order, wherever they do.
    pub fn announce(&self, order: OrderId) {
        self.hub.announce(order);
        self.others.mention(&Change::Order(order));
    }

    /// Notes what the catalog said, here and, when it is new, everywhere.
    pub async fn remember_offer(&self, offer: &Arc<Offer>) {
        let known = self.offers.get(&offer.sku_id).await;
        self.offers.insert(offer.sku_id.clone(), Arc::clone(offer)).await;
        if known.as_ref() != Some(offer) {
            self.others.mention(&Change::Offer(Box::new(Offer::clone(offer))));
        }
    }
}
