//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use souk_platform::telemetry::LogFormat;

/// Souk: a multi-vendor marketplace in one program.
#[derive(Debug, Parser)]
#[command(name = "souk", version, about, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve a marketplace with sample data: sellers, products, reviews, and three logins that it prints
    Demo(Serving),
    /// Serve a marketplace, or some of its services
    Serve(Serve),
    /// Bring in products or stock from files
    Import {
        /// What to bring in.
        #[command(subcommand)]
        what: Import,
    },
    /// Bring the tables of all databases up to date, and end
    Migrate(Installation),
    /// Print the OpenAPI 3.1 document of the public interface
    Openapi,
    /// Print the effective configuration, secrets hidden
    Config(Installation),
    /// Operate accounts
    Admin {
        /// What to do.
        #[command(subcommand)]
        what: Admin,
    },
    /// Look after events that could not be delivered
    Events {
        /// What to do.
        #[command(subcommand)]
        what: Events,
    },
    /// Look after the stock
    Inventory {
        /// What to do.
        #[command(subcommand)]
        what: Inventory,
    },
    /// Look after the search index
    Search {
        /// What to do.
        #[command(subcommand)]
        what: Search,
    },
    /// Make an authority and certificates for the calls between processes
    Certs(Certs),
    /// Check the invariants over the whole data set; exit code 1 when one is broken
    Verify(Installation),
}

/// Which installation.
#[derive(Clone, Debug, Args)]
pub struct Installation {
    /// The folder that holds everything: databases, images, keys
    #[arg(long, value_name = "DIR", default_value = "souk-data")]
    pub data: PathBuf,
    /// The configuration file [default: souk.toml in the data folder, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Sets one configuration key, for example `--set orders.reservation_ttl=20m` (repeatable; wins over file and environment)
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub overrides: Vec<(String, String)>,
    /// How log lines are written to standard error
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Compact)]
    pub log_format: Format,
}

/// What to serve, and how.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// The services of this process [default: all of them]. The others are called at the addresses in the section `peers` of
    /// the configuration, or where they have registered (`discovery`); see docs/operations.md
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// How.
    #[command(flatten)]
    pub serving: Serving,
}

/// How to serve.
#[derive(Clone, Debug, Args)]
pub struct Serving {
    /// The address to listen on; port 0 takes a free one. Without the gateway: where the other processes come in
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Which installation.
    #[command(flatten)]
    pub installation: Installation,
}

/// Which certificates.
#[derive(Clone, Debug, Args)]
pub struct Certs {
    /// For which processes: services, those of one process joined by `+` [default: each service alone, and `souk` for a process
    /// with all of them]
    #[arg(value_name = "PROCESS")]
    pub processes: Vec<String>,
    /// The folder; an authority that is there already issues these certificates too
    #[arg(long, value_name = "DIR", default_value = "certs")]
    pub dir: PathBuf,
    /// A further name or address that the certificates are for (repeatable)
    #[arg(long = "host", value_name = "HOST")]
    pub hosts: Vec<String>,
    /// For how long the certificates are valid
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(i64).range(1..=3650))]
    pub days: i64,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object a line, for programs
    Json,
    /// Several lines an event, for people
    Pretty,
    /// One line an event, for people
    Compact,
}

impl From<Format> for LogFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Json => Self::Json,
            Format::Pretty => Self::Pretty,
            Format::Compact => Self::Compact,
        }
    }
}

/// What to bring in.
#[derive(Debug, Subcommand)]
pub enum Import {
    /// Products from JSON lines or CSV, plain or .gz
    ///
    /// Lines are matched by the seller's external id: running it again changes only what differs, and an interrupted run goes
    /// on where it stopped. Refused lines are written, with the reason, to FILE.refused.csv beside it. Exit
    /// code 0 when all lines went in, 2 when some were refused, 1 when it couldn't run.
    Products(ImportProducts),
    /// Stock levels from a CSV with the columns `code,on_hand`, plain or .gz
    Stock(ImportStock),
}

/// How to bring in products.
#[derive(Clone, Debug, Args)]
pub struct ImportProducts {
    /// The file
    pub file: PathBuf,
    /// How its fields map: `souk`, `icecat`, or a TOML file of the same form (see docs/import.md)
    #[arg(long, value_name = "NAME_OR_FILE", default_value = "souk")]
    pub mapping: String,
    /// The seller's slug; made, approved, if missing [default: the mapping's]
    #[arg(long, value_name = "SLUG")]
    pub seller: Option<String>,
    /// The category for all lines [default: what the mapping says]
    #[arg(long, value_name = "SLUG")]
    pub category: Option<String>,
    /// Units on hand of lines that don't say
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i64).range(0..=1_000_000_000))]
    pub stock: i64,
    /// Begin at the first line even if an earlier run stopped half-way
    #[arg(long)]
    pub restart: bool,
    /// Which installation.
    #[command(flatten)]
    pub installation: Installation,
}

/// How to bring in stock.
#[derive(Clone, Debug, Args)]
pub struct ImportStock {
    /// The file
    pub file: PathBuf,
    /// The seller's slug
    #[arg(long, value_name = "SLUG")]
    pub seller: String,
    /// Which installation.
    #[command(flatten)]
    pub installation: Installation,
}

/// Operate accounts.
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Make a user, or give an existing one another role; works while the server runs and while it doesn't
    CreateUser(CreateUser),
}

/// Whom to make.
#[derive(Clone, Debug, Args)]
pub struct CreateUser {
    /// E-mail address
    #[arg(long)]
    pub email: String,
    /// Password, 10 to 128 characters
    #[arg(long)]
    pub password: String,
    /// Name
    #[arg(long, default_value = "Operator")]
    pub name: String,
    /// What the user may do
    #[arg(long, value_parser = ["buyer", "support", "admin"], default_value = "buyer")]
    pub role: String,
    /// Which installation.
    #[command(flatten)]
    pub installation: Installation,
}

/// Look after dead letters.
#[derive(Debug, Subcommand)]
pub enum Events {
    /// List them, newest first
    List(Installation),
    /// Show one whole
    Show {
        /// The event's id
        id: String,
        /// Which installation.
        #[command(flatten)]
        installation: Installation,
    },
    /// Try again: one event, or all of them
    Replay {
        /// The event's id
        #[arg(required_unless_present = "all")]
        id: Option<String>,
        /// All of them
        #[arg(long, conflicts_with = "id")]
        all: bool,
        /// Which installation.
        #[command(flatten)]
        installation: Installation,
    },
}

/// Look after the stock.
#[derive(Debug, Subcommand)]
pub enum Inventory {
    /// Fold the ledger again and compare it with the levels; with --repair, set the levels to what the ledger says
    Rebuild {
        /// Change what differs
        #[arg(long)]
        repair: bool,
        /// Which installation.
        #[command(flatten)]
        installation: Installation,
    },
}

/// Look after the search index.
#[derive(Debug, Subcommand)]
pub enum Search {
    /// Ask catalog for all products and build the index anew; a server that runs goes on answering and takes the new one over
    Reindex(Installation),
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE, for example orders.reservation_ttl=20m")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
