//! What the catalogue shows of the stock, as `souk verify` compares it.

use souk_tests::Market;

/// What the rule finds.
async fn misshown(market: &Market) -> Vec<String> {
    let rule = market.rule("catalog shows what inventory has").await;
    assert_eq!(rule.checked, 2);
    rule.offenders
}

async fn show(market: &Market, units: i64, instead_of: i64) {
    let sql = format!("UPDATE skus SET stock = {units} WHERE stock = {instead_of}");
    market.tampers(market.databases().catalog(), sql).await;
}

#[tokio::test]
async fn a_wrong_number_in_the_catalogue_is_found() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 7).await;
    seller.lists("Cup", 500, 5).await;
    market.settles().await;
    assert!(misshown(&market).await.is_empty());
    show(&market, 8, 7).await;
    let found = misshown(&market).await;
    assert!(matches!(&found[..], [one] if one.starts_with(teapot.sku())), "{found:?}");
    show(&market, 7, 8).await;
    market.ends_clean().await;
}
