//! The tables.

/// What is sold, and what lists need to know about its offers.
pub mod product {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};
    use souk_kernel::{CategoryId, Currency, ProductId, SellerId, SkuId, Timestamp};

    use crate::domain::{attributes::Attributes, offer::OfferReason, product::Status, rating::Rating};

    /// Attributes in a JSON column.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromJsonQueryResult)]
    #[serde(transparent)]
    pub struct StoredAttributes(pub Attributes);

    impl Eq for StoredAttributes {}

    /// Image addresses in a JSON column.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
    #[serde(transparent)]
    pub struct StoredImages(pub Vec<String>);

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "products")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: ProductId,
        /// Who made it and may change it. Others may offer it too.
        pub seller_id: SellerId,
        pub category_id: CategoryId,
        pub slug: String,
        pub external_id: Option<String>,
        pub title: String,
        pub description: String,
        pub status: Status,
        pub currency: Currency,
        pub attributes: StoredAttributes,
        pub images: StoredImages,
        /// Active, with an offer of a seller that is shown.
        pub public: bool,
        /// Of the winning offer.
        pub price: i64,
        pub in_stock: bool,
        pub winner_sku_id: Option<SkuId>,
        pub offer_reason: Option<OfferReason>,
        pub rating_sum: i64,
        pub rating_count: i64,
        pub rating_rank: i64,
        /// Units sold.
        pub popularity: i64,
        pub version: i64,
        /// What [`seal`](crate::store::products::seal) gave when this version was made.
        pub seal: i64,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }

    impl Model {
        pub fn rating(&self) -> Rating {
            Rating::new(self.rating_sum, self.rating_count)
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Combinations of a product's options.
pub mod variant {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};
    use souk_kernel::{ProductId, VariantId};

    use crate::domain::options::Options;

    /// Options in a JSON column.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
    #[serde(transparent)]
    pub struct StoredOptions(pub Options);

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "variants")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: VariantId,
        pub product_id: ProductId,
        pub options: StoredOptions,
        /// Names the combination; unique within the product.
        pub options_key: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Offers: one seller's price for one variant.
pub mod sku {
    use sea_orm::entity::prelude::*;
    use souk_kernel::{ProductId, SellerId, SkuId, Timestamp, VariantId};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "skus")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: SkuId,
        pub product_id: ProductId,
        pub variant_id: VariantId,
        pub seller_id: SellerId,
        pub code: String,
        /// The code while the offer stands, absent afterwards: unique for each seller, so that a code can be used again.
        pub live_code: Option<String>,
        pub price: i64,
        /// Units that can be bought, as inventory said last.
        pub stock: i64,
        /// Of inventory's level; an older one is ignored.
        pub stock_version: i64,
        pub created_at: Timestamp,
    }

    impl Model {
        /// Whether the offer still stands.
        pub fn live(&self) -> bool {
            self.live_code.is_some()
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Attribute values as the filters of lists compare them.
pub mod attribute {
    use sea_orm::entity::prelude::*;
    use souk_kernel::ProductId;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "product_attributes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub product_id: ProductId,
        /// Counts the product's values.
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i32,
        pub name: String,
        pub text_value: String,
        pub number_value: Option<f64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The tree of categories.
pub mod category {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};
    use souk_kernel::{CategoryId, Timestamp};

    use crate::domain::attributes::Definition;

    /// Definitions in a JSON column.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
    #[serde(transparent)]
    pub struct StoredDefinitions(pub Vec<Definition>);

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "categories")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: CategoryId,
        pub slug: String,
        pub name: String,
        pub parent_id: Option<CategoryId>,
        pub attributes: StoredDefinitions,
        pub version: i64,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What buyers who received a product say about it.
pub mod review {
    use sea_orm::entity::prelude::*;
    use souk_kernel::{ProductId, ReviewId, SellerId, Timestamp, UserId};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "reviews")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: ReviewId,
        pub product_id: ProductId,
        /// The product's seller, whose rating it counts for.
        pub seller_id: SellerId,
        pub user_id: UserId,
        /// The reviewer's name as shown; empty after the account was deleted.
        pub author: String,
        pub rating: i16,
        pub title: String,
        pub body: String,
        /// Hidden by an operator: neither shown nor counted.
        pub hidden: bool,
        pub created_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Sellers as identity described them last, and their rating.
pub mod seller {
    use sea_orm::entity::prelude::*;
    use souk_kernel::SellerId;

    use crate::domain::{rating::Rating, seller::SellerStatus};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "seller_profiles")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: SellerId,
        pub name: String,
        pub slug: String,
        pub status: SellerStatus,
        pub rating_sum: i64,
        pub rating_count: i64,
    }

    impl Model {
        pub fn rating(&self) -> Rating {
            Rating::new(self.rating_sum, self.rating_count)
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
