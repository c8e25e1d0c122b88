//! Every transaction of the ledger sums to zero, in one currency.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use souk_kernel::LedgerTransactionId;
use souk_platform::{db::Database, verify::Rule};

use super::{Checking, PAGE};
use crate::store::{
    entities::{ledger_posting, ledger_transaction},
    ledger::whole,
};

#[derive(FromQueryResult)]
struct Sum {
    transaction_id: LedgerTransactionId,
    total: i64,
    lowest: String,
    highest: String,
}

pub async fn check(db: &Database) -> Result<Rule, DbErr> {
    use ledger_posting::Column as C;
    let mut rule = Checking::new("ledger transactions sum to zero");
    let mut after: Option<LedgerTransactionId> = None;
    loop {
        let tx = db.reader().moment().await?;
        let mut page = ledger_transaction::Entity::find().order_by_asc(ledger_transaction::Column::Id).limit(PAGE);
        if let Some(after) = after {
            page = page.filter(ledger_transaction::Column::Id.gt(after));
        }
        let page = page.all(&tx).await?;
        let (Some(first), Some(last)) = (page.first(), page.last()) else { break };
        let sums: Vec<Sum> = ledger_posting::Entity::find()
            .select_only()
            .column(C::TransactionId)
            .column_as(whole(tx.get_database_backend(), C::Amount.sum()), "total")
            .column_as(Expr::col(C::Currency).min(), "lowest")
            .column_as(Expr::col(C::Currency).max(), "highest")
            .filter(C::TransactionId.between(first.id, last.id))
            .group_by(C::TransactionId)
            .into_model()
            .all(&tx)
            .await?;
        drop(tx);
        after = Some(last.id);
        let sums: HashMap<_, _> = sums.into_iter().map(|sum| (sum.transaction_id, sum)).collect();
        for transaction in page {
            let name = || format!("{} ({:?} {})", transaction.id, transaction.kind, transaction.reference);
            rule.look(match sums.get(&transaction.id) {
                None => Some(format!("{}: no postings", name())),
                Some(sum) if sum.total != 0 => Some(format!("{}: out of balance by {}", name(), sum.total)),
                Some(sum)
                    if sum.lowest != transaction.currency.code() || sum.highest != transaction.currency.code() =>
                {
                    Some(format!("{}: more than one currency", name()))
                }
                Some(_) => None,
            });
        }
    }
    Ok(rule.done())
}
