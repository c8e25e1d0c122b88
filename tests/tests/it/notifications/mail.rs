//! What is written to whom.

use souk_tests::{Market, Thing};

fn templates(mails: &[Thing]) -> Vec<&str> {
    mails.iter().rev().map(|mail| mail.text("template")).collect()
}

#[tokio::test]
async fn a_purchase_is_told_to_its_buyer_and_its_sellers_step_by_step() {
    let market = Market::start().await;
    let (tea, coffee) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let (teapot, mug) = (tea.lists("Teapot", 2500, 5).await, coffee.lists("Mug", 900, 5).await);
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&teapot, 1).await;
    cleo.adds(&mug, 1).await;
    let before = market.mail_to(&tea.email).await.len();
    let order = cleo.places_order().await;
    assert_eq!(market.mail_to(&tea.email).await.len(), before, "sellers hear of it when it is paid");
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    let mails = market.mail_to(&cleo.email).await;
    assert_eq!(templates(&mails).iter().filter(|template| template.contains("confirmed")).count(), 1, "{mails:?}");
    let confirmed = mails.iter().find(|mail| mail.text("template").contains("confirmed")).unwrap();
    for part in ["Teapot", "Mug", order.text("number"), "34.00"] {
        assert!(
            confirmed.text("text").contains(part) && confirmed.text("html").contains(part),
            "{part} in {confirmed:?}"
        );
    }
    assert!(
        confirmed.id().starts_with("ntf_") && confirmed["sent_at"].is_string() && !confirmed.text("subject").is_empty()
    );
    let to_tea = &market.mail_to(&tea.email).await[0];
    assert!(to_tea.text("text").contains("Teapot") && !to_tea.text("text").contains("Mug"), "{to_tea:?}");
    tea.ships(&order).await;
    let shipped = &market.mail_to(&cleo.email).await[0];
    assert!(
        shipped.text("template").contains("shipped") && shipped.text("text").contains("JD0123456789"),
        "{shipped:?}"
    );
    market.ends_clean().await;
}

#[tokio::test]
async fn a_cancelled_order_is_told_once() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.buys(&teapot, 1).await;
    cleo.cancels(&order).await.ok();
    cleo.sees(&order, "refunded").await;
    let mails = market.mail_to(&cleo.email).await;
    assert_eq!(
        templates(&mails).iter().filter(|template| template.contains("cancelled")).count(),
        1,
        "{:?}",
        templates(&mails)
    );
    market.ends_clean().await;
}

#[tokio::test]
async fn what_people_write_cannot_break_out_of_a_mail() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("<script>alert(1)</script>", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    cleo.buys(&teapot, 1).await;
    for mail in market.mail_to(&cleo.email).await {
        assert!(!mail.text("html").contains("<script>"), "{mail:?}");
        assert!(!mail.text("subject").contains('\n'));
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn only_the_operator_reads_the_mailbox() {
    let market = Market::start().await;
    let (seller, cleo) = (market.seller("Tea House").await, market.buyer("Cleo").await);
    for path in ["/admin/mail", "/admin/mail?to=cleo%40example.com", "/admin/notifications/deliveries"] {
        market.client.get(path).await.is(401);
        cleo.client.get(path).await.is(403);
        seller.client.get(path).await.is(403);
    }
    assert!(market.mail_to("nobody@example.com").await.is_empty());
    market.ends_clean().await;
}

#[tokio::test]
async fn mails_are_listed_newest_first_for_an_address_in_any_case() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    for _ in 0..2 {
        cleo.buys(&teapot, 1).await;
    }
    let mails = market.mail_to("CLEO@example.com").await;
    assert!(mails.len() >= 2);
    assert!(mails.iter().map(|mail| mail.text("sent_at")).is_sorted_by(|newer, older| newer >= older));
    market.ends_clean().await;
}
