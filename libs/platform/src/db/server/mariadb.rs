//! Connections to MariaDB. Each service has a database of its own.

use std::str::FromStr;

use sea_orm::{DatabaseConnection, DbErr};
use sea_orm_migration::MigratorTrait;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, MySql, MySqlConnection, Pool,
    mysql::{MySqlConnectOptions, MySqlPoolOptions},
};

use super::{
    Connections, Leases,
    kept::Kept,
    lock_name, migrate, pool,
    postgres::{Opened, Place, Unprepared},
    widen,
};
use crate::db::{Connect, OpenError, held::Meter, open::PlatformMigrator};

/// Texts are compared as they are written: by their characters' numbers, with spaces at their end.
const COLLATION: &str = "utf8mb4_nopad_bin";
/// Statements mean what they mean elsewhere: what does not fit is refused instead of cut off, `"` is for names, `||` joins
/// texts, and what an `UPDATE` assigns is computed from the row as it was.
const MODE: &str = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,ANSI_QUOTES,PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION,\
    SIMULTANEOUS_ASSIGNMENT";
/// In seconds: how long a transaction may stand still before the server ends it: its process is gone, or stuck.
const STILL_LIMIT: u32 = 15;
/// In seconds: how long others that start wait until one has made the tables.
const MIGRATION_LIMIT: u32 = 3600;
/// The oldest version that has everything that is used here.
const OLDEST: (u32, u32) = (10, 6);
const NEEDED: &str = "MariaDB 10.6 or later";
/// In bytes: a statement that writes many rows may be as long.
const LONGEST_STATEMENT: u64 = 64 * 1024 * 1024;

/// Opens the service's database, made if missing, and brings its tables up to date or finds them so.
pub async fn open<M: MigratorTrait>(service: &'static str, connect: &Connect) -> Result<Opened, OpenError> {
    if let Some(replica) = connect.replicas.first() {
        return Err(OpenError::WithReplicas { service, setting: replica.setting.clone() });
    }
    let settings = &connect.server;
    let (options, database) = options(service, connect)?;
    let at = Place { service, setting: &connect.setting, server: server(&options) };
    let connecting = MySqlConnection::connect_with(&options);
    let mut first = match tokio::time::timeout(settings.connect_timeout, connecting).await {
        Ok(connected) => connected.map_err(|error| at.failed(error))?,
        Err(_) => return Err(at.silent()),
    };
    let about = sqlx::query_as("SELECT VERSION(), @@max_allowed_packet").fetch_one(&mut first).await;
    let (version, longest): (String, u64) = about.map_err(|error| at.failed(error))?;
    if !will_do(&version) {
        return Err(OpenError::Unsuitable {
            service,
            setting: at.setting.to_owned(),
            server: at.server,
            version,
            needed: NEEDED,
        });
    }
    let time = sqlx::query_scalar("SELECT CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)");
    at.on_time(time.fetch_one(&mut first), settings).await?;
    if longest < LONGEST_STATEMENT {
        let needed = LONGEST_STATEMENT;
        tracing::warn!(
            service,
            longest,
            needed,
            "the database server's max_allowed_packet may be too small for imports"
        );
    }
    let options = options.collation(COLLATION).database(&database);
    let prepared = prepare::<M>(&mut first, &options, &database, settings.migrate).await;
    prepared.map_err(|error| match error {
        Unprepared::Refused(error) => at.failed(error),
        Unprepared::Failed(source) => OpenError::Database { service, source },
        Unprepared::Behind(missing) => OpenError::Behind { service, missing },
    })?;
    let _ = first.close().await;
    let limit = settings.statement_timeout;
    // Who waits for a lock asks once more, in the same time.
    let session = format!(
        "SET SESSION sql_mode = '{MODE},NO_ZERO_DATE,NO_ZERO_IN_DATE', tx_isolation = 'READ-COMMITTED',
             max_statement_time = {}, innodb_lock_wait_timeout = {}, idle_transaction_timeout = {STILL_LIMIT}",
        limit.as_secs_f64(),
        (limit / 2).as_secs().max(1),
    );
    let writing = at_first(pool(settings.writers, settings.connect_timeout), session.clone());
    let reading = at_first(pool(settings.readers, settings.connect_timeout), format!("{session}, tx_read_only = 1"));
    let leases = Leases::MariaDb { name: lock_name(&database, "relay"), options: options.clone() };
    let kept = |pool: MySqlPoolOptions, size, name| {
        let kept = Kept::new(pool.connect_lazy_with(options.clone()), size, settings.connect_timeout);
        Connections::mariadb(kept, Meter { service, pool: name })
    };
    Ok(Opened {
        writers: kept(writing, settings.writers, "writer"),
        readers: kept(reading, settings.readers, "reader"),
        leases,
        replicas: None,
    })
}

/// Where the server is, and the name of the service's database there.
fn options(service: &'static str, connect: &Connect) -> Result<(MySqlConnectOptions, String), OpenError> {
    let failed = |reason: String| OpenError::Url { service, setting: connect.setting.clone(), reason };
    let url = connect.url.expose();
    let path_is_own =
        url.split('?').next().and_then(|url| url.rsplit('/').next()).is_some_and(|path| path.contains(SERVICE));
    let named =
        MySqlConnectOptions::from_str(&url.replace(SERVICE, service)).map_err(|error| failed(error.to_string()))?;
    let database = match named.get_database() {
        Some(name) if path_is_own => name.to_owned(),
        Some(name) => format!("{name}_{service}"),
        None => return Err(failed("it names no database".to_owned())),
    };
    // The database may have to be made: until then the connection is to none.
    let (address, parameters) = url.split_once('?').map_or((url, None), |(address, rest)| (address, Some(rest)));
    let address = address.rsplit_once('/').map_or(address, |(server, _)| server);
    let url = parameters.map_or_else(|| format!("{address}/"), |parameters| format!("{address}/?{parameters}"));
    let options =
        MySqlConnectOptions::from_str(&url.replace(SERVICE, service)).map_err(|error| failed(error.to_string()))?;
    Ok((options.charset("utf8mb4").timezone("+00:00".to_owned()).disable_statement_logging(), database))
}

/// Stands for the service's name in a URL.
const SERVICE: &str = "{service}";

/// Whether a server that says that it is this version is one that Souk knows.
fn will_do(version: &str) -> bool {
    let mut numbers = version.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
    let number = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    version.contains("MariaDB") && number >= OLDEST
}

/// Has each connection say `sql` before it is used.
fn at_first(pool: MySqlPoolOptions, sql: String) -> MySqlPoolOptions {
    pool.after_connect(move |connection, _| {
        let sql = sql.clone();
        Box::pin(async move { connection.execute(AssertSqlSafe(sql)).await.map(drop) })
    })
}

fn connection(pool: Pool<MySql>) -> DatabaseConnection {
    sea_orm::SqlxMySqlConnector::from_sqlx_mysql_pool(pool)
}

/// Makes the database and its tables, under a lock: processes that start together would stand in each other's way.
async fn prepare<M: MigratorTrait>(
    first: &mut MySqlConnection,
    options: &MySqlConnectOptions,
    database: &str,
    may_migrate: bool,
) -> Result<(), Unprepared> {
    // Zero dates are let through: older servers give columns of times such a default, which is taken away again.
    let session = format!("SET SESSION sql_mode = '{MODE}', default_storage_engine = 'InnoDB'");
    let pool = at_first(MySqlPoolOptions::new().max_connections(1), session);
    let tables = connection(pool.connect_lazy_with(options.clone()));
    let known = "SELECT default_collation_name FROM information_schema.schemata WHERE schema_name = ?";
    if !may_migrate {
        let known: Option<String> = sqlx::query_scalar(known).bind(database).fetch_optional(&mut *first).await?;
        let missing = match known {
            Some(_) => migrate::missing::<M>(&tables).await? + widen::missing(first, database).await?,
            None => PlatformMigrator::migrations().len() + M::migrations().len(),
        };
        tables.close().await?;
        return if missing == 0 { Ok(()) } else { Err(Unprepared::Behind(missing)) };
    }
    let lock = lock_name(database, "migrate");
    let taken = sqlx::query_scalar("SELECT GET_LOCK(?, ?)").bind(lock).bind(MIGRATION_LIMIT);
    let taken: Option<i64> = taken.fetch_one(&mut *first).await?;
    if taken != Some(1) {
        let busy = "another process has been changing the tables for an hour";
        return Err(Unprepared::Failed(DbErr::Custom(busy.to_owned())));
    }
    let known: Option<String> = sqlx::query_scalar(known).bind(database).fetch_optional(&mut *first).await?;
    let change = match known.as_deref() {
        // Not when it is there: whoever may use a database may not always make one.
        None => Some("CREATE DATABASE IF NOT EXISTS"),
        Some(COLLATION) => None,
        Some(_) => Some("ALTER DATABASE"),
    };
    if let Some(change) = change {
        let name = widen::quoted(database);
        let sql = format!("{change} {name} CHARACTER SET utf8mb4 COLLATE {COLLATION}");
        first.execute(AssertSqlSafe(sql)).await.map_err(Unprepared::Refused)?;
    }
    migrate::up::<M>(&tables).await?;
    widen::up(first, database).await?;
    tables.close().await?;
    // The lock ends with the connection.
    Ok(())
}

/// Where the server is, without who logs in.
fn server(options: &MySqlConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_a_database_of_its_own_whatever_the_url_says() {
        let of = |url: &str| options("orders", &Connect::to(url)).map(|(_, database)| database);
        assert_eq!(of("mysql://souk@db/souk").unwrap(), "souk_orders");
        assert_eq!(of("mariadb://souk:a@db:3307/of_{service}?ssl-ca=/etc/ca.pem").unwrap(), "of_orders");
        assert_eq!(of("mysql://souk_{service}@db/souk?ssl-ca=/etc/{service}.pem").unwrap(), "souk_orders");
        let nowhere = of("mysql://souk@db").unwrap_err().to_string();
        assert!(nowhere.contains("names no database"), "{nowhere}");
    }

    #[test]
    fn only_servers_that_do_are_used() {
        for version in ["10.11.19-MariaDB-0+deb12u1", "10.6.0-MariaDB", "11.4.2-MariaDB-log"] {
            assert!(will_do(version), "{version}");
        }
        for version in ["8.0.36", "10.5.20-MariaDB", "5.7.1-log", "MariaDB", ""] {
            assert!(!will_do(version), "{version}");
        }
    }
}
