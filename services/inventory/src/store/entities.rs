//! The tables.

/// The folded state: a row per SKU and location.
pub mod stock_level {
    use sea_orm::entity::prelude::*;
    use souk_kernel::{SellerId, SkuId, Timestamp};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "stock_levels")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub sku_id: SkuId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub location: String,
        pub seller_id: SellerId,
        pub on_hand: i64,
        pub reserved: i64,
        /// The number of the last ledger entry for this row.
        pub version: i64,
        pub updated_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The ledger: append-only, numbered per SKU.
pub mod stock_event {
    use sea_orm::entity::prelude::*;
    use souk_kernel::{OrderId, SkuId, Timestamp};

    use crate::domain::MovementKind;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "stock_events")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub sku_id: SkuId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i64,
        pub location: String,
        pub kind: MovementKind,
        pub on_hand_delta: i64,
        pub reserved_delta: i64,
        pub order_id: Option<OrderId>,
        /// The cancellation, the return or the source that it came from.
        pub reference: Option<String>,
        pub reason: Option<String>,
        pub actor: String,
        pub at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Units held for orders.
pub mod reservation {
    use sea_orm::entity::prelude::*;
    use souk_kernel::{OrderId, SkuId, Timestamp};

    use crate::domain::HoldStatus;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "reservations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: OrderId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub sku_id: SkuId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub location: String,
        pub quantity: i64,
        pub restocked: i64,
        pub status: HoldStatus,
        pub expires_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Restocks that were done, by what asked for them.
pub mod restock {
    use sea_orm::entity::prelude::*;
    use souk_kernel::{OrderId, Timestamp};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "restocks")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: OrderId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub reference: String,
        pub at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// External stock systems.
pub mod source {
    use sea_orm::entity::prelude::*;
    use souk_kernel::{SellerId, Timestamp};

    use crate::domain::source::SourceKind;

    #[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "stock_sources")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub seller_id: SellerId,
        pub kind: SourceKind,
        pub location: String,
        /// Signs what it pushes and what is published to it; absent where nothing is.
        pub secret: Option<String>,
        pub enabled: bool,
        /// The number of its last report.
        pub reports: i64,
        pub created_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl std::fmt::Debug for Model {
        fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            out.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
        }
    }
}

/// What runs between us and a source by itself.
pub mod channel {
    use sea_orm::entity::prelude::*;
    use souk_kernel::Timestamp;

    use crate::domain::channel::Direction;

    #[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "stock_source_channels")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub source: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub direction: Direction,
        /// May hold a password.
        pub url: String,
        /// The pause between two pulls.
        pub every_seconds: Option<i64>,
        /// Counts its turns: a timer for another turn than this one is void.
        pub number: i64,
        /// Until then, a process is at it.
        pub claimed_until: Option<Timestamp>,
        /// When its next turn is; absent while there is nothing to do.
        pub next_at: Option<Timestamp>,
        pub last_at: Option<Timestamp>,
        /// In a row.
        pub failures: i64,
        /// Of the last turn.
        pub error: Option<String>,
        /// By which the feed recognises what we have.
        pub etag: Option<String>,
        pub modified: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(belongs_to = "super::source::Entity", from = "Column::Source", to = "super::source::Column::Name")]
        Source,
    }

    impl ActiveModelBehavior for ActiveModel {}

    impl std::fmt::Debug for Model {
        fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            out.debug_struct("Channel")
                .field("source", &self.source)
                .field("direction", &self.direction)
                .field("number", &self.number)
                .finish_non_exhaustive()
        }
    }
}

/// SKUs that are to be told to a source.
pub mod publication {
    use sea_orm::entity::prelude::*;
    use souk_kernel::SkuId;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "stock_publications")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub source: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub sku_id: SkuId,
        /// Of the change that is to be told.
        pub version: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A source's names for our SKUs, and how recent its numbers are.
pub mod source_item {
    use sea_orm::entity::prelude::*;
    use souk_kernel::{SkuId, Timestamp};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "stock_source_items")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub source: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub external_sku: String,
        pub sku_id: SkuId,
        /// Set by the seller; otherwise found by the SKU's code, and looked up anew with every batch.
        pub pinned: bool,
        pub as_of: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What became of each batch of a source.
pub mod source_report {
    use sea_orm::entity::prelude::*;
    use souk_kernel::Timestamp;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "stock_source_reports")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub source: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub at: Timestamp,
        pub applied: i64,
        pub unchanged: i64,
        pub refused: i64,
        /// The refused items, each with its reason.
        pub refusals: Json,
        /// Why the whole batch failed.
        pub error: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
