//! What is offered while somebody types.

use serde_json::json;
use souk_tests::{Market, eventually};

use super::finds;

#[tokio::test]
async fn words_and_products_are_offered_also_for_misspelled_beginnings() {
    let market = Market::start().await;
    let seller = market.seller("Electronics").await;
    for title in ["Wireless headphones", "Wireless mouse", "Wired mouse"] {
        seller.lists(title, 1000, 5).await;
    }
    finds(&market, "q=wired", &["Wired mouse"]).await;
    let offered = |query: &'static str, expected: &'static str| {
        let client = market.client.clone();
        async move {
            eventually(&format!("{query} offers {expected}"), async || {
                let answer = client.get(&format!("/search/suggest?q={query}")).await.ok();
                answer["completions"].as_array().unwrap().contains(&json!(expected)).then_some(answer)
            })
            .await
        }
    };
    offered("wirel", "wireless").await;
    offered("wireless%20mo", "wireless mouse").await;
    offered("headphnes", "headphones").await;
    let answer = offered("wireless%20he", "wireless headphones").await;
    assert_eq!(answer["products"][0]["title"], "Wireless headphones");
    assert_eq!(answer["products"][0]["price"], 1000);
    let nothing = market.client.get("/search/suggest").await.ok();
    assert_eq!(nothing["completions"], json!([]));
    market.ends_clean().await;
}
