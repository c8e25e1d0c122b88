//! Decides whether a token is good and what its holder may do at this moment.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono::TimeDelta;
use moka::sync::Cache;
use souk_contracts::identity::{JwksRequest, StandingReply, StandingRequest, identity_client::IdentityClient};
use souk_kernel::{Clock, Problem, SellerId, Timestamp, UserId};

use super::{
    Claims, EndedSessions, Principal, Role, SellerStatus, TeamRole,
    keyring::{Keyring, bad_token, kid_of, token_expired},
    token_hash,
};
use crate::{
    rpc::{self, Channel},
    skew,
};

/// Verified tokens that are remembered.
const TOKENS: u64 = 100_000;
/// A token that is not shown for so long is forgotten, to be verified again.
const TOKEN_IDLE: Duration = Duration::from_mins(15);
/// Standings that are remembered, and for how long.
const STANDINGS: u64 = 50_000;
const STANDING_AGE: TimeDelta = TimeDelta::seconds(2);
/// Keys are fetched at most this often, however many tokens with unknown keys come.
const KEYS_AGE: TimeDelta = TimeDelta::seconds(1);

/// Verifies access tokens and knows standings. Cheap to clone.
#[derive(Clone)]
pub struct Authority(Arc<Inner>);

struct Inner {
    identity: IdentityClient<Channel>,
    clock: Clock,
    keys: RwLock<Keyring>,
    /// When keys were fetched last. Whoever fetches holds it, so that only one does.
    fetched: tokio::sync::Mutex<Option<Timestamp>>,
    /// By the hash of the token.
    tokens: Cache<[u8; 32], Arc<Claims>>,
    standings: Cache<UserId, (Timestamp, Standing)>,
    ended: EndedSessions,
}

/// What somebody may do at this moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Whether the account exists and is not blocked.
    pub active: bool,
    /// The roles of this moment.
    pub roles: Vec<Role>,
    /// The seller to whose team they belong.
    pub seller: Option<SellerStanding>,
}

/// Somebody's place in a seller's team.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SellerStanding {
    /// The seller.
    pub seller_id: SellerId,
    /// Whether the seller may sell.
    pub status: SellerStatus,
    /// What they may do there.
    pub team_role: TeamRole,
}

impl Standing {
    /// Whether the account is good and has the role.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.active && self.roles.contains(&role)
    }

    pub(super) fn sells(&self) -> bool {
        self.active && self.seller.is_some_and(|seller| seller.status == SellerStatus::Approved)
    }
}

impl Authority {
    /// An authority that asks `identity`, goes by `clock`, and takes no token of a session that has `ended`.
    #[must_use]
    pub fn new(identity: IdentityClient<Channel>, clock: Clock, ended: EndedSessions) -> Self {
        Self(Arc::new(Inner {
            identity,
            clock,
            keys: RwLock::default(),
            fetched: tokio::sync::Mutex::default(),
            tokens: Cache::builder().max_capacity(TOKENS).time_to_idle(TOKEN_IDLE).build(),
            standings: Cache::builder().max_capacity(STANDINGS).time_to_live(Duration::from_secs(2)).build(),
            ended,
        }))
    }

    /// Who shows this token. 401 `unauthenticated` or `token_expired`; 503 when the keys can't be had.
    pub async fn authenticate(&self, bearer: &str) -> Result<Principal, Problem> {
        let hash = token_hash(bearer);
        let remembered = self.0.tokens.get(&hash);
        let is_new = remembered.is_none();
        let claims = match remembered {
            Some(claims) => claims,
            None => Arc::new(self.verify(bearer).await?),
        };
        if claims.exp <= self.0.clock.now().timestamp() {
            self.0.tokens.invalidate(&hash);
            return Err(token_expired());
        }
        if self.0.ended.contains(claims.sid) {
            return Err(bad_token());
        }
        if is_new {
            self.0.tokens.insert(hash, Arc::clone(&claims));
        }
        Ok(Principal::from(Claims::clone(&claims)))
    }

    async fn verify(&self, token: &str) -> Result<Claims, Problem> {
        let kid = kid_of(token)?;
        if !self.knows(&kid) {
            self.fetch_keys(&kid).await?;
        }
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner).verify(&kid, token)
    }

    fn knows(&self, kid: &str) -> bool {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner).knows(kid)
    }

    async fn fetch_keys(&self, wanted: &str) -> Result<(), Problem> {
        let mut fetched = self.0.fetched.lock().await;
        let now = self.0.clock.now();
        if self.knows(wanted) || fetched.is_some_and(|last| now - last < KEYS_AGE) {
            return Ok(());
        }
        let asked = Clock::system().now();
        let reply = self.0.identity.clone().jwks(JwksRequest {}).await.map_err(rpc::problem)?.into_inner();
        compare_clocks(asked, reply.now_ms);
        let keys = Keyring::from_jwks(&reply.jwks_json).map_err(|error| {
            tracing::error!(%error, "the key set of identity can't be read");
            Problem::internal()
        })?;
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        *fetched = Some(now);
        Ok(())
    }

    /// What `user` may do now. That somebody sells is remembered for two seconds; that they don't is always asked anew, so
    /// that becoming a seller takes effect with the next request.
    pub async fn standing(&self, user: UserId) -> Result<Standing, Problem> {
        self.standing_if(user, Standing::sells).await
    }

    /// As [`Authority::standing`], where `enough` says which remembered standing will do.
    pub(super) async fn standing_if(&self, user: UserId, enough: fn(&Standing) -> bool) -> Result<Standing, Problem> {
        let now = self.0.clock.now();
        let known = self.0.standings.get(&user).filter(|(since, _)| now - *since < STANDING_AGE);
        if let Some((_, standing)) = known.filter(|(_, standing)| enough(standing)) {
            return Ok(standing);
        }
        let request = StandingRequest { user_id: user.to_string() };
        let reply = self.0.identity.clone().standing(request).await.map_err(rpc::problem)?.into_inner();
        let standing = Standing::try_from(reply)?;
        if !standing.active {
            self.0.standings.invalidate(&user);
            return Ok(standing);
        }
        self.0.standings.insert(user, (now, standing.clone()));
        Ok(standing)
    }

    /// The standing of somebody whose token is good; 401 when the account has gone since.
    pub(super) async fn active(&self, user: UserId, enough: fn(&Standing) -> bool) -> Result<Standing, Problem> {
        let standing = self.standing_if(user, enough).await?;
        if standing.active { Ok(standing) } else { Err(bad_token()) }
    }
}

/// Says so when identity's clock, which said `told` (milliseconds since 1970; 0 when it said nothing) after `asked`, is
/// another one than this machine's: tokens live for minutes.
fn compare_clocks(asked: Timestamp, told: i64) {
    let Some(told) = Timestamp::from_timestamp_millis(told).filter(|_| told != 0) else { return };
    let ahead = skew::ahead(asked, told, Clock::system().now());
    if ahead.abs() > skew::REMARKABLE {
        let words = skew::in_words(ahead);
        tracing::error!(
            "this machine's clock is {words} that of identity's: access tokens end at the wrong time here; set both by NTP"
        );
    }
}

impl TryFrom<StandingReply> for Standing {
    type Error = Problem;

    /// Roles that this version does not know are left out; a seller that can't be read is our fault.
    fn try_from(reply: StandingReply) -> Result<Self, Problem> {
        let seller = reply.seller_id.as_ref().map(|id| {
            let (seller_id, status, team_role) = (id.parse(), reply.seller_status.parse(), reply.team_role.parse());
            Some(SellerStanding { seller_id: seller_id.ok()?, status: status.ok()?, team_role: team_role.ok()? })
        });
        if seller == Some(None) {
            tracing::error!(seller = reply.seller_id, status = reply.seller_status, "identity's answer can't be read");
            return Err(Problem::internal());
        }
        let roles = reply.roles.iter().filter_map(|role| role.parse().ok()).collect();
        Ok(Self { active: reply.active, roles, seller: seller.flatten() })
    }
}
