//! What an operator does with an account.

use souk_kernel::UserId;
use souk_platform::db::Database;

use crate::{
    app::App,
    domain::{AccountStatus, Roles},
    error::Error,
    store::{
        sessions,
        users::{self, Person},
    },
};

/// Grants and takes the roles that an operator can grant. Nobody takes the operator's role from themselves, so that there
/// is always an operator left.
pub async fn set_roles(db: &Database, operator: UserId, id: UserId, roles: Roles) -> Result<Person, Error> {
    if operator == id && !roles.admin {
        return Err(Error::OwnAccount);
    }
    db.transaction(move |tx| async move {
        let mut person = users::find_person(&tx, id).await?.ok_or(Error::NotFound("user"))?;
        person.user.is_support = roles.support;
        person.user.is_admin = roles.admin;
        super::saved(users::save(&tx, &mut person.user, tx.now()).await?)?;
        Ok(person)
    })
    .await
}

/// Closes an account for now, ending its sessions, or opens it again. Harmless when repeated.
pub async fn set_suspended(app: &App, operator: UserId, id: UserId, suspended: bool) -> Result<Person, Error> {
    if operator == id && suspended {
        return Err(Error::OwnAccount);
    }
    let wanted = if suspended { AccountStatus::Suspended } else { AccountStatus::Active };
    let transaction = app.db.transaction(move |tx| async move {
        let mut person = users::find_person(&tx, id).await?.ok_or(Error::NotFound("user"))?;
        if person.user.status != wanted {
            person.user.status = wanted;
            super::saved(users::save(&tx, &mut person.user, tx.now()).await?)?;
        }
        let ended = if suspended { sessions::revoke_all(&tx, id, tx.now()).await? } else { Vec::new() };
        Ok::<_, Error>((person, ended))
    });
    let (person, ended) = transaction.await?;
    app.ended.add(ended);
    Ok(person)
}
