//! What processes share. Without a Redis (`SOUK_TEST_REDIS_URL`) most of these tests say nothing.

use super::*;

async fn refusal(url: &str) -> String {
    let config = RedisConfig { url: url.into(), ..RedisConfig::default() };
    match Redis::open(&config).await {
        Ok(_) => panic!("{url} is taken"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn without_a_url_there_is_none() {
    assert!(Redis::open(&RedisConfig::default()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_url_that_can_not_be_right_is_told_without_its_password() {
    let cases = [("memcached://u:hunter2@host", "no shared memory engine `memcached`"), ("u hunter2", "is no URL")];
    for (url, expected) in cases {
        let error = refusal(url).await;
        let expected = if cfg!(feature = "cluster") { expected } else { "was built without" };
        assert!(error.starts_with("redis.url: ") && error.contains(expected), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[cfg(feature = "cluster")]
mod on_a_server {
    use std::{
        process::{Child, Command, Stdio},
        sync::{Arc, Mutex},
        time::Instant,
    };

    use tokio::net::TcpStream;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::invalidations::Invalidations;

    const PATIENCE: Duration = Duration::from_secs(20);
    const COST: Duration = Duration::from_millis(200);

    async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(Instant::now() < give_up, "not within {PATIENCE:?}: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn a_wrong_password_is_told_and_one_that_is_away_is_not_waited_for() {
        let away = RedisConfig { url: "redis://:hunter2@127.0.0.1:9".into(), ..RedisConfig::default() };
        let redis = Redis::open(&away).await.unwrap().unwrap();
        assert!(redis.ping().await.is_err());
        assert_eq!(redis.take("anybody", COST, COST).await, None, "everybody counts for himself");
        let Some(right) = testing::server() else { return };
        let mut url = url::Url::parse(right.url.expose()).unwrap();
        url.set_password(Some("wrong")).unwrap();
        assert_eq!(refusal(url.as_str()).await, "redis.url: Redis refuses this user and password");
        url.set_password(None).unwrap();
        assert_eq!(refusal(url.as_str()).await, "redis.url: Redis refuses this user and password");
        let mut url = url::Url::parse(right.url.expose()).unwrap();
        url.set_path("99");
        assert!(refusal(url.as_str()).await.starts_with("redis.url: Redis refuses"));
    }

    #[tokio::test]
    async fn a_bucket_is_emptied_from_two_sides_and_refills_by_its_own_clock() {
        let Some(config) = testing::server() else { return };
        let open = async || Redis::open(&config).await.unwrap().unwrap();
        let (one, two) = (open().await, open().await);
        for redis in [&one, &two, &one] {
            assert_eq!(redis.take("a", COST, COST * 3).await, Some(Ok(())));
        }
        let wait = two.take("a", COST, COST * 3).await.unwrap().unwrap_err();
        assert!(wait > Duration::ZERO && wait <= COST, "{wait:?}");
        assert_eq!(two.take("b", COST, COST * 3).await, Some(Ok(())), "buckets are apart");
        tokio::time::sleep(wait).await;
        assert_eq!(one.take("a", COST, COST * 3).await, Some(Ok(())));
    }

    /// What an instance hears.
    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<Option<String>>>>);

    impl Heard {
        fn of(invalidations: &Invalidations) -> Self {
            let heard = Self::default();
            let list = heard.clone();
            invalidations.listen(move |change: Option<String>| {
                list.0.lock().unwrap().push(change);
                async {}
            });
            heard
        }

        /// Whether it was this that it heard last; `None` stands for anything.
        fn ends_with(&self, change: Option<&str>) -> bool {
            self.0.lock().unwrap().last().is_some_and(|last| last.as_deref() == change)
        }

        fn is_nothing(&self) -> bool {
            self.0.lock().unwrap().is_empty()
        }

        fn clear(&self) {
            self.0.lock().unwrap().clear();
        }
    }

    #[tokio::test]
    async fn what_one_instance_changes_the_others_hear_and_it_does_not() {
        let Some(config) = testing::server() else { return };
        let stop = CancellationToken::new();
        let instance = async || {
            let redis = Redis::open(&config).await.unwrap().unwrap();
            let invalidations = redis.invalidations("test", stop.clone());
            let heard = Heard::of(&invalidations);
            eventually("it listens", async || heard.ends_with(None)).await;
            (invalidations, heard)
        };
        let (one, one_heard) = instance().await;
        one_heard.clear();
        let (_two, two_heard) = instance().await;
        eventually("a newcomer may have changed anything", async || one_heard.ends_with(None)).await;
        one_heard.clear();
        two_heard.clear();
        eventually("it knows of the other", async || {
            one.tell(&"a thing").await;
            two_heard.ends_with(Some("a thing"))
        })
        .await;
        one.tell(&"another").await;
        assert!(two_heard.ends_with(Some("another")), "it was waited for");
        assert!(one_heard.is_nothing(), "what it said itself it knows");
        stop.cancel();
    }

    #[tokio::test]
    async fn one_that_only_asks_whether_it_answers_finds_it_again() {
        let Some(mut server) = Server::start().await else { return };
        let config = RedisConfig { url: server.url().into(), timeout: PATIENCE, ..RedisConfig::default() };
        let redis = Redis::open(&config).await.unwrap().unwrap();
        server.kill();
        eventually("it is gone", async || redis.ping().await.is_err()).await;
        server.revive().await;
        eventually("it answers again", async || redis.ping().await.is_ok()).await;
    }

    #[tokio::test]
    async fn while_it_is_away_everything_may_have_changed_and_then_all_goes_on() {
        let Some(mut server) = Server::start().await else { return };
        let config = RedisConfig { url: server.url().into(), timeout: PATIENCE, ..RedisConfig::default() };
        let redis = Redis::open(&config).await.unwrap().unwrap();
        let stop = CancellationToken::new();
        let invalidations = redis.invalidations("test", stop.clone());
        let heard = Heard::of(&invalidations);
        eventually("it listens", async || heard.ends_with(None)).await;
        assert_eq!(redis.take("a", COST, COST).await, Some(Ok(())));
        heard.clear();
        server.kill();
        eventually("caches are emptied", async || heard.ends_with(None)).await;
        assert_eq!(redis.take("a", COST, COST).await, None);
        heard.clear();
        eventually("and again until it is back", async || heard.ends_with(None)).await;
        server.revive().await;
        eventually("buckets are shared again", async || redis.take("a", COST, COST).await.is_some()).await;
        let other = Redis::open(&config).await.unwrap().unwrap().invalidations("test", stop.clone());
        eventually("changes are heard again", async || {
            other.tell(&"a thing").await;
            heard.ends_with(Some("a thing"))
        })
        .await;
        stop.cancel();
    }

    /// A Redis that can be taken away.
    struct Server {
        port: u16,
        process: Child,
    }

    impl Server {
        /// Starts it; nothing when it is not installed.
        async fn start() -> Option<Self> {
            let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let process = Self::spawn(port)?;
            let server = Self { port, process };
            server.answers().await;
            Some(server)
        }

        fn spawn(port: u16) -> Option<Child> {
            let mut command = Command::new("redis-server");
            command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
        }

        async fn answers(&self) {
            let port = self.port;
            eventually("it answers", async || TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await;
        }

        fn url(&self) -> String {
            format!("redis://127.0.0.1:{}", self.port)
        }

        fn kill(&mut self) {
            self.process.kill().unwrap();
            self.process.wait().unwrap();
        }

        async fn revive(&mut self) {
            self.process = Self::spawn(self.port).unwrap();
            self.answers().await;
        }
    }

    impl Drop for Server {
        fn drop(&mut self) {
            if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
                eprintln!("the Redis of a test can't be ended: {error}");
            }
        }
    }
}
