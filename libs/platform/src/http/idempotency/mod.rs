//! `Idempotency-Key`: a request that is sent again gets the first answer again instead of a second effect.

mod table;

use std::{convert::Infallible, ops::ControlFlow, panic::AssertUnwindSafe, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts};
use sea_orm::DbErr;
use souk_kernel::{ErrorKind, Problem};
use tokio::time::{Instant, sleep};
use tracing::Instrument;

use self::table::{Answer, Claim, Kept, Slot};
use super::{Failure, panicked, params::single_header};
use crate::{
    context,
    db::{Database, Tx, problem, unhurried},
};

pub use table::{migration, purge, take_over_all};

const KEY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Set on an answer that was given before.
const REPLAYED_HEADER: HeaderName = HeaderName::from_static("idempotency-replayed");
/// How long a request waits for the first with its key, in real time: somebody holds the line.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(15);

/// The key that the client chose for its request: 1 to 255 visible ASCII characters, otherwise 400.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let Some(key) = single_header(&parts.headers, &KEY_HEADER)? else { return Ok(Self(None)) };
        if (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(Some(key.to_owned())))
        } else {
            Err(Failure(Problem::malformed("Idempotency-Key", "must be 1 to 255 visible ASCII characters")))
        }
    }
}

/// Runs `run` unless `owner` has sent the same request under the same key in the last 24 hours; then its answer is given
/// again. Without a key it just runs.
///
/// `request_hash` is that of [`super::Hashed`]; another request under a known key is 422 `idempotency_key_reused`. While
/// the first is being served others wait for it, 503 `request_in_progress` after 30 seconds. Answers that changed nothing
/// (400, 401, 403, 422, 429, 5xx) are not kept, so that the client may correct itself and try again.
///
/// Once the key is claimed `run` goes on, also when the client hangs up. If the process dies while it runs, the key is free
/// again six seconds later, or at [`take_over_all`]; what `run` does under the same key must therefore itself be safe to
/// repeat (ids derived from the key).
pub async fn idempotent<F>(db: &Database, owner: &str, key: &IdempotencyKey, request_hash: [u8; 32], run: F) -> Response
where
    F: Future<Output = Response> + Send + 'static,
{
    let Some(key) = &key.0 else { return run.await };
    let slot = Slot::new(owner, key);
    let give_up = Instant::now() + PATIENCE;
    let mut run = Box::pin(run);
    loop {
        // A task that the client can't take along: dropped between claim and run, the key would be held by nobody.
        let attempt = attempt(db.clone(), slot, request_hash, run);
        match detached(attempt).await {
            Ok(ControlFlow::Continue(unused)) => run = unused,
            Ok(ControlFlow::Break(response)) | Err(response) => return response,
        }
        while match table::is_busy(db, slot).await {
            Ok(busy) => busy,
            Err(error) => return broken(db, &error),
        } {
            if Instant::now() >= give_up {
                let message = "the first request with this key is still being served";
                return Failure(Problem::new(ErrorKind::Unavailable, "request_in_progress", message)).into_response();
            }
            sleep(POLL).await;
        }
    }
}

/// What a request comes to that finds out by itself whether it was served before.
pub enum Served<F> {
    First(Response),
    /// What it asks for was done under its key before; this gives what has become of it.
    Before(F),
}

/// As [`idempotent`], for work that needs nobody to keep others away while it runs, because what it makes carries the key
/// and can be made but once: nothing is claimed before.
///
/// The first answer is kept and given again. Where there is none (the process died), what has become of the work is the first.
pub async fn idempotent_by_itself<F, N>(
    db: &Database,
    owner: &str,
    key: &IdempotencyKey,
    request_hash: [u8; 32],
    run: F,
) -> Response
where
    F: Future<Output = Served<N>> + Send + 'static,
    N: Future<Output = Response> + Send + 'static,
{
    let Some(key) = &key.0 else {
        return match run.await {
            Served::First(response) => response,
            Served::Before(now) => now.await,
        };
    };
    let (db, slot) = (db.clone(), Slot::new(owner, key));
    // A task that the client can't take along: what was done is answered, and the answer kept.
    detached(async move {
        let known = table::kept(db.reader(), db.clock().now(), slot, request_hash).await;
        if let Some(response) = given_again(&db, known) {
            return response;
        }
        match run.await {
            Served::First(response) => keep_first(db, slot, request_hash, response).await,
            Served::Before(now) => {
                // In turn with those who write: a file's readers don't see an answer that still waits to be written.
                let look = move |tx: Tx| async move { table::kept(&tx, tx.now(), slot, request_hash).await };
                let known = db.guarded(look).await;
                if let Some(response) = given_again(&db, known) {
                    return response;
                }
                let response = now.await;
                if !is_kept(response.status()) {
                    return response;
                }
                let (response, answer) = copied(response).await;
                store_first(&db, slot, request_hash, answer).await.map_or(response, replay)
            }
        }
    })
    .await
    .unwrap_or_else(|response| response)
}

fn given_again(db: &Database, known: Result<Kept, DbErr>) -> Option<Response> {
    match known {
        Ok(Kept::Nothing) => None,
        Ok(Kept::Answer(answer)) => Some(replay(answer)),
        Ok(Kept::OtherRequest) => Some(Failure(reused()).into_response()),
        Err(error) => Some(broken(db, &error)),
    }
}

async fn keep_first(db: Database, slot: Slot, request_hash: [u8; 32], response: Response) -> Response {
    if !is_kept(response.status()) {
        return response;
    }
    let (response, answer) = copied(response).await;
    if db.is_shared() {
        return store_first(&db, slot, request_hash, answer).await.map_or(response, replay);
    }
    let mut store = Box::pin(unhurried(async move { store_first(&db, slot, request_hash, answer).await.map(drop) }));
    // From here on it waits for its turn to write, and whoever asks for it in turn gets a later one.
    if futures::poll!(&mut store).is_pending() {
        tokio::spawn(store);
    }
    response
}

/// Keeps the answer, unless another one was faster: gives that one.
async fn store_first(db: &Database, slot: Slot, request_hash: [u8; 32], answer: Answer) -> Option<Answer> {
    table::store_first(db, slot, request_hash, answer).await.unwrap_or_else(|error| {
        // The client gets its answer all the same; whoever repeats the request gets what has become of it.
        tracing::error!(%error, "the answer under an idempotency key could not be kept");
        None
    })
}

/// Claims the key and runs the request to its end; gives `run` back while another runs under this key.
async fn attempt<F>(db: Database, slot: Slot, request_hash: [u8; 32], run: F) -> ControlFlow<Response, F>
where
    F: Future<Output = Response>,
{
    ControlFlow::Break(match table::claim(&db, slot, request_hash).await {
        Ok(Claim::Mine(holder)) => {
            let run = AssertUnwindSafe(run).catch_unwind();
            let response = tokio::select! {
                response = run => response.unwrap_or_else(panicked),
                never = keep(&db, slot, holder) => match never {},
            };
            settle(&db, slot, holder, response).await
        }
        Ok(Claim::Answered(answer)) => replay(answer),
        Ok(Claim::OtherRequest) => Failure(reused()).into_response(),
        Ok(Claim::Busy) => return ControlFlow::Continue(run),
        Err(error) => broken(&db, &error),
    })
}

/// Says now and then that the request is still being served.
async fn keep(db: &Database, slot: Slot, holder: table::Holder) -> Infallible {
    loop {
        sleep(table::RENEW).await;
        if let Err(error) = table::renew(db, slot, holder).await {
            tracing::warn!(%error, "an idempotency key could not be kept");
        }
    }
}

/// Keeps the answer, or frees the key when nothing was changed.
async fn settle(db: &Database, slot: Slot, holder: table::Holder, response: Response) -> Response {
    let kept = is_kept(response.status());
    let (response, answer) = copied(response).await;
    let answer = kept.then_some(answer);
    let write = write_down(db.clone(), slot, holder, answer);
    if db.is_shared() {
        write.await;
    } else {
        // The client need not wait: should the process die now, the key is free when it is back, and the request can be run
        // again. Whoever repeats it before waits for this.
        tokio::spawn(unhurried(write));
    }
    response
}

/// The answer, and what is kept of it.
async fn copied(response: Response) -> (Response, Answer) {
    let (parts, body) = response.into_parts();
    let body = match to_bytes(body, usize::MAX).await {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(%error, "an answer could not be read to be kept");
            Bytes::new()
        }
    };
    let answer = Answer { status: parts.status.as_u16(), headers: kept_headers(&parts.headers), body: body.to_vec() };
    (Response::from_parts(parts, Body::from(body)), answer)
}

async fn write_down(db: Database, slot: Slot, holder: table::Holder, answer: Option<Answer>) {
    let settled = match answer {
        Some(answer) => table::answer(&db, slot, holder, answer).await,
        None => table::release(&db, slot, holder).await,
    };
    if let Err(error) = settled {
        // The client gets its answer all the same; a repetition finds the key held for a while and then free.
        tracing::error!(%error, "the answer under an idempotency key could not be kept");
    }
}

fn is_kept(status: StatusCode) -> bool {
    !status.is_server_error() && !matches!(status.as_u16(), 400 | 401 | 403 | 422 | 429)
}

/// Headers that belong to the answer, not to the connection that it went over.
fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let of_the_connection = [header::CONTENT_LENGTH, header::DATE, header::CONNECTION, header::TRANSFER_ENCODING];
    let own = headers.iter().filter(|(name, _)| !of_the_connection.contains(name));
    own.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect()
}

fn replay(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    headers.insert(REPLAYED_HEADER, HeaderValue::from_static("true"));
    let mut response = Body::from(answer.body).into_response();
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn reused() -> Problem {
    let message = "this key was used for another request";
    Problem::new(ErrorKind::Invalid, "idempotency_key_reused", message).detail("Idempotency-Key", message)
}

/// Does `work` to its end, whatever the client does. `Err` when it panicked, or the process is going away.
async fn detached<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, Response> {
    let task = tokio::spawn(context::scope(context::current(), work).in_current_span());
    task.await.map_err(|error| {
        tracing::error!(%error, "a request under an idempotency key was broken off");
        Failure(Problem::internal()).into_response()
    })
}

fn broken(db: &Database, error: &DbErr) -> Response {
    Failure(problem(db.service(), error)).into_response()
}

#[cfg(test)]
mod tests;
