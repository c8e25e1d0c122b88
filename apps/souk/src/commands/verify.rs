//! `souk verify`.

use std::process::ExitCode;

use super::{Error, open};
use crate::{cli::Installation, verify};

pub async fn run(installation: Installation) -> Result<ExitCode, Error> {
    let opened = open(&installation)?;
    let databases = opened.databases().await?;
    let report = verify::run(&databases, &opened.data, &opened.config).await;
    databases.close().await;
    let report = report?;
    print!("{report}");
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
