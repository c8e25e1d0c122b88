//! What each command does.

mod admin;
mod certs;
mod door;
mod events;
mod import;
mod inventory;
mod search;
mod serve;
mod show;
mod verify;

use std::process::ExitCode;

use sea_orm::DbErr;
use souk_kernel::{Clock, Problem};
use souk_platform::{config::ConfigError, telemetry};

use crate::{
    certs::CertsError,
    cli::{Cli, Command, Installation},
    config::Config,
    data_dir::{DataDir, DataDirError},
    databases::Databases,
    import::ImportError,
    marketplace::{Marketplace, StartError},
    roster::{Roster, RosterError},
};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration can't be used.
    #[error("configuration: {0}")]
    Config(#[from] ConfigError),
    /// The data directory can't be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The services that were named are none.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// Certificates can't be made.
    #[error(transparent)]
    Certs(#[from] CertsError),
    /// The marketplace can't start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// An import can't run.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The sample could not be made.
    #[error("the sample: {0}")]
    Demo(#[from] crate::demo::DemoError),
    /// A database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// A service refused.
    #[error("{}", explain(.0))]
    Refused(#[from] Problem),
    /// Something outside failed.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The command can't do that.
    #[error("{0}")]
    Usage(String),
}

fn explain(problem: &Problem) -> String {
    let mut text = problem.message.clone();
    for detail in &problem.details {
        text.extend(["\n  ", &detail.field, ": ", &detail.message]);
    }
    text
}

/// Runs a command to its exit code: 0 done, 1 it couldn't, 2 done in part.
pub async fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Serve(serving) => serve::serve(serving).await,
        Command::Demo(serving) => serve::demo(serving).await,
        Command::Import { what } => import::run(what).await,
        Command::Migrate(installation) => show::migrate(installation).await,
        Command::Openapi => show::openapi().await,
        Command::Config(installation) => show::config(&installation),
        Command::Admin { what } => admin::run(what).await,
        Command::Events { what } => events::run(what).await,
        Command::Inventory { what } => inventory::run(what).await,
        Command::Search { what } => search::run(what).await,
        Command::Certs(what) => certs::run(&what),
        Command::Verify(installation) => verify::run(installation).await,
    };
    result.unwrap_or_else(|error| {
        eprintln!("souk: {error}");
        ExitCode::from(1)
    })
}

/// An installation as a command finds it.
struct Opened {
    config: Config,
    data: DataDir,
}

/// Reads the configuration, sets up logging, opens the data directory.
fn open(installation: &Installation) -> Result<Opened, Error> {
    let config =
        Config::load(installation.config.as_deref(), &installation.data, installation.overrides.iter().cloned())?;
    telemetry::init(installation.log_format.into(), &config.platform.log)
        .map_err(|error| Error::Usage(format!("platform.log: {error}")))?;
    let data = DataDir::open(&installation.data)?;
    Ok(Opened { config, data })
}

impl Opened {
    async fn databases(&self) -> Result<Databases, Error> {
        Ok(Databases::open(&self.config.database, &self.data, &Clock::system()).await.map_err(StartError::from)?)
    }

    async fn marketplace(&self) -> Result<Marketplace, Error> {
        Ok(Marketplace::open(self.config.clone(), &self.data, Clock::system()).await?)
    }

    async fn part(&self, roster: Roster) -> Result<Marketplace, Error> {
        Ok(Marketplace::open_part(self.config.clone(), &self.data, Clock::system(), roster).await?)
    }
}
