//! What probes and dashboards ask.

use souk_tests::Market;

#[tokio::test]
async fn health_is_bare_and_says_ok() {
    let market = Market::start().await;
    for path in ["/health", "/health/live", "/health/ready"] {
        let answer = market.client.at_root().get(path).await.is(200);
        assert_eq!(answer.json["status"], "OK", "{answer}");
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
