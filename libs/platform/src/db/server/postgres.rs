//! Connections to PostgreSQL. Each service has a schema of its own, named as itself.

use std::{str::FromStr, time::Duration};

use sea_orm::{DatabaseConnection, DbErr, RuntimeErr};
use sea_orm_migration::MigratorTrait;
use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{
    Connections, Leases,
    kept::Kept,
    lock_key, migrate,
    replicas::{self, Replicas},
};
use souk_kernel::{Clock, Timestamp};

use crate::{
    db::{Connect, OpenError, ServerSettings, held::Meter},
    skew,
};

/// How long a question waits for a connection to a replica before the primary answers it.
const REPLICA_ACQUIRE: Duration = Duration::from_millis(500);
/// Tells a replica from every other server, and from itself after it was started again or promoted.
pub(super) const SERVER: &str =
    "SELECT concat_ws(' ', pg_is_in_recovery(), pg_postmaster_start_time(), inet_server_addr(), inet_server_port())";
/// How long a transaction may stand still before the server ends it: its process is gone, or stuck.
const STILL_LIMIT: &str = "60s";

/// A database that was opened.
pub struct Opened {
    pub writers: Connections,
    pub readers: Connections,
    pub leases: Leases,
    pub replicas: Option<Replicas>,
}

/// Opens the service's schema, made if missing, and brings its tables up to date or finds them so.
pub async fn open<M: MigratorTrait>(service: &'static str, connect: &Connect) -> Result<Opened, OpenError> {
    let settings = &connect.server;
    let options = options(service, connect.url.expose(), &connect.setting)?;
    let at = Place { service, setting: &connect.setting, server: server(&options) };
    let connecting = PgConnection::connect_with(&options);
    let mut first = match tokio::time::timeout(settings.connect_timeout, connecting).await {
        Ok(connected) => connected.map_err(|error| at.failed(error))?,
        Err(_) => return Err(at.silent()),
    };
    let time = sqlx::query_scalar("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint");
    at.on_time(time.fetch_one(&mut first), settings).await?;
    let known = replicas::find(service, connect, &mut first, &at.server).await?;
    prepare::<M>(service, &mut first, &options, settings.migrate).await.map_err(|error| match error {
        Unprepared::Refused(error) => at.failed(error),
        Unprepared::Failed(source) => OpenError::Database { service, source },
        Unprepared::Behind(missing) => OpenError::Behind { service, missing },
    })?;
    let _ = first.close().await;
    let pooling = Pooling::new(service, settings);
    let timeout = pooling.statement_timeout();
    let writing = options
        .clone()
        .options([("statement_timeout", timeout.as_str()), ("idle_in_transaction_session_timeout", STILL_LIMIT)]);
    Ok(Opened {
        writers: pooling.kept(settings.writers, "writer", writing),
        readers: pooling.kept(settings.readers, "reader", pooling.reading(&options)),
        replicas: (!known.is_empty()).then(|| Replicas::new(service, known, &options, pooling, settings.replica_wait)),
        leases: Leases::Postgres { options, key: lock_key(&format!("{service}/relay")) },
    })
}

/// How connections are kept.
#[derive(Clone, Copy)]
pub(super) struct Pooling {
    service: &'static str,
    readers: u32,
    connect_timeout: Duration,
    statement_timeout: Duration,
}

impl Pooling {
    fn new(service: &'static str, settings: &ServerSettings) -> Self {
        let &ServerSettings { readers, connect_timeout, statement_timeout, .. } = settings;
        Self { service, readers, connect_timeout, statement_timeout }
    }

    fn statement_timeout(self) -> String {
        self.statement_timeout.as_millis().to_string()
    }

    fn pool(self, size: u32) -> PgPoolOptions {
        super::pool(size, self.connect_timeout)
    }

    fn kept(self, size: u32, name: &'static str, options: PgConnectOptions) -> Connections {
        let kept = Kept::new(self.pool(size).connect_lazy_with(options), size, self.connect_timeout);
        Connections::postgres(kept, Meter { service: self.service, pool: name })
    }

    fn reading(self, options: &PgConnectOptions) -> PgConnectOptions {
        let timeout = self.statement_timeout();
        options.clone().options([("statement_timeout", timeout.as_str()), ("default_transaction_read_only", "on")])
    }

    /// Connections to the replica that is known as `server`, and to no other that has its address.
    pub fn replica(self, options: &PgConnectOptions, server: String) -> Connections {
        let patience = self.connect_timeout.min(REPLICA_ACQUIRE);
        let pool = self
            .pool(self.readers)
            .acquire_timeout(patience)
            .after_connect(move |connection, _| {
                let server = server.clone();
                Box::pin(async move {
                    let found: String = sqlx::query_scalar(SERVER).fetch_one(connection).await?;
                    if found == server { Ok(()) } else { Err(sqlx::Error::Protocol("it is another server".to_owned())) }
                })
            })
            .connect_lazy_with(self.reading(options));
        let meter = Meter { service: self.service, pool: "replica" };
        Connections::postgres(Kept::new(pool, self.readers, patience), meter)
    }
}

pub(super) fn options(service: &'static str, url: &str, setting: &str) -> Result<PgConnectOptions, OpenError> {
    let url = url.replace("{service}", service);
    let options = PgConnectOptions::from_str(&url).map_err(|error| OpenError::Url {
        service,
        setting: setting.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(options
        .application_name(&format!("souk {service}"))
        .options([("search_path", service), ("timezone", "UTC")])
        // Where a process ends, its host says so. Where a host ends, nobody does: the server finds out by asking, after 11
        // seconds instead of hours, and lets go of what it locked.
        .options([("tcp_keepalives_idle", "5"), ("tcp_keepalives_interval", "2"), ("tcp_keepalives_count", "3")])
        .options([("tcp_user_timeout", "11000")])
        .statement_cache_capacity(256)
        .disable_statement_logging())
}

fn connection(pool: PgPool) -> DatabaseConnection {
    sea_orm::SqlxPostgresConnector::from_sqlx_postgres_pool(pool)
}

/// Why a service's tables can't be used.
pub enum Unprepared {
    Refused(sqlx::Error),
    Failed(DbErr),
    Behind(usize),
}

impl From<sqlx::Error> for Unprepared {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(DbErr::Conn(RuntimeErr::SqlxError(error.into())))
    }
}

impl From<DbErr> for Unprepared {
    fn from(error: DbErr) -> Self {
        Self::Failed(error)
    }
}

/// Makes the schema and its tables, under a lock: processes that start together would stand in each other's way.
async fn prepare<M: MigratorTrait>(
    service: &'static str,
    first: &mut PgConnection,
    options: &PgConnectOptions,
    may_migrate: bool,
) -> Result<(), Unprepared> {
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options.clone());
    let tables = connection(pool);
    if !may_migrate {
        let missing = migrate::missing::<M>(&tables).await?;
        tables.close().await?;
        return if missing == 0 { Ok(()) } else { Err(Unprepared::Behind(missing)) };
    }
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(lock_key(&format!("{service}/migrate")))
        .execute(&mut *first)
        .await?;
    let known = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)").bind(service);
    let known: bool = known.fetch_one(&mut *first).await?;
    if !known {
        // Not when it is there: whoever may use a schema may not always make one.
        let make = sqlx::AssertSqlSafe(format!("CREATE SCHEMA \"{service}\""));
        sqlx::query(make).execute(&mut *first).await?;
    }
    migrate::up::<M>(&tables).await?;
    tables.close().await?;
    // The lock ends with the connection.
    Ok(())
}

/// Where the server is, without who logs in.
pub(super) fn server(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

/// Where a database should be, for messages.
pub struct Place<'a> {
    pub service: &'static str,
    pub setting: &'a str,
    pub server: String,
}

impl Place<'_> {
    /// What the operator hears; the URL, with its password, is not part of it.
    pub fn failed(&self, error: sqlx::Error) -> OpenError {
        let (service, setting, server) = (self.service, self.setting.to_owned(), self.server.clone());
        match error {
            sqlx::Error::Database(refusal) => {
                OpenError::Refused { service, setting, server, reason: refusal.message().to_owned() }
            }
            other => OpenError::Unreachable { service, setting, server, reason: other.to_string() },
        }
    }

    /// Compares this machine's clock with the server's, which is asked for the microseconds since 1970.
    pub async fn on_time(
        &self,
        ask: impl Future<Output = Result<i64, sqlx::Error>>,
        settings: &ServerSettings,
    ) -> Result<(), OpenError> {
        let clock = Clock::system();
        let asked = clock.now();
        let told = ask.await.map_err(|error| self.failed(error))?;
        let told = Timestamp::from_timestamp_micros(told).unwrap_or(asked);
        let ahead = skew::ahead(asked, told, clock.now());
        let by = ahead.abs().to_std().unwrap_or_default();
        let words = skew::in_words(ahead);
        if by > settings.clock_tolerance {
            return Err(OpenError::Skewed {
                service: self.service,
                setting: self.setting.to_owned(),
                server: self.server.clone(),
                skew: words,
            });
        }
        if ahead.abs() > skew::REMARKABLE {
            tracing::warn!(
                service = self.service,
                server = self.server,
                "this machine's clock is {words} that of the database server"
            );
        }
        Ok(())
    }

    pub fn silent(&self) -> OpenError {
        OpenError::Unreachable {
            service: self.service,
            setting: self.setting.to_owned(),
            server: self.server.clone(),
            reason: "no answer in time".to_owned(),
        }
    }
}
