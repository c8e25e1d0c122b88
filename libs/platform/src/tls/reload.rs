//! Files that may be replaced while the process runs.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use super::TlsError;

/// How soon a change is seen: whoever asks looks at the files again after this time.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Something made from files, made anew when they change.
pub(super) struct Reloading<T> {
    files: Vec<PathBuf>,
    read: Box<dyn Fn() -> Result<T, TlsError> + Send + Sync>,
    state: Mutex<State<T>>,
}

struct State<T> {
    current: Arc<T>,
    seen: Vec<Stamp>,
    looked_at: Instant,
}

/// What tells that a file is another one: links are followed, as orchestrators replace a whole folder by a link.
#[derive(PartialEq, Eq)]
struct Stamp(Option<(u64, Option<SystemTime>)>);

impl<T> Reloading<T> {
    pub(super) fn new(
        files: Vec<PathBuf>,
        read: impl Fn() -> Result<T, TlsError> + Send + Sync + 'static,
    ) -> Result<Self, TlsError> {
        // Looked at before they are read: a change in between is seen later, not missed.
        let seen = stamps(&files);
        let state = State { current: Arc::new(read()?), seen, looked_at: Instant::now() };
        Ok(Self { files, read: Box::new(read), state: Mutex::new(state) })
    }

    /// Made from the files as they are. A few system calls once a second, when a connection begins.
    pub(super) fn current(&self) -> Arc<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked_at.elapsed() >= LOOK_EVERY {
            state.looked_at = Instant::now();
            let stamps = stamps(&self.files);
            if stamps != state.seen {
                state.seen = stamps;
                match (self.read)() {
                    Ok(fresh) => {
                        state.current = Arc::new(fresh);
                        tracing::info!("certificates were read again");
                    }
                    // Half written, perhaps: the next change is looked at again.
                    Err(error) => tracing::warn!(%error, "changed certificates can't be used; the former stay"),
                }
            }
        }
        Arc::clone(&state.current)
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |file| std::fs::metadata(file).ok().map(|about| (about.len(), about.modified().ok()));
    files.iter().map(|file| Stamp(stamp(file))).collect()
}
