//! An import, or the operator, wants a seller to exist.

use souk_kernel::{SellerId, UserId};
use souk_platform::{db::Database, security::TeamRole};

use super::apply_to_sell::approved;
use crate::{
    domain::SellerState,
    error::Error,
    store::{
        members,
        sellers::{self, Model},
        users,
    },
};

/// The seller with this slug, made and approved if missing, with `owner` as its team if one is named.
pub async fn ensure_seller(db: &Database, slug: String, name: String, owner: Option<UserId>) -> Result<Model, Error> {
    if let Some(seller) = sellers::find_by_slug(db.reader(), &slug).await? {
        return Ok(seller);
    }
    let wanted = slug.clone();
    let made = db.transaction(move |tx| async move {
        if let Some(seller) = sellers::find_by_slug(&tx, &slug).await? {
            return Ok(seller);
        }
        let seller = Model::new(SellerId::new(), name, slug, String::new(), SellerState::Approved, tx.now());
        sellers::insert(&tx, seller.clone()).await.map_err(|error| Error::unique(error, Error::SlugTaken))?;
        let owner = match owner {
            Some(id) => Some(users::find(&tx, id).await?.ok_or(Error::NotFound("user"))?),
            None => None,
        };
        if let Some(owner) = &owner {
            let joined = members::insert(&tx, seller.id, owner.id, TeamRole::Owner, tx.now()).await;
            joined.map_err(|error| Error::unique(error, Error::AlreadyInTeam))?;
        }
        tx.publish(approved(&seller, owner));
        Ok(seller)
    });
    match made.await {
        // Another process made it between the reading and the writing.
        Err(Error::SlugTaken) => sellers::find_by_slug(db.reader(), &wanted).await?.ok_or(Error::SlugTaken),
        other => other,
    }
}
