//! Makes and changes the tables.

use sea_orm_migration::{
    async_trait::async_trait,
    prelude::*,
    schema::{
        big_integer, char_len, string_len, text, text_null, timestamp_with_time_zone, uuid, uuid_null, var_binary_null,
    },
};

/// All migrations of cart, oldest first.
pub struct Migrator;

#[async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Carts), Box::new(EndedOrders)]
    }
}

struct Carts;

impl MigrationName for Carts {
    fn name(&self) -> &'static str {
        "cart_1_carts"
    }
}

#[async_trait]
impl MigrationTrait for Carts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let carts = Table::create()
            .table("carts")
            .col(uuid("id").primary_key())
            .col(var_binary_null("owner", 32))
            .col(uuid_null("user_id"))
            .col(string_len("status", 16))
            .col(uuid_null("order_id"))
            .col(big_integer("version"))
            .col(timestamp_with_time_zone("updated_at"))
            .to_owned();
        manager.create_table(carts).await?;
        // One cart in use for each owner, and one for each order.
        for column in ["owner", "order_id"] {
            let name = format!("carts_{column}");
            let unique = Index::create().name(name).table("carts").col(column).unique().to_owned();
            manager.create_index(unique).await?;
        }
        let items = Table::create()
            .table("cart_items")
            .col(uuid("cart_id"))
            .col(uuid("sku_id"))
            .col(big_integer("quantity"))
            .col(uuid("product_id"))
            .col(uuid("seller_id"))
            .col(text("seller_name"))
            .col(text("title"))
            .col(text_null("image"))
            .col(big_integer("unit_price"))
            .col(char_len("currency", 3))
            .col(timestamp_with_time_zone("added_at"))
            .primary_key(Index::create().col("cart_id").col("sku_id"))
            .foreign_key(
                ForeignKey::create()
                    .name("cart_items_cart")
                    .from("cart_items", "cart_id")
                    .to("carts", "id")
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .check(Expr::col("quantity").gt(0))
            .to_owned();
        manager.create_table(items).await
    }
}

struct EndedOrders;

impl MigrationName for EndedOrders {
    fn name(&self) -> &'static str {
        "cart_2_ended_orders"
    }
}

#[async_trait]
impl MigrationTrait for EndedOrders {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ended = Table::create()
            .table("ended_orders")
            .col(uuid("order_id").primary_key())
            .col(timestamp_with_time_zone("ended_at"))
            .to_owned();
        manager.create_table(ended).await
    }
}
