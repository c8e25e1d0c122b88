//! One purchase, step by step: cart, order, payment, and waiting for what becomes of it.

use std::time::Duration;

use http::Uri;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    call::{Answer, CART_TOKEN, Call, ORDER_TOKEN},
    client::Connection,
    error::Error,
    session::Session,
};

/// An order as the interface shows it; while it is queued only the first two are there.
#[derive(Clone, Debug, Deserialize)]
pub struct Order {
    pub id: String,
    pub status: String,
    pub access_token: Option<String>,
    pub redirect: Option<String>,
    pub payment_id: Option<String>,
    pub reason: Option<Value>,
}

impl Order {
    /// Whether it waits for its buyer's money and says where to pay.
    pub fn payable(&self) -> bool {
        self.status == "pending_payment" && self.redirect.is_some()
    }

    /// Whether its checkout is over, one way or the other.
    pub fn settled(&self) -> bool {
        !matches!(self.status.as_str(), "queued" | "pending_payment")
    }
}

/// Who asks for an order.
pub enum Buyer<'a> {
    /// Somebody without an account, by the order's secret token.
    Guest(&'a str),
    /// Somebody logged in.
    User(&'a Session),
}

impl Buyer<'_> {
    async fn send(&self, connection: &mut Connection, call: Call, until: Instant) -> Result<Answer, Error> {
        match self {
            Self::Guest(token) => connection.insist(&call.header(ORDER_TOKEN, token), until).await,
            Self::User(session) => session.send(connection, call).await,
        }
    }
}

/// A line of a cart or order.
#[derive(Clone, Debug, Serialize)]
pub struct Line<'a> {
    pub sku_id: &'a str,
    pub quantity: u64,
}

/// Puts a line into the guest's cart with this token, or into a new one. The cart's token.
pub async fn add_to_cart(
    connection: &mut Connection,
    cart: Option<&str>,
    line: &Line<'_>,
    until: Instant,
) -> Result<String, Error> {
    // A lost answer is repeated: at worst an abandoned cart stays behind, or the line counts twice.
    let mut call = Call::post("/api/v1/cart/items", line).repeatable();
    if let Some(token) = cart {
        call = call.header(CART_TOKEN, token);
    }
    let answer = connection.insist(&call, until).await?.accepted("add to the cart")?;
    let token = answer.text_header(&CART_TOKEN).or(cart).unwrap_or_default();
    Ok(token.to_owned())
}

/// The body of an order; without lines the cart is bought.
pub fn purchase(email: Option<&str>, lines: Option<&[Line<'_>]>) -> Value {
    let mut body = json!({
        "shipping_address": {
            "name": "Load Tester", "line1": "1 Test Street", "city": "London", "postal_code": "N1 9GU", "country": "GB",
        },
        "shipping_method": "standard",
        "payment_provider": "sandbox",
    });
    if let Some(email) = email {
        body["email"] = json!(email);
    }
    if let Some(lines) = lines {
        body["items"] = json!(lines);
    }
    body
}

/// Orders a guest's cart. Repeating it with the same key gives the same order.
pub async fn place_as_guest(
    connection: &mut Connection,
    cart: &str,
    email: &str,
    key: &str,
    until: Instant,
) -> Result<Order, Error> {
    let call = Call::post("/api/v1/orders", &purchase(Some(email), None)).header(CART_TOKEN, cart).idempotency_key(key);
    connection.insist(&call, until).await?.data("place the order")
}

/// Presses the pay button of the sandbox's page.
pub async fn pay(connection: &mut Connection, redirect: &str, until: Instant) -> Result<(), Error> {
    // The page may be given with the public address of the marketplace; this connection is already there.
    let uri: Uri = redirect.parse().map_err(|_| Error::Usage(format!("{redirect}: not an address to pay at")))?;
    let call = Call::post_empty(format!("{}/pay", uri.path().trim_end_matches('/'))).repeatable();
    connection.insist(&call, until).await?.accepted("pay")?;
    Ok(())
}

/// Reads an order.
pub async fn read(connection: &mut Connection, buyer: &Buyer<'_>, id: &str, until: Instant) -> Result<Order, Error> {
    buyer.send(connection, Call::get(format!("/api/v1/orders/{id}")), until).await?.data("read the order")
}

/// Reads an order again and again until it is as wanted.
pub async fn wait(
    connection: &mut Connection,
    buyer: &Buyer<'_>,
    id: &str,
    wanted: impl Fn(&Order) -> bool,
    until: Instant,
) -> Result<Order, Error> {
    let mut pause = Duration::from_millis(2);
    loop {
        let order = read(connection, buyer, id, until).await?;
        if wanted(&order) {
            return Ok(order);
        }
        if Instant::now() >= until {
            let what = format!("order {id} is still {}", order.status);
            return Err(Error::TooLate { step: "wait for the order", what });
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}
