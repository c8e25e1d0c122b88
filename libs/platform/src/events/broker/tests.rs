//! The way over a broker. Without one (`SOUK_TEST_AMQP_URL`) most of these tests say nothing.

use super::*;

async fn refusal(config: EventsConfig) -> String {
    match Broker::open(&config).await {
        Ok(_) => panic!("it is taken"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn without_a_url_there_is_none() {
    assert!(Broker::open(&EventsConfig::default()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_url_that_can_not_be_right_is_told_without_its_password() {
    let urls = if cfg!(feature = "cluster") {
        [("kafka://u:hunter2@host", "there is no broker engine `kafka`"), ("u:hunter2@host", "no URL")]
    } else {
        [("amqp://u:hunter2@host", "was built without"), ("kafka://u:hunter2@host", "was built without")]
    };
    for (url, expected) in urls {
        let error = refusal(EventsConfig { url: url.into(), ..EventsConfig::default() }).await;
        let told =
            error.starts_with("events.url: ") && (error.contains(expected) || error.contains("no broker engine"));
        assert!(told && !error.contains("hunter2"), "{error}");
    }
}

#[cfg(feature = "cluster")]
mod on_a_server;
