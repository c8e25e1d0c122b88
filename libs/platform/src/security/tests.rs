//! The authority against an identity that is played by this test.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use axum::extract::FromRequestParts;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use jsonwebtoken::EncodingKey;
use serde_json::json;
use souk_contracts::identity::{
    EndedSessionsReply, EndedSessionsRequest, EnsureSellerRequest, GetSellersReply, GetSellersRequest, GetUsersReply,
    GetUsersRequest, JwksReply, JwksRequest, SellerProfile, StandingReply, StandingRequest,
    identity_client::IdentityClient,
    identity_server::{Identity, IdentityServer},
};
use souk_kernel::{Clock, ErrorKind, SellerId, SessionId, UserId};
use tonic::{Request, Response, Status, service::Routes};

use super::*;
use crate::{
    http::{Failure, testing::parts},
    rpc::{Channel, Directory, Policy},
};

#[derive(Default)]
struct State {
    keys: Mutex<Vec<serde_json::Value>>,
    standing: Mutex<StandingReply>,
    fetches: AtomicUsize,
    asks: AtomicUsize,
    /// Sessions that ended, told a hundred at a time: the n-th at n milliseconds since 1970.
    ended: Mutex<Vec<SessionId>>,
}

#[derive(Clone, Default)]
struct Played(Arc<State>);

#[tonic::async_trait]
impl Identity for Played {
    async fn jwks(&self, _: Request<JwksRequest>) -> Result<Response<JwksReply>, Status> {
        self.0.fetches.fetch_add(1, SeqCst);
        let keys = self.0.keys.lock().unwrap().clone();
        Ok(Response::new(JwksReply { jwks_json: json!({ "keys": keys }).to_string(), ..JwksReply::default() }))
    }
    async fn ended_sessions(
        &self,
        request: Request<EndedSessionsRequest>,
    ) -> Result<Response<EndedSessionsReply>, Status> {
        let ended = self.0.ended.lock().unwrap();
        let since = usize::try_from(request.into_inner().since_ms).unwrap_or_default();
        let session_ids: Vec<_> = ended.iter().skip(since).take(100).map(ToString::to_string).collect();
        let until = since + session_ids.len();
        let until_ms = i64::try_from(until).unwrap();
        Ok(Response::new(EndedSessionsReply { session_ids, until_ms, more: until < ended.len() }))
    }
    async fn standing(&self, _: Request<StandingRequest>) -> Result<Response<StandingReply>, Status> {
        self.0.asks.fetch_add(1, SeqCst);
        Ok(Response::new(self.0.standing.lock().unwrap().clone()))
    }
    async fn get_sellers(&self, _: Request<GetSellersRequest>) -> Result<Response<GetSellersReply>, Status> {
        Err(Status::unimplemented("not played"))
    }
    async fn get_users(&self, _: Request<GetUsersRequest>) -> Result<Response<GetUsersReply>, Status> {
        Err(Status::unimplemented("not played"))
    }
    async fn ensure_seller(&self, _: Request<EnsureSellerRequest>) -> Result<Response<SellerProfile>, Status> {
        Err(Status::unimplemented("not played"))
    }
}

struct World {
    clock: Clock,
    identity: Played,
    authority: Authority,
    ended: EndedSessions,
    client: IdentityClient<Channel>,
    key: EncodingKey,
    principal: Principal,
    _directory: Directory,
}

impl World {
    fn new() -> Self {
        let (clock, identity, directory) = (Clock::adjustable(), Played::default(), Directory::new());
        directory.register("identity", Routes::new(IdentityServer::new(identity.clone())));
        let client = IdentityClient::new(directory.channel("test", "identity", Policy::default()));
        let ended = EndedSessions::default();
        let authority = Authority::new(client.clone(), clock.clone(), ended.clone());
        let key = publish(&identity, "k1");
        let principal = Principal { user_id: UserId::new(), roles: vec![Role::Buyer], session_id: SessionId::new() };
        Self { clock, identity, authority, ended, client, key, principal, _directory: directory }
    }

    fn token(&self, minutes: i64) -> String {
        let now = self.clock.now();
        Claims::new(&self.principal, now, now + TimeDelta::minutes(minutes)).sign("k1", &self.key).unwrap()
    }

    fn stands(&self, change: impl FnOnce(&mut StandingReply)) {
        change(&mut self.identity.0.standing.lock().unwrap());
    }

    async fn ask<E: FromRequestParts<(), Rejection = Failure>>(
        &self,
        headers: &[(&str, &str)],
    ) -> Result<E, (ErrorKind, String)> {
        let mut parts = parts("/", headers);
        parts.extensions.insert(self.authority.clone());
        let found = E::from_request_parts(&mut parts, &()).await;
        found.map_err(|Failure(problem)| (problem.kind, problem.code.into_owned()))
    }

    async fn ask_with_token<E: FromRequestParts<(), Rejection = Failure>>(&self) -> Result<E, (ErrorKind, String)> {
        self.ask(&[("authorization", &format!("Bearer {}", self.token(15)))]).await
    }
}

/// Makes a key and lets identity publish it.
fn publish(identity: &Played, kid: &str) -> EncodingKey {
    let pair = Ed25519KeyPair::generate().unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    identity.0.keys.lock().unwrap().push(json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x}));
    EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref())
}

fn unauthenticated<T>(code: &str) -> Result<T, (ErrorKind, String)> {
    Err((ErrorKind::Unauthenticated, code.to_owned()))
}

#[tokio::test]
async fn a_good_token_is_verified_once_and_ends_by_our_clock() {
    let world = World::new();
    let token = world.token(15);
    assert_eq!(world.authority.authenticate(&token).await.unwrap(), world.principal);
    assert_eq!(world.authority.authenticate(&token).await.unwrap(), world.principal);
    assert_eq!(world.identity.0.fetches.load(SeqCst), 1);
    world.clock.advance(TimeDelta::minutes(15));
    assert_eq!(world.authority.authenticate(&token).await.unwrap_err().code, "token_expired");
    assert_eq!(world.authority.authenticate(&token).await.unwrap_err().code, "token_expired");
    world.authority.authenticate(&world.token(1)).await.unwrap();
}

#[tokio::test]
async fn who_has_logged_out_is_refused_although_the_token_is_good() {
    let world = World::new();
    let token = world.token(15);
    world.authority.authenticate(&token).await.unwrap();
    // The last of more than fit into one answer.
    world.identity.0.ended.lock().unwrap().extend((0..250).map(|_| SessionId::new()));
    world.identity.0.ended.lock().unwrap().push(world.principal.session_id);
    world.ended.hear(world.client.clone()).await.unwrap();
    assert_eq!(world.authority.authenticate(&token).await.unwrap_err().kind, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_bad_token_is_refused() {
    let world = World::new();
    let now = world.clock.now();
    let claims = Claims::new(&world.principal, now, now + TimeDelta::hours(1));
    let foreign = Claims { iss: "other".to_owned(), ..claims.clone() }.sign("k1", &world.key).unwrap();
    let elsewhere = Claims { aud: "other".to_owned(), ..claims.clone() }.sign("k1", &world.key).unwrap();
    let forged = claims.sign("k1", &publish(&Played::default(), "k1")).unwrap();
    let unsigned = world.token(5).rsplit_once('.').unwrap().0.to_owned() + ".";
    let long = "a".repeat(5000);
    for bad in [&*foreign, &*elsewhere, &*forged, &*unsigned, "", "a.b.c", &*long] {
        let problem = world.authority.authenticate(bad).await.unwrap_err();
        assert_eq!((problem.kind, &*problem.code), (ErrorKind::Unauthenticated, "unauthenticated"), "{bad}");
    }
}

#[tokio::test]
async fn new_keys_are_fetched_but_not_for_every_stranger() {
    let world = World::new();
    world.authority.authenticate(&world.token(5)).await.unwrap();
    let key = publish(&world.identity, "k2");
    let now = world.clock.now();
    let token = Claims::new(&world.principal, now, now + TimeDelta::hours(1)).sign("k2", &key).unwrap();
    assert!(world.authority.authenticate(&token).await.is_err());
    assert_eq!(world.identity.0.fetches.load(SeqCst), 1);
    world.clock.advance(TimeDelta::seconds(2));
    world.authority.authenticate(&token).await.unwrap();
    assert_eq!(world.identity.0.fetches.load(SeqCst), 2);
}

#[tokio::test]
async fn a_token_may_be_absent_only_where_guests_are_welcome() {
    let world = World::new();
    assert_eq!(world.ask::<User>(&[]).await.map(|_| ()), unauthenticated("unauthenticated"));
    assert!(world.ask::<MaybeUser>(&[]).await.unwrap().0.is_none());
    for bad in ["Bearer", "Bearer ", "Basic abc", "Bearer abc"] {
        let headers = [("authorization", bad)];
        assert_eq!(world.ask::<MaybeUser>(&headers).await.map(|_| ()), unauthenticated("unauthenticated"), "{bad}");
    }
    assert_eq!(world.ask_with_token::<User>().await.unwrap().0, world.principal);
    assert_eq!(world.identity.0.asks.load(SeqCst), 0);
}

#[tokio::test]
async fn roles_are_those_of_the_moment() {
    let world = World::new();
    assert_eq!(world.ask_with_token::<Admin>().await.map(|_| ()), unauthenticated("unauthenticated"));
    world.stands(|standing| standing.active = true);
    let forbidden = Err((ErrorKind::Forbidden, "forbidden".to_owned()));
    assert_eq!(world.ask_with_token::<Admin>().await.map(|_| ()), forbidden);
    world.stands(|standing| standing.roles = vec!["admin".to_owned(), "astronaut".to_owned()]);
    world.ask_with_token::<Admin>().await.unwrap();
    world.ask_with_token::<Support>().await.unwrap();
    world.stands(|standing| standing.roles = vec!["support".to_owned()]);
    world.clock.advance(TimeDelta::seconds(2));
    assert_eq!(world.ask_with_token::<Admin>().await.map(|_| ()), forbidden);
    world.ask_with_token::<Support>().await.unwrap();
}

#[tokio::test]
async fn becoming_a_seller_takes_effect_at_once() {
    let world = World::new();
    let seller_id = SellerId::new();
    world.stands(|standing| standing.active = true);
    assert_eq!(world.ask_with_token::<SellerMember>().await.unwrap_err().1, "forbidden");
    world.stands(|standing| {
        standing.seller_id = Some(seller_id.to_string());
        standing.seller_status = "pending".to_owned();
        standing.team_role = "owner".to_owned();
    });
    assert_eq!(world.ask_with_token::<SellerMember>().await.unwrap().status, SellerStatus::Pending);
    assert_eq!(world.ask_with_token::<Seller>().await.unwrap_err().1, "seller_pending");
    world.stands(|standing| standing.seller_status = "approved".to_owned());
    let Seller(member) = world.ask_with_token::<Seller>().await.unwrap();
    assert_eq!((member.seller_id, member.team_role), (seller_id, TeamRole::Owner));
    let asks = world.identity.0.asks.load(SeqCst);
    world.ask_with_token::<Seller>().await.unwrap();
    assert_eq!(world.identity.0.asks.load(SeqCst), asks);
    world.stands(|standing| standing.seller_status = "suspended".to_owned());
    world.clock.advance(TimeDelta::seconds(2));
    assert_eq!(world.ask_with_token::<Seller>().await.unwrap_err().1, "seller_suspended");
    world.ask_with_token::<SellerMember>().await.unwrap();
}

#[test]
fn a_team_shares_its_work() {
    let member = |team_role| SellerMember {
        user_id: UserId::new(),
        seller_id: SellerId::new(),
        team_role,
        status: SellerStatus::Approved,
    };
    assert!(member(TeamRole::Owner).require(Permission::Team).is_ok());
    assert!(member(TeamRole::Manager).require(Permission::Team).is_err());
    assert!(member(TeamRole::Staff).require(Permission::Stock).is_ok());
    assert!(member(TeamRole::Staff).require(Permission::Money).is_err());
}

#[tokio::test]
async fn guests_show_tokens_of_their_own() {
    let world = World::new();
    let cart = world.ask::<CartToken>(&[("x-cart-token", "abc")]).await.unwrap();
    assert_eq!(cart.0.as_deref(), Some("abc"));
    assert_eq!(world.ask::<CartToken>(&[("x-cart-token", "a b")]).await.unwrap_err().0, ErrorKind::Malformed);
    let Ok(OrderToken(token)) = OrderToken::from_request_parts(&mut parts("/?token=xyz", &[]), &()).await else {
        panic!("a token in the query is taken")
    };
    assert_eq!(token.as_deref(), Some("xyz"));
    assert!(world.ask::<OrderToken>(&[]).await.unwrap().0.is_none());
}

#[test]
fn secrets_are_long_and_never_the_same() {
    assert_eq!(secret_token().len(), 43);
    assert_ne!(secret_token(), secret_token());
    assert_eq!(hex::encode(token_hash("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
