//! A request that came twice: its order exists already, and the second answer is the first one's.

use std::time::Duration;

use souk_kernel::UserId;
use tokio::time::Instant;

use super::{Placed, Request, renew_token, reused};
use crate::{app::AppState, domain::OrderStatus, error::Error, operations::resume_orders::take_up, store::orders};

/// How long a key belongs to its request.
const KEPT: chrono::TimeDelta = chrono::TimeDelta::hours(24);

/// The order that the request made before. `None` when there is none, or none any more.
pub async fn known(app: &AppState, request: &Request) -> Result<Option<orders::Model>, Error> {
    let Some(row) = orders::find_by_request_key(app.db.reader(), request.id()).await? else { return Ok(None) };
    if app.now() - row.created_at >= KEPT {
        app.db.transaction(move |tx| async move { orders::forget_request_key(&tx, row.id).await }).await?;
        return Ok(None);
    }
    if row.request_hash.as_deref() != Some(request.hash.as_slice()) {
        return Err(reused());
    }
    Ok(Some(row))
}

/// Waits for that order, and goes on with it if nobody does.
pub async fn join(app: &AppState, user_id: Option<UserId>, row: orders::Model) -> Result<Placed, Error> {
    let id = row.id;
    if row.status == OrderStatus::Queued {
        // Perhaps the process that was placing it is gone.
        take_up(app, id).await?;
    }
    let row = settled(app, row).await?;
    if let Some(rejection) = row.rejection {
        return Err(rejection.0.into());
    }
    let access_token = match (user_id, app.guest_tokens.opening(&row)) {
        (Some(_), _) => None,
        (None, Some(token)) => Some(token),
        (None, None) => Some(renew_token(app, id).await?),
    };
    let row = orders::find(app.db.reader(), id).await?.ok_or(Error::NotFound("order"))?;
    let order = app.complete(row).await?;
    Ok(Placed { order, access_token })
}

/// The order once it is no longer queued, or as it is when the buyer has waited long enough.
async fn settled(app: &AppState, mut row: orders::Model) -> Result<orders::Model, Error> {
    let deadline = Instant::now() + app.config.answer_within;
    let mut watcher = app.hub.watch(row.id);
    while row.status == OrderStatus::Queued && Instant::now() < deadline {
        watcher.changed(Duration::from_millis(250)).await;
        row = orders::find(app.db.reader(), row.id).await?.ok_or(Error::NotFound("order"))?;
    }
    Ok(row)
}
