//! Makes the tables.

use sea_orm_migration::{
    async_trait::async_trait,
    prelude::*,
    schema::{
        big_integer, boolean, char_len, double_null, integer, json_binary, pk_uuid, small_integer, string_len,
        string_len_null, text, timestamp_with_time_zone, uuid, uuid_null,
    },
};

/// The catalogue's migrations, in their order.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Catalogue)]
    }
}

struct Catalogue;

impl MigrationName for Catalogue {
    fn name(&self) -> &'static str {
        "m1_catalogue"
    }
}

#[async_trait]
impl MigrationTrait for Catalogue {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for mut table in tables() {
            manager.create_table(table.take()).await?;
        }
        for mut index in indexes() {
            manager.create_index(index.take()).await?;
        }
        Ok(())
    }
}

fn tables() -> [TableCreateStatement; 7] {
    [sellers(), categories(), products(), variants(), skus(), product_attributes(), reviews()]
}

fn sellers() -> TableCreateStatement {
    Table::create()
        .table("seller_profiles")
        .col(pk_uuid("id"))
        .col(string_len("name", 200))
        .col(string_len("slug", 120))
        .col(string_len("status", 16))
        .col(big_integer("rating_sum"))
        .col(big_integer("rating_count"))
        .take()
}

fn categories() -> TableCreateStatement {
    Table::create()
        .table("categories")
        .col(pk_uuid("id"))
        .col(string_len("slug", 120))
        .col(string_len("name", 200))
        .col(uuid_null("parent_id"))
        .col(json_binary("attributes"))
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut refers("categories", "parent_id", "categories"))
        .take()
}

fn products() -> TableCreateStatement {
    Table::create()
        .table("products")
        .col(pk_uuid("id"))
        .col(uuid("seller_id"))
        .col(uuid("category_id"))
        .col(string_len("slug", 120))
        .col(string_len_null("external_id", 100))
        .col(string_len("title", 500))
        .col(text("description"))
        .col(string_len("status", 16))
        .col(char_len("currency", 3))
        .col(json_binary("attributes"))
        .col(json_binary("images"))
        .col(boolean("public"))
        .col(big_integer("price"))
        .col(boolean("in_stock"))
        .col(uuid_null("winner_sku_id"))
        .col(string_len_null("offer_reason", 16))
        .col(big_integer("rating_sum"))
        .col(big_integer("rating_count"))
        .col(big_integer("rating_rank"))
        .col(big_integer("popularity"))
        .col(big_integer("version"))
        .col(big_integer("seal"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut refers("products", "category_id", "categories"))
        .take()
}

fn variants() -> TableCreateStatement {
    Table::create()
        .table("variants")
        .col(pk_uuid("id"))
        .col(uuid("product_id"))
        .col(json_binary("options"))
        .col(string_len("options_key", 200))
        .foreign_key(&mut refers("variants", "product_id", "products"))
        .take()
}

fn skus() -> TableCreateStatement {
    Table::create()
        .table("skus")
        .col(pk_uuid("id"))
        .col(uuid("product_id"))
        .col(uuid("variant_id"))
        .col(uuid("seller_id"))
        .col(string_len("code", 100))
        .col(string_len_null("live_code", 100))
        .col(big_integer("price"))
        .col(big_integer("stock"))
        .col(big_integer("stock_version"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(&mut refers("skus", "product_id", "products"))
        .foreign_key(&mut refers("skus", "variant_id", "variants"))
        .take()
}

fn product_attributes() -> TableCreateStatement {
    // No foreign key: products are never deleted, and an import writes dozens of these rows for each.
    Table::create()
        .table("product_attributes")
        .col(uuid("product_id"))
        .col(integer("position"))
        .col(string_len("name", 128))
        .col(string_len("text_value", 200))
        .col(double_null("number_value"))
        .primary_key(Index::create().col("product_id").col("position"))
        .take()
}

fn reviews() -> TableCreateStatement {
    Table::create()
        .table("reviews")
        .col(pk_uuid("id"))
        .col(uuid("product_id"))
        .col(uuid("seller_id"))
        .col(uuid("user_id"))
        .col(string_len("author", 200))
        .col(small_integer("rating"))
        .col(string_len("title", 200))
        .col(text("body"))
        .col(boolean("hidden"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(&mut refers("reviews", "product_id", "products"))
        .take()
}

fn refers(table: &'static str, column: &'static str, to: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().name(format!("{table}_{column}")).from(table, column).to(to, "id").take()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let plain = |name: &'static str, table: &'static str, columns: &[&'static str]| {
        let mut index = Index::create().name(name).table(table).take();
        for column in columns {
            index.col(*column);
        }
        index
    };
    let unique = |name, table, columns: &[&'static str]| plain(name, table, columns).unique().take();
    vec![
        unique("categories_slug", "categories", &["slug"]),
        unique("products_slug", "products", &["slug"]),
        unique("products_external", "products", &["seller_id", "external_id"]),
        unique("variants_options", "variants", &["product_id", "options_key"]),
        unique("skus_code", "skus", &["seller_id", "live_code"]),
        unique("reviews_once", "reviews", &["product_id", "user_id"]),
        plain("skus_product", "skus", &["product_id"]),
        plain("products_newest", "products", &["public", "id"]),
        plain("products_price", "products", &["public", "price", "id"]),
        plain("products_rating", "products", &["public", "rating_rank", "id"]),
        plain("products_popular", "products", &["public", "popularity", "id"]),
        plain("products_category", "products", &["category_id", "public", "id"]),
        plain("product_attributes_text", "product_attributes", &["name", "text_value"]),
        plain("reviews_user", "reviews", &["user_id"]),
        plain("categories_parent", "categories", &["parent_id"]),
        plain("sellers_slug", "seller_profiles", &["slug"]),
    ]
}
