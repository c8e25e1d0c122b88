//! What migrations can't say to MariaDB.
//!
//! A column of times made by them keeps whole seconds there, and one of texts or bytes 64 KiB. Right after the migrations, before
//! anything is stored, such columns are made to hold what they hold on other databases.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Executor, MySqlConnection, Row};

/// The rows that transactions lock to take turns; see [`TURN`].
const TURNS: &str = "turns";
/// Locks a row until the transaction ends. The server's named locks belong to connections, not to transactions.
pub const TURN: &str = "INSERT INTO turns (number) VALUES (?) ON DUPLICATE KEY UPDATE number = VALUES(number)";
/// So many rows there are at most. What shares one only waits for nothing now and then.
pub const ROWS: i64 = 1 << 16;

/// How much [`up`] would have to do.
pub async fn missing(connection: &mut MySqlConnection, database: &str) -> Result<usize, sqlx::Error> {
    let turns = usize::from(!has_turns(connection, database).await?);
    Ok(turns + narrow(connection, database).await?.len())
}

/// Does what migrations could not.
pub async fn up(connection: &mut MySqlConnection, database: &str) -> Result<(), sqlx::Error> {
    for (table, changes) in narrow(connection, database).await? {
        let change = format!("ALTER TABLE {}.{} {}", quoted(database), quoted(&table), changes.join(", "));
        connection.execute(AssertSqlSafe(change)).await?;
    }
    if !has_turns(connection, database).await? {
        let name = quoted(database);
        let make = format!("CREATE TABLE {name}.{TURNS} (number INT NOT NULL PRIMARY KEY) ENGINE = InnoDB");
        connection.execute(AssertSqlSafe(make)).await?;
    }
    Ok(())
}

async fn has_turns(connection: &mut MySqlConnection, database: &str) -> Result<bool, sqlx::Error> {
    let sql = "SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?";
    Ok(sqlx::query(sql).bind(database).bind(TURNS).fetch_optional(connection).await?.is_some())
}

/// The tables with columns that hold too little, and what to do about these.
async fn narrow(
    connection: &mut MySqlConnection,
    database: &str,
) -> Result<BTreeMap<String, Vec<String>>, sqlx::Error> {
    let sql = "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
        WHERE table_schema = ? AND (data_type IN ('text', 'blob')
            OR data_type = 'timestamp' OR (data_type = 'datetime' AND datetime_precision < 6))";
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in sqlx::query(sql).bind(database).fetch_all(connection).await? {
        let (table, column): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let (holds, nullable): (String, String) = (row.try_get(2)?, row.try_get(3)?);
        let wide = match holds.as_str() {
            "text" => "LONGTEXT",
            "blob" => "LONGBLOB",
            _ => "DATETIME(6)",
        };
        let null = if nullable == "YES" { "NULL" } else { "NOT NULL" };
        let change = format!("MODIFY {} {wide} {null}", quoted(&column));
        tables.entry(table).or_default().push(change);
    }
    Ok(tables)
}

/// A name, as statements have it.
pub fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
