//! Statements that MariaDB understands otherwise than they are meant.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, Statement};
use sqlx::mysql::MySqlQueryResult;

use crate::db::failure;

/// Runs a statement.
///
/// MariaDB has no insertion that does nothing where the row is there already: it is written as an update of the row that
/// changes nothing, and that counts like an inserted one. So a row that may be there is inserted as if it weren't, and the
/// refusal, which undoes nothing else there, is taken for the answer.
pub async fn execute(connection: &impl ConnectionTrait, statement: Statement) -> Result<ExecResult, DbErr> {
    let insertion = match connection.get_database_backend() {
        DbBackend::MySql => Insertion::of(&statement.sql),
        _ => None,
    };
    match insertion {
        None => connection.execute_raw(statement).await,
        Some(Insertion::One(sql)) => match connection.execute_raw(Statement { sql, ..statement }).await {
            Err(error) if failure::is_taken(&error) => Ok(MySqlQueryResult::default().into()),
            result => result,
        },
        Some(Insertion::Many(sql)) => connection.execute_raw(Statement { sql, ..statement }).await,
    }
}

/// An insertion of what may be there already.
#[derive(PartialEq, Eq, Debug)]
enum Insertion {
    /// Of one row: refused when it is there.
    One(String),
    /// Of many: those that are there stay. How many were inserted is not known.
    Many(String),
}

impl Insertion {
    fn of(sql: &str) -> Option<Self> {
        let (insertion, otherwise) = sql.rsplit_once(" ON DUPLICATE KEY ")?;
        let changes = otherwise.strip_prefix("UPDATE ").map(|changes| changes.split(", "));
        let changes_nothing = changes.is_some_and(|mut changes| {
            changes.all(|change| change.split_once(" = ").is_some_and(|(column, value)| column == value))
        });
        if otherwise != "IGNORE" && !changes_nothing {
            return None;
        }
        if !insertion.contains("), (") {
            return Some(Self::One(insertion.to_owned()));
        }
        if changes_nothing {
            return Some(Self::Many(sql.to_owned()));
        }
        let (_, columns) = insertion.split_once(" (")?;
        let column = columns.split([',', ')']).next()?;
        Some(Self::Many(format!("{insertion} ON DUPLICATE KEY UPDATE {column} = {column}")))
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{ActiveValue::Set, EntityTrait, QueryTrait, sea_query::OnConflict};
    use souk_kernel::EventId;

    use super::*;
    use crate::db::inbox;

    fn rows(count: usize) -> Vec<inbox::ActiveModel> {
        (0..count).map(|_| inbox::ActiveModel { event_id: Set(EventId::new()), consumer: Set(String::new()) }).collect()
    }

    #[test]
    fn insertions_of_what_may_be_there_are_told_from_others() {
        let plain = "INSERT INTO `inbox` (`event_id`, `consumer`) VALUES (?, ?)";
        let nothing = || OnConflict::column(inbox::Column::EventId).do_nothing().to_owned();
        let of = |statement: Statement| Insertion::of(&statement.sql);
        let row = || rows(1).pop().unwrap();
        let one = inbox::Entity::insert(row()).on_conflict_do_nothing().build(DbBackend::MySql);
        assert_eq!(of(one), Some(Insertion::One(plain.to_owned())));
        let one = inbox::Entity::insert(row()).on_conflict(nothing()).build(DbBackend::MySql);
        assert_eq!(of(one), Some(Insertion::One(plain.to_owned())));
        let two = inbox::Entity::insert_many(rows(2)).on_conflict(nothing()).build(DbBackend::MySql);
        let stays = format!("{plain}, (?, ?) ON DUPLICATE KEY UPDATE `event_id` = `event_id`");
        assert_eq!(of(two), Some(Insertion::Many(stays)));
        let replace = OnConflict::column(inbox::Column::EventId).update_column(inbox::Column::Consumer).to_owned();
        let upsert = inbox::Entity::insert(row()).on_conflict(replace).build(DbBackend::MySql);
        assert_eq!(of(upsert), None);
        assert_eq!(of(inbox::Entity::insert(row()).build(DbBackend::MySql)), None);
        assert_eq!(Insertion::of(super::super::widen::TURN), None);
    }
}
