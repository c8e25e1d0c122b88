//! Somebody who buys, with or without an account.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use crate::{Answer, Client, Stream, Thing, eventually};

/// Somebody who buys. Clones are tabs of one browser: they share the cart and what is remembered.
#[derive(Clone)]
pub struct Buyer {
    /// Calls with the buyer's token, if there is an account.
    pub client: Client,
    /// The buyer's address.
    pub email: String,
    /// The buyer's id; a guest has none.
    pub user_id: Option<String>,
    memory: Arc<Mutex<Memory>>,
}

/// What a guest's browser remembers.
#[derive(Default)]
struct Memory {
    cart_token: Option<String>,
    order_tokens: HashMap<String, String>,
}

/// Where everything is sent.
pub fn address() -> Value {
    json!({
        "name": "Cleo Buyer",
        "line1": "1 High Street",
        "line2": "Flat 2",
        "city": "Leeds",
        "region": "West Yorkshire",
        "postal_code": "LS1 1AA",
        "country": "GB",
        "phone": "+44 113 496 0000",
    })
}

impl Buyer {
    pub(crate) fn with_account(client: &Client, session: &Thing) -> Self {
        let user = Thing(session["user"].clone());
        let client = client.with_token(session.text("access_token"));
        let (email, user_id) = (user.text("email").to_owned(), Some(user.id().to_owned()));
        Self { client, email, user_id, memory: Arc::default() }
    }

    pub(crate) fn guest(client: &Client, email: &str) -> Self {
        Self { client: client.clone(), email: email.to_owned(), user_id: None, memory: Arc::default() }
    }

    /// Somebody else without an account, with this address.
    #[must_use]
    pub fn another_guest(&self, email: &str) -> Self {
        assert!(self.user_id.is_none(), "only guests have no account");
        Self::guest(&self.client, email)
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().expect("nothing panics while remembering")
    }

    /// The token of a guest's cart, once there is one.
    pub fn cart_token(&self) -> Option<String> {
        self.memory().cart_token.clone()
    }

    /// Calls about the cart.
    pub fn at_cart(&self) -> Client {
        match self.cart_token() {
            Some(token) => self.client.with("x-cart-token", &token),
            None => self.client.clone(),
        }
    }

    /// Calls about an order of theirs.
    pub fn at_order(&self, order: &Thing) -> Client {
        match self.memory().order_tokens.get(order.id()) {
            Some(token) => self.client.with("x-order-token", token),
            None => self.client.clone(),
        }
    }

    fn remembers(&self, answer: &Answer) {
        let token = answer.text_header("x-cart-token");
        if !token.is_empty() {
            self.memory().cart_token = Some(token.to_owned());
        }
    }

    /// The cart.
    pub async fn cart(&self) -> Thing {
        let answer = self.at_cart().get("/cart").await;
        self.remembers(&answer);
        answer.ok()
    }

    /// Puts units of a product's first SKU into the cart.
    pub async fn adds(&self, product: &Thing, quantity: i64) -> Thing {
        self.tries_to_add(product.sku(), quantity).await.data()
    }

    /// Puts units of a SKU into the cart, whatever comes of it.
    pub async fn tries_to_add(&self, sku: &str, quantity: i64) -> Answer {
        let answer = self.at_cart().post("/cart/items", &json!({"sku_id": sku, "quantity": quantity})).await;
        self.remembers(&answer);
        answer
    }

    /// What they send to order the cart.
    pub fn order_form(&self) -> Value {
        let mut form =
            json!({"shipping_address": address(), "shipping_method": "standard", "payment_provider": "sandbox"});
        if self.user_id.is_none() {
            form["email"] = json!(self.email);
        }
        form
    }

    /// Orders what is in the cart.
    pub async fn places_order(&self) -> Thing {
        self.tries_to_order(&self.order_form()).await.created()
    }

    /// Orders a product without a cart.
    pub async fn orders(&self, product: &Thing, quantity: i64) -> Thing {
        self.tries_to_order(&self.order_form_for(product, quantity)).await.created()
    }

    /// What they send to order a product without a cart.
    pub fn order_form_for(&self, product: &Thing, quantity: i64) -> Value {
        let mut form = self.order_form();
        form["items"] = json!([{"sku_id": product.sku(), "quantity": quantity}]);
        form
    }

    /// Sends an order, whatever comes of it.
    pub async fn tries_to_order(&self, form: &Value) -> Answer {
        let answer = self.at_cart().post("/orders", form).await;
        self.notes_order(&answer);
        answer
    }

    /// Keeps the token that a guest gets for an order.
    pub fn notes_order(&self, answer: &Answer) {
        if let (Some(id), Some(token)) =
            (answer.json["data"]["id"].as_str(), answer.json["data"]["access_token"].as_str())
        {
            self.memory().order_tokens.insert(id.to_owned(), token.to_owned());
        }
    }

    /// Presses "pay" on the provider's page.
    pub async fn pays(&self, order: &Thing) {
        self.presses("pay", order).await.is(303);
    }

    /// Presses "decline" on the provider's page.
    pub async fn declines(&self, order: &Thing) {
        self.presses("decline", order).await.is(303);
    }

    /// Presses a button of the provider's page, whatever comes of it.
    pub async fn presses(&self, button: &str, order: &Thing) -> Answer {
        let page = page_of(order);
        self.client.at_root().post_empty(&format!("{page}/{button}")).await
    }

    /// Looks at an order.
    pub async fn order(&self, order: &Thing) -> Thing {
        self.at_order(order).get(&format!("/orders/{}", order.id())).await.ok()
    }

    /// Looks at an order until it has this status.
    pub async fn sees(&self, order: &Thing, status: &str) -> Thing {
        let what = format!("{} becomes {status}", order.id());
        eventually(&what, async || {
            let order = self.order(order).await;
            (order.text("status") == status).then_some(order)
        })
        .await
    }

    /// Buys a product: orders it, pays and waits for the confirmation.
    pub async fn buys(&self, product: &Thing, quantity: i64) -> Thing {
        let order = self.orders(product, quantity).await;
        self.pays(&order).await;
        self.sees(&order, "confirmed").await
    }

    /// Calls an order off, whatever comes of it.
    pub async fn cancels(&self, order: &Thing) -> Answer {
        self.at_order(order).put(&format!("/orders/{}/cancel", order.id()), &json!({})).await
    }

    /// Asks to send units of a SKU back, whatever comes of it.
    pub async fn returns(&self, order: &Thing, sku: &str, quantity: i64) -> Answer {
        let form = json!({"items": [{"sku_id": sku, "quantity": quantity}], "reason": "does not fit"});
        self.at_order(order).post(&format!("/orders/{}/returns", order.id()), &form).await
    }

    /// Follows an order's status.
    pub async fn follows(&self, order: &Thing) -> Stream {
        self.at_order(order).get(&format!("/orders/{}/stream", order.id())).stream().await
    }
}

/// The path of the provider's page for an order.
fn page_of(order: &Thing) -> String {
    let redirect = order.text("redirect");
    let path = redirect.split_once("://").map_or(redirect, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    path.trim_end_matches('/').to_owned()
}
