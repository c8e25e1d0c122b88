//! Messages of providers, as they came.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use souk_kernel::{EventId, PaymentId};
use souk_platform::db::Tx;

use super::{Webhook, entities::webhook};

pub use super::entities::webhook::Outcome;

/// Stores a message; false when the provider sent it before.
pub async fn insert(tx: &Tx, webhook: Webhook) -> Result<bool, DbErr> {
    let known = OnConflict::columns([webhook::Column::Provider, webhook::Column::EventId])
        .do_nothing_on([webhook::Column::Id])
        .to_owned();
    tx.changes(&webhook::Entity::insert(webhook.into_active_model()).on_conflict(known)).await
}

/// Notes what a message led to.
pub fn handled(tx: &Tx, id: EventId, outcome: Outcome, note: Option<String>) {
    let change = webhook::Entity::update_many()
        .col_expr(webhook::Column::Outcome, Expr::value(outcome))
        .col_expr(webhook::Column::Note, Expr::value(note))
        .col_expr(webhook::Column::HandledAt, Expr::value(tx.now()))
        .filter(webhook::Column::Id.eq(id));
    tx.defer(&change);
}

/// The latest messages about a payment, newest first.
pub async fn of_payment(conn: &impl ConnectionTrait, payment: PaymentId, limit: u64) -> Result<Vec<Webhook>, DbErr> {
    webhook::Entity::find()
        .filter(webhook::Column::PaymentId.eq(payment))
        .order_by_desc(webhook::Column::ReceivedAt)
        .order_by_desc(webhook::Column::Id)
        .limit(limit)
        .all(conn)
        .await
}
