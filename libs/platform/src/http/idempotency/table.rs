//! The table `idempotency_keys`.

use std::time::Duration;

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, prelude::*, schema};
use sha2::{Digest, Sha256};
use souk_kernel::Timestamp;
use uuid::Uuid;

use crate::db::{Database, Tx};

/// How long an answer is kept.
const KEPT_MICROS: i64 = 24 * 60 * 60 * 1_000_000;
/// How long a holder that is not heard of (its process died) keeps others away.
const LOCK_MICROS: i64 = 6 * 1_000_000;
/// How often a holder says that it is at it.
pub(super) const RENEW: Duration = Duration::from_secs(2);

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "idempotency_keys")]
    pub struct Model {
        /// Of the owner and the key; neither is stored.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub request_hash: Vec<u8>,
        /// Which claim runs or ran the request.
        pub holder: Uuid,
        /// Microseconds since 1970, as the next one.
        pub locked_until: i64,
        pub expires_at: i64,
        /// Absent while the request runs, as the next two.
        pub status: Option<i32>,
        pub headers: Option<Json>,
        pub body: Option<Vec<u8>>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
use entity::{ActiveModel, Column, Entity, Model};

/// The row of one owner's key.
#[derive(Clone, Copy)]
pub(super) struct Slot(Uuid);

impl Slot {
    pub fn new(owner: &str, key: &str) -> Self {
        // A key has no spaces, so that the two parts can't be confused.
        let hash = Sha256::new().chain_update(key).chain_update(b" ").chain_update(owner).finalize();
        let (half, _) = hash.split_at(16);
        Self(uuid::Builder::from_custom_bytes(half.try_into().expect("sixteen bytes")).into_uuid())
    }
}

/// Proves that a claim is one's own.
#[derive(Clone, Copy)]
pub(super) struct Holder(Uuid);

#[derive(Clone)]
pub(super) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

pub(super) enum Claim {
    /// Run the request.
    Mine(Holder),
    /// It was run before.
    Answered(Answer),
    /// It is running.
    Busy,
    /// The key belongs to another request.
    OtherRequest,
}

/// Claims the slot if it is free, expired, or held by somebody who is gone.
pub(super) async fn claim(db: &Database, slot: Slot, request_hash: [u8; 32]) -> Result<Claim, DbErr> {
    db.guarded(move |tx| async move {
        let now = micros(tx.now());
        let holder = Uuid::now_v7();
        let fresh = ActiveModel {
            id: Set(slot.0),
            request_hash: Set(request_hash.to_vec()),
            holder: Set(holder),
            locked_until: Set(now + LOCK_MICROS),
            expires_at: Set(now + KEPT_MICROS),
            status: Set(None),
            headers: Set(None),
            body: Set(None),
        };
        let insert = Entity::insert(fresh).on_conflict_do_nothing_on([Column::Id]);
        if tx.changes(&insert).await? {
            return Ok(Claim::Mine(Holder(holder)));
        }
        let Some(row) = Entity::find_by_id(slot.0).one(&tx).await? else { return Ok(Claim::Busy) };
        let expired = row.expires_at <= now;
        if !expired && row.request_hash != request_hash {
            return Ok(Claim::OtherRequest);
        }
        match row {
            row if expired => take_over(&tx, &row, request_hash, holder, now).await,
            Model { status: Some(_), .. } => Ok(answer_of(row).map_or(Claim::Busy, Claim::Answered)),
            row if row.locked_until <= now => take_over(&tx, &row, request_hash, holder, now).await,
            _ => Ok(Claim::Busy),
        }
    })
    .await
}

async fn take_over(tx: &Tx, row: &Model, request_hash: [u8; 32], holder: Uuid, now: i64) -> Result<Claim, DbErr> {
    let update = Entity::update_many()
        .set(ActiveModel {
            request_hash: Set(request_hash.to_vec()),
            holder: Set(holder),
            locked_until: Set(now + LOCK_MICROS),
            expires_at: Set(now + KEPT_MICROS),
            status: Set(None),
            headers: Set(None),
            body: Set(None),
            ..Default::default()
        })
        .filter(Column::Id.eq(row.id))
        .filter(Column::Holder.eq(row.holder));
    let taken = update.exec(tx).await?.rows_affected == 1;
    Ok(if taken { Claim::Mine(Holder(holder)) } else { Claim::Busy })
}

fn answer_of(row: Model) -> Option<Answer> {
    Some(Answer {
        status: row.status?.try_into().ok()?,
        headers: serde_json::from_value(row.headers?).ok()?,
        body: row.body?,
    })
}

/// Whether it makes no sense to claim: the request is running and its holder alive.
pub(super) async fn is_busy(db: &Database, slot: Slot) -> Result<bool, DbErr> {
    let now = micros(db.clock().now());
    let row = Entity::find_by_id(slot.0).one(db.reader()).await?;
    Ok(row.is_some_and(|row| row.status.is_none() && row.locked_until > now && row.expires_at > now))
}

/// Until when others are kept away, in microseconds since 1970.
#[cfg(test)]
pub(super) async fn locked_until(db: &Database, slot: Slot) -> Result<Option<i64>, DbErr> {
    Ok(Entity::find_by_id(slot.0).one(db.reader()).await?.map(|row| row.locked_until))
}

/// Keeps others away for a while longer.
pub(super) async fn renew(db: &Database, slot: Slot, holder: Holder) -> Result<(), DbErr> {
    db.guarded(move |tx| async move {
        let later = ActiveModel { locked_until: Set(micros(tx.now()) + LOCK_MICROS), ..Default::default() };
        let update = Entity::update_many().set(later);
        tx.defer(&update.filter(Column::Id.eq(slot.0)).filter(Column::Holder.eq(holder.0)));
        Ok(())
    })
    .await
}

/// Keeps the answer of the holder's request.
pub(super) async fn answer(db: &Database, slot: Slot, holder: Holder, answer: Answer) -> Result<(), DbErr> {
    let headers = serde_json::to_value(answer.headers).map_err(|error| DbErr::Json(error.to_string()))?;
    let answered = ActiveModel {
        status: Set(Some(answer.status.into())),
        headers: Set(Some(headers)),
        body: Set(Some(answer.body)),
        ..Default::default()
    };
    db.guarded(move |tx| async move {
        let update = Entity::update_many().set(answered);
        tx.defer(&update.filter(Column::Id.eq(slot.0)).filter(Column::Holder.eq(holder.0)));
        Ok(())
    })
    .await
}

/// Keeps the answer of a request that claimed nothing, unless there is one: gives that one.
pub(super) async fn store_first(
    db: &Database,
    slot: Slot,
    request_hash: [u8; 32],
    answer: Answer,
) -> Result<Option<Answer>, DbErr> {
    let headers = serde_json::to_value(answer.headers).map_err(|error| DbErr::Json(error.to_string()))?;
    db.guarded(move |tx| async move {
        let now = micros(tx.now());
        let answered = ActiveModel {
            id: Set(slot.0),
            request_hash: Set(request_hash.to_vec()),
            holder: Set(Uuid::now_v7()),
            locked_until: Set(now),
            expires_at: Set(now + KEPT_MICROS),
            status: Set(Some(answer.status.into())),
            headers: Set(Some(headers)),
            body: Set(Some(answer.body)),
        };
        let insert = Entity::insert(answered.clone()).on_conflict_do_nothing_on([Column::Id]);
        if tx.changes(&insert).await? {
            return Ok(None);
        }
        if let Kept::Answer(first) = kept(&tx, tx.now(), slot, request_hash).await? {
            return Ok(Some(first));
        }
        // One of yesterday, which was not purged yet, makes room.
        let rest = ActiveModel { id: NotSet, ..answered };
        tx.defer(&Entity::update_many().set(rest).filter(Column::Id.eq(slot.0)));
        Ok(None)
    })
    .await
}

/// What is known of a request that claims nothing.
pub(super) enum Kept {
    Nothing,
    Answer(Answer),
    /// The key belongs to another request.
    OtherRequest,
}

pub(super) async fn kept(
    conn: &impl ConnectionTrait,
    now: Timestamp,
    slot: Slot,
    request_hash: [u8; 32],
) -> Result<Kept, DbErr> {
    let row = Entity::find_by_id(slot.0).one(conn).await?;
    let Some(row) = row.filter(|row| row.expires_at > micros(now) && row.status.is_some()) else {
        return Ok(Kept::Nothing);
    };
    if row.request_hash != request_hash {
        return Ok(Kept::OtherRequest);
    }
    Ok(answer_of(row).map_or(Kept::Nothing, Kept::Answer))
}

/// Frees the slot.
pub(super) async fn release(db: &Database, slot: Slot, holder: Holder) -> Result<(), DbErr> {
    db.guarded(move |tx| async move {
        tx.defer(&Entity::delete_many().filter(Column::Id.eq(slot.0)).filter(Column::Holder.eq(holder.0)));
        Ok(())
    })
    .await
}

/// Deletes expired keys; for a job now and then. Gives how many there were.
pub async fn purge(db: &Database) -> Result<u64, DbErr> {
    let now = micros(db.clock().now());
    // A read first: most of the time there is nothing to do, and the writer is left alone.
    let expired = Entity::find().filter(Column::ExpiresAt.lte(now)).one(db.reader()).await?;
    if expired.is_none() {
        return Ok(0);
    }
    db.guarded(move |tx| async move {
        let delete = Entity::delete_many().filter(Column::ExpiresAt.lte(now));
        delete.exec(&tx).await.map(|done| done.rows_affected)
    })
    .await
}

/// Frees the keys that a process which died was holding, so that buyers who repeat their requests don't wait for it. Only
/// for the one process that serves this database, before it serves. Gives how many there were.
pub async fn take_over_all(db: &Database) -> Result<u64, DbErr> {
    if db.is_shared() {
        // The holder may be another process, and well.
        return Ok(0);
    }
    let now = micros(db.clock().now());
    let held = || Entity::find().filter(Column::Status.is_null()).filter(Column::LockedUntil.gt(now));
    if held().one(db.reader()).await?.is_none() {
        return Ok(0);
    }
    db.guarded(move |tx| async move {
        let free = ActiveModel { locked_until: Set(now), ..Default::default() };
        let update =
            Entity::update_many().set(free).filter(Column::Status.is_null()).filter(Column::LockedUntil.gt(now));
        update.exec(&tx).await.map(|done| done.rows_affected)
    })
    .await
}

fn micros(time: Timestamp) -> i64 {
    time.timestamp_micros()
}

/// Makes the table.
pub fn migration() -> Box<dyn MigrationTrait> {
    Box::new(IdempotencyKeys)
}

struct IdempotencyKeys;

impl MigrationName for IdempotencyKeys {
    fn name(&self) -> &'static str {
        "m2_idempotency_keys"
    }
}

#[async_trait]
impl MigrationTrait for IdempotencyKeys {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut body = ColumnDef::new("body");
        // MySQL's BLOB ends at 64 KiB.
        match manager.get_database_backend() {
            sea_orm::DbBackend::MySql => body.custom("LONGBLOB"),
            _ => body.blob(),
        };
        let keys = Table::create()
            .table("idempotency_keys")
            .col(schema::pk_uuid("id"))
            .col(schema::var_binary("request_hash", 32))
            .col(schema::uuid("holder"))
            .col(schema::big_integer("locked_until"))
            .col(schema::big_integer("expires_at"))
            .col(schema::integer_null("status"))
            .col(schema::json_null("headers"))
            .col(body.null())
            .to_owned();
        manager.create_table(keys).await?;
        let by_end =
            Index::create().name("idempotency_keys_end").table("idempotency_keys").col("expires_at").to_owned();
        manager.create_index(by_end).await
    }
}
