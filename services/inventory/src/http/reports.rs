//! What became of a stock system's batches.

use axum::extract::State as Shared;
use chrono::{DateTime, Utc};
use serde::Serialize;
use souk_kernel::{Page, Problem};
use souk_platform::{
    http::{Failure, List, Paging, PathText, decode_cursor, encode_cursor, openapi::ListEnvelope},
    security::SellerMember,
};
use utoipa::ToSchema;

use crate::{
    app::State,
    error::Error,
    operations::ItemResult,
    store::{source_report, sources},
};

/// One batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportView {
    /// Batches of a source are numbered from 1.
    number: i64,
    at: DateTime<Utc>,
    applied: i64,
    unchanged: i64,
    refused: i64,
    /// What was refused and why.
    refusals: Vec<ItemResult>,
    /// Why the whole batch was: a feed that could not be pulled or read.
    error: Option<String>,
}

#[utoipa::path(get, path = "/inventory/sources/{source}/reports", tag = "inventory", operation_id = "list_source_reports",
    params(("source" = String, Path), Paging), security(("bearer" = [])),
    responses((status = 200, description = "Reports, newest first", body = ListEnvelope<ReportView>), Failure))]
pub async fn list(
    Shared(app): Shared<State>,
    member: SellerMember,
    PathText(name): PathText,
    Paging(page): Paging,
) -> Result<List<ReportView>, Error> {
    let source =
        sources::find_for_seller(app.db.reader(), &name, member.seller_id).await?.ok_or(Error::UnknownSource)?;
    let before: Option<i64> = page.cursor.as_deref().map(decode_cursor).transpose()?;
    let (mut rows, total) =
        sources::reports(&app.db.copies().await, &source.name, before, page.offset, page.limit + 1).await?;
    let next_cursor = super::next_cursor(&mut rows, page.limit, |row| encode_cursor(&row.number));
    let items = rows.into_iter().map(view).collect::<Result<_, Error>>()?;
    Ok(List(Page { items, limit: page.limit, offset: page.offset, total, next_cursor }))
}

fn view(row: source_report::Model) -> Result<ReportView, Error> {
    let source_report::Model { number, at, applied, unchanged, refused, refusals, error, .. } = row;
    let refusals = serde_json::from_value(refusals).map_err(|cause| {
        tracing::error!(%cause, "a stored report can't be read");
        Problem::internal()
    })?;
    Ok(ReportView { number, at, applied, unchanged, refused, refusals, error })
}
