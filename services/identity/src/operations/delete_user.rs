//! An account is deleted: personal data is wiped, the row stays so that its id keeps meaning something.

use souk_contracts::events::{SellerSuspended, UserDeleted};
use souk_kernel::UserId;
use souk_platform::{db::Tx, security::TeamRole};

use crate::{
    app::App,
    domain::{AccountStatus, SellerAction, deleted_email},
    error::Error,
    store::{
        members, resets, sellers, sessions,
        users::{self, Addresses, Preferences},
    },
};

const OWNER_LEFT: &str = "the owner's account was deleted";

/// Wipes the account and announces it. A seller that loses its only owner with it is suspended.
pub async fn delete_user(app: &App, id: UserId) -> Result<(), Error> {
    let transaction = app.db.transaction(move |tx| async move {
        let mut user = users::find(&tx, id).await?.ok_or(Error::NotFound("user"))?;
        wipe(&mut user);
        super::saved(users::save(&tx, &mut user, tx.now()).await?)?;
        let ended = sessions::revoke_all(&tx, id, tx.now()).await?;
        resets::forget_all(&tx, id).await?;
        leave_team(&tx, id).await?;
        tx.publish(UserDeleted { user_id: id });
        Ok::<_, Error>(ended)
    });
    app.ended.add(transaction.await?);
    Ok(())
}

fn wipe(user: &mut users::Model) {
    user.email = deleted_email(user.id);
    user.email_key.clone_from(&user.email);
    "Deleted user".clone_into(&mut user.name);
    user.password_hash.clear();
    user.phone = None;
    user.preferences = Preferences::default();
    user.addresses = Addresses::default();
    user.is_support = false;
    user.is_admin = false;
    user.status = AccountStatus::Deleted;
}

async fn leave_team(tx: &Tx, user: UserId) -> Result<(), Error> {
    let Some((member, mut seller)) = members::find_team(tx, user).await? else { return Ok(()) };
    members::remove(tx, seller.id, user).await?;
    let owners = members::owners(tx, seller.id).await?;
    if member.role.0 != TeamRole::Owner || owners > 0 {
        return Ok(());
    }
    if let Some(state) = seller.state.after(SellerAction::Suspend) {
        seller.state = state;
        seller.suspend_reason = Some(OWNER_LEFT.to_owned());
        super::saved(sellers::save(tx, &mut seller, tx.now()).await?)?;
        let sellers::Model { id: seller_id, name, slug, .. } = seller;
        tx.publish(SellerSuspended { seller_id, name, slug, reason: OWNER_LEFT.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use souk_kernel::Clock;

    use super::*;

    #[test]
    fn nothing_personal_is_left() {
        let now = Clock::system().now();
        let mut user = users::Model {
            id: UserId::new(),
            email: "Ann@Example.org".to_owned(),
            email_key: "ann@example.org".to_owned(),
            name: "Ann Lee".to_owned(),
            password_hash: "$argon2id$secret".to_owned(),
            phone: Some("+44 20 7946 0018".to_owned()),
            locale: "en".to_owned(),
            preferences: Preferences([("size".to_owned(), "ann-m".into())].into_iter().collect()),
            addresses: Addresses::default(),
            is_support: false,
            is_admin: true,
            status: AccountStatus::Active,
            version: 3,
            created_at: now,
            updated_at: now,
        };
        wipe(&mut user);
        let left = format!("{user:?}").to_lowercase();
        for personal in ["ann", "lee", "7946", "argon2", "is_admin: true"] {
            assert!(!left.contains(personal), "{personal} in {left}");
        }
        assert_eq!(user.email, user.email_key);
    }
}
