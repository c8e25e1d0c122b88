//! The broker between the processes dies and comes back.

use souk_platform::events::broker::testing::Server;
use souk_tests::{Market, eventually};
use tempfile::TempDir;

#[tokio::test]
async fn orders_survive_a_broker_that_dies() {
    let folder = TempDir::new().expect("there is room for a folder");
    let Some(broker) = Server::start(folder.path()) else { return };
    let market = Market::builder().split().config(|config| config.events = broker.config()).start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    market.buyer("Cleo").await.buys(&teapot, 1).await;
    market.settles().await;

    // RabbitMQ 3.10 that is killed within seconds of making a queue may not find its log again. A restart in good order has the
    // queues written down, and is taken as well.
    broker.does("stop");
    broker.does("start");
    market.settles().await;

    broker.does("kill");
    let mut orders = Vec::new();
    for name in ["Abel", "Bea", "Carl"] {
        let buyer = market.buyer(name).await;
        buyer.adds(&teapot, 2).await;
        let order = buyer.places_order().await;
        buyer.pays(&order).await;
        orders.push((buyer, order));
    }
    let health = eventually("it is noticed", async || {
        let health = market.client.at_root().get("/health").await.is(200).json;
        (health["dependencies"]["events broker"]["status"] == "DOWN").then_some(health)
    })
    .await;
    assert_eq!(health["status"], "DEGRADED", "orders are taken all the same");

    broker.does("start");
    eventually("all is confirmed and told", async || {
        market.clock.advance(chrono::TimeDelta::seconds(1));
        for (buyer, order) in &orders {
            let mails = market.admin.client.get(&format!("/admin/mail?to={}", buyer.email)).await;
            if buyer.order(order).await["status"] != "confirmed" || mails.rows().len() != 1 {
                return None;
            }
        }
        Some(())
    })
    .await;
    // Each consumer's pause is its own: some are longer than that of the mail.
    market.recovers().await;
    assert_eq!(seller.stock(&teapot).await, (43, 0, 43));
    market.ends_clean().await;
}
