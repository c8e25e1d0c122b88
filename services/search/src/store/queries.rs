//! What was searched, by day.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, IntoActiveModel, Order, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::entities::query;
pub use super::entities::query::Model as Query;
use souk_platform::db::Reader;

/// Adds to the counts of a day.
pub async fn add(connection: &impl ConnectionTrait, counts: Query) -> Result<(), DbErr> {
    let Query { day, words, searches, empty, clicks } = counts.clone();
    let added = query::Entity::update_many()
        .col_expr(query::Column::Searches, Expr::col(query::Column::Searches).add(searches))
        .col_expr(query::Column::Empty, Expr::col(query::Column::Empty).add(empty))
        .col_expr(query::Column::Clicks, Expr::col(query::Column::Clicks).add(clicks))
        .filter(query::Column::Day.eq(day))
        .filter(query::Column::Words.eq(words));
    if added.exec(connection).await?.rows_affected == 0 {
        let nothing = OnConflict::columns([query::Column::Day, query::Column::Words]).do_nothing().to_owned();
        let insert = query::Entity::insert(counts.into_active_model()).on_conflict(nothing);
        insert.exec_without_returning(connection).await?;
    }
    Ok(())
}

/// In which order queries are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ranking {
    /// The most searched first.
    #[default]
    Top,
    /// Those that found nothing most often first.
    WithoutResults,
    /// Those whose results were opened most often first.
    Clicked,
}

/// The counts of a query over some days.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Summed {
    pub words: String,
    pub searches: i64,
    pub empty: i64,
    pub clicks: i64,
}

/// Queries since a day.
pub async fn ranked(connection: &Reader, since: i32, ranking: Ranking, limit: u64) -> Result<Vec<Summed>, DbErr> {
    let by = match ranking {
        Ranking::Top => query::Column::Searches,
        Ranking::WithoutResults => query::Column::Empty,
        Ranking::Clicked => query::Column::Clicks,
    };
    // A sum of integers is a decimal in some databases, each with its own name for the way back.
    let integer = if connection.get_database_backend() == DbBackend::MySql { "SIGNED" } else { "BIGINT" };
    let sum = |column: query::Column| Expr::col(column).sum().cast_as(integer);
    let mut find = query::Entity::find()
        .select_only()
        .column(query::Column::Words)
        .column_as(sum(query::Column::Searches), "searches")
        .column_as(sum(query::Column::Empty), "empty")
        .column_as(sum(query::Column::Clicks), "clicks")
        .filter(query::Column::Day.gte(since))
        .group_by(query::Column::Words);
    if ranking != Ranking::Top {
        find = find.having(Expr::col(by).sum().gt(0));
    }
    find.order_by(Expr::col(by).sum(), Order::Desc)
        .order_by_asc(query::Column::Words)
        .limit(limit)
        .into_model()
        .all(connection)
        .await
}

/// Forgets days before this one.
pub async fn forget(connection: &impl ConnectionTrait, before: i32) -> Result<u64, DbErr> {
    Ok(query::Entity::delete_many().filter(query::Column::Day.lt(before)).exec(connection).await?.rows_affected)
}
