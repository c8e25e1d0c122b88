//! The gateway in a process of its own.

use serde_json::json;
use souk_tests::{Market, pictures};

#[tokio::test]
async fn the_document_is_the_same_in_all_shapes() {
    let (whole, split) = tokio::join!(Market::start(), Market::builder().split().start());
    let document = async |market: &Market| market.client.get("/openapi.json").await.json;
    let (one, other) = (document(&whole).await, document(&split).await);
    assert_eq!(one["paths"], other["paths"]);
    assert_eq!(one["components"], other["components"]);
    tokio::join!(whole.ends_clean(), split.ends_clean());
}

#[tokio::test]
async fn files_streams_and_pages_go_through() {
    let market = Market::builder().split().start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    // A picture in, a picture out, at the root.
    let part = reqwest::multipart::Part::bytes(pictures::jpeg()).file_name("pot.jpg");
    let form = reqwest::multipart::Form::new().part("file", part.mime_str("image/jpeg").unwrap());
    let path = format!("/products/{}/images", teapot.id());
    let listed = seller.client.call(http::Method::POST, &path).form(form).await;
    assert!(listed.status.is_success(), "{listed}");
    let image = market.client.get(&format!("/products/{}", teapot.id())).await.ok();
    let image = market.client.at_root().get(image["images"][0].as_str().unwrap()).await.is(200);
    assert_eq!(image.text_header("content-type"), "image/webp");
    assert!(image.text_header("cache-control").contains("immutable"));
    // A stream of events, and the sandbox's page.
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 1).await;
    let mut stream = cleo.follows(&order).await;
    assert_eq!(stream.next().await.unwrap().data["status"], "pending_payment");
    market.client.at_root().get(order.text("redirect")).await.is(200);
    cleo.pays(&order).await;
    stream.until("confirmed").await;
    market.ends_clean().await;
}

#[tokio::test]
async fn faults_are_those_of_the_service_with_the_request_id_of_the_visitor() {
    let market = Market::builder().split().start().await;
    let guest = market.client.with("x-request-id", "visit-7");
    let missing = guest.get("/products/prod_01h455vb4pex5vsknk084sn02q").await.not_found();
    assert_eq!(
        (missing.text_header("x-request-id"), &missing.json["meta"]["request_id"]),
        ("visit-7", &json!("visit-7"))
    );
    guest.delete("/products").await.refused(405, "method_not_allowed");
    guest.get("/nothing").await.not_found();
    guest.post("/orders", &json!({"email": 7})).await.is(400);
    guest.get("/orders").await.is(401);
    market.ends_clean().await;
}

#[tokio::test]
async fn the_operator_sees_all_outboxes_and_the_health_of_all_processes() {
    let mut market = Market::builder().split().start().await;
    let backlog = market.admin.client.get("/admin/events/backlog").await.ok();
    assert_eq!(backlog.0.as_object().unwrap().len(), 8);
    souk_tests::eventually("the catalog is seen to be well", async || {
        let health = market.client.at_root().get("/health").await.is(200);
        (health.json["dependencies"]["catalog"]["status"] == "OK").then_some(())
    })
    .await;
    market.loses("catalog").await;
    souk_tests::eventually("the catalog is seen to be down", async || {
        let health = market.client.at_root().get("/health").await.is(200);
        (health.json["status"] == "DEGRADED" && health.json["dependencies"]["catalog"]["status"] == "DOWN")
            .then_some(())
    })
    .await;
    market.regains("catalog").await;
    market.ends_clean().await;
}
