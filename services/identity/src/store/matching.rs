//! Looking for texts in names.

use sea_orm::{
    ColumnTrait, IntoSimpleExpr,
    sea_query::{BinOper, Expr, ExprTrait, Func},
};

/// Whether `column` has `text` somewhere in it, in capitals or not: `LIKE` alone minds them on some databases.
pub fn has(column: impl ColumnTrait, text: &str) -> Expr {
    let pattern = Func::lower(Expr::val(format!("%{text}%")));
    Expr::from(Func::lower(column.into_simple_expr())).binary(BinOper::Like, Expr::from(pattern))
}
