//! Somebody wants to sell.

use souk_contracts::events::SellerApproved;
use souk_kernel::{SellerId, UserId};
use souk_platform::{
    db::{Database, Tx},
    security::TeamRole,
};

use crate::{
    domain::{AccountStatus, SellerState, free_slug, slug_candidates},
    error::Error,
    store::{
        members,
        sellers::{self, Model},
        users,
    },
};

/// What the applicant says about the shop.
#[derive(Clone, Debug)]
pub struct Application {
    pub name: String,
    pub description: String,
}

/// Makes a seller with the applicant as its owner: pending, or approved at once if the operator configured so.
pub async fn apply_to_sell(
    db: &Database,
    user: UserId,
    application: Application,
    auto_approve: bool,
) -> Result<(Model, TeamRole), Error> {
    db.transaction(move |tx| async move {
        let owner = users::find(&tx, user).await?.filter(|user| user.status == AccountStatus::Active);
        let owner = owner.ok_or(Error::Forbidden("the account is closed"))?;
        if members::find_team(&tx, user).await?.is_some() {
            return Err(Error::AlreadyInTeam);
        }
        let id = SellerId::new();
        let slug = new_slug(&tx, id, &application.name).await?;
        let state = if auto_approve { SellerState::Approved } else { SellerState::Pending };
        let seller = Model::new(id, application.name, slug, application.description, state, tx.now());
        sellers::insert(&tx, seller.clone()).await.map_err(|error| Error::unique(error, Error::SlugTaken))?;
        let joined = members::insert(&tx, id, user, TeamRole::Owner, tx.now()).await;
        joined.map_err(|error| Error::unique(error, Error::AlreadyInTeam))?;
        if state == SellerState::Approved {
            tx.publish(approved(&seller, Some(owner)));
        }
        Ok((seller, TeamRole::Owner))
    })
    .await
}

/// A slug that is free at this moment.
async fn new_slug(tx: &Tx, id: SellerId, name: &str) -> Result<String, Error> {
    // The last digits of an id are random.
    let text = id.to_string();
    let candidates = slug_candidates(name, &text[text.len() - 8..]);
    let taken = sellers::taken_slugs(tx, &candidates).await?;
    free_slug(candidates, &taken).ok_or(Error::SlugTaken)
}

/// What others are told about a seller that may sell.
pub(super) fn approved(seller: &Model, owner: Option<users::Model>) -> SellerApproved {
    let told = owner.as_ref();
    SellerApproved {
        seller_id: seller.id,
        name: seller.name.clone(),
        slug: seller.slug.clone(),
        owner: told.map(|owner| owner.id),
        owner_email: told.map(|owner| owner.email.clone()),
        owner_name: told.map(|owner| owner.name.clone()),
        locale: told.map(|owner| owner.locale.clone()),
    }
}
