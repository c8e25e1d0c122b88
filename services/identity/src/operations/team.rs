//! The owner changes the team.

use souk_kernel::{SellerId, UserId};
use souk_platform::{
    db::{Database, Tx},
    security::TeamRole,
};

use crate::{
    domain::AccountStatus,
    error::Error,
    store::{members, users},
};

/// Takes somebody who has an account into the team.
pub async fn add_member(
    db: &Database,
    seller: SellerId,
    email: String,
    role: TeamRole,
) -> Result<(members::Model, users::Model), Error> {
    db.transaction(move |tx| async move {
        let found = users::find_by_email(&tx, &email).await?.filter(|user| user.status == AccountStatus::Active);
        let user = found.ok_or(Error::NotFound("user"))?;
        let joined = members::insert(&tx, seller, user.id, role, tx.now()).await;
        joined.map_err(|error| Error::unique(error, Error::AlreadyInTeam))?;
        let member = members::find_in_team(&tx, seller, user.id).await?.ok_or(Error::NotFound("member"))?;
        Ok((member, user))
    })
    .await
}

/// Gives a member another role.
pub async fn change_member(
    db: &Database,
    seller: SellerId,
    user: UserId,
    role: TeamRole,
) -> Result<(members::Model, users::Model), Error> {
    db.transaction(move |tx| async move {
        members::find_in_team(&tx, seller, user).await?.ok_or(Error::NotFound("member"))?;
        members::set_role(&tx, user, role).await?;
        require_owner(&tx, seller).await?;
        let member = members::find_in_team(&tx, seller, user).await?.ok_or(Error::NotFound("member"))?;
        let user = users::find(&tx, user).await?.ok_or(Error::NotFound("member"))?;
        Ok((member, user))
    })
    .await
}

/// Somebody leaves the team.
pub async fn remove_member(db: &Database, seller: SellerId, user: UserId) -> Result<(), Error> {
    db.transaction(move |tx| async move {
        if !members::remove(&tx, seller, user).await? {
            return Err(Error::NotFound("member"));
        }
        require_owner(&tx, seller).await
    })
    .await
}

/// A team keeps an owner: an error here undoes what was just done.
async fn require_owner(tx: &Tx, seller: SellerId) -> Result<(), Error> {
    if members::owners(tx, seller).await? == 0 { Err(Error::LastOwner) } else { Ok(()) }
}
