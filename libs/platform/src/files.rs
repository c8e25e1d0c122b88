//! Files (images, exports) by path, in a directory now and in an object store later.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, local::LocalFileSystem, path::Path};

/// A place for files. Clones are the same place.
#[derive(Clone, Debug)]
pub struct Files {
    store: Arc<dyn ObjectStore>,
}

/// Why a file could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The URL names an engine that this program was built without, or none.
    #[error("{setting} = \"{url}\": this engine is not compiled in; use file:DIR")]
    Engine {
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
    /// Not a path within the place, for example one with `..` in it.
    #[error(transparent)]
    Path(#[from] object_store::path::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] object_store::Error),
}

impl Files {
    /// Opens the place at `url`, `file:DIR`; the directory is made if it is missing. `setting` is the configuration key
    /// that the URL comes from, for the error message.
    pub fn open(setting: &'static str, url: &str) -> Result<Self, FilesError> {
        let Some(directory) = url.strip_prefix("file:").filter(|directory| !directory.is_empty()) else {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_stored_replaced_and_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("file:{}/images", directory.path().display());
        let files = Files::open("catalog.files", &url).unwrap();
        assert_eq!(files.get("p/1.webp").await.unwrap(), None);
        for content in ["old", "new"] {
            files.put("p/1.webp", content.into()).await.unwrap();
            assert_eq!(files.get("p/1.webp").await.unwrap().unwrap(), content);
        }
        assert!(files.exists("p/1.webp").await.unwrap());
        assert!(directory.path().join("images/p/1.webp").exists());
        files.delete("p/1.webp").await.unwrap();
        files.delete("p/1.webp").await.unwrap();
        assert!(!files.exists("p/1.webp").await.unwrap());
    }

    #[tokio::test]
    async fn a_path_can_not_lead_outside() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("secret"), "s").unwrap();
        let files = Files::open("catalog.files", &format!("file:{}/in", directory.path().display())).unwrap();
        for path in ["../secret", "a/../../secret", "%2e%2e/secret"] {
            assert!(!matches!(files.get(path).await, Ok(Some(_))), "{path}");
        }
    }

    #[test]
    fn another_engine_is_a_clear_error() {
        for url in ["s3:bucket", "images", "file:"] {
            let error = Files::open("catalog.files", url).unwrap_err().to_string();
            assert!(error.contains("catalog.files") && error.contains(url) && error.contains("not compiled in"));
        }
    }
}
