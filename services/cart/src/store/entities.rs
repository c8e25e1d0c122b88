//! The tables.

/// Carts.
pub mod cart {
    use sea_orm::entity::prelude::*;
    use souk_kernel::{CartId, OrderId, Timestamp, UserId};

    use crate::domain::Status;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "carts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: CartId,
        /// The owner's key; absent once the cart is closed.
        pub owner: Option<Vec<u8>>,
        pub user_id: Option<UserId>,
        pub status: Status,
        pub order_id: Option<OrderId>,
        pub version: i64,
        pub updated_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(has_many = "super::cart_item::Entity")]
        Items,
    }

    impl Related<super::cart_item::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Items.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Their lines.
pub mod cart_item {
    use sea_orm::entity::prelude::*;
    use souk_kernel::{CartId, Currency, ProductId, SellerId, SkuId, Timestamp};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "cart_items")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub cart_id: CartId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub sku_id: SkuId,
        pub quantity: i64,
        pub product_id: ProductId,
        pub seller_id: SellerId,
        pub seller_name: String,
        pub title: String,
        pub image: Option<String>,
        /// As the buyer last saw it, in the currency's smallest unit.
        pub unit_price: i64,
        pub currency: Currency,
        pub added_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(belongs_to = "super::cart::Entity", from = "Column::CartId", to = "super::cart::Column::Id")]
        Cart,
    }

    impl Related<super::cart::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Cart.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Orders that no cart may be bound to any more.
pub mod ended_order {
    use sea_orm::entity::prelude::*;
    use souk_kernel::{OrderId, Timestamp};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "ended_orders")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: OrderId,
        pub ended_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
