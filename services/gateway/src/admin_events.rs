//! Events that a consumer could not take, over all services, whichever process they are in: seen and tried again by the operator.

use std::{collections::BTreeMap, sync::Arc};

use axum::extract::State;
use garde::Validate;
use serde::{Deserialize, Serialize};
use souk_kernel::{EventId, Page, PageQuery, Problem};
use souk_platform::{
    events::{Backlog, DeadLetter, Outbox},
    http::{
        Failure, List, Paging, Params, PathId, Reply,
        openapi::{Envelope, ListEnvelope},
    },
    security::{Admin, Support},
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

type Outboxes = Arc<Vec<Outbox>>;

/// Pages of all services together are merged in memory; further down, one service has to be named.
const MERGED_ROWS: u64 = 10_000;

pub(crate) fn routes(outboxes: Vec<Outbox>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(backlog))
        .routes(routes!(replay_all))
        .routes(routes!(show))
        .routes(routes!(replay))
        .with_state(Arc::new(outboxes))
}

/// Which service's events.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
struct Source {
    /// The service whose outbox keeps them; all services without it
    #[garde(inner(length(min = 1, max = 64)))]
    source: Option<String>,
}

impl Source {
    fn of(self, outboxes: &[Outbox]) -> Result<Vec<&Outbox>, Problem> {
        let Some(source) = self.source else { return Ok(outboxes.iter().collect()) };
        let found: Vec<&Outbox> = outboxes.iter().filter(|outbox| outbox.service() == source).collect();
        if found.is_empty() { Err(Problem::malformed("source", "there is no service of this name")) } else { Ok(found) }
    }
}

/// Events put back.
#[derive(Debug, Serialize, ToSchema)]
struct Replayed {
    /// Deliveries that will be tried again.
    deliveries: usize,
}

/// What a service's outbox holds.
#[derive(Debug, Serialize, ToSchema)]
struct OutboxState {
    /// Events that should be delivered by now.
    due: u64,
    /// Timers and retries of later.
    later: u64,
    /// Events that were given up.
    dead: u64,
}

/// Events that were given up, newest first
#[utoipa::path(
    get, path = "/admin/events", tag = "gateway", params(Source, Paging), security(("bearer" = [])),
    responses((status = 200, body = ListEnvelope<DeadLetter>), Failure)
)]
async fn list(
    State(outboxes): State<Outboxes>,
    _: Support,
    Params(source): Params<Source>,
    Paging(page): Paging,
) -> Result<List<DeadLetter>, Failure> {
    if page.cursor.is_some() {
        return Err(Failure(Problem::malformed("cursor", "this list is paged by offset")));
    }
    match source.of(&outboxes)?.as_slice() {
        [outbox] => Ok(List(outbox.dead_letters(&page).await.map_err(Failure)?)),
        several => merged(several, page).await.map(List),
    }
}

async fn merged(outboxes: &[&Outbox], page: PageQuery) -> Result<Page<DeadLetter>, Failure> {
    let rows = page.offset.saturating_add(page.limit);
    if rows > MERGED_ROWS {
        return Err(Failure(Problem::malformed("offset", "name a source to look this far back")));
    }
    let first = PageQuery { limit: rows, offset: 0, cursor: None };
    let (mut letters, mut total) = (Vec::new(), 0);
    for outbox in outboxes {
        let some = outbox.dead_letters(&first).await.map_err(Failure)?;
        letters.extend(some.items);
        total += some.total;
    }
    letters.sort_by_key(|letter| std::cmp::Reverse((letter.failed_at, letter.id)));
    let skip = usize::try_from(page.offset).unwrap_or(usize::MAX);
    let take = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let items = letters.into_iter().skip(skip).take(take).collect();
    Ok(Page { items, limit: page.limit, offset: page.offset, total, next_cursor: None })
}

/// How many events wait in each service's outbox
#[utoipa::path(
    get, path = "/admin/events/backlog", tag = "gateway", security(("bearer" = [])),
    responses((status = 200, body = Envelope<BTreeMap<String, OutboxState>>), Failure)
)]
async fn backlog(
    State(outboxes): State<Outboxes>,
    _: Support,
) -> Result<Reply<BTreeMap<&'static str, OutboxState>>, Failure> {
    let mut states = BTreeMap::new();
    for outbox in outboxes.iter() {
        let Backlog { due, later, dead } = outbox.backlog().await.map_err(Failure)?;
        states.insert(outbox.service(), OutboxState { due, later, dead });
    }
    Ok(Reply::ok(states))
}

/// One event that was given up, for each consumer that could not take it
#[utoipa::path(
    get, path = "/admin/events/{id}", tag = "gateway", params(("id" = EventId, Path)), security(("bearer" = [])),
    responses((status = 200, body = Envelope<Vec<DeadLetter>>), Failure)
)]
async fn show(
    State(outboxes): State<Outboxes>,
    _: Support,
    PathId(id): PathId<EventId>,
) -> Result<Reply<Vec<DeadLetter>>, Failure> {
    let mut letters = Vec::new();
    for outbox in outboxes.iter() {
        letters.extend(outbox.dead_letters_of(id).await.map_err(Failure)?);
    }
    if letters.is_empty() { Err(Failure(Problem::not_found("event"))) } else { Ok(Reply::ok(letters)) }
}

/// Tries one event again
#[utoipa::path(
    post, path = "/admin/events/{id}/replay", tag = "gateway", params(("id" = EventId, Path)),
    security(("bearer" = [])), responses((status = 200, body = Envelope<Replayed>), Failure)
)]
async fn replay(
    State(outboxes): State<Outboxes>,
    Admin(operator): Admin,
    PathId(id): PathId<EventId>,
) -> Result<Reply<Replayed>, Failure> {
    let all: Vec<&Outbox> = outboxes.iter().collect();
    let deliveries = put_back(&all, Some(id)).await?;
    if deliveries == 0 {
        return Err(Failure(Problem::not_found("event")));
    }
    tracing::info!(operator = %operator.user_id, event = %id, deliveries, "a dead letter was put back");
    Ok(Reply::ok(Replayed { deliveries }))
}

/// Tries all events again that were given up
#[utoipa::path(
    post, path = "/admin/events/replay", tag = "gateway", params(Source), security(("bearer" = [])),
    responses((status = 200, body = Envelope<Replayed>), Failure)
)]
async fn replay_all(
    State(outboxes): State<Outboxes>,
    Admin(operator): Admin,
    Params(source): Params<Source>,
) -> Result<Reply<Replayed>, Failure> {
    let deliveries = put_back(&source.of(&outboxes)?, None).await?;
    tracing::info!(operator = %operator.user_id, deliveries, "dead letters were put back");
    Ok(Reply::ok(Replayed { deliveries }))
}

async fn put_back(outboxes: &[&Outbox], event: Option<EventId>) -> Result<usize, Failure> {
    let mut deliveries = 0;
    for outbox in outboxes {
        deliveries += outbox.replay(event).await.map_err(Failure)?;
    }
    Ok(deliveries)
}
