//! `/search/clicks`

use axum::extract::State;
use serde::Deserialize;
use souk_kernel::ProductId;
use souk_platform::http::{Body, Failure, NoContent};
use utoipa::ToSchema;

use crate::{app::AppState, domain::query, error::Error, store::documents};

/// A product that was opened from the results of a search.
#[derive(Debug, Deserialize, ToSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub struct Click {
    /// What was searched.
    #[garde(length(chars, min = 1, max = 1000))]
    pub q: String,
    #[garde(skip)]
    pub product_id: ProductId,
}

/// Counts that somebody opened a result.
#[utoipa::path(post, path = "/search/clicks", tag = "search", request_body = Click,
    responses((status = 204), Failure))]
pub async fn click(State(app): State<AppState>, Body(click): Body<Click>) -> Result<NoContent, Error> {
    // Only what can be found can have been found.
    let known = documents::standing(app.db.reader(), click.product_id).await?;
    if known.is_some_and(|(_, _, public)| public) {
        app.statistics.clicked(&query::normalised(&click.q));
    }
    Ok(NoContent)
}
