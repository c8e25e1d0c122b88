//! Events that could not be delivered, for the operator.

use souk_tests::Market;

#[tokio::test]
async fn the_operator_sees_that_nothing_was_given_up() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    cleo.buys(&teapot, 1).await;
    market.settles().await;
    assert!(market.admin.client.get("/admin/events").await.rows().is_empty());
    cleo.client.get("/admin/events").await.is(403);
    seller.client.get("/admin/events").await.is(403);
    market.client.get("/admin/events").await.is(401);
    market.ends_clean().await;
}

#[tokio::test]
async fn verify_names_every_rule_and_counts_what_it_looked_at() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    market.buyer("Cleo").await.buys(&teapot, 1).await;
    market.settles().await;
    let report = Box::pin(souk::verify::run(&market.marketplace().databases)).await.unwrap();
    assert!(report.is_clean(), "{report}");
    let text = report.to_string();
    for part in ["inventory", "orders", "payments", "between services", "clean"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let checked: u64 = report.rules.values().flatten().map(|rule| rule.checked).sum();
    assert!(checked > 0);
    market.ends_clean().await;
}
