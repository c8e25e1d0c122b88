//! Secrets that are given to a client once and known to us only by their hash.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// 256 random bits from the operating system's generator, as 43 characters of base64url.
#[must_use]
pub fn secret_token() -> String {
    let mut bits = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut bits).expect("the operating system gives random bits");
    URL_SAFE_NO_PAD.encode(bits)
}

/// What is stored of a token. Tokens are random, so that SHA-256 needs neither salt nor stretching.
#[must_use]
pub fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
