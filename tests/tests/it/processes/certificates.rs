//! Who is let in, and who is believed.

use std::{path::Path, time::Duration};

use chrono::TimeDelta;
use http::Request;
use souk::{Config, certs};
use souk_kernel::Clock;
use souk_platform::{
    rpc::Peer,
    tls::{Mutual, MutualConfig},
};
use souk_tests::{Market, eventually};
use tempfile::TempDir;
use tonic::body::Body;

/// Certificates of a year from `days` days ago.
fn make(folder: &Path, days_ago: i64, days: i64) {
    let order = certs::Order {
        folder,
        processes: &[],
        hosts: &[],
        now: Clock::system().now() - TimeDelta::days(days_ago),
        days,
    };
    certs::make(&order).expect("certificates can be made");
}

fn section(folder: &Path, name: &str) -> MutualConfig {
    let file = |name: String| Some(folder.join(name));
    MutualConfig { ca: file("ca.pem".into()), cert: file(format!("{name}.pem")), key: file(format!("{name}.key")) }
}

fn secured(folder: &TempDir) -> impl FnOnce(&mut Config) {
    let section = section(folder.path(), "souk");
    move |config| config.tls = section
}

/// What a process with this section, or without one, gets from a service.
async fn asks(market: &Market, service: &'static str, who: Option<MutualConfig>) -> Result<u16, String> {
    let tls = who.map(|section| Mutual::open(&section, &[]).expect("it is right").expect("it is whole"));
    let address = market.address(service).to_string().parse().expect("an address");
    let peer = Peer::new(service, &[address], tls).expect("the address fits");
    let request = Request::get("/health/live").body(Body::empty()).expect("the path is well-formed");
    let answer = tokio::time::timeout(Duration::from_secs(5), peer.send(request)).await.expect("an end in time");
    answer.map(|answer| answer.status().as_u16()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_process_without_a_valid_certificate_gets_nothing() {
    let (folder, foreign) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    make(folder.path(), 0, 365);
    make(foreign.path(), 0, 365);
    let market = Market::builder().config(secured(&folder)).split().start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    market.buyer("Cleo").await.buys(&teapot, 1).await;

    assert_eq!(asks(&market, "orders", Some(section(folder.path(), "catalog"))).await, Ok(200));
    asks(&market, "orders", None).await.expect_err("no certificate");
    asks(&market, "orders", Some(section(foreign.path(), "souk"))).await.expect_err("another authority");
    // One who knows the marketplace's authority, and shows a certificate of his own.
    let mixed = MutualConfig { ca: Some(folder.path().join("ca.pem")), ..section(foreign.path(), "souk") };
    asks(&market, "orders", Some(mixed)).await.expect_err("a certificate of another authority");
    // HTTP/1.1 in the clear, as a curious neighbour tries it.
    let clear = reqwest::get(format!("http://{}/health", market.address("orders"))).await;
    assert!(clear.is_err(), "{clear:?}");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_service_is_believed_under_its_own_name_only() {
    let folder = TempDir::new().unwrap();
    make(folder.path(), 0, 365);
    let market = Market::builder().config(secured(&folder)).split().start().await;
    let who = section(folder.path(), "gateway");
    // The process that answers has a certificate for all names; one for `search` alone may not pose as `orders`.
    let tls = Mutual::open(&section(folder.path(), "search"), &["orders"]).err().unwrap().to_string();
    assert!(tls.starts_with("tls.cert: ") && tls.contains("not for `orders`"), "{tls}");
    assert_eq!(asks(&market, "orders", Some(who)).await, Ok(200));
    market.ends_clean().await;
}

#[test]
fn what_is_wrong_with_a_certificate_is_said() {
    let (folder, foreign, old) = (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
    make(folder.path(), 0, 365);
    make(foreign.path(), 0, 365);
    make(old.path(), 100, 30);
    let refusal = |section: &MutualConfig| Mutual::open(section, &["orders"]).err().expect("it is refused").to_string();
    let expired = refusal(&section(old.path(), "orders"));
    assert!(expired.starts_with("tls.cert: ") && expired.ends_with("orders.pem has expired"), "{expired}");
    let stranger = MutualConfig { ca: section(folder.path(), "orders").ca, ..section(foreign.path(), "orders") };
    let unknown = refusal(&stranger);
    assert!(unknown.starts_with("tls.cert: ") && unknown.contains("unknown issuer"), "{unknown}");
    let mixed = MutualConfig { key: section(folder.path(), "cart").key, ..section(folder.path(), "orders") };
    let unfit = refusal(&mixed);
    assert!(unfit.starts_with("tls.key: ") && unfit.contains("is not the key of"), "{unfit}");
    let absent = MutualConfig { cert: Some("nowhere.pem".into()), ..section(folder.path(), "orders") };
    assert_eq!(refusal(&absent), "tls.cert: nowhere.pem does not exist");
}

#[tokio::test]
async fn new_certificates_are_taken_without_a_restart() {
    let folder = TempDir::new().unwrap();
    make(folder.path(), 0, 365);
    let market = Market::builder().config(secured(&folder)).split().start().await;
    let before = section(folder.path(), "catalog");
    assert_eq!(asks(&market, "orders", Some(before.clone())).await, Ok(200));
    // Another authority takes over: whoever still has the old one's certificate is turned away.
    let kept = TempDir::new().unwrap();
    for file in ["ca.pem", "catalog.pem", "catalog.key"] {
        std::fs::copy(folder.path().join(file), kept.path().join(file)).unwrap();
    }
    std::fs::remove_file(folder.path().join("ca.key")).unwrap();
    make(folder.path(), 0, 365);
    eventually("the new ones are in use", async || {
        asks(&market, "orders", Some(section(folder.path(), "catalog"))).await.ok()
    })
    .await;
    asks(&market, "orders", Some(section(kept.path(), "catalog"))).await.expect_err("the old authority");
    market.settles().await;
    market.ends_clean().await;
}

#[tokio::test]
async fn visitors_come_by_tls_in_both_versions_of_http() {
    let folder = TempDir::new().unwrap();
    make(folder.path(), 0, 365);
    let order = |config: &mut Config| {
        config.gateway.tls.cert = Some(folder.path().join("gateway.pem"));
        config.gateway.tls.key = Some(folder.path().join("gateway.key"));
    };
    let config = {
        let mut config = Config::default();
        order(&mut config);
        config
    };
    let data = TempDir::new().unwrap();
    let data = souk::DataDir::open(data.path()).unwrap();
    let market = Box::pin(souk::Marketplace::open(config, &data, Clock::system())).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let served = async {
        market.serve(listener, stop.clone()).await;
        market
    };
    let visit = async {
        let address = format!("localhost:{}", address.port());
        for (version, flag) in [("2", "--http2"), ("1.1", "--http1.1")] {
            let seen = curl(&folder, flag, format!("https://{address}/products")).await;
            assert_eq!(seen, format!("200 {version}"));
        }
        stop.cancel();
    };
    let (market, ()) = tokio::join!(served, visit);
    market.stop().await;
}

/// The status and the version of HTTP, as curl sees them.
async fn curl(folder: &TempDir, flag: &'static str, url: String) -> String {
    let mut command = std::process::Command::new("curl");
    command.args(["-s", flag, "-o", "/dev/null", "-w", "%{http_code} %{http_version}", "--cacert"]);
    command.arg(folder.path().join("ca.pem")).arg(url);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it does not panic");
    let output = output.expect("this test needs the program curl");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
