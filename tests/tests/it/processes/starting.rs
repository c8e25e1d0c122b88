//! What is wrong is told before anything runs.

use souk::{Config, DataDir, Marketplace, Roster};
use souk_kernel::Clock;
use tempfile::TempDir;

async fn refusal(roster: &[&str], config: Config) -> String {
    let folder = TempDir::new().expect("there is room for a folder");
    let data = DataDir::open(folder.path()).expect("the folder can be used");
    let roster = Roster::of(roster).expect("they are services");
    let opened = Box::pin(Marketplace::open_part(config, &data, Clock::system(), roster)).await;
    opened.err().expect("it can't start").to_string()
}

#[tokio::test]
async fn every_service_elsewhere_needs_an_address() {
    let mut config = Config::default();
    config.peers.identity = vec!["http://10.0.0.5:7001".parse().unwrap()];
    let told = refusal(&["catalog", "search"], config).await;
    for missing in ["inventory", "cart", "orders", "payments", "notifications"] {
        assert!(told.contains(&format!("peers.{missing} is not set")), "{told}");
    }
    assert!(!told.contains("peers.identity") && !told.contains("peers.search"), "{told}");
}

#[tokio::test]
async fn an_address_has_to_fit_the_process() {
    let mut config = Config::default();
    let all = "https://10.0.0.5:7001".parse::<souk_platform::rpc::Address>().unwrap();
    let peers = &mut config.peers;
    for service in [
        &mut peers.identity,
        &mut peers.catalog,
        &mut peers.inventory,
        &mut peers.cart,
        &mut peers.orders,
        &mut peers.payments,
        &mut peers.notifications,
    ] {
        service.push(all.clone());
    }
    let told = refusal(&["search", "gateway"], config).await;
    assert!(told.starts_with("peers.identity: https://10.0.0.5:7001 says https") && told.contains("tls.ca"), "{told}");
}

#[tokio::test]
async fn who_is_looked_up_needs_to_be_told_where() {
    let mut config = Config::default();
    for peers in [&mut config.peers.identity, &mut config.peers.catalog, &mut config.peers.inventory] {
        peers.push("etcd:".parse().unwrap());
    }
    let told = refusal(&["cart", "orders", "payments", "notifications", "search"], config).await;
    assert!(told.starts_with("peers.identity: says `etcd:`, but discovery.etcd"), "{told}");
}

#[tokio::test]
async fn half_a_section_of_certificates_is_refused() {
    let mut config = Config::default();
    config.tls.ca = Some("ca.pem".into());
    assert!(refusal(&[], config).await.starts_with("tls.cert: is not set"));
    let mut config = Config::default();
    config.gateway.tls.cert = Some("cert.pem".into());
    assert!(refusal(&[], config).await.starts_with("gateway.tls.key: is not set"));
}

#[test]
fn a_service_is_served_by_one_process_of_a_folder() {
    let folder = TempDir::new().unwrap();
    let data = DataDir::open(folder.path()).unwrap();
    let catalog = data.lock("catalog").unwrap().expect("nobody has it");
    assert!(data.lock("catalog").unwrap().is_none());
    let _orders = data.lock("orders").unwrap().expect("another service is another matter");
    drop(catalog);
    assert!(data.lock("catalog").unwrap().is_some());
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_told_by_its_setting() {
    let mut config = Config::default();
    config.files.url = "gs://bucket".to_owned();
    assert!(refusal(&[], config).await.starts_with("files.url"));
    let mut config = Config::default();
    config.events.url = "kafka://broker:9092".into();
    assert!(refusal(&[], config).await.starts_with("events.url"));
    let mut config = Config::default();
    config.redis.url = "memcached://server:11211".into();
    assert!(refusal(&[], config).await.starts_with("redis.url"));
    let mut config = Config::default();
    config.discovery.etcd = vec!["zookeeper://server:2181".to_owned()];
    assert!(refusal(&[], config).await.starts_with("discovery.etcd"));
}
