//! What catalog and inventory say about SKUs at this moment.

use std::collections::HashMap;

use souk_contracts::{
    catalog::{Offer, OffersRequest},
    inventory::LevelsRequest,
};
use souk_kernel::{Problem, SkuId};
use souk_platform::rpc;

use crate::{app::App, domain::Seen, error::Error};

/// Offers and stock of some SKUs, as far as the two services answered.
pub struct Market {
    offers: Result<HashMap<SkuId, Offer>, Problem>,
    available: Option<HashMap<SkuId, i64>>,
}

/// What is known about one SKU.
#[derive(Clone, Copy)]
pub enum Shown<'a> {
    /// It is offered; perhaps not for sale now.
    Offered(&'a Offer),
    /// There is no such offer any more.
    Gone,
    /// Catalog does not answer.
    Unknown,
}

/// Asks both services at once.
pub async fn look(app: &App, sku_ids: &[SkuId]) -> Market {
    if sku_ids.is_empty() {
        return Market { offers: Ok(HashMap::new()), available: Some(HashMap::new()) };
    }
    let texts: Vec<String> = sku_ids.iter().map(SkuId::to_string).collect();
    let (mut catalog, mut inventory) = (app.catalog.clone(), app.inventory.clone());
    let offers = catalog.offers(OffersRequest { sku_ids: texts.clone() });
    let levels = inventory.levels(LevelsRequest { sku_ids: texts });
    let (offers, levels) = tokio::join!(offers, levels);
    let offers = offers.map_err(rpc::problem).map(|reply| {
        let offers = reply.into_inner().offers.into_iter();
        offers.filter_map(|offer| Some((offer.sku_id.parse().ok()?, offer))).collect()
    });
    let available = levels.ok().map(|reply| {
        let levels = reply.into_inner().levels.into_iter();
        let mut available: HashMap<SkuId, i64> = sku_ids.iter().map(|sku_id| (*sku_id, 0)).collect();
        available.extend(levels.filter_map(|level| Some((level.sku_id.parse::<SkuId>().ok()?, level.available))));
        available
    });
    Market { offers, available }
}

/// How many units of SKUs are available; those of which nothing is known are left out.
pub async fn available(app: &App, sku_ids: &[SkuId]) -> HashMap<SkuId, i64> {
    if sku_ids.is_empty() {
        return HashMap::new();
    }
    let request = LevelsRequest { sku_ids: sku_ids.iter().map(SkuId::to_string).collect() };
    match app.inventory.clone().levels(request).await {
        Ok(reply) => {
            let levels = reply.into_inner().levels.into_iter();
            levels.filter_map(|level| Some((level.sku_id.parse().ok()?, level.available))).collect()
        }
        Err(status) => {
            tracing::warn!(code = ?status.code(), "inventory does not say what is available");
            HashMap::new()
        }
    }
}

impl Market {
    /// What is known about a SKU.
    pub fn shown(&self, sku_id: SkuId) -> Shown<'_> {
        match &self.offers {
            Ok(offers) => offers.get(&sku_id).map_or(Shown::Gone, Shown::Offered),
            Err(_) => Shown::Unknown,
        }
    }

    /// How many units can be bought; nothing when inventory does not answer. Orders are checked again anyway.
    pub fn available(&self, sku_id: SkuId) -> Option<i64> {
        self.available.as_ref().map(|available| available.get(&sku_id).copied().unwrap_or_default())
    }

    /// The offer that goes into the cart, if it is for sale.
    pub fn buyable(&self, sku_id: SkuId) -> Result<Seen, Error> {
        let offers = self.offers.as_ref().map_err(|problem| Error::Problem(problem.clone()))?;
        let offer = offers.get(&sku_id).ok_or(Error::UnknownSku)?;
        if offer.sellable { seen(offer) } else { Err(Error::NotSellable(reason(offer))) }
    }
}

/// Why an offer is not for sale, as a code.
pub fn reason(offer: &Offer) -> String {
    let known = ["product_unavailable", "seller_unavailable"];
    let told = offer.not_sellable_reason.as_str();
    known.into_iter().find(|code| *code == told).unwrap_or("product_unavailable").to_owned()
}

fn seen(offer: &Offer) -> Result<Seen, Error> {
    let read = || {
        Some(Seen {
            product_id: offer.product_id.parse().ok()?,
            seller_id: offer.seller_id.parse().ok()?,
            seller_name: offer.seller_name.clone(),
            title: offer.title.clone(),
            image: (!offer.image.is_empty()).then(|| offer.image.clone()),
            unit_price: offer.price,
            currency: offer.currency.parse().ok()?,
        })
    };
    read().ok_or_else(|| Error::Unreadable(format!("offer {}", offer.sku_id)))
}
