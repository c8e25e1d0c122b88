//! A seller changes or withdraws an offer of its own, on whosever product.

use serde::Deserialize;
use souk_kernel::{ProductId, SkuId};
use souk_platform::db::Tx;
use utoipa::ToSchema;

use super::{create_product::check_codes, update_product};
use crate::{
    app::App,
    domain::{
        category::CategoryTree,
        faults::{self, Faults},
    },
    error::Error,
    store::{
        Scope,
        entities::sku,
        products::{self, Aggregate},
    },
};

/// What is to change of an offer; absent fields stay as they are.
#[derive(Clone, Debug, Deserialize, ToSchema, garde::Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields)]
pub struct OfferUpdate {
    #[schema(min_length = 1, max_length = 64)]
    pub code: Option<String>,
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    pub price: Option<i64>,
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub stock: Option<i64>,
}

/// Changes the offer.
pub async fn change_offer(
    app: &App,
    product: ProductId,
    id: SkuId,
    scope: Scope,
    wish: OfferUpdate,
) -> Result<(), Error> {
    let mut faults = Faults::default();
    if let Some(code) = &wish.code {
        faults.text("code", code, &faults::CODE);
    }
    for (field, given, range) in [("price", wish.price, &faults::PRICE), ("stock", wish.stock, &faults::STOCK)] {
        if let Some(number) = given {
            faults.number(field, number, range);
        }
    }
    faults.into_result()?;
    let found = products::find(app.db.reader(), product, Scope::Everything).await?;
    let seller = own(found.as_ref(), id, scope)?.seller_id;
    if let Some(on_hand) = wish.stock {
        update_product::set_stock(app, id, seller, on_hand).await?;
    }
    if wish.code.is_some() || wish.price.is_some() {
        let tree = app.categories().await?;
        app.db.transaction(move |tx| async move { change(&tx, product, id, scope, wish, &tree).await }).await?;
        app.caches.product_changed(product, [id]).await;
    }
    Ok(())
}

async fn change(
    tx: &Tx,
    product: ProductId,
    id: SkuId,
    scope: Scope,
    wish: OfferUpdate,
    tree: &CategoryTree,
) -> Result<(), Error> {
    let mut found = products::find(tx, product, Scope::Everything).await?;
    let seller = own(found.as_ref(), id, scope)?.seller_id;
    let found = found.as_mut().ok_or_else(|| Error::not_found("offer"))?;
    if let Some(sku) = found.skus.iter_mut().find(|sku| sku.id == id) {
        if let Some(code) = wish.code {
            code.trim().clone_into(&mut sku.code);
            sku.live_code = Some(sku.code.clone());
            check_codes(tx, seller, std::slice::from_ref(sku)).await?;
        }
        sku.price = wish.price.unwrap_or(sku.price);
        products::update_sku(tx, sku).await?;
    }
    update_product::store(tx, found, tree).await
}

/// Withdraws the offer. The last one of a product stays: without it there would be no product.
pub async fn withdraw_offer(app: &App, product: ProductId, id: SkuId, scope: Scope) -> Result<(), Error> {
    let tree = app.categories().await?;
    app.db
        .transaction(move |tx| async move {
            let mut found = products::find(&tx, product, Scope::Everything).await?;
            own(found.as_ref(), id, scope)?;
            let found = found.as_mut().ok_or_else(|| Error::not_found("offer"))?;
            if found.skus.len() == 1 {
                return Err(Error::LastOffer);
            }
            if let Some(sku) = found.skus.iter_mut().find(|sku| sku.id == id) {
                sku.live_code = None;
                products::update_sku(&tx, sku).await?;
            }
            found.skus.retain(sku::Model::live);
            update_product::store(&tx, found, &tree).await
        })
        .await?;
    app.caches.product_changed(product, [id]).await;
    Ok(())
}

/// The offer, if the scope may change it; to others there is none.
fn own(found: Option<&Aggregate>, id: SkuId, scope: Scope) -> Result<&sku::Model, Error> {
    let offer = found.and_then(|found| found.skus.iter().find(|sku| sku.id == id));
    offer.filter(|sku| scope.owns(sku.seller_id)).ok_or_else(|| Error::not_found("offer"))
}
