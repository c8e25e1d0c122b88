//! `souk migrate`, `souk openapi`, `souk config`.

use std::process::ExitCode;

use axum::{
    body::{Body, to_bytes},
    http::Request,
};
use souk_kernel::Clock;
use souk_platform::config::render;
use tower::ServiceExt;

use super::{Error, open};
use crate::{cli::Installation, config::Config, data_dir::DataDir, marketplace::Marketplace};

/// Opening a database migrates it.
pub async fn migrate(installation: Installation) -> Result<ExitCode, Error> {
    let mut opened = open(&installation)?;
    opened.config.database.migrate_at_start = true;
    let databases = opened.databases().await?;
    let names: Vec<_> = databases.all().iter().map(|db| db.service()).collect();
    databases.close().await;
    println!("up to date: {}", names.join(", "));
    Ok(ExitCode::SUCCESS)
}

/// The document comes from the handlers, so they are built, on a throw-away installation.
pub async fn openapi() -> Result<ExitCode, Error> {
    let folder = std::env::temp_dir().join(format!("souk-openapi-{}", std::process::id()));
    let data = DataDir::open(&folder)?;
    let market = Marketplace::open(Config::default(), &data, Clock::system()).await?;
    let request = Request::get("/api/v1/openapi.json").body(Body::empty()).expect("the path is well-formed");
    let answer = match market.router().oneshot(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    };
    let document = to_bytes(answer.into_body(), usize::MAX).await;
    market.stop().await;
    let document = document.map_err(|error| Error::Usage(error.to_string()))?;
    println!("{}", String::from_utf8_lossy(&document));
    std::fs::remove_dir_all(&folder).map_err(|source| Error::Io { what: folder.display().to_string(), source })?;
    Ok(ExitCode::SUCCESS)
}

pub fn config(installation: &Installation) -> Result<ExitCode, Error> {
    let opened = open(installation)?;
    let text = render(&opened.config).map_err(|error| Error::Usage(error.to_string()))?;
    print!("{text}");
    Ok(ExitCode::SUCCESS)
}
