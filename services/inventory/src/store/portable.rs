//! Sums that read as 64-bit integers on every database.

use sea_orm::{
    DbBackend,
    sea_query::{Expr, ExprTrait, Func},
};

/// `SUM(expr)` as a 64-bit integer, 0 over no rows. PostgreSQL and MySQL sum into decimals, each with its own name for the
/// way back.
pub fn sum(backend: DbBackend, expr: impl Into<Expr>) -> Expr {
    let integer = if backend == DbBackend::MySql { "SIGNED" } else { "BIGINT" };
    Expr::from(Func::coalesce([Func::sum(expr).into(), Expr::val(0)])).cast_as(integer)
}
