//! Reviews come from people who bought: the sample's buyers order, pay, receive, and then write.

use futures::{StreamExt, TryStreamExt, stream};
use rand::{RngExt, SeedableRng, rngs::SmallRng, seq::IndexedRandom};
use serde_json::{Value, json};
use souk_kernel::text::slugify;

use super::{AT_ONCE, Api, DemoError, Sample, Seller, bar, login, text};
use crate::marketplace::Marketplace;

/// Different products in one order.
const LINES: usize = 20;

/// Has every buyer of the sample receive an order and review some of it. A buyer who has ordered already is left alone.
pub async fn fill(market: &Marketplace, api: &Api, sellers: &[Seller], sample: &Sample) -> Result<(), DemoError> {
    let mut products = Vec::new();
    for seller in sellers {
        let listed = api.get(&format!("/products?seller={}&in_stock=true&limit=100", seller.id)).await?;
        products.extend(listed.as_array().cloned().unwrap_or_default());
    }
    let bar = bar(sample.buyers.len(), "reviews");
    for (place, name) in sample.buyers.iter().enumerate() {
        let buyer = login(api, &format!("{}@souk.example", slugify(name)), name).await?;
        let mut random = SmallRng::seed_from_u64(place as u64 + 1);
        let orders = buyer.get("/orders?limit=1").await?;
        let order_id = match orders.as_array().and_then(|orders| orders.first()) {
            Some(order) => text(order, "id")?.to_owned(),
            None => order(&buyer, name, &products, &mut random).await?,
        };
        market.settle().await?;
        let order = buyer.get(&format!("/orders/{order_id}")).await?;
        receive(&order, sellers).await?;
        market.settle().await?;
        review(&buyer, &order, sample, &mut random).await?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

async fn order(buyer: &Api, name: &str, products: &[Value], random: &mut SmallRng) -> Result<String, DemoError> {
    let mut items: Vec<Value> = Vec::new();
    for product in products.sample(random, LINES.min(products.len())) {
        let whole = buyer.get(&format!("/products/{}", text(product, "id")?)).await?;
        let skus = whole["skus"].as_array().cloned().unwrap_or_default();
        let sku = skus.iter().find(|sku| sku["stock"].as_i64().is_some_and(|stock| stock > 3));
        if let Some(sku) = sku {
            items.push(json!({"sku_id": text(sku, "id")?, "quantity": random.random_range(1..=2)}));
        }
    }
    let body = json!({
        "items": items,
        "shipping_address": {
            "name": name, "line1": format!("{} Market Street", random.random_range(1..200)), "city": "Springfield",
            "postal_code": format!("{:05}", random.random_range(10_000..99_999)), "country": "DE",
        },
    });
    let order = buyer.post("/orders", &body).await?;
    buyer.post(&format!("/sandbox/payments/{}/pay", text(&order, "payment_id")?), &json!({})).await?;
    Ok(text(&order, "id")?.to_owned())
}

/// Every seller ships its part, and it arrives.
async fn receive(order: &Value, sellers: &[Seller]) -> Result<(), DemoError> {
    let parts = order["seller_orders"].as_array().cloned().unwrap_or_default();
    stream::iter(parts)
        .map(|part| async move {
            let (id, seller_id) = (text(&part, "id")?.to_owned(), text(&part["seller"], "id")?.to_owned());
            let Some(seller) = sellers.iter().find(|seller| seller.id == seller_id) else { return Ok(()) };
            if part["status"] == "confirmed" {
                let parcel =
                    json!({"carrier": "Sample Post", "tracking_number": format!("SP-{}", &id[id.len() - 8..])});
                seller.api.put(&format!("/seller/orders/{id}/ship"), &parcel).await?;
            }
            if part["status"] != "delivered" {
                seller.api.put(&format!("/seller/orders/{id}/deliver"), &json!({})).await?;
            }
            Ok::<_, DemoError>(())
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

async fn review(buyer: &Api, order: &Value, sample: &Sample, random: &mut SmallRng) -> Result<(), DemoError> {
    for item in order["items"].as_array().into_iter().flatten() {
        let opinion = sample.praise.choose(random).ok_or(DemoError::Answer("praise"))?;
        let body = json!({"rating": opinion.rating, "title": opinion.title, "body": opinion.body});
        match buyer.post(&format!("/products/{}/reviews", text(item, "product_id")?), &body).await {
            Ok(_) => {}
            // Written in an earlier, interrupted filling.
            Err(error) if error.status == 409 => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
