//! Takes up what was left behind: by a crash, by a peer that was down, by a timer that got lost.

use std::time::Duration;

use souk_kernel::{OrderId, Timestamp};
use souk_platform::{context, db::Tx};

use super::{check_out::resume, expire_order};
use crate::{
    app::AppState,
    config::after,
    error::Error,
    events::{Refund, Undo},
    queue::Ticket,
    store::{claims, orders},
};

const PAGE: u64 = 500;

/// How long a process has a queued order to itself before it says so again, or others take it up.
const CLAIM: Duration = Duration::from_secs(6);

/// How often it says so, and looks for what others left.
pub const EVERY: Duration = Duration::from_secs(2);

/// Until when a claim holds that is made now.
pub fn claimed_until(now: Timestamp) -> Timestamp {
    after(now, CLAIM)
}

/// Continues queued orders that no process is placing, oldest first, and claims again those on which this one is at work.
pub async fn resume_orders(app: &AppState) -> Result<(), Error> {
    if app.db.is_shared() {
        keep(app).await?;
    }
    loop {
        let room = PAGE.min(app.queue.room() as u64);
        let now = app.now();
        if room == 0 || !claims::any_free(app.db.reader(), now).await? {
            return Ok(());
        }
        let until = claimed_until(now);
        let take = move |tx: Tx| async move { Ok::<_, Error>(claims::take(&tx, now, until, room).await?) };
        let taken = app.db.guarded(take).await?;
        if taken.is_empty() {
            return Ok(());
        }
        for id in taken {
            go_on(app, id);
        }
    }
}

/// At the start of the only process that uses the database: what the one before it had claimed goes on at once.
pub async fn inherit_orders(app: &AppState) -> Result<(), Error> {
    if app.db.is_shared() {
        return Ok(());
    }
    app.db.guarded(async |tx: Tx| Ok(claims::clear(&tx).await?)).await
}

/// Says again that this process has its orders in hand.
async fn keep(app: &AppState) -> Result<(), Error> {
    let ids = app.queue.in_hand(EVERY / 2);
    if ids.is_empty() {
        return Ok(());
    }
    let until = claimed_until(app.now());
    app.db.guarded(move |tx| async move { Ok(claims::extend(&tx, &ids, until).await?) }).await
}

/// Takes up a queued order, unless a process is placing it.
pub async fn take_up(app: &AppState, id: OrderId) -> Result<(), Error> {
    if app.queue.is_placing(id) {
        return Ok(());
    }
    let until = claimed_until(app.now());
    // In a database of its own nobody else can have claimed it.
    let now = if app.db.is_shared() { app.now() } else { until };
    if app.db.guarded(move |tx| async move { Ok::<_, Error>(claims::take_one(&tx, id, now, until).await?) }).await? {
        go_on(app, id);
    }
    Ok(())
}

/// Goes on with an order that this process has claimed, in its turn.
fn go_on(app: &AppState, id: OrderId) {
    let Some(placing) = app.queue.claim(id) else { return };
    let Some(place) = app.queue.line_up() else { return };
    let app = app.clone();
    tokio::spawn(context::scope(context::current(), async move {
        let _placing = placing;
        let _permit = Ticket::Later(place).turn().await;
        let _turn = app.locks.enter(id).await;
        if let Err(error) = Box::pin(resume(&app, id)).await {
            tracing::warn!(order_id = %id, %error, "a queued order could not be placed yet");
        }
    }));
}

/// Expires orders whose timer should have rung a minute ago: the net under the timers.
pub async fn expire_overdue(app: &AppState) -> Result<(), Error> {
    let before = app.now() - chrono::TimeDelta::minutes(1);
    for id in orders::overdue(app.db.reader(), before, PAGE).await? {
        if let Err(error) = expire_order(app, id).await {
            tracing::warn!(order_id = %id, %error, "an order could not be expired yet");
        }
    }
    Ok(())
}

/// Asks again for what should have gone back to the buyer by now: the net under events that were given up while a peer
/// was down for long. Asking twice is harmless.
pub async fn refund_overdue(app: &AppState) -> Result<(), Error> {
    let before = app.now() - chrono::TimeDelta::minutes(10);
    let mut after = None;
    loop {
        let rows = orders::unrefunded(app.db.reader(), before, after, PAGE).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = Some(last.0);
        app.db
            .transaction(move |tx| async move {
                for (order_id, payment_id) in rows {
                    tx.publish(Refund { order_id, payment_id, reason: "overdue".to_owned() });
                    tx.publish(Undo { order_id });
                }
                Ok::<_, Error>(())
            })
            .await?;
    }
}
