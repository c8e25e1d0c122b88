//! The service behind its own HTTP routes and calls, with neighbours made of a few maps.

mod categories;
mod import;
mod neighbours;
mod offers;
mod products;
mod reviews;

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::Body,
    http::{Method, Request, StatusCode, header},
    response::Response,
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use souk_contracts::{
    catalog::catalog_client::CatalogClient, identity::identity_client::IdentityClient,
    inventory::inventory_client::InventoryClient, orders::orders_client::OrdersClient,
};
use souk_kernel::{Clock, Currency, SellerId, SessionId, UserId};
use souk_platform::{
    db::Database,
    events::{Bus, Relay},
    files::Files,
    invalidations::Invalidations,
    rpc::{Channel, Directory, Policy},
    security::{Authority, EndedSessions, Principal},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;

use self::neighbours::Neighbours;
use crate::{Config, Deps, Migrator};

/// A catalogue with an empty database.
pub struct Market {
    pub neighbours: Arc<Neighbours>,
    pub catalog: CatalogClient<Channel>,
    pub db: Database,
    router: Router,
    _directory: Directory,
    _folder: tempfile::TempDir,
    _relay: DropGuard,
}

/// Somebody with an account.
#[derive(Clone, Copy)]
pub struct Person(pub UserId);

/// Somebody of a seller's team.
#[derive(Clone, Copy)]
pub struct Shop {
    pub person: Person,
    pub seller: SellerId,
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub etag: Option<String>,
    pub json: Value,
}

impl Answer {
    #[track_caller]
    pub fn data(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.json);
        self.json["data"].clone()
    }

    /// The code and the fields of an error.
    #[track_caller]
    pub fn error(self, status: u16) -> (String, Vec<String>) {
        assert_eq!(self.status, status, "{}", self.json);
        let error = &self.json["error"];
        let fields =
            error["details"].as_array().unwrap().iter().map(|detail| detail["field"].as_str().unwrap().to_owned());
        (error["code"].as_str().unwrap().to_owned(), fields.collect())
    }
}

impl Market {
    pub async fn open() -> Self {
        Self::with(Config::default()).await
    }

    pub async fn with(config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::system();
        let url = souk_platform::db::testing::url(folder.path(), "catalog").await;
        let db = Database::open::<Migrator>("catalog", &url, clock.clone()).await.unwrap();
        let neighbours = Arc::new(Neighbours::default());
        let directory = Directory::new();
        for name in ["identity", "inventory", "orders"] {
            directory.register(name, Neighbours::routes(&neighbours));
        }
        let channel = |to| directory.channel("catalog", to, Policy::default());
        let identity = IdentityClient::new(channel("identity"));
        let files = Files::open("files.url", &format!("file:{}", folder.path().join("files").display())).unwrap();
        let service = crate::service(Deps {
            config,
            db: db.clone(),
            identity: identity.clone(),
            inventory: InventoryClient::new(channel("inventory")),
            orders: OrdersClient::new(channel("orders")),
            files,
            invalidations: Invalidations::alone(),
            public_url: String::new(),
            currency: Currency::GBP,
        })
        .await
        .unwrap();
        directory.register("catalog", service.rpc.unwrap());
        let catalog = CatalogClient::new(directory.channel("test", "catalog", Policy::default()));
        let stop = CancellationToken::new();
        let bus = Bus::new([service.consumers]);
        tokio::spawn(Relay::new(db.clone(), bus, stop.clone()).run());
        let (below_api, _) = service.routes.split_for_parts();
        let (root, _) = service.root_routes.split_for_parts();
        let router = below_api.merge(root).layer(Extension(Authority::new(identity, clock, EndedSessions::default())));
        Self { neighbours, catalog, db, router, _directory: directory, _folder: folder, _relay: stop.drop_guard() }
    }

    pub fn buyer(&self) -> Person {
        self.neighbours.person(&["buyer"])
    }

    pub fn admin(&self) -> Person {
        self.neighbours.person(&["buyer", "admin"])
    }

    pub fn shop(&self, name: &str) -> Shop {
        self.neighbours.shop(name)
    }

    pub async fn send(&self, who: Option<Person>, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = match body {
            Some(body) => request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        taken_apart(self.raw(who, request.unwrap()).await).await
    }

    pub async fn raw(&self, who: Option<Person>, mut request: Request<Body>) -> Response {
        if let Some(Person(user_id)) = who {
            // As if a token had been verified before.
            let principal = Principal { user_id, roles: Vec::new(), session_id: SessionId::new() };
            request.extensions_mut().insert(principal);
        }
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(None, Method::GET, path, None).await
    }

    pub async fn get_as(&self, who: Person, path: &str) -> Answer {
        self.send(Some(who), Method::GET, path, None).await
    }

    pub async fn post(&self, who: Person, path: &str, body: Value) -> Answer {
        self.send(Some(who), Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, who: Person, path: &str, body: Value) -> Answer {
        self.send(Some(who), Method::PUT, path, Some(body)).await
    }

    pub async fn delete(&self, who: Person, path: &str) -> Answer {
        self.send(Some(who), Method::DELETE, path, None).await
    }

    /// A category without a schema; its id.
    pub async fn category(&self, name: &str) -> String {
        let made = self.post(self.admin(), "/categories", json!({"name": name})).await.data(201);
        made["id"].as_str().unwrap().to_owned()
    }

    /// A product with one SKU.
    pub async fn product(&self, shop: Shop, category: &str, title: &str, price: i64, stock: i64) -> Value {
        let body = json!({"title": title, "category_id": category, "price": price, "stock": stock});
        self.post(shop.person, "/products", body).await.data(201)
    }

    /// Every rule of the catalogue holds.
    pub async fn verify(&self) {
        for rule in crate::verify::rules(&self.db).await.unwrap() {
            assert!(rule.holds(), "{}: {:?}", rule.name, rule.offenders);
        }
    }
}

pub async fn taken_apart(answer: Response) -> Answer {
    let status = answer.status();
    let etag = answer.headers().get(header::ETAG).map(|tag| tag.to_str().unwrap().to_owned());
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    Answer { status, etag, json: serde_json::from_slice(&bytes).unwrap_or_default() }
}

/// Waits until `holds`, for what travels by event.
pub async fn eventually<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    let wait = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), wait).await.expect("it never came to hold");
}
