//! The tables of identity.

use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, binary_len, boolean, json_binary, string_len, string_len_null, string_len_uniq, text,
        timestamp_with_time_zone, timestamp_with_time_zone_null, uuid,
    },
};

/// Brings the tables up to date.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Accounts), Box::new(Sellers), Box::new(EndedSessions)]
    }
}

#[derive(Iden)]
enum Users {
    Table,
    Id,
    Email,
    EmailKey,
    Name,
    PasswordHash,
    Phone,
    Locale,
    Preferences,
    Addresses,
    IsSupport,
    IsAdmin,
    Status,
    Version,
    CreatedAt,
    UpdatedAt,
}

#[derive(Iden)]
enum Sessions {
    Table,
    Id,
    UserId,
    TokenHash,
    CreatedAt,
    UsedAt,
    ExpiresAt,
    RevokedAt,
}

#[derive(Iden)]
enum SpentTokens {
    Table,
    TokenHash,
    SessionId,
}

#[derive(Iden)]
enum PasswordResets {
    Table,
    TokenHash,
    UserId,
    CreatedAt,
    ExpiresAt,
}

struct Accounts;

impl MigrationName for Accounts {
    fn name(&self) -> &'static str {
        "m0001_accounts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Accounts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let users = Table::create()
            .table(Users::Table)
            .col(uuid(Users::Id).primary_key())
            .col(string_len(Users::Email, 254))
            .col(string_len_uniq(Users::EmailKey, 254))
            .col(string_len(Users::Name, 200))
            .col(string_len(Users::PasswordHash, 255))
            .col(string_len_null(Users::Phone, 32))
            .col(string_len(Users::Locale, 35))
            .col(json_binary(Users::Preferences))
            .col(json_binary(Users::Addresses))
            .col(boolean(Users::IsSupport))
            .col(boolean(Users::IsAdmin))
            .col(string_len(Users::Status, 16))
            .col(big_integer(Users::Version))
            .col(timestamp_with_time_zone(Users::CreatedAt))
            .col(timestamp_with_time_zone(Users::UpdatedAt))
            .to_owned();
        manager.create_table(users).await?;

        let sessions = Table::create()
            .table(Sessions::Table)
            .col(uuid(Sessions::Id).primary_key())
            .col(uuid(Sessions::UserId))
            .col(binary_len(Sessions::TokenHash, 32).unique_key())
            .col(timestamp_with_time_zone(Sessions::CreatedAt))
            .col(timestamp_with_time_zone(Sessions::UsedAt))
            .col(timestamp_with_time_zone(Sessions::ExpiresAt))
            .col(timestamp_with_time_zone_null(Sessions::RevokedAt))
            .foreign_key(&mut cascade(
                "fk_sessions_user",
                (Sessions::Table, Sessions::UserId),
                (Users::Table, Users::Id),
            ))
            .to_owned();
        manager.create_table(sessions).await?;
        manager.create_index(index("ix_sessions_user", Sessions::Table, Sessions::UserId)).await?;
        manager.create_index(index("ix_sessions_expiry", Sessions::Table, Sessions::ExpiresAt)).await?;

        let spent = Table::create()
            .table(SpentTokens::Table)
            .col(binary_len(SpentTokens::TokenHash, 32).primary_key())
            .col(uuid(SpentTokens::SessionId))
            .foreign_key(&mut cascade(
                "fk_spent_tokens_session",
                (SpentTokens::Table, SpentTokens::SessionId),
                (Sessions::Table, Sessions::Id),
            ))
            .to_owned();
        manager.create_table(spent).await?;
        manager.create_index(index("ix_spent_tokens_session", SpentTokens::Table, SpentTokens::SessionId)).await?;

        let resets = Table::create()
            .table(PasswordResets::Table)
            .col(binary_len(PasswordResets::TokenHash, 32).primary_key())
            .col(uuid(PasswordResets::UserId))
            .col(timestamp_with_time_zone(PasswordResets::CreatedAt))
            .col(timestamp_with_time_zone(PasswordResets::ExpiresAt))
            .foreign_key(&mut cascade(
                "fk_password_resets_user",
                (PasswordResets::Table, PasswordResets::UserId),
                (Users::Table, Users::Id),
            ))
            .to_owned();
        manager.create_table(resets).await?;
        manager.create_index(index("ix_password_resets_user", PasswordResets::Table, PasswordResets::UserId)).await
    }
}

#[derive(Iden)]
enum SellersTable {
    #[iden = "sellers"]
    Table,
    Id,
    Name,
    Slug,
    Description,
    State,
    Holiday,
    SuspendReason,
    RatingSum,
    RatingCount,
    Version,
    CreatedAt,
    UpdatedAt,
}

#[derive(Iden)]
enum SellerMembers {
    Table,
    UserId,
    SellerId,
    Role,
    CreatedAt,
}

struct Sellers;

impl MigrationName for Sellers {
    fn name(&self) -> &'static str {
        "m0002_sellers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Sellers {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sellers = Table::create()
            .table(SellersTable::Table)
            .col(uuid(SellersTable::Id).primary_key())
            .col(string_len(SellersTable::Name, 200))
            .col(string_len_uniq(SellersTable::Slug, 120))
            .col(text(SellersTable::Description))
            .col(string_len(SellersTable::State, 16))
            .col(boolean(SellersTable::Holiday))
            .col(string_len_null(SellersTable::SuspendReason, 500))
            .col(big_integer(SellersTable::RatingSum))
            .col(big_integer(SellersTable::RatingCount))
            .col(big_integer(SellersTable::Version))
            .col(timestamp_with_time_zone(SellersTable::CreatedAt))
            .col(timestamp_with_time_zone(SellersTable::UpdatedAt))
            .to_owned();
        manager.create_table(sellers).await?;

        // A person is in one team at most: that is the primary key.
        let members = Table::create()
            .table(SellerMembers::Table)
            .col(uuid(SellerMembers::UserId).primary_key())
            .col(uuid(SellerMembers::SellerId))
            .col(string_len(SellerMembers::Role, 16))
            .col(timestamp_with_time_zone(SellerMembers::CreatedAt))
            .foreign_key(&mut cascade(
                "fk_seller_members_user",
                (SellerMembers::Table, SellerMembers::UserId),
                (Users::Table, Users::Id),
            ))
            .foreign_key(&mut cascade(
                "fk_seller_members_seller",
                (SellerMembers::Table, SellerMembers::SellerId),
                (SellersTable::Table, SellersTable::Id),
            ))
            .to_owned();
        manager.create_table(members).await?;
        manager.create_index(index("ix_seller_members_seller", SellerMembers::Table, SellerMembers::SellerId)).await
    }
}

/// What ended lately is asked for every second.
struct EndedSessions;

impl MigrationName for EndedSessions {
    fn name(&self) -> &'static str {
        "m0003_ended_sessions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for EndedSessions {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_index(index("ix_sessions_revoked", Sessions::Table, Sessions::RevokedAt)).await
    }
}

fn cascade<T: IntoIden, C: IntoIden, F: IntoIden, K: IntoIden>(
    name: &str,
    (table, column): (T, C),
    (foreign, key): (F, K),
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(name)
        .from_tbl(table.into_iden())
        .from_col(column)
        .to_tbl(foreign.into_iden())
        .to_col(key)
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}

fn index<T: IntoIden, C: IntoIden + 'static>(name: &str, table: T, column: C) -> IndexCreateStatement {
    Index::create().name(name).table(table.into_iden()).col(column.into_iden()).to_owned()
}
