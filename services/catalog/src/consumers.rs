//! What the catalogue does about events.

use souk_contracts::events::{
    OrderConfirmed, ProductDeleted, ProductUpdated, ReviewPosted, SellerApproved, SellerSuspended, SellerUpdated,
    StockChanged, UserDeleted,
};
use souk_platform::events::{Consumers, Delivery};

use crate::{
    app::AppState,
    domain::seller::SellerStatus,
    error::Error,
    operations::{
        apply_seller::{OffersRecount, apply_seller, recount_offers},
        apply_stock::apply_stock,
        count_sales::count_sales,
        forget_user::forget_user,
    },
};

/// All of them.
pub fn consumers(app: &AppState) -> Consumers {
    Consumers::new(crate::NAME)
        .unhurried()
        .on(app.clone(), seller_approved)
        .on(app.clone(), seller_updated)
        .on(app.clone(), seller_suspended)
        .on(app.clone(), offers_recount)
        .on(app.clone(), stock_changed)
        .on(app.clone(), order_confirmed)
        .on(app.clone(), user_deleted)
        .on(app.clone(), product_updated)
        .on(app.clone(), product_deleted)
        .on(app.clone(), review_posted)
}

async fn seller_approved(app: AppState, delivery: Delivery<SellerApproved>) -> Result<(), Error> {
    let SellerApproved { seller_id, name, slug, .. } = delivery.event;
    apply_seller(&app, delivery.receipt, seller_id, name, slug, SellerStatus::Approved).await
}

async fn seller_updated(app: AppState, delivery: Delivery<SellerUpdated>) -> Result<(), Error> {
    let SellerUpdated { seller_id, name, slug, status } = delivery.event;
    apply_seller(&app, delivery.receipt, seller_id, name, slug, SellerStatus::named(&status)).await
}

async fn seller_suspended(app: AppState, delivery: Delivery<SellerSuspended>) -> Result<(), Error> {
    let SellerSuspended { seller_id, name, slug, .. } = delivery.event;
    apply_seller(&app, delivery.receipt, seller_id, name, slug, SellerStatus::Suspended).await
}

async fn offers_recount(app: AppState, delivery: Delivery<OffersRecount>) -> Result<(), Error> {
    recount_offers(&app, delivery.receipt, delivery.event).await
}

/// Needs no receipt: levels are numbered, and an old one changes nothing.
async fn stock_changed(app: AppState, delivery: Delivery<StockChanged>) -> Result<(), Error> {
    let StockChanged { sku_id, available, version, .. } = delivery.event;
    apply_stock(&app, sku_id, available, version).await
}

async fn order_confirmed(app: AppState, delivery: Delivery<OrderConfirmed>) -> Result<(), Error> {
    count_sales(&app, delivery.receipt, &delivery.event.order).await
}

async fn user_deleted(app: AppState, delivery: Delivery<UserDeleted>) -> Result<(), Error> {
    forget_user(&app, delivery.receipt, delivery.event.user_id).await
}

/// Our own events end what the caches hold. Whoever made the change did so already, unless its caller went away between
/// the commit and that.
async fn product_updated(app: AppState, delivery: Delivery<ProductUpdated>) -> Result<(), Error> {
    let product = delivery.event.product;
    app.caches.product_changed(product.product_id, product.skus.into_iter().map(|sku| sku.sku_id)).await;
    Ok(())
}

async fn product_deleted(app: AppState, delivery: Delivery<ProductDeleted>) -> Result<(), Error> {
    app.caches.product_changed(delivery.event.product_id, delivery.event.sku_ids).await;
    Ok(())
}

async fn review_posted(app: AppState, delivery: Delivery<ReviewPosted>) -> Result<(), Error> {
    app.caches.product_counted(delivery.event.product_id).await;
    Ok(())
}
