//! Files (images, exports) by path: in a directory, or in a bucket of an object store that speaks S3.

#[cfg(feature = "cluster")]
mod s3;
pub mod testing;

#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, local::LocalFileSystem, path::Path};
use serde::{Deserialize, Serialize};

use crate::config::{Secret, SettingError};

/// The section `files`: where images are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FilesConfig {
    /// `s3://bucket/prefix` or `file:DIR`; empty means a folder in the data directory.
    pub url: String,
    /// What concerns object stores only.
    pub s3: S3Config,
}

/// The section `files.s3`: how the object store is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3Config {
    /// The address of a server of one's own, `https://s3.example.com:9000`; empty means Amazon's, by the region.
    pub endpoint: String,
    /// The region; empty means what the variable `AWS_REGION` says, or `us-east-1`.
    pub region: String,
    /// The name of the key; empty means what Amazon's own tools would use: variables (`AWS_…`), the role of the machine.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: Secret,
    /// The certificate of the authority that signed the server's, PEM, if no public one did.
    pub root_certificate: Option<PathBuf>,
    /// How long one request may take.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl Default for S3Config {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            region: String::new(),
            access_key_id: String::new(),
            secret_access_key: Secret::default(),
            root_certificate: None,
            timeout: Duration::from_secs(10),
        }
    }
}

/// A place for files. Clones are the same place.
#[derive(Clone, Debug)]
pub struct Files {
    store: Arc<dyn ObjectStore>,
}

/// Why a file could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The URL names no engine that there is.
    #[error("{setting} = \"{url}\": there is no such engine; use file:DIR or s3://BUCKET/PREFIX")]
    Engine {
        /// The configuration key.
        setting: &'static str,
        /// Its value.
        url: String,
    },
    /// The URL names an engine that this program was built without.
    #[error("{setting} = \"{url}\": this program was built without object stores (cargo build --features cluster)")]
    Feature {
        /// The configuration key.
        setting: &'static str,
        /// Its value.
        url: String,
    },
    /// The directory can't be made.
    #[error("{setting} = \"{url}\": the directory can't be used: {source}")]
    Directory {
        /// The configuration key.
        setting: &'static str,
        /// Its value.
        url: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The object store can't be used as configured.
    #[error(transparent)]
    Bucket(#[from] SettingError),
    /// Not a path within the place, for example one with `..` in it.
    #[error(transparent)]
    Path(#[from] object_store::path::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] object_store::Error),
}

impl FilesError {
    /// Whether the object store does not answer, or not as it should: later it may.
    pub fn is_outage(&self) -> bool {
        use object_store::Error::{Generic, PermissionDenied, Unauthenticated};
        // A disk that fails is a fault of this machine.
        matches!(self, Self::Store(Generic { store: "S3", .. } | PermissionDenied { .. } | Unauthenticated { .. }))
    }
}

/// Written once to see that the place can be written, read later to see that it is still there.
const MARK: &str = ".souk";

impl Files {
    /// Opens the place that `config` names, or else the one at the URL `otherwise`, and makes sure that it can be written.
    #[cfg_attr(
        not(feature = "cluster"),
        expect(clippy::unused_async, reason = "a directory is opened at once, an object store is asked first")
    )]
    pub async fn connect(config: &FilesConfig, otherwise: &str) -> Result<Self, FilesError> {
        let url = if config.url.is_empty() { otherwise } else { &config.url };
        #[cfg(feature = "cluster")]
        if let Some(place) = url.strip_prefix("s3://") {
            return s3::open(place, config).await;
        }
        Self::open("files.url", url)
    }

    /// Whether the place answers.
    pub async fn ping(&self) -> Result<(), FilesError> {
        self.exists(MARK).await.map(|_| ())
    }

    /// Opens the place at `url`, `file:DIR`; the directory is made if it is missing. `setting` is the configuration key
    /// that the URL comes from, for the error message.
    pub fn open(setting: &'static str, url: &str) -> Result<Self, FilesError> {
        let Some(directory) = url.strip_prefix("file:").filter(|directory| !directory.is_empty()) else {
            if url.starts_with("s3:") {
                return Err(FilesError::Feature { setting, url: url.to_owned() });
            }
            return Err(FilesError::Engine { setting, url: url.to_owned() });
        };
        let directory = PathBuf::from(directory);
        std::fs::create_dir_all(&directory).map_err(|source| FilesError::Directory {
            setting,
            url: url.to_owned(),
            source,
        })?;
        Ok(Self { store: Arc::new(LocalFileSystem::new_with_prefix(directory)?) })
    }

    /// Stores a file, whole or not at all. One that is already there is replaced.
    pub async fn put(&self, path: &str, bytes: Bytes) -> Result<(), FilesError> {
        self.store.put(&Path::parse(path)?, PutPayload::from_bytes(bytes)).await?;
        Ok(())
    }

    /// The content of a file; `None` if there is no such file.
    pub async fn get(&self, path: &str) -> Result<Option<Bytes>, FilesError> {
        match self.store.get(&Path::parse(path)?).await {
            Ok(file) => Ok(Some(file.bytes().await?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether there is such a file.
    pub async fn exists(&self, path: &str) -> Result<bool, FilesError> {
        match self.store.head(&Path::parse(path)?).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a file; no error if there is none.
    pub async fn delete(&self, path: &str) -> Result<(), FilesError> {
        match self.store.delete(&Path::parse(path)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
