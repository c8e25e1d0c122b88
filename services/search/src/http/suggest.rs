//! `/search/suggest`

use std::{sync::Arc, time::Instant};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use souk_kernel::{Currency, ProductId};
use souk_platform::http::{Failure, Params, Reply, openapi::Envelope};
use utoipa::{IntoParams, ToSchema};

use super::answer::Answered;
use crate::{
    app::{App, AppState},
    domain::{item::Summary, query},
    engine::{Ask, page::Sort},
    error::Error,
    index::{filters::Filters, suggestions::Vocabulary},
};

/// Completions and products at most.
const MOST: usize = 8;
const PRODUCTS: usize = 5;

#[derive(Debug, Deserialize, IntoParams, garde::Validate)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub struct SuggestParams {
    /// What has been typed so far.
    pub q: Option<String>,
}

/// What may be meant.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Suggestions {
    /// Whole queries, the most likely first.
    completions: Vec<String>,
    products: Vec<Suggested>,
    /// Milliseconds that it took.
    took_ms: f64,
}

/// A product that fits already.
#[derive(Debug, Serialize, ToSchema)]
pub struct Suggested {
    id: ProductId,
    slug: String,
    title: String,
    image: Option<String>,
    price: i64,
    #[schema(value_type = String)]
    currency: Currency,
}

impl From<&Summary> for Suggested {
    fn from(summary: &Summary) -> Self {
        let Summary { id, slug, title, images, price, currency, .. } = summary;
        let (slug, title, image) = (slug.clone(), title.clone(), images.first().cloned());
        Self { id: *id, slug, title, image, price: *price, currency: *currency }
    }
}

/// Completions while somebody types.
#[utoipa::path(get, path = "/search/suggest", tag = "search", params(SuggestParams),
    responses((status = 200, body = Envelope<Suggestions>), Failure))]
pub async fn suggest(
    State(app): State<AppState>,
    Params(SuggestParams { q }): Params<SuggestParams>,
) -> Result<Response, Error> {
    let began = Instant::now();
    let typed = q.unwrap_or_default();
    let words = query::normalised(&typed);
    if words.is_empty() {
        return Ok(Reply::ok(Suggestions::default()).into_response());
    }
    let state = app.index.state().map(|state| (state.name, state.generation));
    let ended = typed.ends_with(char::is_whitespace);
    let (version, vocabulary) = app.vocabulary();
    let key: Arc<str> = format!("suggest {state:?} {version} {ended} {words}").into();
    let fill = || async {
        let completions = completions(&vocabulary, &app, &words, ended);
        let products = products(&app, &typed, completions.first()).await.unwrap_or_else(|error| {
            // Without the index there are still words.
            tracing::warn!(%error, "the index does not answer");
            Vec::new()
        });
        Ok::<_, Error>(Arc::new(Answered::timed(&Suggestions { completions, products, took_ms: 0.0 }, 0)?))
    };
    let answered = app.answers.get_or_fill(key, fill).await?;
    Ok(Reply::raw(answered.after(began.elapsed())).into_response())
}

/// The last two words together first, then the last one alone; misspelled ones when there are none.
fn completions(vocabulary: &Vocabulary, app: &App, words: &str, word_ended: bool) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let typed = if word_ended { format!("{words} ") } else { words.to_owned() };
    let starts: Vec<usize> = std::iter::once(0).chain(words.match_indices(' ').map(|(at, _)| at + 1)).collect();
    for start in starts.iter().rev().take(2).rev() {
        add(&mut found, &words[..*start], vocabulary.beginning(&typed[*start..], MOST));
    }
    if found.is_empty()
        && let Some(last) = starts.last()
    {
        add(
            &mut found,
            &words[..*last],
            vocabulary.nearly_beginning(&words[*last..], &app.understanding.automata, MOST),
        );
    }
    found
}

fn add(found: &mut Vec<String>, lead: &str, phrases: Vec<&str>) {
    for phrase in phrases {
        let whole = format!("{lead}{phrase}");
        if found.len() < MOST && !found.contains(&whole) {
            found.push(whole);
        }
    }
}

async fn products(app: &App, typed: &str, best: Option<&String>) -> Result<Vec<Suggested>, Error> {
    let find = |query: &str| {
        app.index.search(Ask {
            query: query.to_owned(),
            as_you_type: true,
            filters: Filters::default(),
            sort: Sort::Relevance,
            limit: PRODUCTS,
            offset: 0,
            after: None,
            relax_below: 0,
            now: app.db.clock().now().timestamp(),
            facets: None,
        })
    };
    let mut found = find(typed).await?;
    if found.results.hits.is_empty()
        && let Some(best) = best
    {
        found = find(best).await?;
    }
    Ok(found.results.hits.iter().map(|hit| (&*hit.summary).into()).collect())
}
