//! The platform's tables in every service's database.

use sea_orm_migration::{
    async_trait::async_trait,
    prelude::*,
    schema::{big_integer, big_pk_auto, integer, string, string_null, text, text_null, timestamp_with_time_zone, uuid},
};

/// Events that wait to be delivered.
pub mod outbox {
    use sea_orm::{ActiveValue::NotSet, DbBackend, QueryTrait, Statement, entity::prelude::*};
    use souk_kernel::{EventId, Timestamp};

    /// `due_at` of an event that is not delayed. All of these sort before any timer, in the order of their commits.
    pub const AT_ONCE: i64 = 0;
    /// Rows written by one statement: databases bind a limited number of values in one (SQLite 32,766).
    pub const WRITTEN_TOGETHER: usize = 1000;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "outbox")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub seq: i64,
        pub event_id: EventId,
        pub kind: String,
        pub subject: String,
        pub happened_at: Timestamp,
        pub request_id: String,
        pub data: String,
        /// Microseconds since 1970, or [`AT_ONCE`].
        pub due_at: i64,
        /// The consumers that still have to take it, separated by commas; all when absent.
        pub pending: Option<String>,
        pub attempts: i32,
        pub error: Option<String>,
    }

    /// Writes `rows`; the database numbers them.
    pub fn insertion(backend: DbBackend, rows: &[Model]) -> Statement {
        let rows = rows.iter().map(|row| ActiveModel { seq: NotSet, ..row.clone().into() });
        backend.build(&Entity::insert_many(rows).into_query())
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Events that a consumer of this service has handled.
pub mod inbox {
    use sea_orm::{QuerySelect, entity::prelude::*};
    use souk_kernel::EventId;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "inbox")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub event_id: EventId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub consumer: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    /// Those of `events` that `consumer` has handled.
    pub async fn handled(
        connection: &impl ConnectionTrait,
        consumer: &str,
        events: impl IntoIterator<Item = EventId>,
    ) -> Result<Vec<EventId>, DbErr> {
        let all = Entity::find().select_only().column(Column::EventId).filter(Column::EventId.is_in(events));
        all.filter(Column::Consumer.eq(consumer)).into_tuple().all(connection).await
    }
}

/// Events that a consumer could not take after all tries.
pub mod dead_letter {
    use sea_orm::entity::prelude::*;
    use souk_kernel::{EventId, Timestamp};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "dead_letters")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub event_id: EventId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub consumer: String,
        pub kind: String,
        pub subject: String,
        pub happened_at: Timestamp,
        pub request_id: String,
        pub data: String,
        pub attempts: i32,
        pub error: String,
        pub failed_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Makes the three tables above.
pub struct Messaging;

impl MigrationName for Messaging {
    fn name(&self) -> &'static str {
        "m1_messaging"
    }
}

#[async_trait]
impl MigrationTrait for Messaging {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let outbox = Table::create()
            .table("outbox")
            .col(big_pk_auto("seq"))
            .col(uuid("event_id"))
            .col(string("kind"))
            .col(string("subject"))
            .col(timestamp_with_time_zone("happened_at"))
            .col(string("request_id"))
            .col(text("data"))
            .col(big_integer("due_at"))
            .col(string_null("pending"))
            .col(integer("attempts"))
            .col(text_null("error"))
            .to_owned();
        manager.create_table(outbox).await?;
        let due = Index::create().name("outbox_due").table("outbox").col("due_at").col("seq").to_owned();
        manager.create_index(due).await?;
        let inbox = Table::create()
            .table("inbox")
            .col(uuid("event_id"))
            .col(string("consumer"))
            .primary_key(Index::create().col("event_id").col("consumer"))
            .to_owned();
        manager.create_table(inbox).await?;
        let dead_letters = Table::create()
            .table("dead_letters")
            .col(uuid("event_id"))
            .col(string("consumer"))
            .col(string("kind"))
            .col(string("subject"))
            .col(timestamp_with_time_zone("happened_at"))
            .col(string("request_id"))
            .col(text("data"))
            .col(integer("attempts"))
            .col(text("error"))
            .col(timestamp_with_time_zone("failed_at"))
            .primary_key(Index::create().col("event_id").col("consumer"))
            .to_owned();
        manager.create_table(dead_letters).await
    }
}

/// Makes the table in which a replica shows that it follows this database. A file has none.
pub struct ReplicaMarks;

impl MigrationName for ReplicaMarks {
    fn name(&self) -> &'static str {
        "m3_replica_marks"
    }
}

#[async_trait]
impl MigrationTrait for ReplicaMarks {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == sea_orm::DbBackend::Sqlite {
            return Ok(());
        }
        let marks = Table::create()
            .table("replica_marks")
            .col(uuid("mark").primary_key())
            .col(timestamp_with_time_zone("made_at"))
            .to_owned();
        manager.create_table(marks).await
    }
}
