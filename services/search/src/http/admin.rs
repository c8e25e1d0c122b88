//! `/admin/search`: what people look for, and how the index is.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use souk_kernel::{ErrorKind, Page, Problem};
use souk_platform::{
    http::{
        Failure, List, Paging, Params, Reply,
        openapi::{Envelope, ListEnvelope},
    },
    security::Admin,
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::AppState,
    error::Error,
    operations,
    store::{
        changes, documents,
        queries::{self, Ranking},
    },
};

/// Queries that a list goes through at most.
const MOST: u64 = 1_000;

#[derive(Debug, Deserialize, IntoParams, garde::Validate)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub struct QueryParams {
    /// `top` (default), `without_results` or `clicked`.
    pub ranking: Option<String>,
    /// So many days back, today included; 30 by default.
    #[garde(range(min = 1, max = 3650))]
    pub days: Option<i32>,
}

/// What became of a query.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueryReport {
    query: String,
    searches: i64,
    without_results: i64,
    clicks: i64,
    /// Results opened for each search.
    click_through: f64,
}

/// What people search, the most frequent thousand.
#[utoipa::path(get, path = "/admin/search/queries", tag = "search", security(("bearer" = [])),
    params(QueryParams, Paging), responses((status = 200, body = ListEnvelope<QueryReport>), Failure))]
pub async fn queries(
    State(app): State<AppState>,
    _: Admin,
    Paging(page): Paging,
    Params(params): Params<QueryParams>,
) -> Result<List<QueryReport>, Error> {
    let ranking = match params.ranking.as_deref() {
        None | Some("top") => Ranking::Top,
        Some("without_results") => Ranking::WithoutResults,
        Some("clicked") => Ranking::Clicked,
        Some(_) => {
            let problem = Problem::new(ErrorKind::Malformed, "malformed", "some parameters are not acceptable");
            return Err(problem.detail("ranking", "must be top, without_results or clicked").into());
        }
    };
    operations::count_queries(&app).await?;
    let since = operations::day(&app).saturating_sub(params.days.unwrap_or(30) - 1);
    let all = queries::ranked(&app.db.copies().await, since, ranking, MOST).await?;
    let total = all.len() as u64;
    let (limit, offset) = (page.limit, page.offset);
    #[expect(clippy::cast_precision_loss, reason = "counts")]
    let report = |found: queries::Summed| QueryReport {
        query: found.words,
        searches: found.searches,
        without_results: found.empty,
        clicks: found.clicks,
        click_through: (found.clicks as f64 * 1000.0 / found.searches.max(1) as f64).round() / 1000.0,
    };
    let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
    let taken = usize::try_from(limit).unwrap_or_default();
    let items = all.into_iter().skip(skipped).take(taken).map(report).collect();
    Ok(List(Page { items, limit, offset, total, next_cursor: None }))
}

/// How the index is.
#[derive(Debug, Serialize, ToSchema)]
pub struct IndexReport {
    /// Whether it answers; otherwise titles are matched by catalog.
    answers: bool,
    /// Products that can be found.
    products: u64,
    /// Products that should be.
    expected: u64,
    segments: usize,
    /// Changes that are not in yet.
    waiting: i64,
}

/// How the index is.
#[utoipa::path(get, path = "/admin/search/index", tag = "search", security(("bearer" = [])),
    responses((status = 200, body = Envelope<IndexReport>), Failure))]
pub async fn index(State(app): State<AppState>, _: Admin) -> Result<Reply<IndexReport>, Error> {
    let state = app.index.state();
    let reader = app.db.reader();
    Ok(Reply::ok(IndexReport {
        answers: state.is_some(),
        products: state.as_ref().map_or(0, |state| state.products),
        expected: documents::count_public(reader).await?,
        segments: state.as_ref().map_or(0, |state| state.segments),
        waiting: changes::last(reader).await? - app.index.applied().unwrap_or_default(),
    }))
}
