//! The HTTP edge, as far as it needs nobody logged in: the route table fits together, guests, webhooks, the sandbox.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use souk_kernel::{OrderId, PaymentId};
use souk_platform::security::token_hash;
use tower::ServiceExt;

use super::{Shop, new_payment, portion};
use crate::{
    domain::{payment::PaymentStatus, signature::sign},
    http::{root_routes, routes},
    operations::create_payment::create_payment,
};

struct Answer {
    status: StatusCode,
    location: Option<String>,
    text: String,
}

fn router(shop: &Shop) -> Router {
    let (api, _) = routes(shop.app.clone()).split_for_parts();
    let (root, _) = root_routes(shop.app.clone()).split_for_parts();
    Router::new().nest("/api/v1", api).merge(root)
}

async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let location = response.headers().get(header::LOCATION).map(|value| value.to_str().unwrap().to_owned());
    let status = response.status();
    let text = String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap();
    Answer { status, location, text }
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.to_owned().into()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_shown_without_a_token() {
    let shop = Shop::open().await;
    let router = router(&shop);
    let id = PaymentId::new();
    for (method, path) in [
        ("GET", format!("/api/v1/payments/{id}")),
        ("POST", "/api/v1/payments".to_owned()),
        ("GET", format!("/api/v1/payments/{id}/refunds")),
        ("POST", format!("/api/v1/payments/{id}/refunds")),
        ("POST", format!("/api/v1/payments/{id}/webhook")),
        ("POST", "/api/v1/payments/webhooks/sandbox".to_owned()),
        ("GET", "/api/v1/seller/balance".to_owned()),
        ("GET", "/api/v1/seller/payouts".to_owned()),
        ("GET", "/api/v1/admin/payments".to_owned()),
        ("GET", format!("/api/v1/admin/payments/{id}")),
        ("POST", format!("/api/v1/admin/payments/{id}/capture")),
        ("GET", "/api/v1/admin/refunds".to_owned()),
        ("GET", "/api/v1/admin/commission-rules".to_owned()),
        ("POST", "/api/v1/admin/commission-rules".to_owned()),
        ("GET", "/api/v1/admin/payouts".to_owned()),
        ("POST", "/api/v1/admin/payouts".to_owned()),
        ("PATCH", "/api/v1/admin/sandbox/faults".to_owned()),
    ] {
        let answer = send(&router, request(method, &path, &[], "")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_sees_the_payment_of_an_order_by_its_token_only() {
    let shop = Shop::open().await;
    let router = router(&shop);
    let mut new = new_payment(OrderId::new(), vec![portion("a", 1000, 0, 0, 100)]);
    new.order_token_hash = Some(token_hash("right").to_vec());
    let payment = create_payment(&shop.app, new).await.unwrap();
    let path = format!("/api/v1/payments/{}", payment.id);
    let seen = send(&router, request("GET", &path, &[("x-order-token", "right")], "")).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(seen.text.contains(r#""status":"pending","amount":1000,"currency":"GBP","refunded_amount":0"#));
    let by_link = send(&router, request("GET", &format!("{path}/refunds?token=right"), &[], "")).await;
    assert_eq!(by_link.status, StatusCode::OK);
    let wrong = send(&router, request("GET", &path, &[("x-order-token", "wrong")], "")).await;
    assert_eq!(wrong.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_answered_at_once_and_acted_on() {
    let shop = Shop::open().await;
    let router = router(&shop);
    let payment = shop.create(vec![portion("a", 1000, 0, 0, 100)]).await;
    let id = payment.id;
    let body = format!(
        r#"{{"id":"evt_1","type":"payment.completed","payment_id":"{id}","amount":1000,"currency":"GBP","created_at":"x"}}"#
    );
    let signature = sign("secret", shop.clock.now(), body.as_bytes());
    let headers = [("souk-signature", signature.as_str())];
    let own = format!("/api/v1/payments/{id}/webhook");
    let other = format!("/api/v1/payments/{}/webhook", PaymentId::new());
    assert_eq!(send(&router, request("POST", &other, &headers, &body)).await.status, 422);
    assert_eq!(send(&router, request("POST", &own, &headers, &format!("{body} "))).await.status, 401);
    assert_eq!(send(&router, request("POST", "/api/v1/payments/webhooks/other", &headers, &body)).await.status, 404);
    assert_eq!(send(&router, request("POST", "/api/v1/payments/webhooks/manual", &headers, &body)).await.status, 404);
    for path in [own.as_str(), "/api/v1/payments/webhooks/sandbox"] {
        let answer = send(&router, request("POST", path, &headers, &body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    }
    shop.until(id, |payment| payment.status == PaymentStatus::Completed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_has_a_page_with_buttons_that_lead_back() {
    let shop = Shop::open().await;
    let router = router(&shop);
    let payment = shop.create(vec![portion("a", 1234, 0, 0, 100)]).await;
    let page = format!("/sandbox/payments/{}", payment.id);
    assert_eq!(payment.redirect, page);
    let shown = send(&router, request("GET", &page, &[], "")).await;
    assert!(shown.text.contains("12.34 GBP") && shown.text.contains("/pay?fault=drop"), "{}", shown.text);
    assert!(!shown.text.contains("has been made"));
    for _ in 0..2 {
        let pressed = send(&router, request("POST", &format!("{page}/pay"), &[], "")).await;
        assert_eq!((pressed.status, pressed.location.as_deref()), (StatusCode::SEE_OTHER, Some("/orders/1")));
    }
    shop.until(payment.id, |payment| payment.status == PaymentStatus::Completed).await;
    let shown = send(&router, request("GET", &page, &[], "")).await;
    assert!(shown.text.contains("has been made") && !shown.text.contains(r#"class="pay""#));
    let style = send(&router, request("GET", "/sandbox/style.css", &[], "")).await;
    assert!(style.status == StatusCode::OK && style.text.contains("button.pay"));
    let unknown = format!("/sandbox/payments/{}", PaymentId::new());
    assert_eq!(send(&router, request("GET", &unknown, &[], "")).await.status, 404);
    assert_eq!(send(&router, request("POST", &format!("{page}/pay?fault=odd"), &[], "")).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_payment_arrives_later() {
    let shop = Shop::open().await;
    let router = router(&shop);
    let payment = shop.create(vec![portion("a", 1234, 0, 0, 100)]).await;
    let page = format!("/sandbox/payments/{}", payment.id);
    let pressed = send(&router, request("POST", &format!("{page}/delay"), &[], "")).await;
    assert_eq!(pressed.status, StatusCode::SEE_OTHER);
    assert!(send(&router, request("GET", &page, &[], "")).await.text.contains("is processing"));
    assert_eq!(shop.payment(payment.id).await.status, PaymentStatus::Pending);
    shop.later(chrono::TimeDelta::minutes(1));
    // Anything published wakes the relay, which then looks at its timers.
    shop.create(vec![portion("x", 0, 0, 0, 0)]).await;
    shop.until(payment.id, |payment| payment.status == PaymentStatus::Completed).await;
    shop.verify().await;
}
