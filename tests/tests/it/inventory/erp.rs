//! An external stock system with a feed and a hook, on this machine.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::Value;
use souk_tests::{Builder, Market, sign};
use tokio::net::TcpListener;

/// The system. It listens for as long as the test runs.
#[derive(Clone)]
pub struct Erp {
    address: SocketAddr,
    state: Shared,
}

type Shared = Arc<Mutex<Inside>>;

#[derive(Default)]
struct Inside {
    feed: String,
    /// What it answers instead, while it is down.
    down: Option<StatusCode>,
    /// The validators of each request for the feed.
    asked: Vec<Option<String>>,
    told: Vec<(String, String)>,
}

impl Erp {
    pub async fn starts() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("some port is free");
        let address = listener.local_addr().expect("it is bound");
        let state = Shared::default();
        let routes = Router::new()
            .route("/feed.csv", get(feed))
            .route("/hook", post(hook))
            .route("/moved", get(|| async { (StatusCode::FOUND, [(header::LOCATION, "/feed.csv")]) }))
            .with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, state }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn inside(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.state.lock().expect("nobody panics while holding it")
    }

    pub fn says(&self, feed: impl Into<String>) {
        self.inside().feed = feed.into();
    }

    pub fn goes_down(&self) {
        self.inside().down = Some(StatusCode::INTERNAL_SERVER_ERROR);
    }

    pub fn comes_back(&self) {
        self.inside().down = None;
    }

    /// How often the feed was asked for.
    pub fn asked(&self) -> usize {
        self.inside().asked.len()
    }

    /// What the last request for the feed knew of it.
    pub fn asked_with(&self) -> Option<String> {
        self.inside().asked.last().cloned().flatten()
    }

    /// What it was told since it was last asked this, and whether each message is signed with `secret`.
    pub fn was_told(&self, secret: &str) -> Vec<Value> {
        let told = std::mem::take(&mut self.inside().told);
        told.into_iter()
            .map(|(signature, body)| {
                let (time, _) = signature.strip_prefix("t=").and_then(|rest| rest.split_once(',')).expect("a time");
                let time = time.parse().expect("seconds");
                assert_eq!(signature, format!("t={time},v1={}", sign(secret, time, &body)));
                serde_json::from_str(&body).expect("JSON")
            })
            .collect()
    }
}

async fn feed(State(state): State<Shared>, headers: HeaderMap) -> Response {
    let mut inside = state.lock().expect("nobody panics while holding it");
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).map(str::to_owned);
    inside.asked.push(known.clone());
    let etag = format!("\"{}\"", sign("etag", 0, &inside.feed));
    match inside.down {
        Some(status) => status.into_response(),
        None if known.as_ref() == Some(&etag) => StatusCode::NOT_MODIFIED.into_response(),
        None => ([(header::ETAG, etag)], inside.feed.clone()).into_response(),
    }
}

async fn hook(State(state): State<Shared>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut inside = state.lock().expect("nobody panics while holding it");
    let signature = headers["souk-signature"].to_str().expect("text").to_owned();
    inside.told.push((signature, String::from_utf8(body.to_vec()).expect("text")));
    inside.down.unwrap_or(StatusCode::NO_CONTENT)
}

/// A marketplace whose operator allows sellers to name systems on this machine.
pub async fn open_market() -> Market {
    open_market_with(|_| {}).await
}

/// The same with other settings.
pub async fn open_market_with(change: impl FnOnce(&mut souk::Config)) -> Market {
    let allowed = |config: &mut souk::Config| {
        config.inventory.sources.allowed_networks = vec!["127.0.0.0/8".parse().expect("a network")];
    };
    Builder::default().config(allowed).config(change).start().await
}
