//! The OpenAPI document and the page that shows it.

use souk_tests::Market;

#[tokio::test]
async fn the_document_describes_every_endpoint_of_the_paper() {
    let market = Market::start().await;
    let document = market.client.get("/openapi.json").await.is(200).json;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    assert!(document["components"]["securitySchemes"]["bearer"].is_object());
    let mut missing = Vec::new();
    for line in PAPER.lines() {
        let (methods, path) = line.trim().split_once(' ').unwrap();
        for method in methods.split(',') {
            let documented = document["paths"].as_object().unwrap().iter().any(|(known, item)| {
                let known = known.strip_prefix("/api/v1").unwrap_or(known);
                blank(known) == blank(path) && item.get(method).is_some()
            });
            if !documented {
                missing.push(format!("{method} {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    market.ends_clean().await;
}

/// A path with its parameters unnamed.
fn blank(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// The endpoints of `api.md` that the services of this marketplace answer.
const PAPER: &str = "post /auth/register
post /auth/login
post /auth/refresh
post /auth/logout
post /auth/password/forgot
post /auth/password/reset
get,put /users/me
post /users
get,put,delete /users/{id}
post /users/{id}/auth
post /users/{id}/auth-valid
post /sellers
get,put /sellers/{id}
post /admin/sellers/{id}/approve
post /admin/sellers/{id}/suspend
get,post /products
get,put,delete /products/{id}
post /products/{id}/offers
post /products/{id}/images
get,post /products/{id}/reviews
get,post /categories
get,put,delete /categories/{id}
get,delete /cart
post /cart/items
put,delete /cart/items/{sku_id}
get,post /orders
post /orders/quote
get /shipping-methods
get,put,delete /orders/{id}
put /orders/{id}/cancel
post /orders/{id}/returns
get /orders/{id}/stream
get /seller/orders
put /seller/orders/{id}/ship
put /seller/orders/{id}/deliver
post /seller/returns/{id}/approve
post /seller/returns/{id}/reject
post /payments
get /payments/{id}
post /payments/{id}/webhook
post /payments/webhooks/{provider}
post /payments/{id}/refunds
get /seller/balance
get /seller/payouts
get,put /inventory/{sku_id}
get /inventory/{sku_id}/events
post /inventory/sources/{source}/webhook
get /notifications
put /notifications/preferences
get /admin/mail
get /admin/sellers
get /admin/users
get /admin/orders
get /admin/payments
get /admin/products
get /admin/reviews
get /admin/events
get /admin/commission-rules";

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere_and_operations_are_named_once() {
    let market = Market::start().await;
    let document = market.client.get("/openapi.json").await.is(200).json;
    let text = document.to_string();
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once("\"$ref\":\"#") {
        let (pointer, after) = after.split_once('"').unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
        rest = after;
    }
    let mut ids: Vec<&str> = Vec::new();
    for item in document["paths"].as_object().unwrap().values() {
        ids.extend(item.as_object().unwrap().values().filter_map(|operation| operation["operationId"].as_str()));
    }
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "an operation id is used twice");
    market.ends_clean().await;
}

#[tokio::test]
async fn the_docs_page_needs_nothing_from_elsewhere() {
    let market = Market::start().await;
    let page = market.client.at_root().get("/docs").await.is(200);
    assert!(page.text_header("content-type").starts_with("text/html"));
    let html = String::from_utf8(page.bytes).unwrap();
    for elsewhere in ["src=\"http", "src=\"//", "href=\"http"] {
        assert!(!html.contains(elsewhere), "{elsewhere}");
    }
    market.ends_clean().await;
}
