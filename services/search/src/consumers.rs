//! The events that search consumes.

use souk_contracts::events::{
    OrderConfirmed, ProductCreated, ProductDeleted, ProductUpdated, ReviewModerated, ReviewPosted, SellerApproved,
    SellerSuspended, SellerUpdated, StockChanged,
};
use souk_kernel::SellerId;
use souk_platform::events::{Consumers, Delivery};

use crate::{
    app::AppState,
    error::Error,
    operations,
    store::{SellerStatus, documents::Level, sellers::Seller},
};

type Handled = Result<(), Error>;

/// All of them.
pub fn consumers(app: &AppState) -> Consumers {
    Consumers::new(crate::NAME)
        .on(app.clone(), product_created)
        .on(app.clone(), product_updated)
        .on(app.clone(), product_deleted)
        .on(app.clone(), stock_changed)
        .on(app.clone(), review_posted)
        .on(app.clone(), review_moderated)
        .on(app.clone(), order_confirmed)
        .on(app.clone(), seller_approved)
        .on(app.clone(), seller_updated)
        .on(app.clone(), seller_suspended)
}

async fn product_created(app: AppState, delivery: Delivery<ProductCreated>) -> Handled {
    operations::store_product(&app, delivery.receipt, delivery.event.product).await
}

async fn product_updated(app: AppState, delivery: Delivery<ProductUpdated>) -> Handled {
    operations::store_product(&app, delivery.receipt, delivery.event.product).await
}

async fn product_deleted(app: AppState, delivery: Delivery<ProductDeleted>) -> Handled {
    operations::hide_product(&app, delivery.receipt, delivery.event.product_id, delivery.event.version).await
}

/// Needs no receipt: levels are numbered, and an old one changes nothing.
async fn stock_changed(app: AppState, delivery: Delivery<StockChanged>) -> Handled {
    let StockChanged { sku_id, available, version, .. } = delivery.event;
    operations::apply_level(&app, Level { sku_id, available, version }).await
}

async fn review_posted(app: AppState, delivery: Delivery<ReviewPosted>) -> Handled {
    operations::note_rating(&app, delivery.receipt, delivery.event.into()).await
}

async fn review_moderated(app: AppState, delivery: Delivery<ReviewModerated>) -> Handled {
    operations::note_rating(&app, delivery.receipt, delivery.event.into()).await
}

async fn order_confirmed(app: AppState, delivery: Delivery<OrderConfirmed>) -> Handled {
    operations::note_sales(&app, delivery.receipt, &delivery.event.order).await
}

fn seller(id: SellerId, name: String, slug: String, status: SellerStatus) -> Seller {
    Seller { id, name, slug, status, rating_sum: 0, rating_count: 0 }
}

async fn seller_approved(app: AppState, delivery: Delivery<SellerApproved>) -> Handled {
    let SellerApproved { seller_id, name, slug, .. } = delivery.event;
    operations::note_seller(&app, delivery.receipt, seller(seller_id, name, slug, SellerStatus::Approved)).await
}

async fn seller_updated(app: AppState, delivery: Delivery<SellerUpdated>) -> Handled {
    let SellerUpdated { seller_id, name, slug, status } = delivery.event;
    operations::note_seller(&app, delivery.receipt, seller(seller_id, name, slug, SellerStatus::named(&status))).await
}

async fn seller_suspended(app: AppState, delivery: Delivery<SellerSuspended>) -> Handled {
    let SellerSuspended { seller_id, name, slug, .. } = delivery.event;
    operations::note_seller(&app, delivery.receipt, seller(seller_id, name, slug, SellerStatus::Suspended)).await
}
