//! Somebody makes an account.

use souk_contracts::events::UserRegistered;
use souk_kernel::{Timestamp, UserId};
use souk_platform::db::Database;

use super::tokens::{LoggedIn, NewToken, logged_in};
use crate::{
    app::App,
    domain::{AccountStatus, Roles, email_key},
    error::Error,
    passwords::Passwords,
    store::{
        sessions,
        users::{self, Addresses, Person, Preferences},
    },
};

/// What is known about somebody new. Checked by who asks.
#[derive(Clone)]
pub struct NewAccount {
    pub email: String,
    pub password: String,
    pub name: String,
    pub locale: Option<String>,
    pub roles: Roles,
}

/// Makes an account without logging in.
pub async fn create_account(db: &Database, passwords: &Passwords, new: NewAccount) -> Result<users::Model, Error> {
    let user = prepare(db, passwords, new).await?;
    store(db, user, None).await
}

/// Makes an account and begins its first session.
pub async fn register(app: &App, new: NewAccount) -> Result<LoggedIn, Error> {
    let user = prepare(&app.db, &app.passwords, new).await?;
    let token = NewToken::new();
    let session = token.begin(user.id, user.created_at, user.created_at + app.config.refresh_token_ttl);
    let session_id = session.id;
    let user = store(&app.db, user, Some(session)).await?;
    logged_in(app, Person { user, team: None }, session_id, token.text)
}

/// The row to be, its password hashed. An address that is taken is refused before that work; the unique key decides.
async fn prepare(db: &Database, passwords: &Passwords, new: NewAccount) -> Result<users::Model, Error> {
    if users::find_by_email(db.reader(), &new.email).await?.is_some() {
        return Err(Error::EmailTaken);
    }
    let password_hash = passwords.hash(new.password.clone()).await?;
    Ok(row(new, password_hash, db.clock().now()))
}

fn row(new: NewAccount, password_hash: String, now: Timestamp) -> users::Model {
    let NewAccount { email, name, locale, roles, password: _ } = new;
    users::Model {
        id: UserId::new(),
        email_key: email_key(&email),
        email,
        name,
        password_hash,
        phone: None,
        locale: locale.unwrap_or_else(|| "en".to_owned()),
        preferences: Preferences::default(),
        addresses: Addresses::default(),
        is_support: roles.support,
        is_admin: roles.admin,
        status: AccountStatus::Active,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

async fn store(db: &Database, user: users::Model, session: Option<sessions::Model>) -> Result<users::Model, Error> {
    db.transaction(move |tx| async move {
        users::insert(&tx, user.clone()).await.map_err(|error| Error::unique(error, Error::EmailTaken))?;
        if let Some(session) = session {
            sessions::insert(&tx, session).await?;
        }
        tx.publish(UserRegistered {
            user_id: user.id,
            email: user.email.clone(),
            name: user.name.clone(),
            locale: user.locale.clone(),
        });
        Ok(user)
    })
    .await
}
