//! Refunds agree with what seller orders bear of them and with the ledger.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};
use souk_kernel::RefundId;
use souk_platform::{
    db::{Database, Moment},
    verify::Rule,
};

use super::{Checking, PAGE, differs, first_wrong};
use crate::{
    domain::{
        ledger::{Component, Kind},
        refund::RefundStatus,
    },
    store::{
        entities::{ledger_posting, ledger_transaction, refund, refund_part},
        ledger::whole,
    },
};

#[derive(FromQueryResult)]
struct Borne {
    refund_id: RefundId,
    total: i64,
}

pub async fn check(db: &Database) -> Result<[Rule; 2], DbErr> {
    let mut borne_rule = Checking::new("what seller orders bear adds up to the refund");
    let mut booked_rule = Checking::new("completed refunds are booked with exactly their amount, others not at all");
    let mut after: Option<RefundId> = None;
    loop {
        let tx = db.reader().moment().await?;
        let mut page = refund::Entity::find().order_by_asc(refund::Column::Id).limit(PAGE);
        if let Some(after) = after {
            page = page.filter(refund::Column::Id.gt(after));
        }
        let page = page.all(&tx).await?;
        let (Some(first), Some(last)) = (page.first(), page.last()) else { break };
        let borne = borne(&tx, first.id, last.id).await?;
        let booked = booked(&tx, Kind::Refund, &first.id.to_string(), &last.id.to_string()).await?;
        drop(tx);
        after = Some(last.id);
        for refund in &page {
            let parts = borne.get(&refund.id).copied().unwrap_or(0);
            borne_rule.look(first_wrong(refund.id, [differs("borne", parts, refund.amount)]));
            let should_be = if refund.status == RefundStatus::Completed { -refund.amount } else { 0 };
            let is = booked.get(&refund.id.to_string()).copied().unwrap_or(0);
            booked_rule.look(first_wrong(refund.id, [differs("booked", is, should_be)]));
        }
    }
    Ok([borne_rule.done(), booked_rule.done()])
}

async fn borne(tx: &Moment, first: RefundId, last: RefundId) -> Result<HashMap<RefundId, i64>, DbErr> {
    use refund_part::Column as C;
    let total = Expr::col(C::Goods).add(Expr::col(C::Shipping)).add(Expr::col(C::Tax)).sum();
    let sums: Vec<Borne> = refund_part::Entity::find()
        .select_only()
        .column(C::RefundId)
        .column_as(whole(tx.get_database_backend(), total), "total")
        .filter(C::RefundId.between(first, last))
        .group_by(C::RefundId)
        .into_model()
        .all(tx)
        .await?;
    Ok(sums.into_iter().map(|sum| (sum.refund_id, sum.total)).collect())
}

/// What was booked at providers, by reference, for the references from `first` to `last`. Ids sort as texts the way they
/// sort as ids.
pub async fn booked(tx: &Moment, kind: Kind, first: &str, last: &str) -> Result<HashMap<String, i64>, DbErr> {
    use ledger_transaction::Column as T;
    let transactions = ledger_transaction::Entity::find()
        .filter(T::Kind.eq(kind))
        .filter(T::Reference.between(first, last))
        .all(tx)
        .await?;
    let postings = Query::select()
        .column(T::Id)
        .from(ledger_transaction::Entity)
        .and_where(T::Kind.eq(kind))
        .and_where(T::Reference.between(first, last))
        .to_owned();
    let postings = ledger_posting::Entity::find()
        .filter(ledger_posting::Column::Component.eq(Component::Total))
        .filter(ledger_posting::Column::TransactionId.in_subquery(postings))
        .all(tx)
        .await?;
    let mut totals: HashMap<_, i64> = HashMap::new();
    for posting in postings {
        *totals.entry(posting.transaction_id).or_default() += posting.amount;
    }
    Ok(transactions.into_iter().map(|row| (row.reference, totals.get(&row.id).copied().unwrap_or(0))).collect())
}
