//! Makes the tables.

use sea_orm_migration::{
    async_trait::async_trait,
    prelude::*,
    schema::{big_integer, boolean, integer, pk_uuid, string_len, text, uuid, uuid_null},
};

/// The search service's migrations, in their order.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Search)]
    }
}

struct Search;

impl MigrationName for Search {
    fn name(&self) -> &'static str {
        "m1_search"
    }
}

#[async_trait]
impl MigrationTrait for Search {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for mut table in [documents(), levels(), sellers(), changes(), marks(), queries()] {
            manager.create_table(table.take()).await?;
        }
        Ok(())
    }
}

fn documents() -> TableCreateStatement {
    Table::create()
        .table("documents")
        .col(pk_uuid("id"))
        .col(big_integer("version"))
        .col(boolean("public"))
        .col(text("snapshot"))
        .col(big_integer("rating_sum"))
        .col(big_integer("rating_count"))
        .col(big_integer("popularity"))
        .take()
}

fn levels() -> TableCreateStatement {
    Table::create()
        .table("levels")
        .col(pk_uuid("sku_id"))
        .col(uuid_null("product_id"))
        .col(big_integer("available"))
        .col(big_integer("version"))
        .take()
}

fn sellers() -> TableCreateStatement {
    Table::create()
        .table("sellers")
        .col(pk_uuid("id"))
        .col(string_len("name", 200))
        .col(string_len("slug", 120))
        .col(string_len("status", 16))
        .col(big_integer("rating_sum"))
        .col(big_integer("rating_count"))
        .take()
}

fn changes() -> TableCreateStatement {
    Table::create()
        .table("changes")
        .col(ColumnDef::new("seq").big_integer().not_null().auto_increment().primary_key())
        .col(uuid("product_id"))
        .take()
}

fn marks() -> TableCreateStatement {
    Table::create().table("marks").col(string_len("name", 40).primary_key()).col(big_integer("value")).take()
}

fn queries() -> TableCreateStatement {
    Table::create()
        .table("queries")
        .col(integer("day"))
        .col(string_len("words", 200))
        .col(big_integer("searches"))
        .col(big_integer("empty"))
        .col(big_integer("clicks"))
        .primary_key(Index::create().col("day").col("words"))
        .take()
}
