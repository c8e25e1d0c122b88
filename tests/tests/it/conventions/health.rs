//! What probes and dashboards ask.

use souk_tests::{Market, eventually};

#[tokio::test]
async fn health_is_bare_and_says_ok() {
    let market = Market::start().await;
    for path in ["/health", "/health/live", "/health/ready"] {
        // A replica that has not followed yet to where the tables were made is none that answers.
        let answer = eventually("all is well", async || {
            let answer = market.client.at_root().get(path).await.is(200);
            (answer.json["status"] == "OK").then_some(answer)
        })
        .await;
        assert!(answer.json["service"].is_string(), "{answer}");
        assert!(answer.json.get("data").is_none(), "{answer}");
    }
    market.client.get("/health").await.not_found();
    market.ends_clean().await;
}

#[tokio::test]
async fn metrics_are_not_public() {
    let market = Market::start().await;
    market.client.at_root().get("/metrics").await.not_found();
    market.ends_clean().await;
}
