//! Takes up what was left behind: by a crash, by a peer that was down, by a timer that got lost.

use souk_platform::context;

use super::{check_out::resume, expire_order};
use crate::{
    app::AppState,
    error::Error,
    events::{Refund, Undo},
    store::orders,
};

const PAGE: u64 = 500;

/// Continues queued orders that no task of this process is placing, oldest first. `idle` is how long nothing must have
/// happened to them: another process may be at work.
pub async fn resume_orders(app: &AppState, idle: chrono::TimeDelta) -> Result<(), Error> {
    let before = app.now() - idle;
    let mut after = None;
    loop {
        let ids = orders::queued(app.db.reader(), before, after, PAGE).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = Some(*last);
        for id in ids {
            let Some(placing) = app.queue.claim(id) else { continue };
            let Some(place) = app.queue.line_up() else { return Ok(()) };
            let app = app.clone();
            tokio::spawn(context::scope(context::current(), async move {
                let _permit = crate::queue::Ticket::Later(place).turn().await;
                let _turn = app.locks.enter(id).await;
                if let Err(error) = Box::pin(resume(&app, id)).await {
                    tracing::warn!(order_id = %id, %error, "a queued order could not be placed yet");
                }
                drop(placing);
            }));
        }
    }
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
