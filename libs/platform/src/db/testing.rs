//! Databases for tests: files, or with `SOUK_TEST_DATABASE_URL` (see `scripts/with-postgres` and `scripts/with-mariadb`) a
//! fresh database on that server for each folder, so that the same tests run on every engine. `SOUK_TEST_REPLICA_URL` names a
//! replica of that server.

use std::path::Path;

use crate::config::Secret;

/// Names a server; the user must be allowed to make databases.
const VARIABLE: &str = "SOUK_TEST_DATABASE_URL";
/// Names its replica.
const REPLICA: &str = "SOUK_TEST_REPLICA_URL";

/// The URL of `service`'s database that belongs to `folder`; the same again for the same folder.
///
/// # Panics
/// When the server can't be used.
pub async fn url(folder: &Path, service: &str) -> String {
    match server_url(folder).await {
        Some(url) => url.expose().to_owned(),
        None => format!("sqlite:{}", folder.join(format!("{service}.db")).display()),
    }
}

/// The URL of the database on the server that belongs to `folder`; nothing when tests run on files.
///
/// # Panics
/// When the server can't be used.
pub async fn server_url(folder: &Path) -> Option<Secret> {
    let server = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty())?;
    Some(on_server::database(&server, folder).await.expect("the test server makes databases").into())
}

/// The URL of the same database on the replica; nothing without one.
///
/// # Panics
/// When the server can't be used.
pub async fn replica_url(folder: &Path) -> Option<Secret> {
    let replica = std::env::var(REPLICA).ok().filter(|url| !url.is_empty())?;
    let primary = server_url(folder).await?;
    let (_, database) = primary.expose().rsplit_once('/')?;
    let (server, _) = replica.rsplit_once('/')?;
    Some(format!("{server}/{database}").into())
}

#[cfg(not(feature = "cluster"))]
mod on_server {
    use std::{
        future::{Ready, ready},
        path::Path,
    };

    /// There is no engine for it.
    pub fn database(_: &str, folder: &Path) -> Ready<Result<String, String>> {
        let why = "a test database is named, but the tests were built without `--features cluster`";
        ready(Err(format!("{}: {why}", folder.display())))
    }
}

#[cfg(feature = "cluster")]
mod on_server {
    use std::{path::Path, str::FromStr};

    use sha2::{Digest, Sha256};
    use sqlx::{
        AssertSqlSafe, ConnectOptions, Connection, MySqlConnection, PgConnection, mysql::MySqlConnectOptions,
        postgres::PgConnectOptions,
    };
    use url::Url;

    const PREFIX: &str = "souk_test_";

    /// Makes the folder's database, if it isn't there, and gives its URL.
    pub async fn database(server: &str, folder: &Path) -> Result<String, sqlx::Error> {
        let hash = Sha256::digest(folder.as_os_str().as_encoded_bytes());
        let name = format!("{PREFIX}{}_{}", std::process::id(), hex::encode(&hash[..8]));
        if server.starts_with("mysql:") {
            return on_mariadb(server, &name).await;
        }
        let options = PgConnectOptions::from_str(server)?;
        let mut connection = PgConnection::connect_with(&options).await?;
        drop_forgotten(&mut connection).await?;
        let known = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)").bind(&name);
        let known: bool = known.fetch_one(&mut connection).await?;
        if !known {
            sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await?;
        }
        connection.close().await?;
        let mut url = options.to_url_lossy();
        url.set_path(&name);
        Ok(url.into())
    }

    /// Services make their databases themselves there.
    async fn on_mariadb(server: &str, name: &str) -> Result<String, sqlx::Error> {
        let mut connection = MySqlConnection::connect_with(&MySqlConnectOptions::from_str(server)?).await?;
        let all = sqlx::query_scalar("SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE ?");
        let all: Vec<String> = all.bind(format!("{PREFIX}%")).fetch_all(&mut connection).await?;
        for name in all.into_iter().filter(|name| is_forgotten(name)) {
            // Another test may be dropping it too.
            let drop = AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name}"));
            let _ = sqlx::query(drop).execute(&mut connection).await;
        }
        connection.close().await?;
        let mut url = Url::parse(server).map_err(|error| sqlx::Error::Configuration(error.into()))?;
        url.set_path(name);
        Ok(url.into())
    }

    /// Whether the test whose database it is has ended.
    fn is_forgotten(name: &str) -> bool {
        let process = name[PREFIX.len()..].split('_').next().unwrap_or_default();
        !Path::new("/proc").join(process).exists()
    }

    /// Drops the databases of tests that have ended.
    async fn drop_forgotten(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let all = sqlx::query_scalar("SELECT datname::text FROM pg_database WHERE datname LIKE $1")
            .bind(format!("{PREFIX}%"));
        let all: Vec<String> = all.fetch_all(&mut *connection).await?;
        for name in all.into_iter().filter(|name| is_forgotten(name)) {
            // Another test may be dropping it too.
            let drop = AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
            let _ = sqlx::query(drop).execute(&mut *connection).await;
        }
        Ok(())
    }
}
