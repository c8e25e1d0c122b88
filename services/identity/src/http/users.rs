//! Accounts and profiles.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use serde_json::{Map, Value};
use souk_kernel::UserId;
use souk_platform::{
    http::{Body, Failure, IfMatch, NoContent, PathId, Reply, openapi::Envelope},
    security::User as Caller,
};
use utoipa::ToSchema;

use super::{access, auth::Registration, views::User};
use crate::{
    app::{App, AppState},
    domain::{self, Address, Removable},
    error::Error,
    operations::{self, ProfileChange},
    store::users::{self, Person},
};

fn reply(person: Person) -> Reply<User> {
    let version = person.user.version;
    Reply::ok(person.into()).etag(version)
}

/// Makes an account without logging in.
#[utoipa::path(post, path = "/users", tag = "identity", request_body = Registration,
    responses((status = 201, body = Envelope<User>), Failure))]
pub async fn create(State(app): State<AppState>, Body(form): Body<Registration>) -> Result<Reply<User>, Error> {
    let user = operations::create_account(&app.db, &app.passwords, form.into()).await?;
    Ok(Reply::created(Person { user, team: None }.into()))
}

/// The fields to replace; absent ones stay as they are.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    #[garde(inner(custom(domain::name)))]
    name: Option<String>,
    /// null removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    #[garde(custom(number_or_null))]
    phone: Removable<String>,
    /// A language tag, for example `en` or `pt-BR`.
    #[garde(inner(custom(domain::locale)))]
    locale: Option<String>,
    /// The client's own settings: at most 100 keys and 8192 bytes.
    #[schema(value_type = Option<Object>)]
    #[garde(inner(custom(domain::preferences)))]
    preferences: Option<Map<String, Value>>,
    #[garde(length(max = 20), dive)]
    addresses: Option<Vec<Address>>,
}

fn number_or_null<C>(given: &Removable<String>, context: &C) -> garde::Result {
    if let Removable::Set(number) = given { domain::phone(number, context) } else { Ok(()) }
}

impl From<Profile> for ProfileChange {
    fn from(form: Profile) -> Self {
        let Profile { name, phone, locale, preferences, addresses } = form;
        Self { name: name.map(|name| name.trim().to_owned()), phone, locale, preferences, addresses }
    }
}

/// The own account.
#[utoipa::path(get, path = "/users/me", tag = "identity", security(("bearer" = [])),
    responses((status = 200, body = Envelope<User>), Failure))]
pub async fn me(State(app): State<AppState>, Caller(me): Caller) -> Result<Reply<User>, Error> {
    Ok(reply(access::current(&app, &me).await?))
}

/// Changes the own profile.
#[utoipa::path(method(put, patch), path = "/users/me", tag = "identity", request_body = Profile, params(IfMatch),
    security(("bearer" = [])), responses((status = 200, body = Envelope<User>), Failure))]
pub async fn update_me(
    State(app): State<AppState>,
    Caller(me): Caller,
    IfMatch(version): IfMatch,
    Body(form): Body<Profile>,
) -> Result<Reply<User>, Error> {
    access::current(&app, &me).await?;
    change(&app, me.user_id, version, form).await
}

/// Deletes the own account: personal data is wiped, orders stay.
#[utoipa::path(delete, path = "/users/me", tag = "identity", security(("bearer" = [])),
    responses((status = 204), Failure))]
pub async fn delete_me(State(app): State<AppState>, Caller(me): Caller) -> Result<NoContent, Error> {
    access::current(&app, &me).await?;
    operations::delete_user(&app, me.user_id).await?;
    Ok(NoContent)
}

/// An account, for its owner and the operator.
#[utoipa::path(get, path = "/users/{id}", tag = "identity", params(("id" = UserId, Path)), security(("bearer" = [])),
    responses((status = 200, body = Envelope<User>), Failure))]
pub async fn show(
    State(app): State<AppState>,
    Caller(me): Caller,
    PathId(id): PathId<UserId>,
) -> Result<Reply<User>, Error> {
    access::owner_or_operator(&app, &me, id).await?;
    let person = users::find_person(app.db.reader(), id).await?;
    Ok(reply(person.ok_or(Error::NotFound("user"))?))
}

/// Changes a profile, for its owner and the operator.
#[utoipa::path(method(put, patch), path = "/users/{id}", tag = "identity", request_body = Profile,
    params(("id" = UserId, Path), IfMatch), security(("bearer" = [])),
    responses((status = 200, body = Envelope<User>), Failure))]
pub async fn update(
    State(app): State<AppState>,
    Caller(me): Caller,
    PathId(id): PathId<UserId>,
    IfMatch(version): IfMatch,
    Body(form): Body<Profile>,
) -> Result<Reply<User>, Error> {
    access::owner_or_operator(&app, &me, id).await?;
    change(&app, id, version, form).await
}

/// Deletes an account, for its owner and the operator: personal data is wiped, orders stay.
#[utoipa::path(delete, path = "/users/{id}", tag = "identity", params(("id" = UserId, Path)), security(("bearer" = [])),
    responses((status = 204), Failure))]
pub async fn delete(
    State(app): State<AppState>,
    Caller(me): Caller,
    PathId(id): PathId<UserId>,
) -> Result<NoContent, Error> {
    access::owner_or_operator(&app, &me, id).await?;
    operations::delete_user(&app, id).await?;
    Ok(NoContent)
}

async fn change(app: &App, id: UserId, version: Option<i64>, form: Profile) -> Result<Reply<User>, Error> {
    Ok(reply(operations::update_profile(&app.db, id, version, form.into()).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Profile {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn null_removes_and_absent_keeps() {
        assert_eq!(read("{}").phone, Removable::Keep);
        assert_eq!(read(r#"{"phone":null}"#).phone, Removable::Remove);
        assert_eq!(read(r#"{"phone":"123"}"#).phone, Removable::Set("123".to_owned()));
        assert!(serde_json::from_str::<Profile>(r#"{"roles":["admin"]}"#).is_err());
    }

    #[test]
    fn all_bad_fields_are_named() {
        let profile = read(
            r#"{"name":" ","phone":"x","locale":"english","addresses":[{"name":"A","line1":"1","city":"L","country":"GBR"}]}"#,
        );
        let report = profile.validate().unwrap_err();
        let fields: Vec<_> = report.iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(fields, ["addresses[0].country", "locale", "name", "phone"]);
    }
}
