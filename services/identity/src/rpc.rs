//! The calls that identity answers.

use std::{collections::HashMap, str::FromStr};

use souk_contracts::identity::{
    EndedSessionsReply, EndedSessionsRequest, EnsureSellerRequest, GetSellersReply, GetSellersRequest, GetUsersReply,
    GetUsersRequest, JwksReply, JwksRequest, SellerProfile, StandingReply, StandingRequest, UserProfile,
    identity_server::Identity,
};
use souk_kernel::{Clock, Problem, SellerId, Timestamp, UserId};
use tonic::{Request, Response, Status};

use crate::{
    app::AppState,
    domain::{self, AccountStatus},
    error::Error,
    operations,
    store::{members, sellers, sessions, users},
};

/// Ids in one question, at most.
const MOST: usize = 1000;
/// Ended sessions in one answer, at most.
const MOST_ENDED: u64 = 10_000;

pub struct Calls(pub AppState);

#[tonic::async_trait]
impl Identity for Calls {
    async fn jwks(&self, _: Request<JwksRequest>) -> Result<Response<JwksReply>, Status> {
        let now_ms = Clock::system().now().timestamp_millis();
        Ok(Response::new(JwksReply { jwks_json: self.0.signer.jwks().to_owned(), now_ms }))
    }

    async fn ended_sessions(
        &self,
        request: Request<EndedSessionsRequest>,
    ) -> Result<Response<EndedSessionsReply>, Status> {
        let now = self.0.db.clock().now();
        let oldest = now - self.0.config.access_token_ttl;
        let asked = Timestamp::from_timestamp_millis(request.into_inner().since_ms).unwrap_or(oldest);
        let rows = sessions::ended_since(self.0.db.reader(), asked.max(oldest), MOST_ENDED).await;
        let rows = rows.map_err(Error::from)?;
        let more = rows.len() as u64 == MOST_ENDED;
        let until = rows.last().filter(|_| more).map_or(now, |(_, at)| *at);
        let session_ids = rows.iter().map(|(id, _)| id.to_string()).collect();
        Ok(Response::new(EndedSessionsReply { session_ids, until_ms: until.timestamp_millis(), more }))
    }

    async fn standing(&self, request: Request<StandingRequest>) -> Result<Response<StandingReply>, Status> {
        let Ok(id) = request.into_inner().user_id.parse() else { return Ok(Response::new(StandingReply::default())) };
        let person = users::find_person(self.0.db.reader(), id).await.map_err(Error::from)?;
        let Some(person) = person.filter(|person| person.user.status == AccountStatus::Active) else {
            return Ok(Response::new(StandingReply::default()));
        };
        let roles = person.roles().into_iter().map(|role| role.to_string()).collect();
        let reply = match person.team {
            None => StandingReply { active: true, roles, ..StandingReply::default() },
            Some((member, seller)) => StandingReply {
                active: true,
                roles,
                seller_id: Some(seller.id.to_string()),
                seller_status: seller.status().to_string(),
                team_role: member.role.to_string(),
            },
        };
        Ok(Response::new(reply))
    }

    async fn get_sellers(&self, request: Request<GetSellersRequest>) -> Result<Response<GetSellersReply>, Status> {
        let ids: Vec<SellerId> = known(&request.into_inner().seller_ids)?;
        let conn = self.0.db.reader();
        let found = sellers::find_many(conn, ids.clone()).await.map_err(Error::from)?;
        let mut teams: HashMap<SellerId, Vec<String>> = HashMap::new();
        for member in members::of_sellers(conn, ids).await.map_err(Error::from)? {
            teams.entry(member.seller_id).or_default().push(member.user_id.to_string());
        }
        let sellers = found.into_iter().map(|seller| {
            let team = teams.remove(&seller.id).unwrap_or_default();
            profile(seller, team)
        });
        Ok(Response::new(GetSellersReply { sellers: sellers.collect() }))
    }

    async fn get_users(&self, request: Request<GetUsersRequest>) -> Result<Response<GetUsersReply>, Status> {
        let ids: Vec<UserId> = known(&request.into_inner().user_ids)?;
        let found = users::find_active(self.0.db.reader(), ids).await.map_err(Error::from)?;
        let users = found.into_iter().map(|user| {
            let users::Model { id, email, name, locale, .. } = user;
            UserProfile { user_id: id.to_string(), email, name, locale }
        });
        Ok(Response::new(GetUsersReply { users: users.collect() }))
    }

    async fn ensure_seller(&self, request: Request<EnsureSellerRequest>) -> Result<Response<SellerProfile>, Status> {
        let EnsureSellerRequest { slug, name } = request.into_inner();
        let name = if name.trim().is_empty() { slug.clone() } else { name };
        let checks = [("slug", domain::slug(&slug, &())), ("name", domain::name(&name, &()))];
        for (field, result) in checks {
            result.map_err(|error| Error::Problem(Problem::invalid(field, error.message())))?;
        }
        let seller = operations::ensure_seller(&self.0.db, slug, name, None).await?;
        let team = members::of_sellers(self.0.db.reader(), vec![seller.id]).await.map_err(Error::from)?;
        let team = team.into_iter().map(|member| member.user_id.to_string()).collect();
        Ok(Response::new(profile(seller, team)))
    }
}

fn profile(seller: sellers::Model, member_user_ids: Vec<String>) -> SellerProfile {
    let status = seller.status().to_string();
    SellerProfile { seller_id: seller.id.to_string(), name: seller.name, slug: seller.slug, status, member_user_ids }
}

/// The ids among these texts; what is no id is the id of nothing.
fn known<I: FromStr>(texts: &[String]) -> Result<Vec<I>, Error> {
    if texts.len() > MOST {
        return Err(Problem::malformed("ids", format!("at most {MOST} at once")).into());
    }
    Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
}
