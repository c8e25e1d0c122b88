//! The index on disk that answers now, and how it is replaced by another.
//!
//! Every index lies in a folder of its own beside the others; the file `current` names the one that answers. A new one is
//! built in a new folder and takes over when the name in the file changes, by one rename: whoever serves notices, also when
//! another process built it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tantivy::Index;

use crate::{
    config::Config,
    domain::{analysis::Analyzer, item::Item},
    engine::Change,
    error::Error,
    index::{
        schema::{Desk, Layout},
        snapshot::Snapshot,
        writer::{self, Writer},
    },
};

const CURRENT: &str = "current";
/// Changes when what the code writes does: an index of another number is built anew.
const FORMAT: u32 = 2;
/// A writer that has nothing to do for so long gives its memory back.
const IDLE: Duration = Duration::from_secs(5);
/// Threads that build a whole index.
const BUILDERS: usize = 2;
/// So many times the memory of a writer may each of them fill, and of a large index: the fewer pieces are written, the fewer
/// have to be merged.
const ROOM: (usize, usize) = (3, 16);
/// Products for which each builder gets the room of one writer.
const IN_ROOM: u64 = 12_500;

/// What every commit of an index says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Note {
    /// The last change that it has.
    applied: i64,
    /// How it was made.
    fingerprint: String,
}

/// An index that answers.
pub struct Opened {
    name: String,
    index: Index,
    layout: Layout,
    note: Note,
    pub snapshot: Arc<Snapshot>,
}

impl Opened {
    /// Tells it from the indexes before and after.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The index that answers.
pub struct Live {
    folder: PathBuf,
    config: Config,
    fingerprint: String,
    opened: RwLock<Option<Arc<Opened>>>,
    writing: Mutex<Option<Writing>>,
}

struct Writing {
    name: String,
    writer: Writer,
    desk: Desk,
    used: Instant,
}

impl Live {
    /// The index of this folder, which is still to be opened ([`Self::follow`]).
    pub fn new(folder: &Path, config: &Config) -> Result<Self, Error> {
        fs::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            config: config.clone(),
            fingerprint: fingerprint(config),
            opened: RwLock::default(),
            writing: Mutex::default(),
        })
    }

    /// What answers now.
    pub fn opened(&self) -> Option<Arc<Opened>> {
        self.opened.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last change that the index has; `None` without an index.
    pub fn applied(&self) -> Option<i64> {
        self.opened().map(|opened| opened.note.applied)
    }

    /// Whether the index is missing or was made in another way than the configuration says.
    pub fn is_outdated(&self) -> bool {
        self.opened().is_none_or(|opened| opened.note.fingerprint != self.fingerprint)
    }

    fn current(&self) -> io::Result<Option<String>> {
        match fs::read_to_string(self.folder.join(CURRENT)) {
            Ok(name) => Ok(Some(name.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens the index that is current, if it is another than the one that answers. Whether it is.
    pub fn follow(&self) -> Result<bool, Error> {
        let Some(opened) = self.open_current()? else { return Ok(false) };
        *self.writing() = None;
        tracing::info!(index = opened.name, products = opened.snapshot.products, "the index answers");
        self.show(opened);
        self.clear_away();
        Ok(true)
    }

    fn open_current(&self) -> Result<Option<Opened>, Error> {
        let Some(name) = self.current()? else { return Ok(None) };
        if self.opened().is_some_and(|opened| opened.name == name) {
            return Ok(None);
        }
        let folder = self.folder.join(&name);
        if !folder.is_dir() {
            return Err(Error::Folder(format!("{} is not there", folder.display())));
        }
        let (index, layout) = writer::open(&folder)?;
        let snapshot = Arc::new(Snapshot::open(&index, layout, None)?);
        let note = note(&index)?;
        Ok(Some(Opened { name, index, layout, note, snapshot }))
    }

    fn show(&self, opened: Opened) {
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(opened));
    }

    fn writing(&self) -> MutexGuard<'_, Option<Writing>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the indexes from before. A later one may just be built by another process.
    fn clear_away(&self) {
        let Some(opened) = self.opened() else { return };
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let is_old = entry.path().is_dir() && name.to_string_lossy().as_ref() < opened.name.as_str();
            if is_old && let Err(error) = fs::remove_dir_all(entry.path()) {
                tracing::warn!(%error, "an index from before can't be removed");
            }
        }
    }

    /// Makes the changes durable and visible. Blocks.
    pub fn apply(&self, changes: &[Change], last: i64) -> Result<(), Error> {
        let Some(opened) = self.opened() else { return Ok(()) };
        let mut writing = self.writing();
        let used = Instant::now();
        let mut at_hand = match writing.take() {
            Some(known) if known.name == opened.name => Writing { used, ..known },
            _ => {
                let writer = Writer::new(&opened.index, opened.layout, 1, self.config.writer_memory)?;
                let desk = Desk::new(Analyzer::new(self.config.language));
                Writing { name: opened.name.clone(), writer, desk, used }
            }
        };
        let Config { fields, attributes, .. } = &self.config;
        for change in changes {
            match change {
                Change::Put(item) => at_hand.writer.put(item, fields, attributes, &mut at_hand.desk)?,
                Change::Remove(id) => at_hand.writer.remove(*id),
            }
        }
        let note = Note { applied: last, fingerprint: opened.note.fingerprint.clone() };
        at_hand.writer.commit(&serde_json::to_string(&note)?)?;
        // A writer that failed is not kept: what it holds is not known.
        *writing = Some(at_hand);
        let snapshot = Arc::new(Snapshot::open(&opened.index, opened.layout, Some(&opened.snapshot))?);
        let Opened { name, index, layout, .. } = &*opened;
        self.show(Opened { name: name.clone(), index: index.clone(), layout: *layout, note, snapshot });
        Ok(())
    }

    /// Gives the memory of a writer back that has nothing to do; what it merged meanwhile is taken over. Blocks.
    pub fn rest(&self) -> Result<(), Error> {
        let mut writing = self.writing();
        if writing.as_ref().is_none_or(|known| known.used.elapsed() < IDLE) {
            return Ok(());
        }
        let Some(Writing { name, writer, .. }) = writing.take() else { return Ok(()) };
        writer.close()?;
        let opened = self.opened().filter(|opened| opened.name == name);
        if let Some(opened) = opened {
            let Opened { name, index, layout, note, snapshot } = &*opened;
            let snapshot = Arc::new(Snapshot::open(index, *layout, Some(snapshot))?);
            let (name, index, note) = (name.clone(), index.clone(), note.clone());
            self.show(Opened { name, index, layout: *layout, note, snapshot });
        }
        Ok(())
    }

    /// Begins a new index of about so many products.
    pub fn build(&self, products: u64) -> Result<Build, Error> {
        // Names are in the order of their making.
        let name = uuid::Uuid::now_v7().simple().to_string();
        let folder = self.folder.join(&name);
        fs::create_dir_all(&folder)?;
        let (index, layout) = writer::open(&folder)?;
        let rooms = usize::try_from(products / IN_ROOM).unwrap_or(usize::MAX).clamp(ROOM.0, ROOM.1);
        let writer = Writer::new(&index, layout, BUILDERS, self.config.writer_memory.saturating_mul(rooms))?;
        Ok(Build {
            root: self.folder.clone(),
            name,
            writer,
            config: self.config.clone(),
            fingerprint: self.fingerprint.clone(),
        })
    }
}

fn note(index: &Index) -> Result<Note, Error> {
    let payload = index.load_metas()?.payload;
    Ok(payload.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// Names how documents become terms.
pub fn fingerprint(config: &Config) -> String {
    let Config { language, fields, attributes, .. } = config;
    let how = serde_json::to_vec(&(FORMAT, language, fields, attributes)).expect("numbers and names");
    hex::encode(&Sha256::digest(how)[..8])
}

/// An index that is being built.
pub struct Build {
    root: PathBuf,
    name: String,
    writer: Writer,
    config: Config,
    fingerprint: String,
}

impl Build {
    /// Adds products that are not there yet. Blocks.
    pub fn add(&self, items: &[Item], desk: &mut Desk) -> Result<(), Error> {
        Ok(self.writer.add(items, &self.config.fields, &self.config.attributes, desk)?)
    }

    /// Puts the index in the place of the one before. Blocks.
    pub fn take_over(mut self, applied: i64) -> Result<(), Error> {
        let note = Note { applied, fingerprint: self.fingerprint };
        self.writer.commit(&serde_json::to_string(&note)?)?;
        self.writer.close()?;
        let draft = self.root.join(format!("{}.new", self.name));
        let mut file = fs::File::create(&draft)?;
        io::Write::write_all(&mut file, self.name.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, self.root.join(CURRENT))?;
        fs::File::open(&self.root)?.sync_all()?;
        Ok(())
    }
}
