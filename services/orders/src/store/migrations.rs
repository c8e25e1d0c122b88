//! The tables.

use sea_orm_migration::{
    async_trait::async_trait,
    prelude::*,
    schema::{
        big_integer, big_integer_null, big_pk_auto, boolean, char_len, integer, json_binary, json_binary_null,
        string_len, string_len_null, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid,
        uuid_null, var_binary_null,
    },
};

/// Makes and changes this service's tables.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Orders), Box::new(CartKey), Box::new(OwnRows), Box::new(Claims)]
    }
}

struct Orders;

impl MigrationName for Orders {
    fn name(&self) -> &'static str {
        "m0001_orders"
    }
}

#[async_trait]
impl MigrationTrait for Orders {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [orders(), seller_orders(), order_lines(), order_history(), returns()] {
            manager.create_table(table).await?;
        }
        for index in [
            // One order for each idempotency key and for each cart, whatever races.
            Index::create().name("orders_request_key").table("orders").col("request_key").unique().to_owned(),
            Index::create().name("orders_live_cart").table("orders").col("live_cart_id").unique().to_owned(),
            Index::create().name("orders_user").table("orders").col("user_id").col("id").to_owned(),
            Index::create().name("orders_status").table("orders").col("status").to_owned(),
            Index::create().name("orders_number").table("orders").col("number").to_owned(),
            Index::create().name("seller_orders_order").table("seller_orders").col("order_id").to_owned(),
            Index::create().name("seller_orders_seller").table("seller_orders").col("seller_id").col("id").to_owned(),
            Index::create().name("order_history_order").table("order_history").col("order_id").to_owned(),
            Index::create().name("returns_order").table("returns").col("order_id").to_owned(),
            Index::create().name("returns_seller").table("returns").col("seller_id").col("id").to_owned(),
        ] {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

/// A guest's order can be taken up after a crash without the guest.
struct CartKey;

impl MigrationName for CartKey {
    fn name(&self) -> &'static str {
        "m0002_cart_key"
    }
}

#[async_trait]
impl MigrationTrait for CartKey {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let change = Table::alter().table("orders").add_column(var_binary_null("cart_key", 32)).to_owned();
        manager.alter_table(change).await
    }
}

fn orders() -> TableCreateStatement {
    Table::create()
        .table("orders")
        .col(uuid("id").primary_key())
        .col(string_len("number", 20))
        .col(uuid_null("user_id"))
        .col(var_binary_null("token_hash", 32))
        .col(string_len("email", 254))
        .col(string_len("locale", 35))
        .col(json_binary("address"))
        .col(string_len("shipping_method", 50))
        .col(string_len("provider", 50))
        .col(var_binary_null("request_key", 32))
        .col(var_binary_null("request_hash", 32))
        .col(uuid_null("cart_id"))
        .col(uuid_null("live_cart_id"))
        .col(json_binary("requested"))
        .col(big_integer_null("expected_total"))
        .col(string_len("step", 24))
        .col(string_len("status", 24))
        .col(string_len_null("ending", 24))
        .col(string_len("fulfilment", 24))
        .col(string_len_null("payment_status", 24))
        .col(uuid_null("payment_id"))
        .col(integer("attempt"))
        .col(text_null("redirect"))
        .col(char_len("currency", 3))
        .col(big_integer("subtotal"))
        .col(big_integer("discount"))
        .col(big_integer("shipping"))
        .col(big_integer("tax"))
        .col(big_integer("total"))
        .col(boolean("price_may_have_changed"))
        .col(string_len_null("reason", 100))
        .col(json_binary_null("rejection"))
        .col(boolean("hidden"))
        .col(timestamp_with_time_zone_null("expires_at"))
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .to_owned()
}

fn seller_orders() -> TableCreateStatement {
    Table::create()
        .table("seller_orders")
        .col(uuid("id").primary_key())
        .col(uuid("order_id"))
        .col(integer("place"))
        .col(uuid("seller_id"))
        .col(string_len("seller_name", 200))
        .col(string_len("status", 24))
        .col(big_integer("subtotal"))
        .col(big_integer("discount"))
        .col(big_integer("shipping"))
        .col(big_integer("shipping_tax"))
        .col(big_integer("tax"))
        .col(big_integer("total"))
        .col(big_integer("commission"))
        .col(string_len_null("carrier", 100))
        .col(string_len_null("tracking_number", 100))
        .col(timestamp_with_time_zone_null("shipped_at"))
        .col(timestamp_with_time_zone_null("delivered_at"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(ForeignKey::create().from("seller_orders", "order_id").to("orders", "id"))
        .to_owned()
}

fn order_lines() -> TableCreateStatement {
    Table::create()
        .table("order_lines")
        .col(uuid("order_id"))
        .col(integer("place"))
        .col(uuid("seller_order_id"))
        .col(uuid("sku_id"))
        .col(uuid("product_id"))
        .col(string_len("title", 200))
        .col(big_integer("quantity"))
        .col(big_integer("returned"))
        .col(big_integer("unit_price"))
        .col(big_integer("line_total"))
        .col(big_integer("discount"))
        .col(big_integer("tax"))
        .col(big_integer("commission"))
        .col(uuid_null("commission_rule_id"))
        .col(big_integer("commission_rule_version"))
        .col(text("commission_note"))
        .primary_key(Index::create().col("order_id").col("place"))
        .foreign_key(ForeignKey::create().from("order_lines", "order_id").to("orders", "id"))
        .check(Expr::col("returned").lte(Expr::col("quantity")))
        .to_owned()
}

fn order_history() -> TableCreateStatement {
    Table::create()
        .table("order_history")
        .col(big_pk_auto("id"))
        .col(uuid("order_id"))
        .col(uuid_null("seller_order_id"))
        .col(string_len("status", 24))
        .col(string_len("by", 60))
        .col(text("note"))
        .col(timestamp_with_time_zone("at"))
        .foreign_key(ForeignKey::create().from("order_history", "order_id").to("orders", "id"))
        .to_owned()
}

fn returns() -> TableCreateStatement {
    Table::create()
        .table("returns")
        .col(uuid("id").primary_key())
        .col(uuid("order_id"))
        .col(uuid("seller_order_id"))
        .col(uuid("seller_id"))
        .col(string_len("status", 24))
        .col(json_binary("items"))
        .col(string_len("reason", 2000))
        .col(big_integer("amount"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("decided_at"))
        .foreign_key(ForeignKey::create().from("returns", "order_id").to("orders", "id"))
        .to_owned()
}

/// On databases that can: a seller's rows are shown to who reads for that seller only.
struct OwnRows;

impl MigrationName for OwnRows {
    fn name(&self) -> &'static str {
        "m0003_own_rows"
    }
}

#[async_trait]
impl MigrationTrait for OwnRows {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        souk_platform::db::seller::protect(manager, &["seller_orders", "returns"]).await
    }
}

/// Several processes share the queue.
struct Claims;

impl MigrationName for Claims {
    fn name(&self) -> &'static str {
        "m0004_claims"
    }
}

#[async_trait]
impl MigrationTrait for Claims {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let claim = timestamp_with_time_zone_null("claimed_until");
        manager.alter_table(Table::alter().table("orders").add_column(claim).to_owned()).await
    }
}
