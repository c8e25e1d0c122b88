//! What a seller has earned and been paid.

use axum::extract::State;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use souk_kernel::{Currency, LedgerTransactionId, OrderId, Page, Problem, SellerOrderId};
use souk_platform::{
    http::{
        Encoded, Failure, List, Paging, Params, Reply,
        openapi::{Envelope, ListEnvelope},
    },
    security::{Permission, SellerMember},
};
use utoipa::{IntoParams, ToSchema};

use super::views::Payout;
use crate::{
    app::AppState,
    domain::ledger::{Account, Component, Kind},
    error::Error,
    store::{ledger, payouts},
};

/// Of what the balance is wanted.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// The marketplace's own if absent.
    #[garde(skip)]
    #[param(value_type = Option<String>)]
    currency: Option<Currency>,
}

/// A seller's balance with the entries that led to it, newest first; `meta.page` is theirs.
#[derive(Serialize, ToSchema)]
pub struct Balance {
    currency: Currency,
    /// Not to be paid out yet: within the return window.
    pending: i64,
    /// To be paid out. Negative after refunds of what was paid out already.
    available: i64,
    paid_out: i64,
    entries: Vec<Entry>,
}

/// One movement on a seller's account, as the seller sees it.
#[derive(Serialize, ToSchema)]
pub struct Entry {
    transaction_id: LedgerTransactionId,
    #[serde(rename = "type")]
    kind: Kind,
    /// What this part of the transaction is for.
    component: Component,
    bucket: Bucket,
    /// Positive: more for the seller.
    amount: i64,
    order_id: Option<OrderId>,
    seller_order_id: Option<SellerOrderId>,
    created_at: DateTime<Utc>,
}

/// Which part of the balance an entry moved.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    Pending,
    Available,
}

/// The balance of the caller's seller.
#[utoipa::path(get, path = "/seller/balance", tag = "payments", params(Wanted, Paging), security(("bearer" = [])),
    responses((status = 200, body = Envelope<Balance>), Failure))]
pub async fn balance(
    State(app): State<AppState>,
    member: SellerMember,
    Params(wanted): Params<Wanted>,
    Paging(page): Paging,
) -> Result<Reply<Encoded>, Error> {
    member.require(Permission::Money)?;
    let (seller, currency) = (member.seller_id, wanted.currency.unwrap_or(app.currency));
    let conn = &app.db.copies_for(seller).await?;
    let (sums, paid_out, statement) = futures::join!(
        ledger::balance(conn, seller, currency),
        payouts::total(conn, seller, currency),
        ledger::statement(conn, seller, currency, &page),
    );
    let available = Account::Available(seller).to_string();
    let page = statement?.map(|(posting, transaction)| Entry {
        transaction_id: posting.transaction_id,
        kind: transaction.kind,
        component: posting.component,
        bucket: if posting.account == available { Bucket::Available } else { Bucket::Pending },
        amount: -posting.amount,
        order_id: transaction.order_id,
        seller_order_id: posting.seller_order_id,
        created_at: transaction.created_at,
    });
    let (sums, paid_out) = (sums?, paid_out?);
    let encoded = encode(page, |entries| Balance {
        currency,
        pending: sums.pending,
        available: sums.available,
        paid_out,
        entries,
    });
    encoded.map(Reply::raw).map_err(|error| {
        tracing::error!(%error, "a balance could not be encoded");
        Problem::internal().into()
    })
}

/// An object with a page of a list inside: `meta.page` is the list's.
fn encode<T: Serialize, U: Serialize>(
    page: Page<T>,
    around: impl FnOnce(Vec<T>) -> U,
) -> Result<Encoded, serde_json::Error> {
    let (_, meta) = Encoded::of_page(&page)?.into_parts();
    let (data, _) = Encoded::of(&around(page.items))?.into_parts();
    Ok(Encoded::from_parts(data, meta))
}

/// The payouts of the caller's seller, newest first.
#[utoipa::path(get, path = "/seller/payouts", tag = "payments", params(Paging), security(("bearer" = [])),
    responses((status = 200, body = ListEnvelope<Payout>), Failure))]
pub async fn payouts(
    State(app): State<AppState>,
    member: SellerMember,
    Paging(page): Paging,
) -> Result<List<Payout>, Error> {
    member.require(Permission::Money)?;
    let page = payouts::list(&app.db.copies_for(member.seller_id).await?, Some(member.seller_id), &page).await?;
    Ok(List(page.map(Payout::from)))
}
