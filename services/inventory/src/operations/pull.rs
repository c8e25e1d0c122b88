use std::time::Duration;

use chrono::TimeDelta;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use souk_kernel::{Problem, SellerId, Timestamp};
use souk_platform::{
    db::Tx,
    events::Receipt,
    outbound::{Answer, Limits, Target},
};

use super::{
    Batch, ItemResult, channels,
    channels::{Ending, Turn},
    sync,
};
use crate::{
    adapters,
    app::App,
    domain::channel::Direction,
    error::Error,
    store::{channels as rows, source, sources},
};

/// Redirects that a feed may lead over.
const REDIRECTS: u8 = 3;
/// How soon a feed may be pulled by hand again.
const PAUSE_BY_HAND: TimeDelta = TimeDelta::seconds(10);

/// What became of a pull.
#[derive(Clone, Debug)]
pub enum Pulled {
    /// The feed was taken over, item by item.
    TakenOver(Vec<ItemResult>),
    /// It is what it was at the last pull.
    NotModified,
    /// It could not be fetched or read.
    Failed(String),
}

/// Pulls one of the seller's feeds now, whatever its schedule and its circuit say.
pub async fn pull_now(app: &App, name: String, seller_id: SellerId) -> Result<Pulled, Error> {
    let work = move |tx: Tx| async move {
        let source = sources::find_for_seller(&tx, &name, seller_id).await?.ok_or(Error::UnknownSource)?;
        if !source.enabled {
            return Err(Error::SourceDisabled);
        }
        let row = rows::lock(&tx, &name, Direction::Pull).await?.ok_or(Error::NoFeed)?;
        if let Some(wait) =
            row.last_at.map(|last| last + PAUSE_BY_HAND - tx.now()).filter(|wait| *wait > TimeDelta::zero())
        {
            return Err(Error::PulledJustNow(wait.to_std().unwrap_or(Duration::ZERO)));
        }
        channels::claim(&tx, source, row).await?.map_err(|_| Error::PullRunning)
    };
    let turn = app.db.transaction(work).await?;
    take(app, turn, None).await
}

/// Fetches a feed, takes over what it says, and ends the turn.
pub(super) async fn take(app: &App, turn: Turn, receipt: Option<Receipt>) -> Result<Pulled, Error> {
    let asked_at = app.db.clock().now();
    let (pulled, etag, modified) = match fetch(app, &turn).await {
        Ok(answer) if answer.status == StatusCode::NOT_MODIFIED => {
            (Pulled::NotModified, turn.channel.etag.clone(), turn.channel.modified.clone())
        }
        Ok(answer) => match take_over(app, &turn.source, &answer, asked_at).await {
            Ok(results) => {
                // What may go in another time is asked for again, even if the feed stays the same.
                let settled = results.iter().all(|item| item.reason.is_none_or(|reason| !reason.may_pass()));
                let kept = |name, longest: usize| {
                    let value = answer.header(&name).filter(|value| settled && value.len() <= longest);
                    value.map(str::to_owned)
                };
                let (etag, modified) = (kept(header::ETAG, 300), kept(header::LAST_MODIFIED, 100));
                (Pulled::TakenOver(results), etag, modified)
            }
            Err(problem) => (Pulled::Failed(told(&problem)), None, None),
        },
        Err(failure) => (Pulled::Failed(failure), None, None),
    };
    let failure = match &pulled {
        Pulled::Failed(failure) => Some(failure.clone()),
        Pulled::TakenOver(_) | Pulled::NotModified => None,
    };
    if let Some(error) = &failure {
        tracing::info!(source = %turn.source.name, failures = turn.channel.failures + 1, error, "a stock feed was not taken over");
    }
    let keep = i64::from(app.config.reports_kept);
    let work = move |tx: Tx| async move {
        if let Some(receipt) = receipt {
            tx.accept(receipt).await?;
        }
        if !rows::still_ours(&tx, &turn.channel).await? {
            return Ok(());
        }
        // Read again: its reports were counted on.
        if let (Some(error), Some(source)) = (&failure, sources::find(&tx, &turn.source.name).await?) {
            sources::add_report(&tx, sync::failed_report(&source, error.clone(), tx.now()), keep).await?;
        }
        let every = TimeDelta::seconds(turn.channel.every_seconds.unwrap_or_default().max(60));
        channels::end(&tx, &turn, Ending { failure, next_at: Some(tx.now() + every), etag, modified });
        Ok::<_, Error>(())
    };
    app.db.transaction(work).await?;
    Ok(pulled)
}

async fn fetch(app: &App, turn: &Turn) -> Result<Answer, String> {
    let target: Target = turn.channel.url.parse().map_err(|_| "the feed's URL can't be read".to_owned())?;
    let mut headers = HeaderMap::new();
    let accepted = adapters::of(turn.source.kind).media_type();
    headers.insert(header::ACCEPT, HeaderValue::from_static(accepted));
    let known = [(header::IF_NONE_MATCH, &turn.channel.etag), (header::IF_MODIFIED_SINCE, &turn.channel.modified)];
    for (name, value) in known {
        if let Some(value) = value.as_ref().and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    }
    let limits = Limits { time: channels::time(app), bytes: app.config.sources.feed_limit, redirects: REDIRECTS };
    let answer = app.outbound.get(&target, &headers, limits).await.map_err(|error| error.to_string())?;
    let conditional = headers.contains_key(header::IF_NONE_MATCH) || headers.contains_key(header::IF_MODIFIED_SINCE);
    match answer.status {
        StatusCode::OK => Ok(answer),
        StatusCode::NOT_MODIFIED if conditional => Ok(answer),
        status => Err(format!("the feed answers with status {}", status.as_u16())),
    }
}

async fn take_over(
    app: &App,
    source: &source::Model,
    answer: &Answer,
    asked_at: Timestamp,
) -> Result<Vec<ItemResult>, Problem> {
    let reading = adapters::of(source.kind).read(&answer.body)?;
    let as_of = reading.as_of.map_or(asked_at, |as_of| as_of.min(asked_at));
    let batch = Batch { items: reading.items, as_of, unreadable: reading.unreadable };
    sync(app, source.clone(), batch).await.map_err(Problem::from)
}

/// The problem in one line.
fn told(problem: &Problem) -> String {
    let detail = problem.details.first().map(|detail| format!(": {} {}", detail.field, detail.message));
    let text = format!("{}{}", problem.message, detail.unwrap_or_default());
    text.chars().take(300).collect()
}
