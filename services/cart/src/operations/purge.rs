use std::time::Duration;

use chrono::TimeDelta;
use souk_kernel::Timestamp;

use crate::{
    app::App,
    config::Config,
    error::Error,
    store::{self, Stale},
};

/// How long an order that gave its cart back is remembered: longer than anything takes that it may have begun.
const ENDED_KEPT: Duration = Duration::from_hours(24);
/// Carts that are removed at once: few enough not to hold up buyers.
const BATCH: u64 = 200;

/// Removes carts that nobody will miss and gives how many they were.
pub async fn purge(app: &App) -> Result<u64, Error> {
    let now = app.db.clock().now();
    let before = |kept: Duration| {
        let kept = TimeDelta::from_std(kept).ok();
        kept.and_then(|kept| now.checked_sub_signed(kept)).unwrap_or(Timestamp::MIN_UTC)
    };
    let Config { guest_kept, empty_kept, closed_kept } = app.config;
    let than = Stale { guests: before(guest_kept), empty: before(empty_kept), closed: before(closed_kept) };
    let (mut removed, mut after) = (0, None);
    loop {
        let ids = store::stale(app.db.reader(), than, after, BATCH).await?;
        let Some(last) = ids.last() else { break };
        after = Some(*last);
        removed += app.db.guarded(move |tx| async move { store::remove_stale(&tx, than, &ids).await }).await?;
    }
    forget_ended(app, before(ENDED_KEPT)).await?;
    Ok(removed)
}

async fn forget_ended(app: &App, before: Timestamp) -> Result<(), Error> {
    let mut after = None;
    loop {
        let ids = store::ended_orders::noted(app.db.reader(), before, after, BATCH).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = Some(*last);
        let forget = move |tx| async move {
            store::ended_orders::forget(&tx, ids);
            Ok::<_, Error>(())
        };
        app.db.guarded(forget).await?;
    }
}
