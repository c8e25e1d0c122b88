//! Opening a database by its URL.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, Weak},
};

use sea_orm::{DatabaseConnection, DbErr};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use souk_kernel::Clock;
use tokio::sync::Notify;

use super::{Connect, Database, Reader, Shared, Writing, file, schema, writer::Writer};

/// Why a database can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL's scheme stands for no engine.
    #[error("{service}: {setting} begins with `{scheme}:`, which is no database that Souk knows ({known})")]
    UnknownEngine {
        /// Whose database.
        service: &'static str,
        /// Where the URL comes from.
        setting: String,
        /// What stands before the colon.
        scheme: String,
        /// What could stand there.
        known: &'static str,
    },
    /// The URL's scheme stands for an engine that was not compiled in.
    #[error(
        "{service}: {setting} begins with `{scheme}:`, but this `souk` was built without the feature `cluster`; build it \
         with `cargo build --release --features cluster`, or leave the setting empty for files in the data directory"
    )]
    NotBuilt {
        /// Whose database.
        service: &'static str,
        /// Where the URL comes from.
        setting: String,
        /// What stands before the colon.
        scheme: String,
    },
    /// The URL is none.
    #[error("{service}: {setting} can't be read: {reason}")]
    Url {
        /// Whose database.
        service: &'static str,
        /// Where the URL comes from.
        setting: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody answers where the server should be.
    #[error(
        "{service}: the database server at {server} can't be reached: {reason}; is it running, and is {setting} right?"
    )]
    Unreachable {
        /// Whose database.
        service: &'static str,
        /// Where the URL comes from.
        setting: String,
        /// Where the server should be.
        server: String,
        /// What happened.
        reason: String,
    },
    /// The server does not let us in.
    #[error(
        "{service}: the database server at {server} refuses: {reason}; see user, password and database in {setting}"
    )]
    Refused {
        /// Whose database.
        service: &'static str,
        /// Where the URL comes from.
        setting: String,
        /// Where the server is.
        server: String,
        /// What it says.
        reason: String,
    },
    /// A replica was named for a database that has none.
    #[error(
        "{service}: {setting} names a replica, and the database is another one: only a PostgreSQL has replicas that are read"
    )]
    WithReplicas {
        /// Whose database.
        service: &'static str,
        /// Where the replica's URL comes from.
        setting: String,
    },
    /// A replica's URL leads to another engine.
    #[error("{service}: {setting} begins with `{scheme}:`; a replica of a PostgreSQL is a PostgreSQL, `postgres:`")]
    OtherEngine {
        /// Whose database.
        service: &'static str,
        /// Where the replica's URL comes from.
        setting: String,
        /// What stands before the colon.
        scheme: String,
    },
    /// A replica's URL leads to a server that is no copy of the database's.
    #[error("{service}: the database server at {server}, which {setting} names, is no copy of {primary}, the primary")]
    OtherServer {
        /// Whose database.
        service: &'static str,
        /// Where the replica's URL comes from.
        setting: String,
        /// Where it leads.
        server: String,
        /// What it should be a copy of.
        primary: String,
    },
    /// The server is one that Souk does not know.
    #[error("{service}: the database server at {server} is version {version}, and Souk needs {needed}; see {setting}")]
    Unsuitable {
        /// Whose database.
        service: &'static str,
        /// Where the URL comes from.
        setting: String,
        /// Where the server is.
        server: String,
        /// What it says that it is.
        version: String,
        /// What it should be.
        needed: &'static str,
    },
    /// The server's clock is another one than this machine's.
    #[error(
        "{service}: this machine's clock is {skew} that of the database server at {server}: what expires would expire at \
         the wrong time; set both by NTP (`database.clock_tolerance` says how much they may differ; {setting} names the \
         server)"
    )]
    Skewed {
        /// Whose database.
        service: &'static str,
        /// Where the URL comes from.
        setting: String,
        /// Where the server is.
        server: String,
        /// How much, and in which direction.
        skew: String,
    },
    /// The tables are older than the program, and it may not change them.
    #[error(
        "{service}: the tables are {missing} migrations behind; run `souk migrate`, or set `database.migrate_at_start`"
    )]
    Behind {
        /// Whose database.
        service: &'static str,
        /// How many migrations are missing.
        missing: usize,
    },
    /// The folder of the file can't be made.
    #[error("{service}: can't make the folder {path}: {source}")]
    Folder {
        /// Whose database.
        service: &'static str,
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database can't be opened or migrated.
    #[error("{service}: can't open the database: {source}")]
    Database {
        /// Whose database.
        service: &'static str,
        /// What the engine said.
        source: DbErr,
    },
}

impl Database {
    /// Opens the database at `url` as most are used; see [`Database::connect`].
    pub async fn open<M: MigratorTrait>(service: &'static str, url: &str, clock: Clock) -> Result<Self, OpenError> {
        Self::connect::<M>(service, &Connect::to(url), clock).await
    }

    /// Opens a database, made if missing, and brings its tables up to date: the platform's own first (outbox, inbox, dead
    /// letters, idempotency keys), then `M`'s.
    pub async fn connect<M: MigratorTrait>(
        service: &'static str,
        connect: &Connect,
        clock: Clock,
    ) -> Result<Self, OpenError> {
        let url = connect.url.expose();
        // What has no colon may be a password in the wrong place: it is not repeated.
        let (scheme, path) = url.split_once(':').unwrap_or(("…", ""));
        let setting = connect.setting.clone();
        match scheme {
            "sqlite" if !connect.replicas.is_empty() => {
                Err(OpenError::WithReplicas { service, setting: connect.replicas[0].setting.clone() })
            }
            "sqlite" => Self::open_file::<M>(service, Path::new(path.trim_start_matches("//")), clock).await,
            #[cfg(feature = "cluster")]
            "postgres" | "postgresql" => {
                Self::open_on_server::<M>(service, super::server::Engine::Postgres, connect, clock).await
            }
            #[cfg(feature = "cluster")]
            "mysql" | "mariadb" => {
                Self::open_on_server::<M>(service, super::server::Engine::MariaDb, connect, clock).await
            }
            #[cfg(not(feature = "cluster"))]
            "postgres" | "postgresql" | "mysql" | "mariadb" => {
                Err(OpenError::NotBuilt { service, setting, scheme: scheme.to_owned() })
            }
            _ => Err(OpenError::UnknownEngine {
                service,
                setting,
                scheme: scheme.to_owned(),
                known: "sqlite, postgres, mysql",
            }),
        }
    }

    async fn open_file<M: MigratorTrait>(service: &'static str, path: &Path, clock: Clock) -> Result<Self, OpenError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| OpenError::Folder {
                service,
                path: folder.to_owned(),
                source,
            })?;
        }
        let failed = |source: DbErr| OpenError::Database { service, source };
        let writing = file::writer(path).await.map_err(failed)?;
        migrate::<M>(&writing).await.map_err(failed)?;
        let reading = file::readers(path).await.map_err(failed)?;
        let shared = Arc::new_cyclic(|shared: &Weak<Shared>| Shared {
            service,
            reader: Reader::holding(reading, file::reader_count(), service),
            writing: Writing::File(Writer::start(writing, shared, service)),
            clock,
            published: Notify::new(),
            fresh: Mutex::default(),
        });
        Ok(Self { shared })
    }
}

/// The platform's own tables; kept apart from the service's in a migration table of their own.
pub(super) struct PlatformMigrator;

impl MigratorTrait for PlatformMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(schema::Messaging), crate::http::idempotency::migration(), Box::new(schema::ReplicaMarks)]
    }

    fn migration_table_name() -> sea_orm::DynIden {
        sea_orm::sea_query::IntoIden::into_iden("platform_migrations")
    }
}

async fn migrate<M: MigratorTrait>(connection: &DatabaseConnection) -> Result<(), DbErr> {
    PlatformMigrator::up(connection, None).await?;
    M::up(connection, None).await
}
