//! Server-sent events of an order's status.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use chrono::{DateTime, Utc};
use futures::{Stream, stream};
use serde::Serialize;
use souk_kernel::{ErrorKind, OrderId, Problem};
use souk_platform::{
    http::{Failure, PathId},
    security::OrderToken,
};
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;

use super::caller::Caller;
use crate::{
    app::AppState,
    domain::{Fulfilment, OrderStatus, PaymentStatus},
    error::Error,
    hub::Watcher,
    store::orders,
};

/// How long a change may stay unseen that another process made and could not tell of.
const LOOK: Duration = Duration::from_secs(2);

/// The data of a `status` event.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct StatusEvent {
    id: OrderId,
    status: OrderStatus,
    fulfilment: Fulfilment,
    payment_status: Option<PaymentStatus>,
    at: DateTime<Utc>,
}

impl StatusEvent {
    fn of(row: &orders::Model) -> Self {
        Self {
            id: row.id,
            status: row.status,
            fulfilment: row.fulfilment,
            payment_status: row.payment_status,
            at: row.updated_at,
        }
    }

    fn says_more_than(&self, other: &Self) -> bool {
        (self.status, self.fulfilment, self.payment_status) != (other.status, other.fulfilment, other.payment_status)
    }
}

/// The order's status now and at every change, as events named `status`. Ends when nothing more can change.
#[utoipa::path(get, path = "/orders/{id}/stream", tag = "orders", params(("id" = OrderId, Path), OrderToken),
    responses((status = 200, body = StatusEvent, content_type = "text/event-stream"), Failure),
    security((), ("bearer" = [])))]
pub async fn stream(
    State(app): State<AppState>,
    PathId(id): PathId<OrderId>,
    caller: Caller,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Error> {
    // Watching begins before the first look, so that nothing is missed in between.
    let watcher = app.hub.watch(id);
    let (row, _) = caller.find(&app, id).await?;
    let permit = Arc::clone(&app.streams).try_acquire_owned().map_err(|_| {
        let message = "too many status streams are open; ask for the order now and then";
        Problem::new(ErrorKind::Unavailable, "too_many_streams", message)
    })?;
    let state = Watch { app, watcher, last: None, first: Some(row), over: false, _permit: permit };
    Ok(Sse::new(stream::unfold(state, next)).keep_alive(KeepAlive::default()))
}

struct Watch {
    app: AppState,
    watcher: Watcher,
    last: Option<StatusEvent>,
    first: Option<orders::Model>,
    over: bool,
    _permit: OwnedSemaphorePermit,
}

async fn next(mut watch: Watch) -> Option<(Result<Event, Infallible>, Watch)> {
    while !watch.over {
        let row = if let Some(row) = watch.first.take() {
            row
        } else {
            watch.watcher.changed(LOOK).await;
            let id = watch.last.as_ref()?.id;
            // An order that its buyer hid meanwhile ends the stream.
            orders::find(watch.app.db.reader(), id).await.ok().flatten().filter(|row| !row.hidden)?
        };
        let now = StatusEvent::of(&row);
        watch.over = is_final(&row);
        if watch.last.as_ref().is_none_or(|last| now.says_more_than(last)) {
            let event = Event::default().event("status").json_data(&now).ok()?;
            watch.last = Some(now);
            return Some((Ok(event), watch));
        }
    }
    None
}

/// Whether the order's status can't change any more. An expired one may still be paid late, and a cancelled one refunded.
fn is_final(row: &orders::Model) -> bool {
    let paid = row.payment_status.is_some_and(PaymentStatus::was_paid);
    match row.status {
        OrderStatus::Rejected | OrderStatus::Completed | OrderStatus::Refunded => true,
        OrderStatus::Cancelled => !paid,
        _ => false,
    }
}
