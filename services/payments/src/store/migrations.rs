//! The tables of this service.

use sea_orm_migration::{
    async_trait::async_trait,
    prelude::*,
    schema::{
        big_integer, big_integer_null, boolean, char_len, char_len_null, integer, string_len, string_len_null, text,
        text_null, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null, var_binary_null,
    },
};

/// Makes this service's tables; the platform's own are made by `Database::open`.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Tables), Box::new(OwnRows)]
    }
}

struct Tables;

impl MigrationName for Tables {
    fn name(&self) -> &'static str {
        "m1_payments"
    }
}

#[async_trait]
impl MigrationTrait for Tables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in
            [payments(), allocations(), refunds(), refund_parts(), webhooks(), ledger_transactions(), ledger_postings()]
                .into_iter()
                .chain([commission_rules(), payouts(), sandbox_payments(), sandbox_refunds()])
        {
            manager.create_table(table).await?;
        }
        for (name, table, columns, unique) in INDEXES {
            let mut index = Index::create().name(name).table(table).to_owned();
            for column in columns {
                index.col(*column);
            }
            if unique {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

/// Name, table, columns, whether unique.
const INDEXES: [(&str, &str, &[&str], bool); 11] = [
    ("payments_order", "payments", &["order_id", "attempt"], true),
    ("payments_created", "payments", &["created_at", "id"], false),
    ("payments_check", "payments", &["check_at"], false),
    ("refunds_reference", "refunds", &["payment_id", "reference"], true),
    ("refunds_check", "refunds", &["check_at"], false),
    ("webhooks_event", "webhooks", &["provider", "event_id"], true),
    ("webhooks_payment", "webhooks", &["payment_id"], false),
    ("ledger_reference", "ledger_transactions", &["kind", "reference"], true),
    // Covers a seller's balance and the order of its statement.
    (
        "ledger_statement",
        "ledger_postings",
        &["seller_id", "currency", "transaction_id", "line", "account", "amount"],
        false,
    ),
    ("commission_scope", "commission_rules", &["live_scope"], true),
    ("payouts_seller", "payouts", &["seller_id"], false),
];

fn references(table: &'static str, column: &'static str, other: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(table, column).to(other, "id").to_owned()
}

fn payments() -> TableCreateStatement {
    Table::create()
        .table("payments")
        .col(uuid("id").primary_key())
        .col(uuid("order_id"))
        .col(integer("attempt"))
        .col(string_len("provider", 32))
        .col(string_len("status", 32))
        .col(big_integer("amount"))
        .col(char_len("currency", 3))
        .col(big_integer("refunded_amount"))
        .col(big_integer("refunding_amount"))
        .col(uuid_null("buyer_id"))
        .col(var_binary_null("order_token_hash", 32))
        .col(text("return_url"))
        .col(text("redirect"))
        .col(text_null("failure"))
        .col(text_null("flag"))
        .col(timestamp_with_time_zone_null("check_at"))
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(timestamp_with_time_zone_null("completed_at"))
        .check(Expr::col("refunded_amount").gte(0))
        .check(Expr::col("refunding_amount").gte(0))
        .check(Expr::col("refunded_amount").add(Expr::col("refunding_amount")).lte(Expr::col("amount")))
        .to_owned()
}

fn allocations() -> TableCreateStatement {
    let mut table = Table::create()
        .table("payment_allocations")
        .col(uuid("payment_id"))
        .col(uuid("seller_order_id"))
        .col(uuid("seller_id"))
        .to_owned();
    for (whole, back) in
        [("goods", "back_goods"), ("shipping", "back_shipping"), ("tax", "back_tax"), ("commission", "back_commission")]
    {
        table
            .col(big_integer(whole))
            .col(big_integer(back))
            .check(Expr::col(back).gte(0))
            .check(Expr::col(back).lte(Expr::col(whole)));
    }
    table
        .col(big_integer("back_in_general"))
        .col(timestamp_with_time_zone_null("released_at"))
        .primary_key(Index::create().col("payment_id").col("seller_order_id"))
        .foreign_key(&mut references("payment_allocations", "payment_id", "payments"))
        .to_owned()
}

fn refunds() -> TableCreateStatement {
    Table::create()
        .table("refunds")
        .col(uuid("id").primary_key())
        .col(uuid("payment_id"))
        .col(uuid("order_id"))
        .col(big_integer("amount"))
        .col(char_len("currency", 3))
        .col(text("reason"))
        .col(string_len("reference", 255))
        .col(boolean("in_general"))
        .col(string_len("status", 32))
        .col(text_null("failure"))
        .col(string_len("requested_by", 64))
        .col(timestamp_with_time_zone_null("check_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("settled_at"))
        .check(Expr::col("amount").gt(0))
        .foreign_key(&mut references("refunds", "payment_id", "payments"))
        .to_owned()
}

fn refund_parts() -> TableCreateStatement {
    Table::create()
        .table("refund_parts")
        .col(uuid("refund_id"))
        .col(uuid("seller_order_id"))
        .col(uuid("seller_id"))
        .col(big_integer("goods"))
        .col(big_integer("shipping"))
        .col(big_integer("tax"))
        .col(big_integer("commission"))
        .primary_key(Index::create().col("refund_id").col("seller_order_id"))
        .foreign_key(&mut references("refund_parts", "refund_id", "refunds"))
        .to_owned()
}

fn webhooks() -> TableCreateStatement {
    Table::create()
        .table("webhooks")
        .col(uuid("id").primary_key())
        .col(string_len("provider", 32))
        .col(string_len("event_id", 255))
        .col(uuid("payment_id"))
        .col(text("body"))
        .col(string_len("outcome", 16))
        .col(text_null("note"))
        .col(timestamp_with_time_zone("received_at"))
        .col(timestamp_with_time_zone_null("handled_at"))
        .foreign_key(&mut references("webhooks", "payment_id", "payments"))
        .to_owned()
}

fn ledger_transactions() -> TableCreateStatement {
    Table::create()
        .table("ledger_transactions")
        .col(uuid("id").primary_key())
        .col(string_len("kind", 16))
        .col(string_len("reference", 128))
        .col(uuid_null("order_id"))
        .col(char_len("currency", 3))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned()
}

fn ledger_postings() -> TableCreateStatement {
    Table::create()
        .table("ledger_postings")
        .col(uuid("transaction_id"))
        .col(integer("line"))
        .col(string_len("account", 64))
        .col(string_len("component", 16))
        .col(big_integer("amount"))
        .col(char_len("currency", 3))
        .col(uuid_null("seller_id"))
        .col(uuid_null("seller_order_id"))
        .check(Expr::col("amount").ne(0))
        .primary_key(Index::create().col("transaction_id").col("line"))
        .foreign_key(&mut references("ledger_postings", "transaction_id", "ledger_transactions"))
        .to_owned()
}

fn commission_rules() -> TableCreateStatement {
    Table::create()
        .table("commission_rules")
        .col(uuid("id"))
        .col(big_integer("version"))
        .col(uuid_null("seller_id"))
        .col(uuid_null("category_id"))
        .col(big_integer("basis_points"))
        .col(big_integer("fixed_per_unit"))
        .col(big_integer("floor"))
        .col(big_integer_null("cap"))
        .col(big_integer("fee_tax_basis_points"))
        .col(char_len_null("currency", 3))
        .col(string_len_null("live_scope", 80))
        .col(string_len("created_by", 64))
        .col(timestamp_with_time_zone("created_at"))
        .primary_key(Index::create().col("id").col("version"))
        .to_owned()
}

fn payouts() -> TableCreateStatement {
    Table::create()
        .table("payouts")
        .col(uuid("id").primary_key())
        .col(uuid("seller_id"))
        .col(big_integer("amount"))
        .col(char_len("currency", 3))
        .col(text("note"))
        .col(string_len("created_by", 64))
        .col(timestamp_with_time_zone("created_at"))
        .check(Expr::col("amount").gt(0))
        .to_owned()
}

fn sandbox_payments() -> TableCreateStatement {
    Table::create()
        .table("sandbox_payments")
        .col(uuid("id").primary_key())
        .col(big_integer("amount"))
        .col(char_len("currency", 3))
        .col(string_len("state", 16))
        .col(text("return_url"))
        .col(timestamp_with_time_zone_null("decided_at"))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned()
}

fn sandbox_refunds() -> TableCreateStatement {
    Table::create()
        .table("sandbox_refunds")
        .col(uuid("id").primary_key())
        .col(uuid("payment_id"))
        .col(big_integer("amount"))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned()
}

/// On databases that can: a seller's rows are shown to who reads for that seller only.
struct OwnRows;

impl MigrationName for OwnRows {
    fn name(&self) -> &'static str {
        "m2_own_rows"
    }
}

#[async_trait]
impl MigrationTrait for OwnRows {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        souk_platform::db::seller::protect(manager, &["payment_allocations", "ledger_postings", "payouts"]).await
    }
}
