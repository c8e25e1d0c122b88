//! Makes and changes the tables.

use sea_orm_migration::{
    async_trait::async_trait,
    prelude::*,
    schema::{
        big_integer, big_integer_null, boolean, json_binary, string_len, string_len_null, timestamp_with_time_zone,
        timestamp_with_time_zone_null, uuid, uuid_null,
    },
};

/// All migrations of inventory, oldest first.
pub struct Migrator;

#[async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Stock), Box::new(Sources), Box::new(Channels), Box::new(OwnRows)]
    }
}

struct Stock;

impl MigrationName for Stock {
    fn name(&self) -> &'static str {
        "inventory_1_stock"
    }
}

#[async_trait]
impl MigrationTrait for Stock {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let levels = Table::create()
            .table("stock_levels")
            .col(uuid("sku_id"))
            .col(string_len("location", 64))
            .col(uuid("seller_id"))
            .col(big_integer("on_hand"))
            .col(big_integer("reserved"))
            .col(big_integer("version"))
            .col(timestamp_with_time_zone("updated_at"))
            .primary_key(Index::create().col("sku_id").col("location"))
            .check(Expr::col("reserved").gte(0))
            .check(Expr::col("reserved").lte(Expr::col("on_hand")))
            .to_owned();
        manager.create_table(levels).await?;
        let by_seller = Index::create()
            .name("stock_levels_by_seller")
            .table("stock_levels")
            .col("seller_id")
            .col("sku_id")
            .to_owned();
        manager.create_index(by_seller).await?;
        let events = Table::create()
            .table("stock_events")
            .col(uuid("sku_id"))
            .col(big_integer("version"))
            .col(string_len("location", 64))
            .col(string_len("kind", 16))
            .col(big_integer("on_hand_delta"))
            .col(big_integer("reserved_delta"))
            .col(uuid_null("order_id"))
            .col(string_len_null("reference", 200))
            .col(string_len_null("reason", 200))
            .col(string_len("actor", 100))
            .col(timestamp_with_time_zone("at"))
            .primary_key(Index::create().col("sku_id").col("version"))
            .to_owned();
        manager.create_table(events).await?;
        let reservations = Table::create()
            .table("reservations")
            .col(uuid("order_id"))
            .col(uuid("sku_id"))
            .col(string_len("location", 64))
            .col(big_integer("quantity"))
            .col(big_integer("restocked"))
            .col(string_len("status", 16))
            .col(timestamp_with_time_zone("expires_at"))
            .primary_key(Index::create().col("order_id").col("sku_id").col("location"))
            .check(Expr::col("quantity").gt(0))
            .check(Expr::col("restocked").gte(0))
            .check(Expr::col("restocked").lte(Expr::col("quantity")))
            .to_owned();
        manager.create_table(reservations).await?;
        let restocks = Table::create()
            .table("restocks")
            .col(uuid("order_id"))
            .col(string_len("reference", 200))
            .col(timestamp_with_time_zone("at"))
            .primary_key(Index::create().col("order_id").col("reference"))
            .to_owned();
        manager.create_table(restocks).await
    }
}

struct Sources;

impl MigrationName for Sources {
    fn name(&self) -> &'static str {
        "inventory_2_sources"
    }
}

#[async_trait]
impl MigrationTrait for Sources {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sources = Table::create()
            .table("stock_sources")
            .col(string_len("name", 64).primary_key())
            .col(uuid("seller_id"))
            .col(string_len("kind", 16))
            .col(string_len("location", 64))
            .col(string_len_null("secret", 64))
            .col(boolean("enabled"))
            .col(big_integer("reports"))
            .col(timestamp_with_time_zone("created_at"))
            .to_owned();
        manager.create_table(sources).await?;
        let by_seller = Index::create()
            .name("stock_sources_by_seller")
            .table("stock_sources")
            .col("seller_id")
            .col("name")
            .to_owned();
        manager.create_index(by_seller).await?;
        let items = Table::create()
            .table("stock_source_items")
            .col(string_len("source", 64))
            .col(string_len("external_sku", 200))
            .col(uuid("sku_id"))
            .col(boolean("pinned"))
            .col(timestamp_with_time_zone_null("as_of"))
            .primary_key(Index::create().col("source").col("external_sku"))
            .foreign_key(of_source("stock_source_items").name("stock_source_items_source"))
            .to_owned();
        manager.create_table(items).await?;
        let reports = Table::create()
            .table("stock_source_reports")
            .col(string_len("source", 64))
            .col(big_integer("number"))
            .col(timestamp_with_time_zone("at"))
            .col(big_integer("applied"))
            .col(big_integer("unchanged"))
            .col(big_integer("refused"))
            .col(json_binary("refusals"))
            .primary_key(Index::create().col("source").col("number"))
            .foreign_key(of_source("stock_source_reports").name("stock_source_reports_source"))
            .to_owned();
        manager.create_table(reports).await
    }
}

struct Channels;

impl MigrationName for Channels {
    fn name(&self) -> &'static str {
        "inventory_3_channels"
    }
}

#[async_trait]
impl MigrationTrait for Channels {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let channels = Table::create()
            .table("stock_source_channels")
            .col(string_len("source", 64))
            .col(string_len("direction", 16))
            .col(string_len("url", 2_100))
            .col(big_integer_null("every_seconds"))
            .col(big_integer("number"))
            .col(timestamp_with_time_zone_null("claimed_until"))
            .col(timestamp_with_time_zone_null("next_at"))
            .col(timestamp_with_time_zone_null("last_at"))
            .col(big_integer("failures"))
            .col(string_len_null("error", 300))
            .col(string_len_null("etag", 300))
            .col(string_len_null("modified", 100))
            .primary_key(Index::create().col("source").col("direction"))
            .foreign_key(of_source("stock_source_channels").name("stock_source_channels_source"))
            .to_owned();
        manager.create_table(channels).await?;
        let publications = Table::create()
            .table("stock_publications")
            .col(string_len("source", 64))
            .col(uuid("sku_id"))
            .col(big_integer("version"))
            .primary_key(Index::create().col("source").col("sku_id"))
            .foreign_key(of_source("stock_publications").name("stock_publications_source"))
            .to_owned();
        manager.create_table(publications).await?;
        let by_sku = Index::create()
            .name("stock_source_items_by_sku")
            .table("stock_source_items")
            .col("sku_id")
            .col("source")
            .to_owned();
        manager.create_index(by_sku).await?;
        let error = Table::alter().table("stock_source_reports").add_column(string_len_null("error", 300)).to_owned();
        manager.alter_table(error).await
    }
}

fn of_source(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, "source")
        .to("stock_sources", "name")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}

/// On databases that can: a seller's rows are shown to who reads for that seller only.
struct OwnRows;

impl MigrationName for OwnRows {
    fn name(&self) -> &'static str {
        "inventory_3_own_rows"
    }
}

#[async_trait]
impl MigrationTrait for OwnRows {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        souk_platform::db::seller::protect(manager, &["stock_levels", "stock_sources"]).await
    }
}
