//! The routes fit together and answer as the interface says. Each rule of the interface has its own tests outside.

use std::time::Duration;

use axum::{Extension, Router, body::Body};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use souk_contracts::{cart::cart_client::CartClient, identity::identity_client::IdentityClient};
use souk_kernel::{Clock, UserId};
use souk_platform::{
    db::Database,
    invalidations::Invalidations,
    rpc::{Directory, Policy},
    security::{Authority, EndedSessions},
    service::Service,
};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::{Argon2Config, Config, Deps, Migrator, NewUser, SellersConfig};

struct World {
    router: Router,
    db: Database,
    config: Config,
    _directory: Directory,
    _folder: TempDir,
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let url = souk_platform::db::testing::url(folder.path(), "identity").await;
    let db = Database::open::<Migrator>("identity", &url, Clock::system()).await.unwrap();
    let directory = Directory::new();
    let policy = Policy::default().deadline(Duration::from_secs(20));
    let argon2 = Argon2Config { memory_kib: 64, iterations: 1, ..Argon2Config::default() };
    let config = Config { argon2, ..Config::default() };
    let ended = EndedSessions::default();
    let deps = Deps {
        config: config.clone(),
        sellers: SellersConfig::default(),
        db: db.clone(),
        cart: CartClient::new(directory.channel("identity", "cart", policy.clone())),
        signing_key: folder.path().join("keys/jwt-ed25519.pem"),
        throttle: true,
        invalidations: Invalidations::alone(),
        ended: ended.clone(),
    };
    let Service { routes, root_routes, rpc, .. } = crate::service(deps).await.unwrap();
    directory.register("identity", rpc.unwrap());
    let identity = IdentityClient::new(directory.channel("gateway", "identity", policy));
    let router: Router = routes.merge(root_routes).into();
    let router = router.layer(Extension(Authority::new(identity, Clock::system(), ended)));
    World { router, db, config, _directory: directory, _folder: folder }
}

impl World {
    async fn send(&self, method: Method, path: &str, token: Option<&str>, body: Value) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if !body.is_null() {
            request = request.header("content-type", "application/json");
        }
        let bytes = if body.is_null() { Vec::new() } else { serde_json::to_vec(&body).unwrap() };
        let answer = self.router.clone().oneshot(request.body(Body::from(bytes)).unwrap()).await.unwrap();
        let status = answer.status();
        let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.send(Method::POST, path, None, body).await
    }

    async fn register(&self, email: &str) -> Value {
        let form = json!({"email": email, "password": "correct horse", "name": "Ann"});
        let (status, answer) = self.post("/auth/register", form).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        answer["data"].clone()
    }

    async fn operator(&self) -> String {
        let (email, password) = ("boss@x.org".to_owned(), "correct horse".to_owned());
        let roles = vec![souk_platform::security::Role::Admin];
        let new = NewUser { email: email.clone(), password, name: "Boss".to_owned(), roles };
        crate::create_user(&self.db, &self.config, new).await.unwrap();
        let (_, answer) = self.post("/auth/login", json!({"email": email, "password": "correct horse"})).await;
        text(&answer["data"]["access_token"])
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_account_lives_from_registration_to_deletion() {
    let world = world().await;
    let session = world.register("Ann@x.org").await;
    assert_eq!((&session["token_type"], &session["expires_in"]), (&json!("Bearer"), &json!(900)));
    assert_eq!(session["user"]["roles"], json!(["buyer"]));
    let token = text(&session["access_token"]);
    let id = text(&session["user"]["id"]);
    for path in ["/users/me", &format!("/users/{id}")] {
        let (status, answer) = world.send(Method::GET, path, Some(&token), Value::Null).await;
        assert_eq!((status, &answer["data"]["email"]), (StatusCode::OK, &json!("Ann@x.org")));
        let change = json!({"name": " Bea ", "phone": "+44 20 7946", "preferences": {"theme": "dark"}});
        let (status, answer) = world.send(Method::PATCH, path, Some(&token), change).await;
        assert_eq!((status, &answer["data"]["name"]), (StatusCode::OK, &json!("Bea")), "{answer}");
    }
    let (status, answer) =
        world.send(Method::PUT, "/users/me", Some(&token), json!({"phone": null, "roles": []})).await;
    assert_eq!((status, &answer["error"]["details"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("roles")));
    let (status, answer) = world.send(Method::PUT, "/users/me", Some(&token), json!({"phone": null})).await;
    assert_eq!((status, &answer["data"]["phone"]), (StatusCode::OK, &Value::Null));
    let (status, answer) = world.send(Method::GET, "/users/me/sessions", Some(&token), Value::Null).await;
    assert_eq!((status, &answer["data"][0]["current"]), (StatusCode::OK, &json!(true)));
    let (status, _) = world.send(Method::DELETE, &format!("/users/{id}"), Some(&token), Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _) = world.send(Method::GET, "/users/me", Some(&token), Value::Null).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, _) = world.post("/auth/refresh", json!({"refresh_token": session["refresh_token"]})).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn bad_registrations_name_all_fields() {
    let world = world().await;
    let (status, answer) = world.post("/auth/register", json!({"email": "x", "password": "short"})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let details = answer["error"]["details"].as_array().unwrap();
    let mut fields: Vec<_> = details.iter().map(|detail| text(&detail["field"])).collect();
    fields.sort();
    assert_eq!(fields, ["email", "name", "password"]);
    world.register("a@x.org").await;
    let form = json!({"email": "A@X.org", "password": "correct horse", "name": "Ann"});
    let (status, answer) = world.post("/users", form).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::CONFLICT, &json!("email_taken")));
}

#[tokio::test]
async fn another_ones_account_is_not_there_but_for_the_operator() {
    let world = world().await;
    let ann = world.register("ann@x.org").await;
    let bob = text(&world.register("bob@x.org").await["access_token"]);
    let path = format!("/users/{}", text(&ann["user"]["id"]));
    for method in [Method::GET, Method::DELETE] {
        let (status, _) = world.send(method.clone(), &path, Some(&bob), Value::Null).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        let (status, _) = world.send(method, &path, None, Value::Null).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    let operator = world.operator().await;
    assert_eq!(world.send(Method::GET, &path, Some(&operator), Value::Null).await.0, StatusCode::OK);
    let (status, answer) = world.send(Method::GET, "/admin/users?q=ann@", Some(&operator), Value::Null).await;
    assert_eq!((status, &answer["meta"]["page"]["total"]), (StatusCode::OK, &json!(1)), "{answer}");
    assert_eq!(world.send(Method::GET, "/admin/users", Some(&bob), Value::Null).await.0, StatusCode::FORBIDDEN);
    let grant = json!({"roles": ["support"]});
    let (status, answer) = world.send(Method::PUT, &format!("/admin{path}/roles"), Some(&operator), grant).await;
    assert_eq!((status, &answer["data"]["roles"]), (StatusCode::OK, &json!(["buyer", "support"])));
    let (status, _) = world.send(Method::POST, &format!("/admin{path}/suspend"), Some(&operator), Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    let (status, answer) = world.post("/auth/login", json!({"email": "ann@x.org", "password": "correct horse"})).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::FORBIDDEN, &json!("account_suspended")));
}

#[tokio::test]
async fn passwords_and_tokens_can_be_asked_about() {
    let world = world().await;
    let ann = world.register("ann@x.org").await;
    let (id, token) = (text(&ann["user"]["id"]), text(&ann["access_token"]));
    let path = format!("/users/{id}/auth-valid");
    let valid = async |path: &str, token: Option<&str>, body: Value| {
        let (status, answer) = world.send(Method::POST, path, token, body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["data"]["valid"].as_bool().unwrap()
    };
    assert!(valid(&path, None, json!({"password": "correct horse"})).await);
    assert!(!valid(&path, None, json!({"password": "wrong"})).await);
    assert!(valid(&path, Some(&token), json!({})).await);
    assert!(valid(&path, Some(&token), Value::Null).await);
    assert!(!valid(&path, Some("nonsense"), json!({})).await);
    assert!(!valid(&path, None, json!({})).await);
    let nobody = format!("/users/{}/auth-valid", UserId::new());
    for other in [nobody.as_str(), "/users/nobody/auth-valid"] {
        assert!(!valid(other, Some(&token), json!({})).await);
        assert!(!valid(other, None, json!({"password": "correct horse"})).await);
    }
    let auth = format!("/users/{id}/auth");
    assert_eq!(world.post(&auth, json!({"password": "correct horse"})).await.0, StatusCode::OK);
    assert_eq!(world.post(&auth, json!({"refresh_token": ann["refresh_token"]})).await.0, StatusCode::OK);
    assert_eq!(world.post(&auth, json!({})).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    for other in [format!("/users/{}/auth", UserId::new()), "/users/nobody/auth".to_owned()] {
        assert_eq!(world.post(&other, json!({"password": "correct horse"})).await.0, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(world.post("/auth/password/forgot", json!({"email": "no@x.org"})).await.0, StatusCode::ACCEPTED);
    let reset = json!({"token": "guess", "password": "another horse"});
    assert_eq!(world.post("/auth/password/reset", reset).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let logout = json!({"refresh_token": "unknown"});
    let (status, _) = world.send(Method::POST, "/auth/logout", Some(&token), logout).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn an_applicant_becomes_a_seller_with_a_team() {
    let world = world().await;
    let ann = text(&world.register("ann@x.org").await["access_token"]);
    let bob = text(&world.register("bob@x.org").await["access_token"]);
    let operator = world.operator().await;
    let form = json!({"name": "Tea House", "description": "Tea."});
    let (status, answer) = world.send(Method::POST, "/sellers", Some(&ann), form.clone()).await;
    assert_eq!((status, &answer["data"]["status"]), (StatusCode::CREATED, &json!("pending")), "{answer}");
    assert_eq!(answer["data"]["rating"], json!({"average": null, "count": 0}));
    assert_eq!(world.send(Method::POST, "/sellers", Some(&ann), form).await.0, StatusCode::CONFLICT);
    let id = text(&answer["data"]["id"]);
    let path = format!("/sellers/{id}");
    assert_eq!(world.send(Method::GET, &path, None, Value::Null).await.0, StatusCode::NOT_FOUND);
    assert_eq!(world.send(Method::GET, &path, Some(&ann), Value::Null).await.0, StatusCode::OK);
    let approve = format!("/admin/sellers/{id}/approve");
    assert_eq!(world.send(Method::POST, &approve, Some(&ann), Value::Null).await.0, StatusCode::FORBIDDEN);
    assert_eq!(world.send(Method::POST, &approve, Some(&operator), json!({})).await.0, StatusCode::OK);
    let (status, answer) = world.send(Method::GET, "/sellers/tea-house", None, Value::Null).await;
    assert_eq!((status, &answer["data"]["status"]), (StatusCode::OK, &json!("approved")));
    assert_eq!(answer["data"].get("team_role"), None);
    let (_, answer) = world.send(Method::GET, "/users/me", Some(&ann), Value::Null).await;
    assert_eq!(answer["data"]["roles"], json!(["buyer", "seller"]));
    assert_eq!(world.send(Method::PUT, &path, Some(&bob), json!({"name": "Mine"})).await.0, StatusCode::FORBIDDEN);
    let (_, answer) = world.send(Method::PUT, &path, Some(&ann), json!({"holiday": true})).await;
    assert_eq!(answer["data"]["status"], "holiday", "{answer}");
    let members = format!("{path}/members");
    let invite = json!({"email": "bob@x.org", "role": "staff"});
    assert_eq!(world.send(Method::POST, &members, Some(&bob), invite.clone()).await.0, StatusCode::FORBIDDEN);
    let (status, member) = world.send(Method::POST, &members, Some(&ann), invite).await;
    assert_eq!(status, StatusCode::CREATED, "{member}");
    let (status, answer) = world.send(Method::GET, &members, Some(&bob), Value::Null).await;
    assert_eq!((status, answer["data"].as_array().unwrap().len()), (StatusCode::OK, 2));
    let leave = format!("{members}/{}", text(&member["data"]["user_id"]));
    assert_eq!(world.send(Method::DELETE, &leave, Some(&bob), Value::Null).await.0, StatusCode::NO_CONTENT);
    let suspend = format!("/admin/sellers/{id}/suspend");
    let (status, answer) = world.send(Method::POST, &suspend, Some(&operator), json!({"reason": "Fakes"})).await;
    assert_eq!((status, &answer["data"]["status"]), (StatusCode::OK, &json!("suspended")));
    let (_, answer) = world.send(Method::GET, &path, None, Value::Null).await;
    assert_eq!((&answer["data"]["status"], answer["data"].get("suspend_reason")), (&json!("suspended"), None));
    let (_, list) = world.send(Method::GET, "/sellers?q=tea", None, Value::Null).await;
    assert_eq!(list["meta"]["page"]["total"], 0);
    let (status, answer) =
        world.send(Method::GET, "/admin/sellers?status=suspended", Some(&operator), Value::Null).await;
    assert_eq!((status, &answer["data"][0]["suspend_reason"]), (StatusCode::OK, &json!("Fakes")));
}

#[tokio::test]
async fn the_key_set_is_public_and_bare() {
    let world = world().await;
    let (status, answer) = world.send(Method::GET, "/.well-known/jwks.json", None, Value::Null).await;
    assert_eq!((status, &answer["keys"][0]["crv"]), (StatusCode::OK, &json!("Ed25519")));
}
