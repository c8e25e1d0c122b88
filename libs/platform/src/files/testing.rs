//! Places for the files of tests: folders, or with `SOUK_TEST_S3_URL` (see `scripts/with-engines`) a bucket in which each
//! test has a prefix of its own.

use super::FilesConfig;

/// `http://KEY:SECRET@host:port/bucket`, the secret percent-encoded.
const VARIABLE: &str = "SOUK_TEST_S3_URL";

/// A fresh place in the bucket of this run; nothing when tests run on folders.
///
/// # Panics
/// When the variable holds no such URL.
pub fn bucket() -> Option<FilesConfig> {
    let server = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty())?;
    let server = url::Url::parse(&server).expect("SOUK_TEST_S3_URL is a URL");
    let mut config =
        FilesConfig { url: format!("s3:/{}/{}", server.path(), uuid::Uuid::now_v7()), ..FilesConfig::default() };
    config.s3.endpoint = server[url::Position::BeforeScheme..url::Position::AfterScheme].to_owned()
        + "://"
        + &server[url::Position::BeforeHost..url::Position::AfterPort];
    config.s3.access_key_id = server.username().into();
    // A query is decoded like a password.
    let secret = format!("secret={}", server.password().unwrap_or_default());
    let decoded = url::form_urlencoded::parse(secret.as_bytes()).next().map(|(_, secret)| secret.into_owned());
    config.s3.secret_access_key = decoded.unwrap_or_default().into();
    Some(config)
}
