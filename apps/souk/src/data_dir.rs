//! The folder that holds everything an installation keeps: databases, files, keys.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Why the data directory can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The system refused.
    #[error("can't use {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The data directory. Made if missing.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// Held by the one process that serves a service from this directory; the system lets go of it when that process ends, however it ends.
#[derive(Debug)]
pub struct ServingLock(#[expect(dead_code, reason = "the lock lives as long as the file is open")] File);

impl DataDir {
    /// The directory at `path`.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        std::fs::create_dir_all(path).map_err(|source| DataDirError::Io { path: path.to_owned(), source })?;
        Ok(Self(path.to_owned()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The URL of a service's database.
    pub fn database_url(&self, service: &str) -> String {
        format!("sqlite:{}", self.0.join(format!("{service}.db")).display())
    }

    /// The folder of the search index.
    pub fn search(&self) -> PathBuf {
        self.0.join("search")
    }

    /// The URL of the folder for files.
    pub fn files_url(&self) -> String {
        format!("file:{}", self.0.join("files").display())
    }

    /// Takes the lock of the process that serves a service; `None` when another one holds it.
    pub fn lock(&self, service: &str) -> Result<Option<ServingLock>, DataDirError> {
        let path = self.0.join(format!("{service}.lock"));
        let failed = |source| DataDirError::Io { path: path.clone(), source };
        let file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(ServingLock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Leaves a mark: a file of this name without content.
    pub fn mark(&self, name: &str) -> Result<(), DataDirError> {
        let path = self.0.join(name);
        File::create(&path).map(|_| ()).map_err(|source| DataDirError::Io { path, source })
    }

    /// A secret that belongs to this installation, made with `make` the first time. Only the owner may read the file.
    pub fn secret(&self, name: &str, make: impl FnOnce() -> String) -> Result<String, DataDirError> {
        let folder = self.0.join("keys");
        let path = folder.join(name);
        let failed = |source| DataDirError::Io { path: path.clone(), source };
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let read = || std::fs::read_to_string(&path).map(|text| text.trim().to_owned());
        match read() {
            Ok(secret) => Ok(secret),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secret = make();
                // Written beside and linked: a crash leaves no half-written secret, and one that another process has made
                // meanwhile counts.
                let draft = folder.join(format!("{name}.{}.new", std::process::id()));
                let mut options = OpenOptions::new();
                options.create(true).write(true).truncate(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let mut file = options.open(&draft).map_err(failed)?;
                file.write_all(secret.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
                let linked = std::fs::hard_link(&draft, &path);
                std::fs::remove_file(&draft).map_err(failed)?;
                match linked {
                    Ok(()) => Ok(secret),
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read().map_err(failed),
                    Err(source) => Err(failed(source)),
                }
            }
            Err(source) => Err(failed(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_also_by_two_at_the_same_time() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let made = data.secret("tokens", || {
            let other = data.secret("tokens", || "theirs".to_owned());
            assert_eq!(other.unwrap(), "theirs");
            "ours".to_owned()
        });
        assert_eq!(made.unwrap(), "theirs");
        assert_eq!(data.secret("tokens", || "another".to_owned()).unwrap(), "theirs");
        assert_eq!(std::fs::read_dir(folder.path().join("keys")).unwrap().count(), 1, "drafts are removed");
    }
}
