//! Payouts to sellers, made by the operator.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use garde::Validate;
use serde::Deserialize;
use souk_kernel::{Actor, Currency, PayoutId, SellerId};
use souk_platform::{
    http::{
        Body, Failure, Hashed, IdempotencyKey, List, Paging, Params, Reply, idempotent,
        openapi::{Envelope, ListEnvelope},
    },
    security::{Admin, Support},
};
use utoipa::{IntoParams, ToSchema};

use super::views::Payout;
use crate::{
    app::AppState,
    domain::payment::MAX_AMOUNT,
    error::Error,
    operations::pay_out::{NewPayout, pay_out},
    store::payouts,
};

/// What to look for.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    #[garde(skip)]
    #[param(value_type = Option<String>)]
    seller_id: Option<SellerId>,
}

/// Payouts, newest first.
#[utoipa::path(get, path = "/admin/payouts", tag = "payments", params(Search, Paging), security(("bearer" = [])),
    responses((status = 200, body = ListEnvelope<Payout>), Failure))]
pub async fn list(
    State(app): State<AppState>,
    _: Support,
    Params(search): Params<Search>,
    Paging(page): Paging,
) -> Result<List<Payout>, Error> {
    let page = payouts::list(&app.db.copies().await, search.seller_id, &page).await?;
    Ok(List(page.map(Payout::from)))
}

/// Money that was sent to a seller.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PayoutForm {
    #[garde(skip)]
    seller_id: SellerId,
    /// The marketplace's own if absent.
    #[garde(skip)]
    currency: Option<Currency>,
    /// In the smallest unit; all that is available if absent.
    #[garde(range(min = 1, max = MAX_AMOUNT))]
    amount: Option<i64>,
    /// For example the bank's reference; at most 500 characters.
    #[garde(length(chars, max = 500))]
    #[serde(default)]
    note: String,
}

/// Books that a seller was paid.
#[utoipa::path(post, path = "/admin/payouts", tag = "payments", request_body = PayoutForm, params(IdempotencyKey),
    security(("bearer" = [])), responses((status = 201, body = Envelope<Payout>), Failure))]
pub async fn create(
    State(app): State<AppState>,
    Admin(operator): Admin,
    key: IdempotencyKey,
    Hashed { body: Body(form), hash }: Hashed<Body<PayoutForm>>,
) -> Response {
    let (db, user) = (app.db.clone(), operator.user_id);
    // A repeated request is the same payout, also when the first died before its answer was kept.
    let id = key.0.as_ref().map_or_else(PayoutId::new, |key| PayoutId::derived(&format!("{user}/{key}")));
    let new = NewPayout {
        id,
        seller_id: form.seller_id,
        currency: form.currency.unwrap_or(app.currency),
        amount: form.amount,
        note: form.note,
        by: Actor::Admin(user).to_string(),
    };
    let run = async move {
        match pay_out(&app, new).await {
            Ok(payout) => Reply::created(Payout::from(payout)).into_response(),
            Err(error) => Error::into_response(error),
        }
    };
    idempotent(&db, &user.to_string(), &key, hash, run).await
}
