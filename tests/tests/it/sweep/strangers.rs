//! Every endpoint, asked by who has no business there.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use souk_tests::{Answer, Client, Market};

use super::{
    document::{Operation, operations},
    samples::samples,
    world::World,
};

/// What anybody may ask without a token. Everything else is 401.
const PUBLIC: [&str; 39] = [
    "post /auth/register",
    "post /auth/login",
    "post /auth/refresh",
    "post /auth/password/forgot",
    "post /auth/password/reset",
    "post /users",
    "post /users/{id}/auth",
    "post /users/{id}/auth-valid",
    "get /sellers",
    "get /sellers/{id}",
    "get /products",
    "get /products/{id}",
    "get /products/{id}/reviews",
    "get /categories",
    "get /categories/{id}",
    "get /search",
    "get /search/suggest",
    "post /search/clicks",
    "get /shipping-methods",
    "get /cart",
    "delete /cart",
    "post /cart/items",
    "put /cart/items/{sku_id}",
    "patch /cart/items/{sku_id}",
    "delete /cart/items/{sku_id}",
    "post /orders",
    "post /orders/quote",
    // Signed, or as open as a provider's own pages.
    "post /payments/{id}/webhook",
    "post /payments/webhooks/{provider}",
    "post /inventory/sources/{source}/webhook",
    "get /sandbox/payments/{id}",
    "post /sandbox/payments/{id}/pay",
    "post /sandbox/payments/{id}/decline",
    "post /sandbox/payments/{id}/delay",
    "get /sandbox/style.css",
    "get /images/{name}",
    "get /health",
    "get /health/live",
    "get /health/ready",
];

fn is_public(operation: &Operation) -> bool {
    PUBLIC.contains(&operation.name().as_str()) || operation.path == "/.well-known/jwks.json"
}

async fn ask(client: &Client, world: &World, operation: &Operation, body: Option<&Value>) -> Answer {
    let client = if operation.at_root { client.at_root() } else { client.clone() };
    let call = client.call(operation.method.clone(), &world.path(&operation.path));
    match body {
        Some(body) => call.json(body).await,
        None => call.await,
    }
}

/// The bodies to send; one empty request where none is taken.
fn bodies(world: &World, operation: &Operation) -> Vec<Option<Value>> {
    if operation.body.is_some() { samples(world, operation).into_iter().map(Some).collect() } else { vec![None] }
}

fn tells_secrets(world: &World, answer: &Answer) -> Vec<String> {
    // What somebody sent themselves is no secret to them.
    let text = String::from_utf8_lossy(&answer.bytes);
    let told = world.secrets().into_iter().filter(|secret| text.contains(secret) && !answer.asked.contains(secret));
    told.map(str::to_owned).collect()
}

#[tokio::test]
async fn without_a_token_everything_but_the_public_is_401() {
    let world = World::new().await;
    let before = world.inventory().await;
    let mut wrong = Vec::new();
    for operation in operations(&world.market).await {
        for body in bodies(&world, &operation) {
            let answer = ask(&world.market.client, &world, &operation, body.as_ref()).await;
            if !is_public(&operation) && answer.status != 401 {
                wrong.push(format!("{}: {}", operation.name(), answer.status));
            }
            let told = tells_secrets(&world, &answer);
            // The provider's page leads back to the order, as a real one does.
            if !told.is_empty() && !operation.path.starts_with("/sandbox") {
                wrong.push(format!("{} tells {told:?}", operation.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    unchanged(&world, before).await;
    world.market.ends_clean().await;
}

/// Somebody new for every request, so that what one request does to the own account doesn't matter to the next.
async fn newcomer(market: &Market, sells: bool) -> Client {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let name = format!("Stranger {}", NUMBER.fetch_add(1, Ordering::Relaxed));
    if sells { market.seller(&name).await.client } else { market.buyer(&name).await.client }
}

async fn strangers_get_nothing(sells: bool) {
    let world = World::new().await;
    let before = world.inventory().await;
    let mut wrong = Vec::new();
    for operation in operations(&world.market).await {
        for body in bodies(&world, &operation) {
            let stranger = newcomer(&world.market, sells).await;
            let answer = ask(&stranger, &world, &operation, body.as_ref()).await;
            let told = tells_secrets(&world, &answer);
            if !told.is_empty() && !operation.path.starts_with("/sandbox") {
                wrong.push(format!("{} tells {told:?}", operation.name()));
            }
            let foreign =
                !is_public(&operation) && (operation.path.contains('{') || operation.path.starts_with("/admin"));
            // Any seller may offer any product. An upload is refused before its path is looked at when it is no form.
            let open = ["post /products/{id}/offers", "post /products/{id}/images"]
                .contains(&operation.name().as_str())
                && sells;
            if foreign && !open && ![403, 404].contains(&answer.status.as_u16()) {
                wrong.push(format!("{}: {answer}", operation.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    unchanged(&world, before).await;
    world.market.ends_clean().await;
}

#[tokio::test]
async fn another_buyer_gets_no_foreign_data_and_changes_none() {
    strangers_get_nothing(false).await;
}

#[tokio::test]
async fn another_seller_gets_no_foreign_data_and_changes_none() {
    strangers_get_nothing(true).await;
}

async fn unchanged(world: &World, before: Vec<Value>) {
    let after = world.inventory().await;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
}

#[tokio::test]
async fn the_list_of_what_is_public_names_only_what_there_is() {
    let market = Market::start().await;
    let known: Vec<String> = operations(&market).await.iter().map(Operation::name).collect();
    for name in PUBLIC {
        assert!(known.iter().any(|known| known == name), "{name} is no endpoint");
    }
    market.ends_clean().await;
}
