//! Work that nobody waits for.

tokio::task_local! {
    static UNHURRIED: ();
}

/// Runs `work`, whose transactions nobody waits for: in a file their commit waits up to 20 ms for others to share it. A
/// task spawned inside is in a hurry again.
pub(crate) async fn unhurried<F: Future>(work: F) -> F::Output {
    UNHURRIED.scope((), work).await
}

pub(super) fn is_unhurried() -> bool {
    UNHURRIED.try_with(|()| ()).is_ok()
}
