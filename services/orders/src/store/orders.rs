//! Orders.

use sea_orm::{
    ActiveValue::Set, ConnectionTrait, QueryOrder, QuerySelect, QueryTrait, entity::prelude::*, sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use souk_kernel::{CartId, Currency, OrderId, PaymentId, Problem, Timestamp, UserId};
use souk_platform::db::Tx;

use super::Address;
use crate::domain::{Ending, Fulfilment, Lifecycle, OrderStatus, PaymentStatus, RequestedLine, Step};

/// One order.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrderId,
    /// What people call it.
    pub number: String,
    /// Absent for guests.
    pub user_id: Option<UserId>,
    /// SHA-256 of a guest's order token.
    pub token_hash: Option<Vec<u8>>,
    pub email: String,
    pub locale: String,
    pub address: Address,
    pub shipping_method: String,
    /// The payment provider that the buyer wants; empty for the configured one.
    pub provider: String,
    /// SHA-256 of who sent it and the idempotency key; unique.
    pub request_key: Option<Vec<u8>>,
    /// SHA-256 of the request that the key came with.
    pub request_hash: Option<Vec<u8>>,
    /// SHA-256 of the guest's cart token, by which the cart is found.
    pub cart_key: Option<Vec<u8>>,
    /// The cart that it was made from.
    pub cart_id: Option<CartId>,
    /// The same while the order keeps the cart; unique, so that one cart makes one order.
    pub live_cart_id: Option<CartId>,
    /// What was asked for; empty until the cart is frozen.
    pub requested: Requested,
    pub expected_total: Option<i64>,
    pub step: Step,
    pub status: OrderStatus,
    pub ending: Option<Ending>,
    pub fulfilment: Fulfilment,
    pub payment_status: Option<PaymentStatus>,
    /// The payment that counts: the open one, or the one that was paid.
    pub payment_id: Option<PaymentId>,
    /// The number of payments opened so far.
    pub attempt: i32,
    pub redirect: Option<String>,
    pub currency: Currency,
    pub subtotal: i64,
    pub discount: i64,
    pub shipping: i64,
    pub tax: i64,
    pub total: i64,
    /// Priced from what was last known, because the catalog did not answer.
    pub price_may_have_changed: bool,
    /// Why it ended, as a stable word.
    pub reason: Option<String>,
    /// What the buyer was told when it was rejected.
    pub rejection: Option<Rejection>,
    /// The buyer doesn't want to see it any more, or never saw it.
    pub hidden: bool,
    /// Until when it may be paid.
    pub expires_at: Option<DateTimeUtc>,
    /// Until when a process has said that it is placing the order, while it is queued.
    pub claimed_until: Option<DateTimeUtc>,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The lines that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Requested(pub Vec<RequestedLine>);

/// The problem that the buyer was told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Rejection(pub Problem);

/// Somebody else changed the order since it was read.
#[derive(Debug)]
pub struct Lost;

/// Changes to one order, written only if it is still the version that was read.
pub fn change(lifecycle: &Lifecycle) -> ActiveModel {
    ActiveModel {
        status: Set(lifecycle.status()),
        ending: Set(lifecycle.ending),
        fulfilment: Set(lifecycle.fulfilment()),
        payment_status: Set(lifecycle.payment),
        ..Default::default()
    }
}

/// Writes `change` over version `seen` of the order and counts the version up; `Err(Lost)` when that is not its version.
pub async fn update(
    tx: &Tx,
    id: OrderId,
    seen: i64,
    now: Timestamp,
    change: ActiveModel,
) -> Result<Result<(), Lost>, DbErr> {
    let change = ActiveModel { version: Set(seen + 1), updated_at: Set(now), ..change };
    let written = Entity::update_many().set(change).filter(Column::Id.eq(id)).filter(Column::Version.eq(seen));
    Ok(if tx.changes(&written).await? { Ok(()) } else { Err(Lost) })
}

/// The order, whoever asks. For operations of the marketplace itself.
pub async fn find(conn: &impl ConnectionTrait, id: OrderId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(conn).await
}

/// The order that was made with this idempotency key.
pub async fn find_by_request_key(conn: &impl ConnectionTrait, key: Vec<u8>) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::RequestKey.eq(key)).one(conn).await
}

/// Gives the key free: it is too old, or what was made with it came to nothing and may be tried again.
pub async fn forget_request_key(conn: &impl ConnectionTrait, id: OrderId) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::RequestKey, Expr::value(Option::<Vec<u8>>::None))
        .filter(Column::Id.eq(id))
        .exec(conn)
        .await
        .map(|_| ())
}

/// Orders that should have been paid by `before` and still wait.
pub async fn overdue(conn: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<Vec<OrderId>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Status.is_in([OrderStatus::PendingPayment, OrderStatus::PaymentFailed, OrderStatus::Queued]))
        .filter(Column::ExpiresAt.lt(before))
        .order_by_asc(Column::ExpiresAt)
        .limit(limit)
        .into_tuple()
        .all(conn)
        .await
}

/// Ended orders whose payment should have gone back by `before` and did not, with that payment.
pub async fn unrefunded(
    conn: &impl ConnectionTrait,
    before: Timestamp,
    after: Option<OrderId>,
    limit: u64,
) -> Result<Vec<(OrderId, PaymentId)>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .column(Column::PaymentId)
        .filter(Column::Status.is_in([OrderStatus::Cancelled, OrderStatus::Expired]))
        .filter(Column::PaymentStatus.is_in([PaymentStatus::Completed, PaymentStatus::PartiallyRefunded]))
        .filter(Column::PaymentId.is_not_null())
        .filter(Column::UpdatedAt.lt(before))
        .apply_if(after, |select, after| select.filter(Column::Id.gt(after)))
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(conn)
        .await
}
