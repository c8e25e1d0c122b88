//! Payments, as their buyers see them.

use axum::{
    extract::{FromRequestParts, State},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use garde::Validate;
use serde::Deserialize;
use souk_contracts::orders::NextPaymentAttemptRequest;
use souk_kernel::{OrderId, PaymentId, Problem, UserId};
use souk_platform::{
    http::{Body, Failure, Hashed, IdempotencyKey, PathId, Reply, idempotent, openapi::Envelope},
    security::{Authority, MaybeUser, OrderToken, Role, token_hash},
};
use utoipa::ToSchema;

use super::views::Payment;
use crate::{
    app::{App, AppState},
    domain::payment::ProviderName,
    error::Error,
    store::{
        self,
        payments::{self, Buyer},
    },
};

/// Who asks: somebody logged in, a guest with the token of an order, or both.
pub struct Caller {
    pub user: Option<UserId>,
    pub token: Option<String>,
    authority: Option<Authority>,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let MaybeUser(user) = MaybeUser::from_request_parts(parts, state).await?;
        let OrderToken(token) = OrderToken::from_request_parts(parts, state).await?;
        if user.is_none() && token.is_none() {
            return Err(Failure(Problem::unauthenticated("an access token or the token of the order is needed")));
        }
        let authority = parts.extensions.get().cloned();
        Ok(Self { user: user.map(|user| user.user_id), token, authority })
    }
}

impl Caller {
    fn buyer(&self) -> Buyer {
        Buyer { user: self.user, token_hash: self.token.as_deref().map(token_hash) }
    }

    async fn is_operator(&self) -> Result<bool, Problem> {
        let (Some(user), Some(authority)) = (self.user, &self.authority) else { return Ok(false) };
        Ok(authority.standing(user).await?.has(Role::Admin))
    }

    /// Under what idempotency keys of theirs are kept.
    fn name(&self) -> String {
        match (&self.user, &self.token) {
            (Some(user), _) => user.to_string(),
            (None, Some(token)) => format!("order-token/{}", hex::encode(token_hash(token))),
            (None, None) => String::new(),
        }
    }
}

/// Another try to pay an order, or with another provider.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAttempt {
    #[garde(skip)]
    order_id: OrderId,
    /// The configured one if absent.
    #[garde(skip)]
    provider: Option<ProviderName>,
}

/// Opens another payment for an order that waits to be paid. If the last one is still open with the same provider, it is
/// given again.
#[utoipa::path(post, path = "/payments", tag = "payments", request_body = NewAttempt,
    params(IdempotencyKey, OrderToken), security(("bearer" = []), ()),
    responses((status = 201, body = Envelope<Payment>), Failure))]
pub async fn create(
    State(app): State<AppState>,
    caller: Caller,
    key: IdempotencyKey,
    Hashed { body: Body(form), hash }: Hashed<Body<NewAttempt>>,
) -> Response {
    let (db, owner) = (app.db.clone(), caller.name());
    let run = async move {
        match next_attempt(&app, caller, form).await {
            Ok(payment) => Reply::created(Payment::from(payment)).into_response(),
            Err(error) => error.into_response(),
        }
    };
    idempotent(&db, &owner, &key, hash, run).await
}

async fn next_attempt(app: &App, caller: Caller, form: NewAttempt) -> Result<store::Payment, Error> {
    if form.provider.is_some_and(|name| app.providers.get(name).is_none()) {
        return Err(Error::ProviderNotOffered);
    }
    let request = NextPaymentAttemptRequest {
        order_id: form.order_id.to_string(),
        user_id: caller.user.map(|user| user.to_string()),
        order_token: caller.token,
        provider: form.provider.map(|name| name.as_str().to_owned()).unwrap_or_default(),
    };
    let reply = app.orders.clone().next_payment_attempt(request).await?.into_inner();
    let id: PaymentId = reply.payment_id.parse().map_err(|error| {
        tracing::error!(%error, "orders answered with something that is no payment");
        Problem::internal()
    })?;
    payments::find(app.db.reader(), id).await?.ok_or(Error::NotFound("payment"))
}

/// A payment of an order of the caller's.
#[utoipa::path(get, path = "/payments/{id}", tag = "payments", params(("id" = PaymentId, Path), OrderToken),
    security(("bearer" = []), ()), responses((status = 200, body = Envelope<Payment>), Failure))]
pub async fn show(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId<PaymentId>,
) -> Result<Reply<Payment>, Error> {
    let payment = find(&app, &caller, id).await?;
    Ok(Reply::ok(payment.into()))
}

/// The payment, if the caller may see it.
pub async fn find(app: &App, caller: &Caller, id: PaymentId) -> Result<store::Payment, Error> {
    if let Some(own) = payments::find_for_buyer(app.db.reader(), id, caller.buyer()).await? {
        return Ok(own);
    }
    let any = if caller.is_operator().await? { payments::find(app.db.reader(), id).await? } else { None };
    any.ok_or(Error::NotFound("payment"))
}
