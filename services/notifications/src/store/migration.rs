//! The tables of notifications.

use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, integer, json_binary, string_len, string_len_null, text, text_null, timestamp_with_time_zone,
        timestamp_with_time_zone_null, uuid, uuid_null,
    },
};

/// Brings the tables up to date.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Notifications)]
    }
}

#[derive(Iden)]
enum Mails {
    Table,
    Id,
    UserId,
    Email,
    EmailKey,
    Template,
    Subject,
    Text,
    Html,
    Status,
    Attempts,
    LastError,
    NextAt,
    SentAt,
    CreatedAt,
}

#[derive(Iden)]
enum Notices {
    Table,
    Id,
    UserId,
    Kind,
    Title,
    Body,
    Link,
    ReadAt,
    CreatedAt,
}

#[derive(Iden)]
enum Preferences {
    Table,
    UserId,
    Choices,
    Version,
    UpdatedAt,
}

struct Notifications;

impl MigrationName for Notifications {
    fn name(&self) -> &'static str {
        "m0001_notifications"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Notifications {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mails = Table::create()
            .table(Mails::Table)
            .col(uuid(Mails::Id).primary_key())
            .col(uuid_null(Mails::UserId))
            .col(string_len(Mails::Email, 254))
            .col(string_len(Mails::EmailKey, 254))
            .col(string_len(Mails::Template, 40))
            .col(string_len(Mails::Subject, 200))
            .col(text(Mails::Text))
            .col(text(Mails::Html))
            .col(string_len(Mails::Status, 8))
            .col(integer(Mails::Attempts))
            .col(text_null(Mails::LastError))
            .col(timestamp_with_time_zone_null(Mails::NextAt))
            .col(timestamp_with_time_zone_null(Mails::SentAt))
            .col(timestamp_with_time_zone(Mails::CreatedAt))
            .to_owned();
        manager.create_table(mails).await?;
        let by_email =
            Index::create().name("ix_mails_email").table(Mails::Table).col(Mails::EmailKey).col(Mails::Id).to_owned();
        manager.create_index(by_email).await?;
        let by_user = Index::create().name("ix_mails_user").table(Mails::Table).col(Mails::UserId).to_owned();
        manager.create_index(by_user).await?;

        let notices = Table::create()
            .table(Notices::Table)
            .col(uuid(Notices::Id).primary_key())
            .col(uuid(Notices::UserId))
            .col(string_len(Notices::Kind, 40))
            .col(string_len(Notices::Title, 200))
            .col(text(Notices::Body))
            .col(string_len_null(Notices::Link, 200))
            .col(timestamp_with_time_zone_null(Notices::ReadAt))
            .col(timestamp_with_time_zone(Notices::CreatedAt))
            .to_owned();
        manager.create_table(notices).await?;
        let by_user = Index::create()
            .name("ix_notices_user")
            .table(Notices::Table)
            .col(Notices::UserId)
            .col(Notices::Id)
            .to_owned();
        manager.create_index(by_user).await?;

        let preferences = Table::create()
            .table(Preferences::Table)
            .col(uuid(Preferences::UserId).primary_key())
            .col(json_binary(Preferences::Choices))
            .col(big_integer(Preferences::Version))
            .col(timestamp_with_time_zone(Preferences::UpdatedAt))
            .to_owned();
        manager.create_table(preferences).await
    }
}
