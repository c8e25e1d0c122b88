//! The report of refused lines: `FILE.refused.csv` beside the file, or in the current folder where that can't be written.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use super::ImportError;

/// The report, made with its first line; one of an earlier run is removed.
pub struct Refused {
    wanted: PathBuf,
    open: Option<(PathBuf, csv::Writer<File>)>,
}

impl Refused {
    /// The report of importing `file`.
    pub fn new(file: &Path) -> Self {
        let mut name = file.as_os_str().to_owned();
        name.push(".refused.csv");
        let wanted = PathBuf::from(name);
        if let Err(error) = std::fs::remove_file(&wanted)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, file = %wanted.display(), "the report of an earlier run can't be removed");
        }
        Self { wanted, open: None }
    }

    /// Lists a line.
    pub fn add(&mut self, line: u64, external_id: &str, reason: &str) -> Result<(), ImportError> {
        if self.open.is_none() {
            let (path, file) = self.create()?;
            let mut writer = csv::Writer::from_writer(file);
            writer.write_record(["line", "external_id", "reason"]).map_err(|error| write(&path, error))?;
            self.open = Some((path, writer));
        }
        if let Some((path, writer)) = &mut self.open {
            writer
                .write_record([line.to_string().as_str(), external_id, reason])
                .map_err(|error| write(path, error))?;
        }
        Ok(())
    }

    fn create(&self) -> Result<(PathBuf, File), ImportError> {
        if let Ok(file) = File::create(&self.wanted) {
            return Ok((self.wanted.clone(), file));
        }
        let here = PathBuf::from(self.wanted.file_name().unwrap_or_default());
        let file = File::create(&here).map_err(|source| ImportError::Write { path: here.clone(), source })?;
        Ok((here, file))
    }

    /// Where it is, if any line was refused.
    pub fn finish(self) -> Result<Option<PathBuf>, ImportError> {
        let Some((path, mut writer)) = self.open else { return Ok(None) };
        writer.flush().map_err(|source| ImportError::Write { path: path.clone(), source })?;
        Ok(Some(path))
    }
}

fn write(path: &Path, error: csv::Error) -> ImportError {
    ImportError::Write { path: path.to_owned(), source: io::Error::other(error) }
}
