//! Who is asking, as parameters of a handler. They find the [`Authority`] in the request's extensions.

use axum::{RequestPartsExt, extract::FromRequestParts};
use http::{HeaderName, header, request::Parts};
use serde::Deserialize;
use souk_kernel::{ErrorKind, Problem, SellerId, UserId};

use super::{Authority, Permission, Principal, Role, SellerStatus, Standing, TeamRole};
use crate::http::{Failure, Params, single_header};

/// Carries a guest's cart token in and out.
pub const CART_TOKEN_HEADER: HeaderName = HeaderName::from_static("x-cart-token");
/// Carries a guest's order token in.
pub const ORDER_TOKEN_HEADER: HeaderName = HeaderName::from_static("x-order-token");

/// Anybody with a good token; 401 otherwise.
#[derive(Clone, Debug)]
pub struct User(pub Principal);

/// Anybody. A token that is shown must be good: a bad one is 401, so that nobody shops as a guest by mistake.
#[derive(Clone, Debug)]
pub struct MaybeUser(pub Option<Principal>);

/// The operator; 403 for others.
#[derive(Clone, Debug)]
pub struct Admin(pub Principal);

/// Support or the operator; 403 for others.
#[derive(Clone, Debug)]
pub struct Support(pub Principal);

/// A member of a seller's team, whatever the seller's status: for reading. 403 for others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SellerMember {
    /// Who.
    pub user_id: UserId,
    /// For which seller.
    pub seller_id: SellerId,
    /// As what.
    pub team_role: TeamRole,
    /// Whether the seller may sell.
    pub status: SellerStatus,
}

/// A member of the team of a seller who may sell: for writing. 403 `seller_pending` or `seller_suspended` otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seller(pub SellerMember);

impl SellerMember {
    /// 403 unless the member's team role permits it.
    pub fn require(&self, permission: Permission) -> Result<(), Problem> {
        if self.team_role.may(permission) {
            Ok(())
        } else {
            Err(Problem::forbidden("your role in the seller's team does not permit this"))
        }
    }

    /// 403 unless the seller may sell. On holiday a seller goes on working, only the shop is closed.
    pub fn require_active(&self) -> Result<(), Problem> {
        let (code, message) = match self.status {
            SellerStatus::Approved | SellerStatus::Holiday => return Ok(()),
            SellerStatus::Pending => ("seller_pending", "the seller has not been approved yet"),
            SellerStatus::Suspended => ("seller_suspended", "the seller is suspended"),
        };
        Err(Problem::new(ErrorKind::Forbidden, code, message))
    }
}

/// The text after `Bearer` (RFC 6750 2.1), if the header is there.
fn bearer(parts: &Parts) -> Result<Option<&str>, Problem> {
    let bad = || Problem::unauthenticated("Authorization must be: Bearer <access token>");
    let Some(value) = parts.headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(bad)?;
    let token = token.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() { Ok(Some(token)) } else { Err(bad()) }
}

fn authority(parts: &Parts) -> Result<Authority, Problem> {
    parts.extensions.get::<Authority>().cloned().ok_or_else(|| {
        tracing::error!("the Authority is missing in the request's extensions");
        Problem::internal()
    })
}

async fn principal(parts: &mut Parts) -> Result<Option<Principal>, Problem> {
    if let Some(known) = parts.extensions.get::<Principal>() {
        return Ok(Some(known.clone()));
    }
    let Some(token) = bearer(parts)? else { return Ok(None) };
    let principal = authority(parts)?.authenticate(token).await?;
    parts.extensions.insert(principal.clone());
    Ok(Some(principal))
}

async fn user(parts: &mut Parts) -> Result<Principal, Problem> {
    principal(parts).await?.ok_or_else(|| Problem::unauthenticated("an access token is needed"))
}

/// Somebody whose standing passes `enough` at this moment.
async fn with_standing(
    parts: &mut Parts,
    enough: fn(&Standing) -> bool,
    refusal: &str,
) -> Result<(Principal, Standing), Failure> {
    let principal = user(parts).await?;
    let standing = authority(parts)?.active(principal.user_id, enough).await?;
    if enough(&standing) { Ok((principal, standing)) } else { Err(Failure(Problem::forbidden(refusal))) }
}

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(user(parts).await?))
    }
}

impl<S: Sync> FromRequestParts<S> for MaybeUser {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(principal(parts).await?))
    }
}

impl<S: Sync> FromRequestParts<S> for Admin {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let found = with_standing(parts, |standing| standing.has(Role::Admin), "only the operator may do this").await;
        found.map(|(principal, _)| Self(principal))
    }
}

impl<S: Sync> FromRequestParts<S> for Support {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let enough = |standing: &Standing| standing.has(Role::Support) || standing.has(Role::Admin);
        with_standing(parts, enough, "only support may do this").await.map(|(principal, _)| Self(principal))
    }
}

impl<S: Sync> FromRequestParts<S> for SellerMember {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let principal = user(parts).await?;
        // A remembered pending seller won't do: the approval may have come since.
        let standing = authority(parts)?.active(principal.user_id, Standing::sells).await?;
        let seller = standing.seller.ok_or_else(|| Problem::forbidden("only sellers may do this"))?;
        Ok(Self {
            user_id: principal.user_id,
            seller_id: seller.seller_id,
            team_role: seller.team_role,
            status: seller.status,
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Seller {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let member = SellerMember::from_request_parts(parts, state).await?;
        member.require_active()?;
        Ok(Self(member))
    }
}

/// A guest's cart token from `X-Cart-Token`; what can't be one is 400.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CartToken(pub Option<String>);

/// A guest's order token from `X-Order-Token`, or from `?token=` as in the links of mails; what can't be one is 400.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderToken(pub Option<String>);

fn secret(field: &str, text: &str) -> Result<String, Failure> {
    if (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(Failure(Problem::malformed(field, "is not a token")))
    }
}

impl<S: Sync> FromRequestParts<S> for CartToken {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let given = single_header(&parts.headers, &CART_TOKEN_HEADER)?;
        Ok(Self(given.map(|text| secret("X-Cart-Token", text)).transpose()?))
    }
}

#[derive(Deserialize, garde::Validate)]
struct MailLink {
    #[garde(skip)]
    token: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for OrderToken {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        if let Some(text) = single_header(&parts.headers, &ORDER_TOKEN_HEADER)? {
            return Ok(Self(Some(secret("X-Order-Token", text)?)));
        }
        let Params(MailLink { token }) = parts.extract().await?;
        Ok(Self(token.map(|text| secret("token", &text)).transpose()?))
    }
}
