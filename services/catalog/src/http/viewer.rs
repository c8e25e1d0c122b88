//! Who looks and who changes, in the words of the store.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use souk_kernel::Problem;
use souk_platform::{
    http::Failure,
    security::{Authority, MaybeUser, Permission, Principal, Role, SellerMember, Standing, User},
};

use crate::store::Scope;

/// Anybody. What they may see beyond the public is found out only when it matters.
pub struct Viewer {
    principal: Option<Principal>,
    authority: Option<Authority>,
}

impl Viewer {
    /// The scope of this visitor.
    pub async fn scope(&self) -> Result<Scope, Problem> {
        let (Some(principal), Some(authority)) = (&self.principal, &self.authority) else { return Ok(Scope::Public) };
        let standing = authority.standing(principal.user_id).await?;
        Ok(match standing.seller {
            _ if standing.has(Role::Admin) => Scope::Everything,
            Some(seller) if standing.active => Scope::Seller(seller.seller_id),
            _ => Scope::Public,
        })
    }
}

impl<S: Sync + Send> FromRequestParts<S> for Viewer {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let MaybeUser(principal) = MaybeUser::from_request_parts(parts, state).await?;
        Ok(Self { principal, authority: parts.extensions.get::<Authority>().cloned() })
    }
}

/// Somebody who may change products: a member of an approved seller's team whose role permits it, or an operator.
#[derive(Clone, Copy, Debug)]
pub struct Editor {
    pub scope: Scope,
}

impl<S: Sync + Send> FromRequestParts<S> for Editor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let User(principal) = User::from_request_parts(parts, state).await?;
        let Some(authority) = parts.extensions.get::<Authority>().cloned() else {
            tracing::error!("the Authority is missing in the request's extensions");
            return Err(Failure(Problem::internal()));
        };
        let standing: Standing = authority.standing(principal.user_id).await?;
        if standing.has(Role::Admin) {
            return Ok(Self { scope: Scope::Everything });
        }
        let member = SellerMember::from_request_parts(parts, state).await?;
        member.require_active()?;
        member.require(Permission::Products)?;
        Ok(Self { scope: Scope::Seller(member.seller_id) })
    }
}
