//! `/search`

use std::{sync::Arc, time::Instant};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use souk_kernel::PageQuery;
use souk_platform::http::{Failure, Paging, Params, Reply, decode_cursor, openapi::Envelope};

use super::{
    answer::{self, Answered, SearchAnswer},
    degraded,
    filters::{self, Asked, SearchParams},
    highlight::Marker,
};
use crate::{
    app::{App, AppState},
    categories::Tree,
    domain::query::{self, Planner},
    error::Error,
    index::{
        dictionary::Words,
        facets::Wish,
        search::{self, Position, Request, Results},
        snapshot::Snapshot,
    },
};

/// A search of more products is not run on the threads that answer requests.
const SMALL: u32 = 50_000;

/// Products by words, with filters, facets and highlights.
#[utoipa::path(get, path = "/search", tag = "search", params(SearchParams, Paging),
    responses((status = 200, body = Envelope<SearchAnswer>), Failure))]
pub async fn search(
    State(app): State<AppState>,
    Paging(page): Paging,
    Params(params): Params<SearchParams>,
) -> Result<Response, Error> {
    let began = Instant::now();
    let tree = app.categories.tree().await;
    let asked = filters::read(&app, &tree, params)?;
    let after = page.cursor.as_deref().map(decode_cursor::<Position>).transpose()?;
    let begins = after.is_none() && page.offset == 0;
    let words = query::normalised(&asked.query);
    let answered = if asked.nothing_fits {
        answer::answered(&Results::default(), None, None, &app.sellers(), &tree, (page.limit, page.offset))?
    } else {
        match answer(&app, &asked, &page, after, &tree).await {
            Ok(answered) => answered,
            Err(Error::Index(error)) => {
                tracing::error!(%error, "the index does not answer");
                degraded::answer(&app, &words, &page, &tree).await?
            }
            Err(Error::Folder(why)) => {
                tracing::warn!(why, "the index does not answer");
                degraded::answer(&app, &words, &page, &tree).await?
            }
            Err(error) => return Err(error),
        }
    };
    if begins {
        app.statistics.searched(&words, answered.total);
    }
    Ok(Reply::raw(answered.after(began.elapsed())).into_response())
}

/// The answer, from memory if the same was asked of the same state of the index.
async fn answer(
    app: &AppState,
    asked: &Asked,
    page: &PageQuery,
    after: Option<Position>,
    tree: &Arc<Tree>,
) -> Result<Arc<Answered>, Error> {
    let opened = app.live.opened().ok_or_else(|| Error::Folder("the index is being built".to_owned()))?;
    let snapshot = Arc::clone(&opened.snapshot);
    let key: Arc<str> = format!("{} {} {} {asked:?} {page:?}", opened.name(), snapshot.generation, tree.version).into();
    let fill = || async {
        let job = Job { app: Arc::clone(app), asked: asked.clone(), page: page.clone(), after, tree: Arc::clone(tree) };
        if snapshot.products <= SMALL {
            return job.run(&snapshot);
        }
        let _permit = app.permits.acquire().await.map_err(|error| Error::Folder(error.to_string()))?;
        let run = tokio::task::spawn_blocking(move || job.run(&snapshot));
        run.await.map_err(|error| Error::Folder(error.to_string()))?
    };
    app.answers.get_or_fill(key, fill).await
}

struct Job {
    app: Arc<App>,
    asked: Asked,
    page: PageQuery,
    after: Option<Position>,
    tree: Arc<Tree>,
}

impl Job {
    fn run(&self, snapshot: &Snapshot) -> Result<Arc<Answered>, Error> {
        let Self { app, asked, page, after, tree } = self;
        let analyzer = app.analyzer();
        let dictionary = Words { snapshot, automata: &app.automata };
        let planner =
            Planner { analyzer: &analyzer, synonyms: &app.synonyms, dictionary: &dictionary, as_you_type: false };
        let plan = planner.plan(&asked.query);
        let facetable = |key: &str| tree.offers_facet(key);
        let request = Request {
            plan: &plan,
            filters: &asked.filters,
            sort: asked.sort,
            limit: usize::try_from(page.limit).unwrap_or_default(),
            offset: usize::try_from(page.offset).unwrap_or(usize::MAX),
            after: *after,
            relax_below: app.config.relax_below,
            weights: &app.config.weights,
            now: app.db.clock().now().timestamp(),
            facets: Some(Wish {
                attributes: app.config.facet_attributes,
                values: app.config.facet_values,
                facetable: &facetable,
            }),
        };
        let results = search::search(snapshot, &request)?;
        let marker = Marker::new(&plan, &analyzer);
        let page = (page.limit, page.offset);
        let suggestion = plan.suggestion.clone().filter(|_| results.total > 0);
        Ok(answer::answered(&results, Some(&marker), suggestion, &app.sellers(), tree, page)?)
    }
}
