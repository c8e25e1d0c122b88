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
    app::AppState,
    categories::Tree,
    domain::query,
    engine::{
        Answer, Ask,
        page::{Position, Results},
    },
    error::Error,
};

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
            Err(Error::Folder(why) | Error::Cluster(why)) => {
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
    let state = app.index.state().ok_or_else(|| Error::Folder("the index is being built".to_owned()))?;
    let key: Arc<str> = format!("{} {} {} {asked:?} {page:?}", state.name, state.generation, tree.version).into();
    let fill = || async {
        let ask = Ask {
            query: asked.query.clone(),
            as_you_type: false,
            filters: asked.filters.clone(),
            sort: asked.sort,
            limit: usize::try_from(page.limit).unwrap_or_default(),
            offset: usize::try_from(page.offset).unwrap_or(usize::MAX),
            after,
            relax_below: app.config.relax_below,
            now: app.db.clock().now().timestamp(),
            facets: Some(Arc::clone(tree)),
        };
        let Answer { results, plan } = app.index.search(ask).await?;
        app.understanding.analyzing(|analyzer| {
            let marker = Marker::new(&plan, analyzer);
            let suggestion = plan.suggestion.clone().filter(|_| results.total > 0);
            let page = (page.limit, page.offset);
            Ok(answer::answered(&results, Some(&marker), suggestion, &app.sellers(), tree, page)?)
        })
    };
    app.answers.get_or_fill(key, fill).await
}
