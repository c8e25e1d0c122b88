//! `souk verify`.

use std::process::ExitCode;

use super::{Error, open};
use crate::{cli::Installation, verify};

pub async fn run(installation: Installation) -> Result<ExitCode, Error> {
    let databases = open(&installation)?.databases().await?;
    let report = verify::run(&databases).await;
    databases.close().await;
    let report = report?;
    print!("{report}");
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
