//! `souk admin`.

use std::process::ExitCode;

use super::{Error, open};
use crate::cli::Admin;

pub async fn run(what: Admin) -> Result<ExitCode, Error> {
    let Admin::CreateUser(user) = what;
    let opened = open(&user.installation)?;
    let databases = opened.databases().await?;
    let made = souk_identity::create_user(
        databases.identity(),
        &opened.config.identity,
        souk_identity::NewUser {
            email: user.email,
            password: user.password,
            name: user.name,
            roles: vec![user.role.parse().map_err(|_| Error::Usage(format!("role: `{}` is unknown", user.role)))?],
        },
    )
    .await;
    databases.close().await;
    println!("{}", made?);
    Ok(ExitCode::SUCCESS)
}
