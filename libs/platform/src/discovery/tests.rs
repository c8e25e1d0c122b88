//! Registering and finding. Those tests that take an etcd say nothing where it is not installed (Debian: apt-get install etcd-server),
//! and those about its users nothing without the one of `scripts/with-engines`.

use tokio_util::sync::CancellationToken;

use super::*;

async fn refusal(config: DiscoveryConfig) -> String {
    match Discovery::open(&config, Vec::new(), CancellationToken::new()).await {
        Ok(_) => panic!("{config:?} is taken"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn without_an_address_there_is_none() {
    let none = Discovery::open(&DiscoveryConfig::default(), Vec::new(), CancellationToken::new()).await;
    assert!(none.unwrap().is_none());
}

#[tokio::test]
async fn what_can_not_be_right_is_told_by_its_setting_and_without_a_password() {
    let etcd = || vec!["http://127.0.0.1:9".to_owned()];
    let plain = || DiscoveryConfig { etcd: etcd(), ..DiscoveryConfig::default() };
    let cases = [
        (
            DiscoveryConfig { etcd: vec!["consul://host:8500".to_owned()], ..plain() },
            "discovery.etcd",
            "is not the address",
        ),
        (
            DiscoveryConfig { etcd: vec!["http://u:hunter2@host".to_owned()], ..plain() },
            "discovery.etcd",
            "discovery.user",
        ),
        (DiscoveryConfig { user: "souk".to_owned(), ..plain() }, "discovery.password", "is not set"),
        (DiscoveryConfig { password: "hunter2".into(), ..plain() }, "discovery.user", "is not set"),
        (DiscoveryConfig { name: String::new(), ..plain() }, "discovery.name", "must have"),
        (DiscoveryConfig { ttl: Duration::from_secs(1), ..plain() }, "discovery.ttl", "must be"),
        (DiscoveryConfig { cert: Some("cert.pem".into()), ..plain() }, "discovery.key", "is not set"),
        (
            DiscoveryConfig { root_certificate: Some("nowhere.pem".into()), ..plain() },
            "discovery.root_certificate",
            "does not exist",
        ),
    ];
    for (config, setting, expected) in cases {
        let error = refusal(config).await;
        let (setting, expected) =
            if cfg!(feature = "cluster") { (setting, expected) } else { ("discovery.etcd", "was built without") };
        assert!(error.starts_with(&format!("{setting}: ")) && error.contains(expected), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[cfg(feature = "cluster")]
mod on_a_server {
    use std::{net::SocketAddr, sync::Arc, time::Instant};

    use axum::{Router, routing::get};
    use http::Request;
    use http_body_util::BodyExt;
    use tempfile::TempDir;
    use tokio::net::TcpListener;
    use tonic::body::Body;

    use super::{
        testing::{Server, registered as keys},
        *,
    };
    use crate::{
        listen::{self, Listening},
        rpc::{Address, Peer},
    };

    const PATIENCE: Duration = Duration::from_secs(30);

    async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) -> Duration {
        let began = Instant::now();
        while !holds().await {
            assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        began.elapsed()
    }

    fn listening() -> Listening {
        Listening {
            header_timeout: Duration::from_secs(5),
            drain_limit: Duration::from_secs(2),
            linger: Duration::ZERO,
            max_connections: 100,
            max_streams: 100,
            window: 1 << 20,
            http2: true,
            tls: None,
        }
    }

    /// A process that answers `/` with its name, and registers as `shop`.
    struct Process {
        address: SocketAddr,
        registration: Registration,
        stop: CancellationToken,
    }

    impl Process {
        async fn start(name: &'static str, config: &DiscoveryConfig) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
            let pages = Router::new().route("/", get(async move || name));
            tokio::spawn(listen::serve(listener, pages, listening(), stop.clone()));
            let discovery = Discovery::open(config, Vec::new(), stop.clone()).await.unwrap().unwrap();
            let registration = discovery.register(&["shop"], &config.advertised(address, false).unwrap());
            Self { address, registration, stop }
        }
    }

    /// A process that looks `shop` up.
    struct Caller {
        peer: Arc<Peer>,
        discovery: Discovery,
        stop: CancellationToken,
    }

    impl Caller {
        async fn start(config: &DiscoveryConfig) -> Self {
            let peer = Peer::new("shop", &[Address::etcd()], None).unwrap();
            let stop = CancellationToken::new();
            let discovery = Discovery::open(config, vec![Arc::clone(&peer)], stop.clone()).await.unwrap().unwrap();
            Self { peer, discovery, stop }
        }

        async fn asks(&self) -> Result<String, String> {
            let request = Request::get("/").body(Body::empty()).unwrap();
            let answer = self.peer.send(request).await.map_err(|error| error.to_string())?;
            let body = answer.into_body().collect().await.map_err(|error| error.to_string())?;
            Ok(String::from_utf8(body.to_bytes().to_vec()).unwrap())
        }

        /// Who answers, of so many requests that everybody has to.
        async fn hears(&self) -> Vec<String> {
            let mut heard = Vec::new();
            for _ in 0..40 {
                heard.push(self.asks().await.unwrap_or_else(|error| error));
            }
            heard.sort();
            heard.dedup();
            heard
        }
    }

    #[tokio::test]
    async fn who_registers_is_found_and_who_is_told_to_stop_is_gone_before_it_is() {
        let folder = TempDir::new().unwrap();
        let Some(etcd) = Server::start(folder.path()) else { return };
        // It may not answer yet: that only takes until it does.
        let config = etcd.config();
        let caller = Caller::start(&config).await;
        assert!(caller.asks().await.unwrap_err().contains("shop has no instance"));
        let (one, two) = (Process::start("one", &config).await, Process::start("two", &config).await);
        eventually("both are found", async || caller.hears().await == ["one", "two"]).await;
        eventually("it is heard", async || caller.discovery.trouble().is_ok()).await;
        let late = Caller::start(&config).await;
        assert_eq!(late.hears().await, ["one", "two"], "a start waits for the list");

        // It still answers, so that only who was told differently goes elsewhere.
        one.registration.withdraw().await;
        eventually("the other is left", async || caller.hears().await == ["two"] && late.hears().await == ["two"])
            .await;
        assert_eq!(keys(&config).await, [format!("souk/peers/shop/{}", two.address)]);
        caller.stop.cancel();
        late.stop.cancel();
        one.stop.cancel();
        two.stop.cancel();
    }

    #[tokio::test]
    async fn calls_go_on_while_etcd_is_away_and_everybody_registers_with_one_that_has_forgotten_all() {
        let folder = TempDir::new().unwrap();
        let Some(mut etcd) = Server::start(folder.path()) else { return };
        let config = DiscoveryConfig { ttl: Duration::from_secs(2), ..etcd.config() };
        let (one, two) = (Process::start("one", &config).await, Process::start("two", &config).await);
        let caller = Caller::start(&config).await;
        eventually("both are found", async || caller.hears().await == ["one", "two"]).await;
        let calling = async {
            let mut failed = Vec::new();
            loop {
                if let Err(error) = caller.asks().await {
                    failed.push(error);
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
                if caller.stop.is_cancelled() {
                    return failed;
                }
            }
        };
        let breaking = async {
            etcd.kill();
            eventually("it is noticed", async || caller.discovery.trouble().is_err()).await;
            // Longer than any lease.
            tokio::time::sleep(config.ttl * 2).await;
            assert_eq!(caller.hears().await, ["one", "two"], "the last known stay in use");
            etcd.revive(true);
            eventually("they have registered again", async || keys(&config).await.len() == 2).await;
            eventually("it is heard again", async || caller.discovery.trouble().is_ok()).await;
            assert_eq!(caller.hears().await, ["one", "two"]);
            // Who did not register again is forgotten, and who did is not.
            tokio::time::sleep(config.ttl * 2).await;
            assert_eq!(caller.hears().await, ["one", "two"]);
            caller.stop.cancel();
        };
        let (failed, ()) = tokio::join!(calling, breaking);
        assert!(failed.is_empty(), "{failed:?}");
        one.registration.withdraw().await;
        two.registration.withdraw().await;
        assert!(keys(&config).await.is_empty());
    }

    #[tokio::test]
    async fn who_does_not_register_again_is_forgotten_after_its_lease_and_the_last_is_not() {
        let folder = TempDir::new().unwrap();
        let Some(mut etcd) = Server::start(folder.path()) else { return };
        let config = DiscoveryConfig { ttl: Duration::from_secs(2), ..etcd.config() };
        let (one, two) = (Process::start("one", &config).await, Process::start("two", &config).await);
        let caller = Caller::start(&config).await;
        eventually("both are found", async || caller.hears().await == ["one", "two"]).await;
        etcd.kill();
        // It goes while nobody can be told.
        one.registration.withdraw().await;
        etcd.revive(true);
        eventually("it is forgotten", async || caller.hears().await == ["two"]).await;
        two.registration.withdraw().await;
        eventually("nobody is registered", async || keys(&config).await.is_empty()).await;
        assert_eq!(caller.hears().await, ["two"], "the last known stays in use");
        let three = Process::start("three", &config).await;
        eventually("the next takes its place", async || caller.hears().await == ["three"]).await;
        caller.stop.cancel();
        three.registration.withdraw().await;
    }

    #[tokio::test]
    async fn what_was_missed_and_is_no_longer_told_is_listed_again() {
        let folder = TempDir::new().unwrap();
        let Some(etcd) = Server::start(folder.path()) else { return };
        let discovery = Discovery::open(&etcd.config(), Vec::new(), CancellationToken::new()).await.unwrap().unwrap();
        let connection = connected(&discovery).await;
        let lease = connection.grant(Duration::from_mins(1)).await.unwrap();
        connection.put("souk/peers/shop/a", "http://127.0.0.1:9", lease).await.unwrap();
        let (_, known) = connection.list("souk/").await.unwrap();
        for _ in 0..3 {
            connection.put("souk/peers/shop/b", "http://127.0.0.1:9", lease).await.unwrap();
        }
        connection.compact(known + 2).await.unwrap();
        let peer = Peer::new("shop", &[Address::etcd()], None).unwrap();
        let mut lookup = lookup::Lookup::new(Arc::clone(&discovery.shared), vec![peer]);
        eventually("both are listed", async || {
            let heard = tokio::time::timeout(Duration::from_millis(200), lookup.hear(&connection, known)).await;
            assert!(heard.is_err(), "it goes on after the list: {:?}", heard.map(|fault| fault.told().1.to_owned()));
            lookup.addresses_of("shop").len() == 2
        })
        .await;
    }

    #[tokio::test]
    async fn an_etcd_that_is_away_is_not_waited_for_and_one_that_is_none_is_told() {
        let away = DiscoveryConfig { etcd: vec!["http://127.0.0.1:9".to_owned()], ..DiscoveryConfig::default() };
        let caller = Caller::start(&away).await;
        let trouble = caller.discovery.trouble().unwrap_err();
        assert!(trouble.starts_with("discovery.etcd: http://127.0.0.1:9/: "), "{trouble}");
        caller.stop.cancel();
        // Somebody who speaks HTTP/2, but is no etcd.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(listen::serve(listener, Router::new(), listening(), stop.clone()));
        let other = DiscoveryConfig { etcd: vec![format!("http://{address}")], ..DiscoveryConfig::default() };
        let peer = Peer::new("shop", &[Address::etcd()], None).unwrap();
        let error = Discovery::open(&other, vec![peer], stop.clone()).await.err().unwrap().to_string();
        assert!(error.starts_with("discovery.etcd: who answers there is no etcd"), "{error}");
        stop.cancel();
    }

    #[tokio::test]
    async fn a_wrong_user_is_told_and_the_right_one_finds() {
        let Some(right) = testing::server() else { return };
        let open = async |config: DiscoveryConfig| {
            let peer = Peer::new("shop", &[Address::etcd()], None).unwrap();
            let opened = Discovery::open(&config, vec![peer], CancellationToken::new()).await;
            opened.map(|discovery| discovery.unwrap()).map_err(|error| error.to_string())
        };
        let wrong = DiscoveryConfig { password: "hunter2".into(), ..right.clone() };
        assert_eq!(open(wrong).await.err().unwrap(), "discovery.password: etcd refuses this user and password");
        let nobody = DiscoveryConfig { user: String::new(), password: Secret::default(), ..right.clone() };
        assert!(open(nobody).await.err().unwrap().starts_with("discovery.user: is not set, but"));
        let elsewhere = DiscoveryConfig { name: "somebody-else".to_owned(), ..right.clone() };
        assert!(open(elsewhere).await.err().unwrap().starts_with("discovery.user: has not the rights"));
        let (process, caller) = (Process::start("one", &right).await, Caller::start(&right).await);
        eventually("it is found", async || caller.hears().await == ["one"]).await;
        process.registration.withdraw().await;
        assert!(keys(&right).await.is_empty());
        caller.stop.cancel();
    }

    async fn connected(discovery: &Discovery) -> etcd::Connection {
        let mut connection = None;
        eventually("etcd answers", async || {
            connection = discovery.shared.etcd.connect().await.ok();
            match &connection {
                Some(connection) => connection.list("souk/").await.is_ok(),
                None => false,
            }
        })
        .await;
        connection.unwrap()
    }
}
