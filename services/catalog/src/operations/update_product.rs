//! A seller changes a product.

use std::collections::HashSet;

use souk_contracts::inventory::SetOnHandRequest;
use souk_kernel::{ProductId, SellerId, SkuId, Timestamp};
use souk_platform::db::Tx;

use super::{
    announce, apply_stock,
    create_product::{NewSku, add_sku, check_codes, sku_ids},
    owned,
    update_plan::{AddedSku, Plan, ProductUpdate, plan},
};
use crate::{
    app::App,
    domain::category::CategoryTree,
    error::Error,
    store::{
        Scope,
        entities::{
            product::{StoredAttributes, StoredImages},
            sku,
        },
        products::{self, Aggregate},
        sellers,
        standing::Standing,
    },
};

/// Changes the product. `seen` is the version that the caller saw; absent: whatever the version is.
///
/// Stock is told to inventory first, because that may refuse; it isn't part of the version, so a change of the rest that
/// then fails leaves nothing half done.
pub async fn update_product(
    app: &App,
    id: ProductId,
    scope: Scope,
    seen: Option<i64>,
    wish: ProductUpdate,
) -> Result<(), Error> {
    let seen = seen.or(wish.version);
    let found = owned::find_live(app.db.reader(), id, scope).await?;
    owned::check_version(&found, seen)?;
    let tree = app.categories().await?;
    let plan = plan(wish, &found, &tree, scope, app)?;
    let seller = found.product.seller_id;
    for (sku, on_hand) in &plan.stock {
        set_stock(app, *sku, seller, *on_hand).await?;
    }
    if plan.changes_product() {
        let now = app.now();
        let mut opened = found;
        opened.skus.clear();
        add_skus(&mut opened, &plan, now);
        app.open_stock(&opened.skus).await?;
        let skus = app
            .db
            .transaction(move |tx| async move {
                let mut found = owned::find_live(&tx, id, scope).await?;
                owned::check_version(&found, seen)?;
                let known: HashSet<SkuId> = found.skus.iter().map(|sku| sku.id).collect();
                let known_variants = found.variants.len();
                add_skus(&mut found, &plan, now);
                let added: Vec<sku::Model> =
                    found.skus.iter().filter(|sku| !known.contains(&sku.id)).cloned().collect();
                change_skus(&tx, &mut found, &plan).await?;
                // After the renaming, so that a code which a SKU gave up may be taken by another.
                check_codes(&tx, seller, &added).await?;
                products::insert_skus(&tx, found.variants[known_variants..].to_vec(), added).await?;
                apply(&tx, &mut found, plan, &tree).await?;
                Ok::<_, Error>(sku_ids(&found))
            })
            .await?;
        app.caches.product_changed(id, skus).await;
    }
    Ok(())
}

fn add_skus(aggregate: &mut Aggregate, plan: &Plan, now: Timestamp) {
    let seller = aggregate.product.seller_id;
    for (id, AddedSku { code, options, price, stock }) in plan.added.clone() {
        add_sku(aggregate, seller, id, NewSku { code: Some(code), options, price, stock }, now);
    }
}

/// Tells inventory how many there are, and notes what is available then.
pub async fn set_stock(app: &App, sku: SkuId, seller: SellerId, on_hand: i64) -> Result<(), Error> {
    let request = SetOnHandRequest {
        sku_id: sku.to_string(),
        seller_id: seller.to_string(),
        on_hand,
        reason: "set with the product".to_owned(),
    };
    let reply = app.inventory.clone().set_on_hand(request).await?.into_inner();
    match reply.level {
        Some(level) => apply_stock::apply_stock(app, sku, level.available, level.version).await,
        None => Ok(()),
    }
}

/// New codes and prices.
async fn change_skus(tx: &Tx, found: &mut Aggregate, plan: &Plan) -> Result<(), Error> {
    let mut renamed = Vec::new();
    for change in &plan.changed {
        // Gone meanwhile: there is nothing left to change.
        let Some(sku) = found.skus.iter_mut().find(|sku| sku.id == change.id) else { continue };
        if let Some(code) = &change.code {
            sku.code.clone_from(code);
            sku.live_code = Some(code.clone());
            renamed.push(sku.clone());
        }
        sku.price = change.price.unwrap_or(sku.price);
        if change.code.is_none() {
            products::update_sku(tx, sku).await?;
        }
    }
    check_codes(tx, found.product.seller_id, &renamed).await?;
    for sku in found.skus.iter().filter(|sku| renamed.iter().any(|renamed| renamed.id == sku.id)) {
        products::update_sku(tx, sku).await?;
    }
    Ok(())
}

/// The product itself, its standing and the announcement.
async fn apply(tx: &Tx, found: &mut Aggregate, plan: Plan, tree: &CategoryTree) -> Result<(), Error> {
    let attributes_changed = plan.attributes.is_some();
    let product = &mut found.product;
    product.title = plan.title.unwrap_or_else(|| std::mem::take(&mut product.title));
    product.description = plan.description.unwrap_or_else(|| std::mem::take(&mut product.description));
    product.category_id = plan.category_id.unwrap_or(product.category_id);
    product.status = plan.status.unwrap_or(product.status);
    if let Some(attributes) = plan.attributes {
        product.attributes = StoredAttributes(attributes);
    }
    if let Some(images) = plan.images {
        product.images = StoredImages(images);
    }
    if attributes_changed {
        products::replace_attributes(tx, product).await?;
    }
    store(tx, found, tree).await
}

/// Stores a product that was changed as its next version, with its standing computed again, and announces it.
pub async fn store(tx: &Tx, changed: &mut Aggregate, tree: &CategoryTree) -> Result<(), Error> {
    let seen = changed.product.version;
    changed.product.version += 1;
    changed.product.updated_at = tx.now();
    let sellers = sellers::find(tx, changed.skus.iter().map(|sku| sku.seller_id)).await?;
    Standing::computed(&changed.product, &changed.skus, &sellers).apply(&mut changed.product);
    changed.product.seal = products::seal(&changed.product, &changed.skus);
    if !products::update(tx, changed.product.clone(), seen).await? {
        return Err(Error::VersionLost);
    }
    announce::updated(tx, changed, tree);
    Ok(())
}
