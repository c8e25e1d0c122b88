//! The requests that are sent, against exchanges written down from the documentation of the protocol: no live cluster had a
//! part in them. `tests/it/search` runs whole on a live one when `SOUK_TEST_ELASTICSEARCH_URL` is set.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use souk_kernel::{CategoryId, Currency, ProductId, SellerId};

use super::*;
use crate::{
    categories::Tree,
    config::Config,
    domain::item::{Rating, Summary},
    engine::page::Sort,
    index::filters::Filters,
};

/// A request and what came back.
#[derive(Clone, Debug, Deserialize)]
struct Exchange {
    method: String,
    path: String,
    /// The lines of a bulk are a list.
    #[serde(default)]
    body: Value,
    #[serde(default = "ok")]
    status: u16,
    answer: Value,
}

fn ok() -> u16 {
    200
}

#[derive(Clone)]
struct Played(Arc<Mutex<(VecDeque<Exchange>, Vec<String>)>>);

impl Played {
    /// A cluster that has these exchanges in this order, and nothing else.
    async fn begin(exchanges: &str) -> (Self, String) {
        let exchanges: VecDeque<Exchange> = serde_json::from_str(exchanges).unwrap();
        let played = Self(Arc::new(Mutex::new((exchanges, Vec::new()))));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(played.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (played, url)
    }

    fn ends(&self) {
        let played = self.0.lock().unwrap();
        assert!(played.1.is_empty(), "{}", played.1.join("\n"));
        assert!(played.0.is_empty(), "never asked: {:?}", played.0);
    }
}

async fn answer(State(played): State<Played>, request: Request) -> Response {
    let method = request.method().to_string();
    let path = request.uri().to_string();
    let bytes = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let body: Value = if path.contains("_bulk") {
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect()
    } else {
        serde_json::from_str(&text).unwrap_or_default()
    };
    let mut played = played.0.lock().unwrap();
    let expected = played.0.pop_front();
    match expected {
        Some(Exchange { method: m, path: p, body: b, status, answer })
            if (&m, &p) == (&method, &path) && rounded(&b) == rounded(&body) =>
        {
            (StatusCode::from_u16(status).unwrap(), answer.to_string()).into_response()
        }
        other => {
            let fault = format!("{method} {path} {body}\ninstead of {other:?}");
            played.1.push(fault.clone());
            // The fault of the request that follows from it says why.
            (StatusCode::IM_A_TEAPOT, fault).into_response()
        }
    }
}

/// Numbers to four digits: those of single precision have long tails. Without fingerprints, which change with every default.
fn rounded(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            json!(format!("{:.4}", number.as_f64().unwrap_or_default()))
        }
        Value::Array(values) => values.iter().map(rounded).collect(),
        Value::Object(values) => {
            let values = values.iter().filter(|(key, _)| *key != "fingerprint");
            values.map(|(key, value)| (key.clone(), rounded(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

fn cluster(url: &str) -> Cluster {
    let config = Config { url: url.into(), ..Config::default() };
    Cluster::new(url, &Arc::new(Understanding::new(config).unwrap())).unwrap()
}

fn ask(query: &str) -> Ask {
    Ask {
        query: query.to_owned(),
        as_you_type: false,
        filters: Filters::default(),
        sort: Sort::Relevance,
        limit: 2,
        offset: 0,
        after: None,
        relax_below: 1,
        now: 1_760_000_000,
        facets: None,
    }
}

fn item(title: &str, number: u128) -> Item {
    let id = uuid::Uuid::from_u128(number);
    Item {
        summary: Summary {
            id: ProductId::from_uuid(id),
            slug: "slug".to_owned(),
            external_id: None,
            title: title.to_owned(),
            excerpt: String::new(),
            price: 2500,
            currency: Currency::EUR,
            stock: 3,
            seller_id: SellerId::from_uuid(id),
            category_id: CategoryId::from_uuid(id),
            images: Vec::new(),
            rating: Rating { sum: 9, count: 2 },
            version: 4,
            created_at: chrono::DateTime::from_timestamp(1_760_000_000, 0).unwrap(),
            updated_at: chrono::DateTime::from_timestamp(1_760_000_000, 0).unwrap(),
        },
        description: String::new(),
        category_path: Vec::new(),
        sellers: vec![SellerId::from_uuid(id)],
        codes: Vec::new(),
        attributes: json!({"colour": "Blue", "ean": "401", "weight": 1.5}).as_object().unwrap().clone(),
        popularity: 7,
    }
}

#[tokio::test]
async fn a_search_asks_for_words_then_for_products() {
    let (played, url) = Played::begin(include_str!("exchanges/search.json")).await;
    let cluster = cluster(&url);
    assert!(cluster.follow().await.unwrap());
    let mut ask = ask("blue teapots");
    ask.facets = Some(Arc::new(Tree::default()));
    ask.filters.in_stock = Some(true);
    ask.filters.price_max = Some(5000);
    let found = cluster.search(ask).await.unwrap().results;
    assert_eq!((found.total, found.hits.len()), (3, 2));
    // The second has the words side by side and shares its category with the third.
    assert_eq!(found.hits[0].summary.title, "Blue teapot");
    assert!(found.next.is_some_and(|next| next.refined));
    let counts = found.counts.unwrap();
    assert_eq!(counts.stars, [1, 2, 2, 2]);
    assert_eq!(counts.attributes, [("colour".into(), vec![("Blue".into(), 3)])]);
    played.ends();
}

#[test]
fn a_phrase_is_demanded_of_a_single_text() {
    let terms = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let phrases = [terms(&["usb", "cabl"]), terms(&["dscw800"])];
    let (config, ask) = (Config::default(), ask("\"usb cables\" \"dscw800\""));
    let groups = [vec![weighing::Weighed { terms: vec![("usb".to_owned(), 1.0), ("cabl".to_owned(), 2.0)] }]];
    let inquiry = Inquiry { ask: &ask, config: &config, groups: &groups, phrases: &phrases, mode: Mode::Some };
    let paging = Paging { sort: Sort::Relevance, by_words: true, limit: 2, offset: 0, after: None };
    let filters = &inquiry.body(&paging)["query"]["script_score"]["query"]["bool"]["filter"];
    assert_eq!(filters[0], json!({"match_phrase": {"phrases": "usb cabl"}}));
    assert_eq!(filters[1]["rank_feature"]["field"], "terms.dscw800");
}

#[tokio::test]
async fn changes_are_sent_again_while_the_cluster_is_too_busy() {
    let (played, url) = Played::begin(include_str!("exchanges/changes.json")).await;
    let cluster = cluster(&url);
    cluster.follow().await.unwrap();
    let changes = vec![
        Change::Put(Box::new(item("Blue teapot", 1))),
        Change::Remove(ProductId::from_uuid(uuid::Uuid::from_u128(2))),
        Change::Remove(ProductId::from_uuid(uuid::Uuid::from_u128(3))),
    ];
    cluster.apply(changes, 41).await.unwrap();
    assert_eq!(cluster.applied(), Some(41));
    played.ends();
}

#[tokio::test]
async fn a_refused_change_is_an_error() {
    let (played, url) = Played::begin(include_str!("exchanges/refused.json")).await;
    let cluster = cluster(&url);
    cluster.follow().await.unwrap();
    let changes = vec![Change::Remove(ProductId::from_uuid(uuid::Uuid::from_u128(2)))];
    assert!(matches!(cluster.apply(changes, 41).await, Err(Error::Cluster(why)) if why.contains("mapper")));
    assert_eq!(cluster.applied(), Some(40), "it will be tried again");
    played.ends();
}

#[tokio::test]
async fn a_cluster_that_is_silent_is_noticed() {
    let cluster = cluster("http://127.0.0.1:9");
    assert!(cluster.follow().await.is_err());
    assert!(cluster.state().is_none());
    assert!(!cluster.is_outdated(), "nothing is built anew because nobody answers");
    assert!(matches!(cluster.search(ask("tea")).await, Err(Error::Cluster(_))));
}

#[test]
fn an_address_without_sense_is_refused_without_repeating_it() {
    let config = Config { url: "elasticsearch://user:secret@".into(), ..Config::default() };
    let refused = Cluster::new("http://user:secret@", &Arc::new(Understanding::new(config).unwrap())).err();
    assert!(refused.is_some_and(|error| !error.to_string().contains("secret")));
}

#[test]
fn both_engines_put_equals_in_the_same_order() {
    for (a, b) in [(0, 1), (1, u64::MAX), (u64::MAX / 2, u64::MAX / 2 + 1)] {
        assert!(schema::signed(a) < schema::signed(b));
        assert_eq!(schema::unsigned(schema::signed(b)), b);
    }
}
