//! Somebody who is logged in.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    call::{Answer, Call},
    client::Connection,
    error::Error,
};

/// How long a call made on somebody's behalf is repeated while the server is busy or away.
const PATIENCE: Duration = Duration::from_mins(1);

/// A login that renews its access token when the marketplace no longer takes it. Shared by workers.
pub struct Session {
    email: String,
    password: String,
    tokens: Mutex<Tokens>,
}

#[derive(Clone, Deserialize)]
struct Tokens {
    access_token: String,
    refresh_token: String,
}

impl Session {
    pub async fn login(connection: &mut Connection, email: &str, password: &str) -> Result<Self, Error> {
        let call = Call::post("/api/v1/auth/login", &json!({ "email": email, "password": password })).repeatable();
        Self::open(connection, call, "log in", email, password).await
    }

    pub async fn register(connection: &mut Connection, email: &str, password: &str, name: &str) -> Result<Self, Error> {
        let person = json!({ "email": email, "password": password, "name": name });
        Self::open(connection, Call::post("/api/v1/auth/register", &person), "register", email, password).await
    }

    async fn open(
        connection: &mut Connection,
        call: Call,
        step: &'static str,
        email: &str,
        password: &str,
    ) -> Result<Self, Error> {
        let tokens = connection.insist(&call, Instant::now() + PATIENCE).await?.data(step)?;
        Ok(Self { email: email.to_owned(), password: password.to_owned(), tokens: Mutex::new(tokens) })
    }

    /// Sends a call as this user.
    pub async fn send(&self, connection: &mut Connection, call: Call) -> Result<Answer, Error> {
        let until = Instant::now() + PATIENCE;
        let token = self.tokens.lock().await.access_token.clone();
        let call = call.bearer(&token);
        let answer = connection.insist(&call, until).await?;
        if answer.status != http::StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let token = self.renewed(connection, &token).await?;
        connection.insist(&call.bearer(&token), until).await
    }

    /// A token newer than `spent`; another worker may have fetched it meanwhile.
    async fn renewed(&self, connection: &mut Connection, spent: &str) -> Result<String, Error> {
        let mut tokens = self.tokens.lock().await;
        if tokens.access_token == spent {
            let refresh = Call::post("/api/v1/auth/refresh", &json!({ "refresh_token": tokens.refresh_token }));
            *tokens = match connection.send(&refresh).await?.data("refresh the login") {
                Ok(fresh) => fresh,
                Err(_) => Self::login(connection, &self.email, &self.password).await?.tokens.into_inner(),
            };
        }
        Ok(tokens.access_token.clone())
    }
}
