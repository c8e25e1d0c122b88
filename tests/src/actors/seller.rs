//! Somebody with a shop.

use serde_json::{Value, json};

use crate::{Answer, Client, Thing};

/// The owner of a shop, logged in.
#[derive(Clone)]
pub struct Seller {
    /// Calls with the owner's token.
    pub client: Client,
    /// The seller's id.
    pub id: String,
    /// The shop's name.
    pub name: String,
    /// The owner's user id.
    pub user_id: String,
    /// The owner's address.
    pub email: String,
    category: String,
}

impl Seller {
    pub(crate) async fn applies(client: &Client, session: &Thing, shop: &str, category: &str) -> Self {
        let client = client.with_token(session.text("access_token"));
        let application = json!({"name": shop, "description": "Sells things."});
        let seller = client.post("/sellers", &application).await.created();
        let user = Thing(session["user"].clone());
        Self {
            client,
            id: seller.id().to_owned(),
            name: shop.to_owned(),
            user_id: user.id().to_owned(),
            email: user.text("email").to_owned(),
            category: category.to_owned(),
        }
    }

    /// A product as this seller would send it.
    pub fn product(&self, title: &str, price: i64, stock: i64) -> Value {
        json!({
            "title": title,
            "description": format!("A {title}."),
            "category_id": self.category,
            "price": price,
            "currency": "EUR",
            "stock": stock,
        })
    }

    /// Puts a product on sale, with one SKU.
    pub async fn lists(&self, title: &str, price: i64, stock: i64) -> Thing {
        self.lists_as(&self.product(title, price, stock)).await
    }

    /// Puts a product on sale, described in full.
    pub async fn lists_as(&self, product: &Value) -> Thing {
        self.client.post("/products", product).await.created()
    }

    /// Asks another price for it.
    pub async fn reprices(&self, product: &Thing, price: i64) -> Thing {
        self.client.put(&format!("/products/{}", product.id()), &json!({"price": price})).await.ok()
    }

    /// What there is of a product's first SKU: on hand, reserved, available.
    pub async fn stock(&self, product: &Thing) -> (i64, i64, i64) {
        self.stock_of(product.sku()).await
    }

    /// What there is of a SKU: on hand, reserved, available.
    pub async fn stock_of(&self, sku: &str) -> (i64, i64, i64) {
        let level = self.client.get(&format!("/inventory/{sku}")).await.ok();
        (level.number("on_hand"), level.number("reserved"), level.number("available"))
    }

    /// Counts the stock anew.
    pub async fn counts(&self, sku: &str, on_hand: i64) -> Answer {
        self.client.put(&format!("/inventory/{sku}"), &json!({"on_hand": on_hand})).await
    }

    /// The seller's part of an order, as the seller sees it.
    pub async fn part(&self, order: &Thing) -> Thing {
        let orders = self.client.get("/seller/orders?limit=100").await.rows();
        let part = orders.into_iter().find(|part| part["order_id"] == *order.id());
        part.unwrap_or_else(|| panic!("{} has no part of {}", self.name, order.id()))
    }

    /// Hands the own part of an order to the carrier.
    pub async fn ships(&self, order: &Thing) -> Thing {
        let part = self.part(order).await;
        let parcel = json!({"carrier": "DHL", "tracking_number": "JD0123456789"});
        self.client.put(&format!("/seller/orders/{}/ship", part.id()), &parcel).await.ok()
    }

    /// Says that the own part of an order has arrived.
    pub async fn delivers(&self, order: &Thing) -> Thing {
        let part = self.part(order).await;
        self.client.put(&format!("/seller/orders/{}/deliver", part.id()), &json!({})).await.ok()
    }

    /// What the marketplace owes: pending, available, paid out.
    pub async fn balance(&self) -> (i64, i64, i64) {
        let balance = self.client.get("/seller/balance").await.ok();
        (balance.number("pending"), balance.number("available"), balance.number("paid_out"))
    }
}
