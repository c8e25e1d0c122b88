//! Another seller offers a product that is in the catalogue already.

use serde::Deserialize;
use souk_kernel::{ProductId, SellerId, SkuId};
use utoipa::ToSchema;

use super::{
    create_product::{NewSku, add_sku, check_codes, check_sku, sku_ids},
    update_product,
};
use crate::{
    app::App,
    domain::{faults::Faults, options::Options},
    error::Error,
    store::{
        Scope,
        products::{self, Aggregate},
    },
};

/// A seller's offer of a product that another seller listed.
#[derive(Debug, Deserialize, ToSchema, garde::Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields)]
pub struct NewOffer {
    /// Which variant; may be absent when there is only one.
    pub variant_id: Option<String>,
    /// The seller's own name for it, unique among the seller's offers; made when absent.
    #[schema(min_length = 1, max_length = 64)]
    pub code: Option<String>,
    /// In the product's currency.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    pub price: i64,
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub stock: i64,
}

/// Adds the seller's offer; gives its SKU.
pub async fn add_offer(app: &App, product: ProductId, seller: SellerId, new: NewOffer) -> Result<SkuId, Error> {
    let mut found = find(app, product, seller).await?;
    let NewOffer { variant_id, code, price, stock } = new;
    let mut faults = Faults::default();
    let options = options_of(&found, variant_id.as_deref());
    if options.is_none() {
        faults.add("variant_id", "is not a variant of this product");
    }
    let new = NewSku { code, options: options.unwrap_or_default(), price, stock };
    check_sku(&mut faults, "", &new);
    faults.into_result()?;
    app.know_sellers(&[seller]).await?;
    found.skus.clear();
    let (id, now) = (SkuId::new(), app.now());
    add_sku(&mut found, seller, id, new, now);
    app.open_stock(&found.skus).await?;
    let offers = found.skus;
    let tree = app.categories().await?;
    let skus = app
        .db
        .transaction(move |tx| async move {
            let mut found = products::find(&tx, product, Scope::Seller(seller)).await?.ok_or(Error::Archived)?;
            let again = |sku: &souk_kernel::VariantId| {
                found.skus.iter().any(|known| known.seller_id == seller && known.variant_id == *sku)
            };
            if offers.iter().any(|offer| again(&offer.variant_id)) {
                return Err(Error::OfferExists);
            }
            check_codes(&tx, seller, &offers).await?;
            products::insert_skus(&tx, Vec::new(), offers.clone()).await?;
            found.skus.extend(offers);
            update_product::store(&tx, &mut found, &tree).await?;
            Ok::<_, Error>(sku_ids(&found))
        })
        .await?;
    app.caches.product_changed(product, skus).await;
    Ok(id)
}

async fn find(app: &App, product: ProductId, seller: SellerId) -> Result<Aggregate, Error> {
    let found = products::find(app.db.reader(), product, Scope::Seller(seller)).await?;
    let found = found.ok_or_else(|| Error::not_found("product"))?;
    if found.product.status == crate::domain::product::Status::Archived { Err(Error::Archived) } else { Ok(found) }
}

fn options_of(found: &Aggregate, variant: Option<&str>) -> Option<Options> {
    let chosen = match variant {
        Some(id) => found.variants.iter().find(|variant| variant.id.to_string() == id),
        None => found.variants.first().filter(|_| found.variants.len() == 1),
    };
    chosen.map(|variant| variant.options.0.clone())
}
