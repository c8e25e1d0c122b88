//! The tables.

/// Products as catalog announced them last: what the index is built from.
pub mod document {
    use sea_orm::entity::prelude::*;
    use souk_kernel::ProductId;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "documents")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: ProductId,
        /// Of the product; an older one changes nothing.
        pub version: i64,
        /// Whether buyers may find it.
        pub public: bool,
        /// The snapshot that catalog announced, as JSON.
        #[sea_orm(column_type = "Text")]
        pub snapshot: String,
        pub rating_sum: i64,
        pub rating_count: i64,
        /// Units sold.
        pub popularity: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Units of each SKU that can be bought.
pub mod level {
    use sea_orm::entity::prelude::*;
    use souk_kernel::{ProductId, SkuId};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "levels")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub sku_id: SkuId,
        /// Absent while the product is not known yet: its stock is opened first.
        pub product_id: Option<ProductId>,
        pub available: i64,
        /// Of inventory's level; an older one is ignored.
        pub version: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Sellers as identity described them last, and their rating.
pub mod seller {
    use sea_orm::entity::prelude::*;
    use souk_kernel::SellerId;

    /// A seller's standing.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
    pub enum SellerStatus {
        Pending,
        Approved,
        /// Shown, but not selling for now.
        Holiday,
        Suspended,
    }

    impl SellerStatus {
        /// The standing with this name; one we don't know can't sell.
        pub fn named(name: &str) -> Self {
            match name {
                "approved" => Self::Approved,
                "holiday" => Self::Holiday,
                "suspended" => Self::Suspended,
                _ => Self::Pending,
            }
        }

        /// Whether its offers can be bought.
        pub fn sells(self) -> bool {
            self == Self::Approved
        }

        /// Whether its offers are shown.
        pub fn shown(self) -> bool {
            matches!(self, Self::Approved | Self::Holiday)
        }
    }

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sellers")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: SellerId,
        pub name: String,
        pub slug: String,
        pub status: SellerStatus,
        pub rating_sum: i64,
        pub rating_count: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Products that the index has to look at again, in the order of their changes.
pub mod change {
    use sea_orm::entity::prelude::*;
    use souk_kernel::ProductId;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "changes")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub seq: i64,
        pub product_id: ProductId,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Numbers that are remembered by name.
pub mod mark {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "marks")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub value: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What was searched on a day, and what came of it.
pub mod query {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "queries")]
    pub struct Model {
        /// Days since 1970.
        #[sea_orm(primary_key, auto_increment = false)]
        pub day: i32,
        /// Its words, folded.
        #[sea_orm(primary_key, auto_increment = false)]
        pub words: String,
        pub searches: i64,
        /// Searches that found nothing.
        pub empty: i64,
        /// Products that were opened from its results.
        pub clicks: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
