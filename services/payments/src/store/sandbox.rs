//! What the sandbox knows. Only `providers::sandbox` looks here: to the rest of the service the sandbox is somebody else.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, TryInsertResult, sea_query::Expr,
};
use souk_kernel::PaymentId;
use souk_platform::db::Tx;

use super::entities::{sandbox_payment, sandbox_refund};

pub use super::entities::{
    sandbox_payment::{Model as SandboxPayment, State},
    sandbox_refund::Model as SandboxRefund,
};

pub async fn find(conn: &impl ConnectionTrait, id: PaymentId) -> Result<Option<SandboxPayment>, DbErr> {
    sandbox_payment::Entity::find_by_id(id).one(conn).await
}

/// Opens a payment; opening it again changes nothing.
pub fn open(tx: &Tx, payment: SandboxPayment) {
    tx.defer(&sandbox_payment::Entity::insert(payment.into_active_model()).on_conflict_do_nothing());
}

/// Moves a payment to `to` if it stands at one of `from`; false otherwise.
pub async fn go(tx: &Tx, id: PaymentId, from: &[State], to: State) -> Result<bool, DbErr> {
    let updated = sandbox_payment::Entity::update_many()
        .col_expr(sandbox_payment::Column::State, Expr::value(to))
        .col_expr(sandbox_payment::Column::DecidedAt, Expr::value(tx.now()))
        .filter(sandbox_payment::Column::Id.eq(id))
        .filter(sandbox_payment::Column::State.is_in(from.iter().copied()));
    tx.changes(&updated).await
}

/// Gives a refund; false when it was given before.
pub async fn refund(tx: &Tx, refund: SandboxRefund) -> Result<bool, DbErr> {
    let inserted = sandbox_refund::Entity::insert(refund.into_active_model())
        .on_conflict_do_nothing()
        .exec_without_returning(tx)
        .await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(rows) if rows > 0))
}
