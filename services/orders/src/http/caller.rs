//! Who asks for an order, and as what: its buyer, one of its sellers, or the operator.

use axum::{RequestPartsExt, extract::FromRequestParts};
use http::request::Parts;
use souk_kernel::{Actor, OrderId, Problem, SellerId};
use souk_platform::{
    http::Failure,
    security::{Authority, MaybeUser, OrderToken, Principal, Role, SellerMember, SellerStatus, token_hash},
};

use crate::{
    app::App,
    error::Error,
    store::{self, Credentials, Scope, orders, parts},
};

/// Somebody with an account, or the holder of a guest's order token; 401 for anybody else.
pub struct Caller {
    principal: Option<Principal>,
    token_hash: Option<Vec<u8>>,
    authority: Option<Authority>,
}

/// As what somebody sees an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Viewer {
    Buyer,
    /// Sees the own part only.
    Seller(SellerId),
    /// Support or admin.
    Operator,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let MaybeUser(principal) = parts.extract().await?;
        let OrderToken(token) = parts.extract().await?;
        if principal.is_none() && token.is_none() {
            return Err(Failure(Problem::unauthenticated("an access token, or an order's token, is needed")));
        }
        let token_hash = token.map(|token| token_hash(&token).to_vec());
        Ok(Self { principal, token_hash, authority: parts.extensions.get().cloned() })
    }
}

/// A member of the team of a seller who was let in once: a suspended seller sells no more, but ships what was paid and
/// takes back what was delivered. 403 `seller_pending` otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Shipper(pub SellerMember);

impl<S: Send + Sync> FromRequestParts<S> for Shipper {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let member = SellerMember::from_request_parts(parts, state).await?;
        if member.status == SellerStatus::Pending {
            member.require_active()?;
        }
        Ok(Self(member))
    }
}

impl Caller {
    fn buyer(&self) -> Scope {
        let user_id = self.principal.as_ref().map(|principal| principal.user_id);
        Scope::Buyer(Credentials { user_id, token_hash: self.token_hash.clone() })
    }

    /// The order as the caller may see it; 404 when not at all.
    pub async fn find(&self, app: &App, id: OrderId) -> Result<(orders::Model, Viewer), Error> {
        let conn = app.db.reader();
        if let Some(row) = store::find_in(conn, id, &self.buyer()).await? {
            return Ok((row, Viewer::Buyer));
        }
        let (Some(principal), Some(authority)) = (&self.principal, &self.authority) else {
            return Err(Error::NotFound("order"));
        };
        let standing = authority.standing(principal.user_id).await?;
        let viewer = if standing.has(Role::Admin) || standing.has(Role::Support) {
            Viewer::Operator
        } else {
            let seller = standing.seller.filter(|_| standing.active).ok_or(Error::NotFound("order"))?.seller_id;
            if !parts::is_in(conn, id, seller).await? {
                return Err(Error::NotFound("order"));
            }
            Viewer::Seller(seller)
        };
        let row = orders::find(conn, id).await?.ok_or(Error::NotFound("order"))?;
        Ok((row, viewer))
    }

    /// What the caller may change of the order, and as whom; 403 when it may be seen but not changed.
    pub async fn may_change(&self, app: &App, id: OrderId) -> Result<(Scope, Actor), Error> {
        let (_, viewer) = self.find(app, id).await?;
        match (viewer, &self.principal) {
            (Viewer::Buyer, principal) => {
                Ok((self.buyer(), Actor::Buyer(principal.as_ref().map(|principal| principal.user_id))))
            }
            (Viewer::Operator, Some(principal)) if self.is_admin(principal).await? => {
                Ok((Scope::Admin, Actor::Admin(principal.user_id)))
            }
            _ => Err(Problem::forbidden("only the buyer or the operator may do this").into()),
        }
    }

    async fn is_admin(&self, principal: &Principal) -> Result<bool, Error> {
        let Some(authority) = &self.authority else { return Ok(false) };
        Ok(authority.standing(principal.user_id).await?.has(Role::Admin))
    }
}
