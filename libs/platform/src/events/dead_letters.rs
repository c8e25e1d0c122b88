//! Events that a consumer could not take after all tries: to be seen, and to be tried again.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde::{Deserialize, Serialize};
use souk_kernel::{EventId, Page, PageQuery, Timestamp};

use crate::db::{Database, dead_letter, outbox};

/// An event that one consumer could not take.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeadLetter {
    /// The event.
    pub id: EventId,
    /// The service whose outbox keeps it: the one that announced it, or, behind a broker, the one that could not take it.
    pub source: String,
    /// The service that could not take it.
    pub consumer: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// When it happened.
    #[schema(value_type = DateTime<Utc>)]
    pub time: Timestamp,
    /// When it was given up.
    #[schema(value_type = DateTime<Utc>)]
    pub failed_at: Timestamp,
    /// How often it was tried.
    pub attempts: i32,
    /// The last error.
    pub error: String,
    /// The event itself.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

/// The dead letters of one service's outbox.
pub struct DeadLetters<'a>(pub &'a Database);

impl DeadLetters<'_> {
    /// A page of them, newest first.
    pub async fn list(&self, page: &PageQuery) -> Result<Page<DeadLetter>, DbErr> {
        let all = dead_letter::Entity::find();
        let total = all.clone().count(self.0.reader()).await?;
        let rows = all
            .order_by_desc(dead_letter::Column::FailedAt)
            .order_by_desc(dead_letter::Column::EventId)
            .offset(page.offset)
            .limit(page.limit)
            .all(self.0.reader())
            .await?;
        let items = rows.into_iter().map(|row| self.letter(row)).collect();
        Ok(Page { items, limit: page.limit, offset: page.offset, total, next_cursor: None })
    }

    /// The letters of one event, one for each consumer that could not take it.
    pub async fn of(&self, event: EventId) -> Result<Vec<DeadLetter>, DbErr> {
        let rows =
            dead_letter::Entity::find().filter(dead_letter::Column::EventId.eq(event)).all(self.0.reader()).await?;
        Ok(rows.into_iter().map(|row| self.letter(row)).collect())
    }

    /// Puts the event back into the outbox for the consumers that could not take it; all of them without `event`. Gives
    /// how many deliveries will be tried again.
    pub async fn replay(&self, event: Option<EventId>) -> Result<usize, DbErr> {
        self.0
            .transaction(move |tx| async move {
                let mut find = dead_letter::Entity::find().order_by_asc(dead_letter::Column::EventId);
                if let Some(event) = event {
                    find = find.filter(dead_letter::Column::EventId.eq(event));
                }
                let rows = find.all(&tx).await?;
                let count = rows.len();
                for some in rows.chunks(500) {
                    let again = some.iter().cloned().map(|row| outbox::ActiveModel {
                        event_id: Set(row.event_id),
                        kind: Set(row.kind),
                        subject: Set(row.subject),
                        happened_at: Set(row.happened_at),
                        request_id: Set(row.request_id),
                        data: Set(row.data),
                        due_at: Set(outbox::AT_ONCE),
                        pending: Set(Some(row.consumer)),
                        attempts: Set(0),
                        error: Set(None),
                        ..Default::default()
                    });
                    outbox::Entity::insert_many(again).exec_without_returning(&tx).await?;
                }
                let mut delete = dead_letter::Entity::delete_many();
                if let Some(event) = event {
                    delete = delete.filter(dead_letter::Column::EventId.eq(event));
                }
                delete.exec(&tx).await?;
                Ok::<_, DbErr>(count)
            })
            .await
            .inspect(|_| self.0.ring())
    }

    fn letter(&self, row: dead_letter::Model) -> DeadLetter {
        DeadLetter {
            id: row.event_id,
            source: self.0.service().to_owned(),
            consumer: row.consumer,
            kind: row.kind,
            subject: row.subject,
            time: row.happened_at,
            failed_at: row.failed_at,
            attempts: row.attempts,
            error: row.error,
            data: serde_json::from_str(&row.data).unwrap_or(serde_json::Value::String(row.data)),
        }
    }
}
