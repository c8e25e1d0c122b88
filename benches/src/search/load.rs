//! Searches and completions as fast as they go.

use std::{path::PathBuf, sync::Arc};

use clap::{Args, ValueEnum};
use http::StatusCode;
use rand::seq::IndexedRandom;
use tokio::time::Instant;

use super::{encoded, queries};
use crate::{
    call::Call,
    client::Target,
    drive::{Budget, Worker, drive},
    error::Error,
    options::Options,
    report::Report,
};

/// Random queries of a file: searches with facets, or completions of their beginnings
#[derive(Args, Debug)]
pub struct SearchLoad {
    /// Tab-separated `query_id`, `query`, with headings
    #[arg(long, value_name = "FILE")]
    queries: PathBuf,
    /// What to ask
    #[arg(long, value_enum, default_value_t = Kind::All)]
    kind: Kind,
    /// Makes every search a different one, with a price that no product has, so that no answer comes from memory
    #[arg(long)]
    distinct: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Searches
    Search,
    /// Completions
    Suggest,
    /// Both, one after the other
    All,
}

impl Kind {
    fn label(self) -> &'static str {
        match self {
            Self::Search | Self::All => "search",
            Self::Suggest => "suggest",
        }
    }
}

pub async fn run(load: &SearchLoad, options: &Options, target: &Target) -> Result<Report, Error> {
    let texts: Vec<String> = queries(&load.queries)?.into_iter().map(|query| query.text).collect();
    let mut report = Report::new("search");
    report.fact("connections", &options.connections);
    report.fact("queries", &texts.len());
    for kind in [Kind::Search, Kind::Suggest] {
        if load.kind != Kind::All && load.kind != kind {
            continue;
        }
        let paths = Arc::new(paths(kind, &texts));
        let budget = Arc::new(Budget::of(options));
        let distinct = load.distinct && kind == Kind::Search;
        let ask = |worker| ask(worker, kind, paths.clone(), distinct);
        let (recorder, elapsed) =
            drive(options, target, kind.label(), (options.connections.into(), budget), ask).await?;
        report.add(recorder, elapsed);
    }
    Ok(report)
}

/// Every query, and for completions every beginning of one.
fn paths(kind: Kind, texts: &[String]) -> Vec<String> {
    let path = |text: &str| match kind {
        Kind::Suggest => format!("/api/v1/search/suggest?q={}", encoded(text)),
        Kind::Search | Kind::All => format!("/api/v1/search?q={}", encoded(text)),
    };
    if kind != Kind::Suggest {
        return texts.iter().map(|text| path(text)).collect();
    }
    let ends = |text: &str| text.char_indices().map(|(start, letter)| start + letter.len_utf8()).collect::<Vec<_>>();
    texts.iter().flat_map(|text| ends(text).into_iter().map(|end| path(&text[..end]))).collect()
}

async fn ask(mut worker: Worker, kind: Kind, paths: Arc<Vec<String>>, distinct: bool) -> Result<Worker, Error> {
    const DEAREST: u64 = 1_000_000_000_000;
    while let Some(number) = worker.next() {
        let path = paths.choose(&mut worker.random).expect("a file without queries is refused at start");
        let call = if distinct {
            Call::get(format!("{path}&price_max={}", DEAREST - number))
        } else {
            Call::get(path.as_str())
        };
        let began = Instant::now();
        let outcome = worker.connection.send(&call).await;
        match outcome {
            Ok(answer) if answer.status == StatusCode::OK => worker.record.success(kind.label(), began.elapsed()),
            other => {
                worker.record.failure(kind.label());
                let refusal = other.and_then(|answer| answer.accepted("search")).err();
                worker.record.count(refusal.map_or_else(|| "not 200".to_owned(), |error| error.outcome()));
            }
        }
    }
    Ok(worker)
}
