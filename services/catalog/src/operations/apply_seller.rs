//! Identity says what a seller is called and whether it may sell.

use serde::{Deserialize, Serialize};
use souk_contracts::events::Event;
use souk_kernel::{ProductId, SellerId};
use souk_platform::events::Receipt;

use super::announce;
use crate::{
    app::App,
    domain::seller::SellerStatus,
    error::Error,
    store::{products, sellers, standing},
};

/// Products looked at in one transaction.
const PAGE: u64 = 200;

/// A seller's products have to be looked at again, from the one after `after`: whose offers are shown has changed. Goes
/// through the outbox a page at a time, so that a large seller holds the writer for milliseconds only and a crash loses
/// nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OffersRecount {
    pub seller_id: SellerId,
    pub after: Option<ProductId>,
}

impl Event for OffersRecount {
    const TYPE: &'static str = "catalog.offers_recount";
    fn key(&self) -> String {
        self.seller_id.to_string()
    }
}

/// Notes name and standing.
pub async fn apply_seller(
    app: &App,
    receipt: Receipt,
    id: SellerId,
    name: String,
    slug: String,
    status: SellerStatus,
) -> Result<(), Error> {
    let changed = app
        .db
        .transaction(move |tx| async move {
            if !tx.accept(receipt).await? {
                return Ok(false);
            }
            let known = sellers::find(&tx, [id]).await?.remove(&id);
            let same = |known: &crate::store::entities::seller::Model| {
                known.name == name && known.slug == slug && known.status == status
            };
            if known.as_ref().is_some_and(same) {
                return Ok(false);
            }
            sellers::upsert(&tx, id, name, slug, status).await?;
            if known.is_some_and(|known| known.status != status) {
                tx.publish(OffersRecount { seller_id: id, after: None });
            }
            Ok::<_, Error>(true)
        })
        .await?;
    if changed {
        app.caches.everything_changed().await;
    }
    Ok(())
}

/// Looks at one page of the seller's products again.
pub async fn recount_offers(app: &App, receipt: Receipt, recount: OffersRecount) -> Result<(), Error> {
    let OffersRecount { seller_id, after } = recount;
    let tree = app.categories().await?;
    let changed = app
        .db
        .transaction(move |tx| async move {
            if !tx.accept(receipt).await? {
                return Ok(false);
            }
            let page = products::next_of_seller(&tx, seller_id, after, PAGE).await?;
            let mut changed = standing::refresh(&tx, &page).await?;
            products::renew(&tx, &mut changed).await?;
            for aggregate in &changed {
                announce::updated(&tx, aggregate, &tree);
            }
            if u64::try_from(page.len()).is_ok_and(|found| found == PAGE) {
                tx.publish(OffersRecount { seller_id, after: page.last().copied() });
            }
            Ok::<_, Error>(!changed.is_empty())
        })
        .await?;
    if changed {
        app.caches.everything_changed().await;
    }
    Ok(())
}
