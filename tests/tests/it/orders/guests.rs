//! Orders of guests.

use serde_json::json;
use souk_tests::Market;

#[tokio::test]
async fn a_guest_needs_an_address_to_be_written_to() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let guest = market.guest();
    guest.adds(&teapot, 1).await;
    let mut form = guest.order_form();
    form.as_object_mut().unwrap().remove("email");
    guest.tries_to_order(&form).await.invalid(&["email"]);
    form["email"] = json!("nowhere");
    guest.tries_to_order(&form).await.invalid(&["email"]);
    guest.places_order().await;
    market.ends_clean().await;
}

#[tokio::test]
async fn a_guests_order_opens_with_its_token_only() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let (guest, mallory) = (market.guest(), market.guest());
    let order = guest.orders(&teapot, 1).await;
    let token = order.text("access_token");
    assert!(token.len() >= 32);
    let path = format!("/orders/{}", order.id());
    assert_eq!(market.client.get(&path).header("x-order-token", token).await.ok()["id"], order["id"]);
    assert_eq!(market.client.get(&format!("{path}?token={token}")).await.ok()["id"], order["id"]);
    market.client.get(&path).await.is(401);
    let other = mallory.orders(&teapot, 1).await;
    for wrong in [other.text("access_token"), "x", &token[1..]] {
        market.client.get(&path).header("x-order-token", wrong).await.not_found();
        market.client.put(&format!("{path}/cancel"), &json!({})).header("x-order-token", wrong).await.not_found();
        market.client.delete(&path).header("x-order-token", wrong).await.not_found();
        market.client.get(&format!("{path}/stream")).header("x-order-token", wrong).await.not_found();
    }
    market.buyer("Cleo").await.client.get(&path).await.not_found();
    // The token is told once.
    assert!(guest.order(&order).await.get("access_token").is_none());
    market.ends_clean().await;
}

#[tokio::test]
async fn a_guest_does_all_that_a_user_does() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let guest = market.guest();
    guest.adds(&teapot, 2).await;
    let order = guest.places_order().await;
    guest.at_order(&order).get(&format!("/payments/{}", order.text("payment_id"))).await.ok();
    guest.declines(&order).await;
    guest.sees(&order, "payment_failed").await;
    let retry = guest.at_order(&order).post("/payments", &json!({"order_id": order.id()})).await.created();
    let again = guest.order(&order).await;
    assert_eq!(again["payment_id"], retry["id"]);
    guest.pays(&again).await;
    guest.sees(&order, "confirmed").await;
    seller.ships(&order).await;
    seller.delivers(&order).await;
    let wanted = guest.returns(&order, teapot.sku(), 1).await.created();
    seller.client.post(&format!("/seller/returns/{}/approve", wanted.id()), &json!({})).await.ok();
    market.settles().await;
    assert_eq!(guest.order(&order).await["payment_status"], "partially_refunded");
    let cancelled = guest.orders(&teapot, 1).await;
    guest.cancels(&cancelled).await.ok();
    market.ends_clean().await;
}

#[tokio::test]
async fn mails_to_a_guest_link_to_the_order_with_its_token() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let guest = market.guest();
    let order = guest.buys(&teapot, 1).await;
    let mails = market.mail_to(&guest.email).await;
    let confirmed = mails.iter().find(|mail| mail.text("template").contains("confirmed"));
    let confirmed = confirmed.unwrap_or_else(|| panic!("{mails:?}"));
    assert!(confirmed.text("text").contains(order.text("number")));
    let text = confirmed.text("text");
    let link = text.split_whitespace().find(|word| word.contains("/orders/")).unwrap_or_else(|| panic!("{text}"));
    assert!(confirmed.text("html").contains(link), "{confirmed:?}");
    let path = &link[link.find("/orders/").unwrap()..];
    assert_eq!(market.client.get(path).await.ok()["id"], order["id"], "{link}");
    let last = if path.ends_with('0') { "1" } else { "0" };
    market.client.get(&format!("{}{last}", &path[..path.len() - 1])).await.not_found();
    market.client.get(path.split('?').next().unwrap()).await.is(401);
    for mail in market.mail_to(&seller.email).await {
        assert!(!mail.text("text").contains("token="), "{mail:?}");
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn mails_to_a_user_link_to_the_order_without_a_token() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.buys(&teapot, 1).await;
    let mails = market.mail_to(&cleo.email).await;
    let confirmed = mails.iter().find(|mail| mail.text("template").contains("confirmed")).unwrap();
    assert!(confirmed.text("text").contains(&format!("/orders/{}", order.id())), "{confirmed:?}");
    assert!(!confirmed.text("text").contains("token=") && !confirmed.text("html").contains("token="), "{confirmed:?}");
    market.ends_clean().await;
}
