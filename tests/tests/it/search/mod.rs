mod completions;
mod facets;
mod finding;
mod hostile;
mod ranking;
mod recovery;
mod statistics;

use souk_tests::{Market, Thing, eventually};

/// What the search answers once it finds products with these titles, in this order.
async fn finds(market: &Market, query: &str, expected: &[&str]) -> Thing {
    eventually(&format!("{query} finds {expected:?}"), async || {
        let answer = market.client.get(&format!("/search?{query}")).await.ok();
        (answer["degraded"] == false && titles(&answer) == expected).then_some(answer)
    })
    .await
}

/// The titles of the hits.
fn titles(answer: &Thing) -> Vec<String> {
    let hits = answer["hits"].as_array().expect("an answer has hits");
    hits.iter().map(|hit| hit["title"].as_str().expect("a hit has a title").to_owned()).collect()
}
