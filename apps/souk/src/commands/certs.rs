//! `souk certs`.

use std::process::ExitCode;

use souk_kernel::Clock;

use super::Error;
use crate::{
    certs::{self, Order},
    cli::Certs,
};

pub fn run(what: &Certs) -> Result<ExitCode, Error> {
    let made = certs::make(&Order {
        folder: &what.dir,
        processes: &what.processes,
        hosts: &what.hosts,
        now: Clock::system().now(),
        days: what.days,
    })?;
    let folder = what.dir.display();
    println!("in {folder}: the authority ca.pem, and certificates with keys for {}", made.join(", "));
    if let Some(first) = made.first() {
        println!("\nin the configuration of {first}:\n");
        println!("[tls]\nca = \"{folder}/ca.pem\"\ncert = \"{folder}/{first}.pem\"\nkey = \"{folder}/{first}.key\"");
    }
    Ok(ExitCode::SUCCESS)
}
