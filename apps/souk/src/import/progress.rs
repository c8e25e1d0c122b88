//! Remembers how far an interrupted import came.

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use serde::{Deserialize, Serialize};

use super::ImportError;

/// How far the import of one file came. Another size or time of the file makes it another import.
pub struct Progress {
    path: PathBuf,
    state: State,
}

#[derive(Clone, Serialize, Deserialize, PartialEq, Eq)]
struct State {
    file: PathBuf,
    size: u64,
    modified: u64,
    /// Mapping, seller, category: what else makes it the same import.
    how: String,
    lines: u64,
}

impl Progress {
    /// The progress of importing `file` in the way that `how` tells, kept under `data`. `restart` forgets it.
    pub fn open(data: &Path, file: &Path, how: String, restart: bool) -> Result<Self, ImportError> {
        let read = |source| ImportError::Read { path: file.to_owned(), source };
        let metadata = std::fs::metadata(file).map_err(read)?;
        let file = file.canonicalize().map_err(read)?;
        let modified = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(0));
        let name = souk_kernel::EventId::derived(&format!("{} {how}", file.display())).to_string();
        let path = data.join("imports").join(format!("{name}.json"));
        let fresh = State { file, size: metadata.len(), modified, how, lines: 0 };
        let before: Option<State> = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let state = match before {
            Some(before) if !restart && State { lines: 0, ..before.clone() } == fresh => before,
            _ => fresh,
        };
        Ok(Self { path, state })
    }

    /// Lines that are in already.
    pub fn lines(&self) -> u64 {
        self.state.lines
    }

    /// All lines up to this one are in, or refused.
    pub fn reached(&mut self, line: u64) -> Result<(), ImportError> {
        self.state.lines = line;
        let write = |source| ImportError::Write { path: self.path.clone(), source };
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(write)?;
        }
        let draft = self.path.with_extension("new");
        let mut file = std::fs::File::create(&draft).map_err(write)?;
        let text = serde_json::to_vec(&self.state).expect("a plain struct encodes");
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(write)?;
        std::fs::rename(&draft, &self.path).map_err(write)
    }

    /// The import is complete.
    pub fn finish(self) -> Result<(), ImportError> {
        match std::fs::remove_file(&self.path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(ImportError::Write { path: self.path, source })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_import_goes_on_and_a_changed_file_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.jsonl");
        std::fs::write(&file, "{}\n").unwrap();
        let open = |restart| Progress::open(folder.path(), &file, "souk".to_owned(), restart).unwrap();
        open(false).reached(41).unwrap();
        assert_eq!(open(false).lines(), 41);
        assert_eq!(open(true).lines(), 0);
        std::fs::write(&file, "{}\n{}\n").unwrap();
        assert_eq!(open(false).lines(), 0);
        let mut progress = open(false);
        progress.reached(2).unwrap();
        progress.finish().unwrap();
        assert_eq!(open(false).lines(), 0);
    }
}
