//! What somebody wants to be told, and how.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use souk_platform::{
    http::{Body, Failure, IfMatch, Reply, openapi::Envelope},
    security::User as Caller,
};
use utoipa::ToSchema;

use crate::{
    app::AppState,
    domain::{Channels, Preferences},
    error::Error,
    operations::{PreferenceChange, set_preferences},
    store::preferences,
};

/// The own choices.
#[utoipa::path(get, path = "/notifications/preferences", tag = "notifications", security(("bearer" = [])),
    responses((status = 200, body = Envelope<Preferences>), Failure))]
pub async fn show(State(app): State<AppState>, Caller(me): Caller) -> Result<Reply<Preferences>, Error> {
    let (choices, version) = preferences::find(app.db.reader(), me.user_id).await?;
    Ok(Reply::ok(choices).etag(version))
}

/// The categories to replace; absent ones stay as they are. Mails about the account itself are always sent.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[garde(skip)]
    orders: Option<Channels>,
    #[garde(skip)]
    reviews: Option<Channels>,
}

/// Changes the own choices.
#[utoipa::path(method(put, patch), path = "/notifications/preferences", tag = "notifications", request_body = Change,
    params(IfMatch), security(("bearer" = [])), responses((status = 200, body = Envelope<Preferences>), Failure))]
pub async fn update(
    State(app): State<AppState>,
    Caller(me): Caller,
    IfMatch(version): IfMatch,
    Body(form): Body<Change>,
) -> Result<Reply<Preferences>, Error> {
    let change = PreferenceChange { orders: form.orders, reviews: form.reviews };
    let (choices, version) = set_preferences(&app.db, me.user_id, version, change).await?;
    Ok(Reply::ok(choices).etag(version))
}
