//! Refunds of a payment: by the operator for all of it, by a seller for its part.

use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use garde::Validate;
use serde::Deserialize;
use souk_kernel::{Actor, PaymentId, Problem, RefundId, SellerOrderId, UserId};
use souk_platform::{
    http::{
        Body, Failure, Hashed, IdempotencyKey, List, Paging, PathId, Reply, idempotent,
        openapi::{Envelope, ListEnvelope},
    },
    security::{Authority, OrderToken, Permission, Role, SellerMember, User, token_hash},
};
use utoipa::ToSchema;

use super::{
    payments::{self as buyers, Caller},
    views::Refund,
};
use crate::{
    app::{App, AppState},
    domain::payment::MAX_AMOUNT,
    error::Error,
    operations::request_refund::{Bearer, RefundWish, request_refund_and_wait},
    store::{self, payments, refunds},
};

/// What should go back, and why.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRefund {
    /// In the smallest unit; all that is left if absent.
    #[garde(range(min = 1, max = MAX_AMOUNT))]
    amount: Option<i64>,
    /// At most 500 characters.
    #[garde(length(chars, min = 1, max = 500))]
    reason: String,
    /// The seller order that bears it. Without: all of the payment in proportion, or all of the seller's own part.
    #[garde(skip)]
    seller_order_id: Option<SellerOrderId>,
}

/// Gives money back. Answers once it is sure to happen; `status` says whether it already has.
#[utoipa::path(post, path = "/payments/{id}/refunds", tag = "payments", request_body = NewRefund,
    params(("id" = PaymentId, Path), IdempotencyKey), security(("bearer" = [])),
    responses((status = 201, body = Envelope<Refund>), Failure))]
pub async fn create(
    State(app): State<AppState>,
    User(principal): User,
    Extension(authority): Extension<Authority>,
    PathId(id): PathId<PaymentId>,
    key: IdempotencyKey,
    Hashed { body: Body(form), hash }: Hashed<Body<NewRefund>>,
) -> Response {
    let (db, user) = (app.db.clone(), principal.user_id);
    let reference = reference(user, &key);
    let run = async move {
        match refund(&app, &authority, user, id, form, reference).await {
            Ok(refund) => Reply::created(Refund::from(refund)).into_response(),
            Err(error) => error.into_response(),
        }
    };
    idempotent(&db, &user.to_string(), &key, hash, run).await
}

/// What makes a repeated request the same refund, also when the first died before its answer was kept.
fn reference(user: UserId, key: &IdempotencyKey) -> String {
    match &key.0 {
        Some(key) => format!("key/{}", hex::encode(token_hash(&format!("{user}/{key}")))),
        None => format!("request/{}", RefundId::new()),
    }
}

async fn refund(
    app: &App,
    authority: &Authority,
    user: UserId,
    id: PaymentId,
    form: NewRefund,
    reference: String,
) -> Result<store::Refund, Error> {
    let (bearer, by) = bearer(app, authority, user, id, form.seller_order_id).await?;
    let wish = RefundWish { payment: id, amount: form.amount, reason: form.reason, reference, bearer, by };
    request_refund_and_wait(app, wish).await
}

/// Who bears a refund that this user asks for. The buyer may see the payment but not refund it; to anybody else it does
/// not exist.
async fn bearer(
    app: &App,
    authority: &Authority,
    user: UserId,
    id: PaymentId,
    part: Option<SellerOrderId>,
) -> Result<(Bearer, Actor), Error> {
    let payment = payments::find(app.db.reader(), id).await?.ok_or(Error::NotFound("payment"))?;
    let standing = authority.standing(user).await?;
    if standing.has(Role::Admin) {
        return Ok((part.map_or(Bearer::All, Bearer::SellerOrder), Actor::Admin(user)));
    }
    if let Some(seller) = standing.seller.filter(|_| standing.active) {
        let own =
            payments::allocations_for_seller(&app.db.reader_for(seller.seller_id).await?, id, seller.seller_id).await?;
        if !own.is_empty() {
            let member = SellerMember {
                user_id: user,
                seller_id: seller.seller_id,
                team_role: seller.team_role,
                status: seller.status,
            };
            member.require(Permission::Refunds)?;
            member.require_active()?;
            return match part {
                None => Ok((Bearer::Seller(seller.seller_id), Actor::Seller(seller.seller_id))),
                Some(part) if own.iter().any(|allocation| allocation.seller_order_id == part) => {
                    Ok((Bearer::SellerOrder(part), Actor::Seller(seller.seller_id)))
                }
                Some(_) => Err(Problem::invalid("seller_order_id", "is not a part of yours of this payment").into()),
            };
        }
    }
    if payment.buyer_id == Some(user) {
        return Err(Problem::forbidden("refunds are given by the seller or the operator").into());
    }
    Err(Error::NotFound("payment"))
}

/// The refunds of a payment, newest first, for its buyer and the operator.
#[utoipa::path(get, path = "/payments/{id}/refunds", tag = "payments",
    params(("id" = PaymentId, Path), Paging, OrderToken), security(("bearer" = []), ()),
    responses((status = 200, body = ListEnvelope<Refund>), Failure))]
pub async fn list(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId<PaymentId>,
    Paging(page): Paging,
) -> Result<List<Refund>, Error> {
    buyers::find(&app, &caller, id).await?;
    let filter = refunds::Filter { payment: Some(id), status: None };
    let page = refunds::list(&app.db.copies().await, filter, &page).await?;
    Ok(List(page.map(Refund::from)))
}
