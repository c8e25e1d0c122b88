//! Argon2id, off the async threads and only so many at once: each hash takes tens of milliseconds and megabytes.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use crate::{config::Argon2Config, error::Error};

/// Makes and checks password hashes.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    config: Argon2Config,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// A hash of nobody's password: checking against it takes as long as against a real one.
    decoy: Arc<str>,
}

impl Passwords {
    /// Fails when the configured cost is not one that Argon2 knows.
    pub fn new(config: &Argon2Config) -> Result<Self, Error> {
        let cost = Params::new(config.memory_kib, config.iterations, config.parallelism, None);
        let argon2 =
            Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.map_err(|error| Error::Hash(error.to_string()))?);
        let secret = souk_platform::security::secret_token();
        let decoy = argon2.hash_password(secret.as_bytes()).map_err(|error| Error::Hash(error.to_string()))?;
        Ok(Self {
            argon2,
            config: config.clone(),
            running: Arc::new(Semaphore::new(config.concurrency.max(1))),
            waiting: Arc::new(Semaphore::new(config.queue.max(1))),
            decoy: decoy.to_string().into(),
        })
    }

    /// The hash of a new password, as a PHC string.
    pub async fn hash(&self, password: String) -> Result<String, Error> {
        let argon2 = self.argon2.clone();
        self.run(move || {
            let hash: PasswordHash = argon2.hash_password(password.as_bytes())?;
            Ok(hash.to_string())
        })
        .await?
        .map_err(|error: argon2::password_hash::Error| Error::Hash(error.to_string()))
    }

    /// Whether the password is the one behind the hash. `None`, or the empty hash of an account that nobody can log in to,
    /// is never right and takes as long.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Error> {
        let argon2 = self.argon2.clone();
        let real = hash.filter(|hash| !hash.is_empty());
        let (hash, exists) = real.map_or_else(|| (self.decoy.to_string(), false), |hash| (hash, true));
        self.run(move || argon2.verify_password(password.as_bytes(), hash.as_str()).is_ok() && exists).await
    }

    /// Whether a hash was made at another cost than the configured one.
    pub fn is_outdated(&self, hash: &str) -> bool {
        let Ok(hash) = PasswordHash::new(hash) else { return true };
        let Ok(params) = Params::try_from(&hash) else { return true };
        let Argon2Config { memory_kib, iterations, parallelism, .. } = self.config;
        (params.m_cost(), params.t_cost(), params.p_cost()) != (memory_kib, iterations, parallelism)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let _place = self.waiting.clone().try_acquire_owned().map_err(|_| Error::Busy)?;
        let permit = self.running.clone().acquire_owned().await.map_err(|_| Error::Busy)?;
        let task = tokio::task::spawn_blocking(move || {
            // Kept by the work itself: a caller that goes away does not make room for another hash.
            let _permit = permit;
            work()
        });
        task.await.map_err(|error| Error::Hash(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap() -> Argon2Config {
        Argon2Config { memory_kib: 64, iterations: 1, parallelism: 1, ..Argon2Config::default() }
    }

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let passwords = Passwords::new(&cheap()).unwrap();
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse".to_owned(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("correct horsf".to_owned(), Some(hash)).await.unwrap());
        assert!(!passwords.verify(String::new(), Some(String::new())).await.unwrap());
        assert!(!passwords.verify("correct horse".to_owned(), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_still_counts_and_is_renewed() {
        let before = Passwords::new(&cheap()).unwrap();
        let hash = before.hash("correct horse".to_owned()).await.unwrap();
        let after = Passwords::new(&Argon2Config { iterations: 2, ..cheap() }).unwrap();
        assert!(after.verify("correct horse".to_owned(), Some(hash.clone())).await.unwrap());
        assert!(after.is_outdated(&hash) && !before.is_outdated(&hash));
        assert!(before.is_outdated("not a hash"));
    }

    #[tokio::test]
    async fn a_full_queue_is_busy_at_once() {
        let passwords = Passwords::new(&Argon2Config { concurrency: 1, queue: 1, ..cheap() }).unwrap();
        let _taken = passwords.waiting.clone().try_acquire_owned().unwrap();
        assert!(matches!(passwords.hash("x".to_owned()).await, Err(Error::Busy)));
    }

    #[test]
    fn an_impossible_cost_is_refused() {
        assert!(Passwords::new(&Argon2Config { memory_kib: 1, ..cheap() }).is_err());
    }
}
