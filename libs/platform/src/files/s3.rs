//! A bucket of an object store that speaks S3: Amazon's, or a server of one's own.

use std::{sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, Certificate, ClientOptions, Error, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig,
    aws::AmazonS3Builder, path::Path, prefix::PrefixStore,
};

use super::{Files, FilesConfig, FilesError, MARK, S3Config};
use crate::config::SettingError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Requests that can be repeated are, within the time that a visitor waits.
const RETRIES: usize = 3;

/// Opens the bucket and prefix at `place`, `bucket/prefix`, and writes a mark there.
pub(super) async fn open(place: &str, config: &FilesConfig) -> Result<Files, FilesError> {
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    if bucket.is_empty() {
        return Err(wrong("files.url", format!("`{}` names no bucket; write s3://BUCKET/PREFIX", config.url)));
    }
    let prefix = Path::parse(prefix.trim_end_matches('/'))?;
    let bucket =
        builder(bucket, &config.s3)?.build().map_err(|error| wrong("files.s3", format!("can't be used: {error}")))?;
    let store: Arc<dyn ObjectStore> = Arc::new(PrefixStore::new(bucket, prefix));
    let mark = PutPayload::from_static(b"images of a marketplace\n");
    store.put(&Path::from(MARK), mark).await.map_err(|error| explain(&error, config))?;
    Ok(Files { store })
}

fn builder(bucket: &str, config: &S3Config) -> Result<AmazonS3Builder, FilesError> {
    let S3Config { endpoint, region, access_key_id, secret_access_key, root_certificate, timeout } = config;
    let mut options = ClientOptions::new()
        .with_timeout(*timeout)
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_allow_http(endpoint.starts_with("http://"))
        // For whoever reads the bucket without us, a content delivery network say.
        .with_content_type_for_suffix("webp", "image/webp")
        .with_content_type_for_suffix("jpg", "image/jpeg")
        .with_content_type_for_suffix("png", "image/png");
    if let Some(path) = root_certificate {
        let setting = "files.s3.root_certificate";
        let unusable = |error: String| wrong(setting, format!("{} can't be used: {error}", path.display()));
        let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
        for certificate in Certificate::from_pem_bundle(&pem).map_err(|error| unusable(error.to_string()))? {
            options = options.with_root_certificate(certificate);
        }
    }
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            base: 2.0,
        },
        max_retries: RETRIES,
        retry_timeout: *timeout,
    };
    let mut builder = AmazonS3Builder::from_env();
    if !region.is_empty() {
        builder = builder.with_region(region);
    }
    if !endpoint.is_empty() {
        let (scheme, _) = endpoint.split_once("://").unwrap_or_default();
        if !["http", "https"].contains(&scheme) || url::Url::parse(endpoint).is_err() {
            let message = format!("`{endpoint}` is no address; write https://HOST:PORT");
            return Err(wrong("files.s3.endpoint", message));
        }
        builder = builder.with_endpoint(endpoint);
    }
    match (access_key_id.is_empty(), secret_access_key.is_empty()) {
        (true, true) => {}
        (true, false) => return Err(wrong("files.s3.access_key_id", "is missing beside the secret_access_key")),
        (false, true) => return Err(wrong("files.s3.secret_access_key", "is missing beside the access_key_id")),
        (false, false) => {
            builder =
                builder.with_access_key_id(access_key_id).with_secret_access_key(secret_access_key.expose().to_owned());
        }
    }
    Ok(builder.with_bucket_name(bucket).with_client_options(options).with_retry(retry))
}

fn wrong(setting: &'static str, message: impl Into<String>) -> FilesError {
    SettingError::new(setting, message).into()
}

/// What a refusal means to the operator. The codes are those of Amazon's documentation, which other servers keep to.
fn explain(error: &Error, config: &FilesConfig) -> FilesError {
    let FilesConfig { url, s3 } = config;
    let text = causes(error);
    let says = |code: &str| text.contains(code);
    if says("NoSuchBucket") {
        return wrong("files.url", format!("`{url}`: there is no such bucket"));
    }
    if says("InvalidAccessKeyId") {
        return wrong("files.s3.access_key_id", "the object store does not know this key");
    }
    if says("SignatureDoesNotMatch") {
        return wrong("files.s3.secret_access_key", "it is not the key that belongs to access_key_id");
    }
    if says("PermanentRedirect") || says("AuthorizationHeaderMalformed") || says("bare redirect") {
        return wrong("files.s3.region", format!("the bucket is in another region: {text}"));
    }
    match error {
        Error::NotFound { .. } => wrong("files.url", format!("`{url}` is not there: {text}")),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            wrong("files.s3.access_key_id", format!("this key may not write to `{url}`: {text}"))
        }
        _ if s3.endpoint.is_empty() => wrong("files.url", format!("`{url}` can't be written: {text}")),
        _ => wrong("files.s3.endpoint", format!("`{}` does not answer as an object store: {text}", s3.endpoint)),
    }
}

/// An error with all that is behind it, each cause once.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
