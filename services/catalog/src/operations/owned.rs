//! The product that somebody wants to change.

use sea_orm::ConnectionTrait;
use souk_kernel::{Problem, ProductId};

use crate::{
    domain::product::Status,
    error::Error,
    store::{
        Scope,
        products::{self, Aggregate},
    },
};

/// The product, if the scope may change it: 404 when it may not even see it, 403 when it is somebody else's.
pub async fn find(connection: &impl ConnectionTrait, id: ProductId, scope: Scope) -> Result<Aggregate, Error> {
    let found = products::find(connection, id, scope).await?.ok_or_else(|| Error::not_found("product"))?;
    if scope.owns(found.product.seller_id) {
        Ok(found)
    } else {
        Err(Problem::forbidden("the product belongs to another seller").into())
    }
}

/// As [`find`], for a change that an archived product can't take any more.
pub async fn find_live(connection: &impl ConnectionTrait, id: ProductId, scope: Scope) -> Result<Aggregate, Error> {
    let found = find(connection, id, scope).await?;
    if found.product.status == Status::Archived { Err(Error::Archived) } else { Ok(found) }
}

/// 412 when the caller saw another version than this.
pub fn check_version(found: &Aggregate, seen: Option<i64>) -> Result<(), Error> {
    match seen {
        Some(seen) if seen != found.product.version => Err(Error::VersionLost),
        _ => Ok(()),
    }
}
