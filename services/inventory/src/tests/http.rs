//! The routes, as a seller, a stranger and a stock system use them.

use axum::{
    Extension, Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use souk_contracts::identity::{
    EndedSessionsReply, EndedSessionsRequest, EnsureSellerRequest, GetSellersReply, GetSellersRequest, GetUsersReply,
    GetUsersRequest, JwksReply, JwksRequest, SellerProfile, StandingReply, StandingRequest,
    identity_client::IdentityClient,
    identity_server::{Identity, IdentityServer},
};
use souk_kernel::{SessionId, UserId};
use souk_platform::{
    rpc::{Directory, Policy},
    security::{Authority, EndedSessions, Principal, Role},
};
use tonic::{Response, Status, async_trait, service::Routes};
use tower::ServiceExt;

use super::{Fixture, fixture};
use souk_kernel::{OrderId, SellerId, SkuId};
use std::{collections::HashMap, sync::Arc};

use crate::domain::Demand;

/// Knows who works for which seller.
struct Teams(HashMap<String, SellerId>);

#[async_trait]
impl Identity for Teams {
    async fn standing(&self, request: tonic::Request<StandingRequest>) -> Result<Response<StandingReply>, Status> {
        let seller = self.0.get(&request.into_inner().user_id);
        Ok(Response::new(StandingReply {
            active: true,
            roles: vec!["buyer".to_owned()],
            seller_id: seller.map(SellerId::to_string),
            seller_status: seller.map_or_else(String::new, |_| "approved".to_owned()),
            team_role: seller.map_or_else(String::new, |_| "owner".to_owned()),
        }))
    }
    async fn ended_sessions(
        &self,
        _: tonic::Request<EndedSessionsRequest>,
    ) -> Result<Response<EndedSessionsReply>, Status> {
        Err(Status::unimplemented("nobody signs in here"))
    }
    async fn jwks(&self, _: tonic::Request<JwksRequest>) -> Result<Response<JwksReply>, Status> {
        Err(Status::unimplemented("nobody signs in here"))
    }
    async fn get_sellers(&self, _: tonic::Request<GetSellersRequest>) -> Result<Response<GetSellersReply>, Status> {
        Err(Status::unimplemented("not asked for"))
    }
    async fn get_users(&self, _: tonic::Request<GetUsersRequest>) -> Result<Response<GetUsersReply>, Status> {
        Err(Status::unimplemented("not asked for"))
    }
    async fn ensure_seller(&self, _: tonic::Request<EnsureSellerRequest>) -> Result<Response<SellerProfile>, Status> {
        Err(Status::unimplemented("not asked for"))
    }
}

struct Web {
    fixture: Fixture,
    router: Router,
    seller: UserId,
    rival: UserId,
    buyer: UserId,
    _directory: Directory,
}

async fn web() -> Web {
    let fixture = fixture().await;
    let [seller, rival, buyer] = std::array::from_fn(|_| UserId::new());
    let teams = HashMap::from([(seller.to_string(), fixture.seller_id), (rival.to_string(), SellerId::new())]);
    let directory = Directory::new();
    directory.register("identity", Routes::new(IdentityServer::new(Teams(teams))));
    let identity = IdentityClient::new(directory.channel("inventory", "identity", Policy::default()));
    let authority = Authority::new(identity, fixture.clock.clone(), EndedSessions::default());
    let (router, _) = crate::http::routes(Arc::clone(&fixture.app)).split_for_parts();
    Web { router: router.layer(Extension(authority)), fixture, seller, rival, buyer, _directory: directory }
}

impl Web {
    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        (status, body)
    }

    async fn call(&self, who: UserId, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
            .unwrap();
        let principal = Principal { user_id: who, roles: vec![Role::Buyer], session_id: SessionId::new() };
        request.extensions_mut().insert(principal);
        self.send(request).await
    }

    async fn push(&self, name: &str, secret: &str, body: &Value) -> (StatusCode, Value) {
        let (body, time) = (body.to_string(), self.fixture.clock.now().timestamp());
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{time}.{body}").as_bytes());
        let signature = format!("t={time},v1={}", hex::encode(mac.finalize().into_bytes()));
        let request = Request::post(format!("/inventory/sources/{name}/webhook")).header("souk-signature", signature);
        self.send(request.body(body.into()).unwrap()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_sees_and_corrects_only_its_own_stock() {
    let web = web().await;
    let sku_id = web.fixture.open(1, 10).await[0];
    web.fixture.reserve(OrderId::new(), &Demand::from([(sku_id, 4)])).await;
    let path = format!("/inventory/{sku_id}");
    let (status, body) = web.call(web.seller, "GET", &path, None).await;
    assert_eq!(status, StatusCode::OK);
    let data = &body["data"];
    assert_eq!([&data["on_hand"], &data["reserved"], &data["available"], &data["version"]], [10, 4, 6, 2]);
    assert_eq!(data["locations"], json!([{"location": "main", "on_hand": 10, "reserved": 4, "available": 6}]));
    assert_eq!(web.call(web.rival, "GET", &path, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(web.call(web.buyer, "GET", &path, None).await.0, StatusCode::FORBIDDEN);
    let change = json!({"on_hand": 1});
    assert_eq!(web.call(web.rival, "PUT", &path, Some(change.clone())).await.0, StatusCode::NOT_FOUND);

    let (status, body) = web.call(web.seller, "PUT", &path, Some(change)).await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::CONFLICT, &json!("below_reserved")));
    let (_, body) = web.call(web.seller, "PATCH", &path, Some(json!({"adjust": -6, "reason": "broken"}))).await;
    assert_eq!((&body["data"]["available"], &body["data"]["version"]), (&json!(0), &json!(3)));
    let lost = json!({"on_hand": 9, "version": 2});
    assert_eq!(web.call(web.seller, "PUT", &path, Some(lost)).await.0, StatusCode::PRECONDITION_FAILED);
    for (body, status) in [
        (json!({}), 422),
        (json!({"on_hand": 5, "adjust": 1}), 422),
        (json!({"on_hand": -1}), 422),
        (json!({"on_hand": 1_000_000_001}), 422),
        (json!({"adjust": i64::MIN}), 422),
        (json!({"on_hand": "5"}), 400),
        (json!({"on_hand": 5, "location": "Upper Case"}), 422),
        (json!({"on_hand": 5, "reserved": 0}), 400),
    ] {
        let (answer, text) = web.call(web.seller, "PUT", &path, Some(body.clone())).await;
        assert_eq!(answer, status, "{body}: {text}");
    }

    let (_, body) = web.call(web.seller, "GET", &format!("{path}/events?limit=2"), None).await;
    let kinds: Vec<&Value> = body["data"].as_array().unwrap().iter().map(|event| &event["kind"]).collect();
    assert_eq!(kinds, ["adjusted", "reserved"]);
    assert_eq!(body["meta"]["page"]["total"], 3);
    let cursor = body["meta"]["page"]["next_cursor"].as_str().unwrap();
    let (_, body) = web.call(web.seller, "GET", &format!("{path}/events?cursor={cursor}"), None).await;
    assert_eq!((&body["data"][0]["kind"], &body["meta"]["page"]["next_cursor"]), (&json!("received"), &Value::Null));
    assert_eq!(web.call(web.rival, "GET", &format!("{path}/events"), None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(web.call(web.seller, "GET", &format!("{path}/events?cursor=x"), None).await.0, StatusCode::BAD_REQUEST);

    web.fixture.open(2, 7).await;
    let (_, body) = web.call(web.seller, "GET", "/inventory?limit=2", None).await;
    assert_eq!((body["data"].as_array().unwrap().len(), &body["meta"]["page"]["total"]), (2, &json!(3)));
    let cursor = body["meta"]["page"]["next_cursor"].as_str().unwrap();
    let (_, body) = web.call(web.seller, "GET", &format!("/inventory?limit=2&cursor={cursor}"), None).await;
    assert_eq!(body["data"].as_array().unwrap().len(), 1);
    let (_, body) = web.call(web.seller, "GET", "/inventory?available_max=0", None).await;
    assert_eq!((&body["data"][0]["sku_id"], &body["meta"]["page"]["total"]), (&json!(sku_id), &json!(1)));
    web.fixture.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connected_system_pushes_signed_batches() {
    let web = web().await;
    let sku_id = web.fixture.open(1, 10).await[0];
    let new = json!({"name": "erp", "kind": "webhook"});
    assert_eq!(web.call(web.buyer, "POST", "/inventory/sources", Some(new.clone())).await.0, StatusCode::FORBIDDEN);
    let (status, body) = web.call(web.seller, "POST", "/inventory/sources", Some(new.clone())).await;
    assert_eq!(status, StatusCode::CREATED);
    let old_secret = body["data"]["secret"].as_str().unwrap().to_owned();
    assert_eq!(web.call(web.rival, "POST", "/inventory/sources", Some(new)).await.0, StatusCode::CONFLICT);
    assert_eq!(web.call(web.rival, "GET", "/inventory/sources/erp", None).await.0, StatusCode::NOT_FOUND);
    let (_, body) = web.call(web.seller, "POST", "/inventory/sources/erp/secret", None).await;
    let secret = body["data"]["secret"].as_str().unwrap().to_owned();
    let (_, body) = web.call(web.seller, "GET", "/inventory/sources", None).await;
    assert!(body["data"][0].get("secret").is_none());

    let names = json!({"items": [{"sku": "A-1", "sku_id": sku_id}]});
    assert_eq!(web.call(web.rival, "PUT", "/inventory/sources/erp/mapping", Some(names.clone())).await.0, 404);
    assert_eq!(web.call(web.seller, "PUT", "/inventory/sources/erp/mapping", Some(names)).await.0, 204);
    let strange = json!({"items": [{"sku": "A-2", "sku_id": SkuId::new()}]});
    let (status, body) = web.call(web.seller, "PUT", "/inventory/sources/erp/mapping", Some(strange)).await;
    assert_eq!((status.as_u16(), &body["error"]["details"][0]["field"]), (422, &json!("items[0].sku_id")));

    let batch = json!({"items": [{"sku": "A-1", "on_hand": 25}, {"sku": SkuId::new(), "on_hand": 1}]});
    assert_eq!(web.push("erp", &old_secret, &batch).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(web.push("nobody", &secret, &batch).await.0, StatusCode::NOT_FOUND);
    let (status, body) = web.push("erp", &secret, &batch).await;
    assert_eq!((status, &body["data"]["applied"], &body["data"]["refused"]), (StatusCode::OK, &json!(1), &json!(1)));
    assert_eq!(body["data"]["items"][1]["reason"], "unknown_sku");
    assert_eq!(web.push("erp", &secret, &json!({"items": []})).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(web.push("erp", &secret, &json!({"item": []})).await.0, StatusCode::BAD_REQUEST);
    let by_code = json!({"items": [{"sku": "some code", "on_hand": 1}]});
    assert_eq!(web.push("erp", &secret, &by_code).await.0, StatusCode::SERVICE_UNAVAILABLE, "catalog is not there");
    let unsigned = Request::post("/inventory/sources/erp/webhook").body(Body::from(batch.to_string())).unwrap();
    assert_eq!(web.send(unsigned).await.0, StatusCode::UNAUTHORIZED);

    let (_, body) = web.call(web.seller, "GET", "/inventory/sources/erp/reports", None).await;
    assert_eq!((&body["data"][0]["applied"], &body["meta"]["page"]["total"]), (&json!(1), &json!(1)));
    assert_eq!(body["data"][0]["refusals"][0]["reason"], "unknown_sku");
    let (_, body) = web.call(web.seller, "GET", "/inventory/sources/erp/mapping", None).await;
    assert_eq!((&body["data"][0]["sku"], &body["data"][0]["pinned"]), (&json!("A-1"), &json!(true)));
    let off = Some(json!({"enabled": false}));
    assert_eq!(web.call(web.seller, "PATCH", "/inventory/sources/erp", off).await.0, StatusCode::OK);
    assert_eq!(web.push("erp", &secret, &batch).await.0, StatusCode::CONFLICT);
    assert_eq!(web.call(web.rival, "DELETE", "/inventory/sources/erp", None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(web.call(web.seller, "DELETE", "/inventory/sources/erp", None).await.0, StatusCode::NO_CONTENT);
    web.fixture.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_taken_over_line_by_line() {
    let web = web().await;
    let skus = web.fixture.open(2, 10).await;
    let new = Some(json!({"name": "count", "kind": "csv", "location": "north"}));
    let (_, body) = web.call(web.seller, "POST", "/inventory/sources", new).await;
    assert!(body["data"].get("secret").is_none());
    assert_eq!(web.push("count", "", &json!({"items": []})).await.0, StatusCode::NOT_FOUND, "it signs nothing");
    let mut request = Request::post("/inventory/sources/count/import")
        .body(Body::from(format!("on_hand,sku\n5,{}\nmany,{}\n", skus[0], skus[1])))
        .unwrap();
    let principal = Principal { user_id: web.seller, roles: vec![Role::Buyer], session_id: SessionId::new() };
    request.extensions_mut().insert(principal);
    let (status, body) = web.send(request).await;
    assert_eq!((status, &body["data"]["applied"], &body["data"]["refused"]), (StatusCode::OK, &json!(1), &json!(1)));
    assert_eq!(body["data"]["items"][1]["reason"], "unreadable");
    assert_eq!(web.fixture.level(skus[0]).await, (15, 0));
}
