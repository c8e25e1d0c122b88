//! Access tokens: JWTs signed with Ed25519, and the key that signs them.

use std::{
    fs, io,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use aws_lc_rs::{rand::SystemRandom, signature::Ed25519KeyPair};
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::{
    Algorithm, EncodingKey,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};
use souk_kernel::Timestamp;
use souk_platform::security::{Claims, Principal};

use crate::error::Error;

/// Signs access tokens and publishes the key that verifies them.
pub struct Signer {
    key: EncodingKey,
    kid: String,
    jwks: String,
}

/// Why there is no signing key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the signing key {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("the signing key {} is not an Ed25519 key in PKCS#8 PEM form: {reason}", path.display())]
    Unusable { path: PathBuf, reason: String },
}

impl Signer {
    /// The key in `path`, made if the file is missing.
    pub fn open(path: &Path) -> Result<Self, KeyError> {
        let io = |source| KeyError::Io { path: path.to_owned(), source };
        let unusable = |reason: String| KeyError::Unusable { path: path.to_owned(), reason };
        if !path.try_exists().map_err(io)? {
            create(path, &new_key().map_err(unusable)?).map_err(io)?;
        }
        let pem = fs::read(path).map_err(io)?;
        Self::from_pem(&pem).map_err(|error| unusable(error.to_string()))
    }

    fn from_pem(pem: &[u8]) -> Result<Self, jsonwebtoken::errors::Error> {
        let key = EncodingKey::from_ed_pem(pem)?;
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::EdDSA)?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256)?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let jwks = serde_json::to_string(&JwkSet { keys: vec![jwk] })?;
        Ok(Self { key, kid, jwks })
    }

    /// An access token.
    pub fn sign(&self, principal: &Principal, now: Timestamp, expires: Timestamp) -> Result<String, Error> {
        Ok(Claims::new(principal, now, expires).sign(&self.kid, &self.key)?)
    }

    /// The JSON Web Key Set that verifies what this signs.
    pub fn jwks(&self) -> &str {
        &self.jwks
    }
}

fn new_key() -> Result<String, String> {
    let random = SystemRandom::new();
    // Version 1, without the public key, is what the JWT library reads.
    let pkcs8 = Ed25519KeyPair::generate_pkcs8v1(&random).map_err(|error| error.to_string())?;
    let body = STANDARD.encode(pkcs8.as_ref());
    Ok(format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"))
}

/// Puts a whole key in place, or none: it is written beside and linked, which fails if another process was faster. Then
/// that one's key counts.
fn create(path: &Path, pem: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(pem.as_bytes())?;
    file.sync_all()?;
    let linked = match fs::hard_link(&beside, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    };
    fs::remove_file(&beside)?;
    linked
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use jsonwebtoken::{DecodingKey, Validation, decode};
    use souk_kernel::{Clock, SessionId, UserId};
    use souk_platform::security::{AUDIENCE, ISSUER, Role};

    use super::*;

    #[test]
    fn the_published_key_verifies_what_the_kept_key_signs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/jwt-ed25519.pem");
        let signer = Signer::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);

        let now = Clock::system().now();
        let principal = Principal { user_id: UserId::new(), roles: vec![Role::Buyer], session_id: SessionId::new() };
        let token = signer.sign(&principal, now, now + std::time::Duration::from_mins(15)).unwrap();

        // After a restart it is still the same key.
        let again = Signer::open(&path).unwrap();
        let keys: JwkSet = serde_json::from_str(again.jwks()).unwrap();
        let header = jsonwebtoken::decode_header(&token).unwrap();
        let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        let claims = decode::<Claims>(&token, &key, &validation).unwrap().claims;
        assert_eq!(Principal::from(claims), principal);
        assert!(!again.jwks().contains("\"d\""), "a private key must never be published");
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        fs::write(&path, "not a key").unwrap();
        assert!(matches!(Signer::open(&path), Err(KeyError::Unusable { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "not a key");
    }
}
