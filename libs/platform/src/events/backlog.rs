//! What waits in an outbox.

use metrics::gauge;
use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_kernel::Timestamp;

use crate::db::{Database, dead_letter, outbox};

/// What an outbox holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Backlog {
    /// Events that should be delivered by now.
    pub due: u64,
    /// Timers and retries of later.
    pub later: u64,
    /// Events that were given up.
    pub dead: u64,
}

impl Backlog {
    /// What the outbox of `db` holds at this moment.
    pub async fn of(db: &Database) -> Result<Self, DbErr> {
        let now = db.clock().now().timestamp_micros();
        let due = outbox::Entity::find().filter(outbox::Column::DueAt.lte(now)).count(db.reader()).await?;
        let later = outbox::Entity::find().filter(outbox::Column::DueAt.gt(now)).count(db.reader()).await?;
        let dead = dead_letter::Entity::find().count(db.reader()).await?;
        Ok(Self { due, later, dead })
    }

    /// Whether an event about one of these subjects is due or waits for a consumer: what it will lead to has not happened everywhere yet.
    pub async fn concerns(db: &Database, subjects: &[String]) -> Result<bool, DbErr> {
        let now = db.clock().now().timestamp_micros();
        outbox::Entity::find()
            .filter(Condition::any().add(outbox::Column::DueAt.lte(now)).add(outbox::Column::Pending.is_not_null()))
            .filter(outbox::Column::Subject.is_in(subjects.iter().map(String::as_str)))
            .count(db.reader())
            .await
            .map(|count| count > 0)
    }

    /// The moment since which the oldest event waits that is due, or not taken by a consumer that has failed or can't be reached.
    pub async fn oldest_undelivered(db: &Database) -> Result<Option<Timestamp>, DbErr> {
        Self::oldest(db, Condition::all()).await
    }

    /// Shows what the outbox of `db` holds in the gauges `souk_outbox_events`, `souk_outbox_oldest_seconds` (0 when nothing
    /// waits) and `souk_dead_letters`.
    #[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers")]
    pub async fn show(db: &Database) -> Result<(), DbErr> {
        let Self { due, later, dead } = Self::of(db).await?;
        let oldest = Self::oldest_undelivered(db).await?;
        let waited = oldest.map_or(0, |oldest| (db.clock().now() - oldest).num_seconds().max(0));
        let service = db.service();
        gauge!("souk_outbox_events", "service" => service, "state" => "due").set(due as f64);
        gauge!("souk_outbox_events", "service" => service, "state" => "later").set(later as f64);
        gauge!("souk_outbox_oldest_seconds", "service" => service).set(waited as f64);
        gauge!("souk_dead_letters", "service" => service).set(dead as f64);
        Ok(())
    }

    /// The moment since which the oldest due event waits.
    pub async fn oldest_due(db: &Database) -> Result<Option<Timestamp>, DbErr> {
        let now = db.clock().now().timestamp_micros();
        Self::oldest(db, Condition::all().add(outbox::Column::DueAt.lte(now))).await
    }

    /// The moment since which the oldest event waits of those that `tried` holds for, and of timers that are due. A timer
    /// waits since it is due, everything else since it happened.
    async fn oldest(db: &Database, tried: Condition) -> Result<Option<Timestamp>, DbErr> {
        let now = db.clock().now().timestamp_micros();
        let (due_at, pending) = (outbox::Column::DueAt, outbox::Column::Pending);
        let announced: Option<Timestamp> = outbox::Entity::find()
            .select_only()
            .column(outbox::Column::HappenedAt)
            .filter(Condition::any().add(due_at.eq(outbox::AT_ONCE)).add(pending.is_not_null()))
            .filter(tried)
            .order_by_asc(outbox::Column::Seq)
            .limit(1)
            .into_tuple()
            .one(db.reader())
            .await?;
        let timer: Option<i64> = outbox::Entity::find()
            .select_only()
            .column(due_at)
            .filter(pending.is_null())
            .filter(due_at.gt(outbox::AT_ONCE))
            .filter(due_at.lte(now))
            .order_by_asc(due_at)
            .limit(1)
            .into_tuple()
            .one(db.reader())
            .await?;
        Ok(announced.into_iter().chain(timer.and_then(Timestamp::from_timestamp_micros)).min())
    }
}
