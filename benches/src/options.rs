//! Flags that every subcommand has.

use std::path::PathBuf;

use clap::Args;

/// Where to send load, how much, and as whom.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The marketplace's address
    #[arg(long, global = true, env = "SOUK_TEST_URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// Connections kept open, each with one request at a time
    #[arg(long, global = true, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    pub connections: u16,
    /// How long to run [default: 10 if --requests is absent]
    #[arg(long, global = true)]
    pub seconds: Option<u64>,
    /// How many requests (or carts, or checkouts) to make
    #[arg(long, global = true)]
    pub requests: Option<u64>,
    /// Also write the results as JSON
    #[arg(long, global = true, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Threads that the load program uses
    #[arg(long, global = true, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub threads: u16,
    /// Makes the random choices repeatable
    #[arg(long, global = true, default_value_t = 1)]
    pub seed: u64,
    #[command(flatten)]
    pub logins: Logins,
}

/// The operator and the seller that the run acts as.
#[derive(Args, Clone, Debug)]
pub struct Logins {
    #[arg(long, global = true, env = "SOUK_TEST_ADMIN_EMAIL", default_value = "admin@souk.example")]
    pub admin_email: String,
    #[arg(long, global = true, env = "SOUK_TEST_ADMIN_PASSWORD", default_value = DEMO_PASSWORD, hide_env_values = true)]
    pub admin_password: String,
    #[arg(long, global = true, env = "SOUK_TEST_SELLER_EMAIL", default_value = "seller@souk.example")]
    pub seller_email: String,
    #[arg(long, global = true, env = "SOUK_TEST_SELLER_PASSWORD", default_value = DEMO_PASSWORD, hide_env_values = true)]
    pub seller_password: String,
}

/// The password of every login of `souk demo`.
pub const DEMO_PASSWORD: &str = "souk-demo-password";

/// A word that tells this run from every other one on the same marketplace.
pub fn run_name() -> String {
    use rand::RngExt;
    format!("{:08x}", rand::make_rng::<rand::rngs::SmallRng>().random::<u32>())
}
