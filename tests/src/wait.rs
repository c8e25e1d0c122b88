//! Waiting for something to become so, within bounds.

use std::time::{Duration, Instant};

/// How long anything may take to become so. Longer than it ever takes on a busy machine; only a failing test waits for it.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Asks `probe` again and again until it has an answer.
///
/// # Panics
/// When it has none within [`PATIENCE`].
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < give_up, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
