//! An account was deleted: its orders stay, its personal data goes.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::Expr,
};
use souk_kernel::{OrderId, UserId};
use souk_platform::events::Receipt;

use crate::{
    app::App,
    domain::OrderStatus,
    error::Error,
    events::Forget,
    store::{Address, orders},
};

/// Orders wiped in one transaction, so that the writer is free for others in between.
const BATCH: u64 = 100;

/// Wipes address and e-mail of the user's orders that are over. Live ones need them to arrive; they are looked at again
/// tomorrow.
pub async fn forget_user(app: &App, user_id: UserId, receipt: Receipt) -> Result<(), Error> {
    let over = [
        OrderStatus::Rejected,
        OrderStatus::Expired,
        OrderStatus::Completed,
        OrderStatus::Cancelled,
        OrderStatus::Refunded,
    ];
    let of_user = || orders::Entity::find().filter(orders::Column::UserId.eq(user_id));
    let mut after: Option<OrderId> = None;
    loop {
        let rows: Vec<(OrderId, Address)> = of_user()
            .select_only()
            .column(orders::Column::Id)
            .column(orders::Column::Address)
            .filter(orders::Column::Status.is_in(over))
            .filter(orders::Column::Email.ne(""))
            .apply_if(after, |select, after| select.filter(orders::Column::Id.gt(after)))
            .order_by_asc(orders::Column::Id)
            .limit(BATCH)
            .into_tuple()
            .all(app.db.reader())
            .await?;
        let Some(last) = rows.last() else { break };
        after = Some(last.0);
        app.db.transaction(move |tx| async move { wipe(&tx, rows).await }).await?;
    }
    let live = of_user().filter(orders::Column::Status.is_not_in(over)).one(app.db.reader()).await?.is_some();
    app.db
        .transaction(move |tx| async move {
            if tx.accept(receipt).await? && live {
                tx.publish_at(Forget { user_id }, tx.now() + chrono::TimeDelta::days(1));
            }
            Ok(())
        })
        .await
}

async fn wipe(tx: &souk_platform::db::Tx, rows: Vec<(OrderId, Address)>) -> Result<(), Error> {
    for (id, address) in rows {
        let wiped =
            orders::ActiveModel { email: Set(String::new()), address: Set(address.forgotten()), ..Default::default() };
        orders::Entity::update_many()
            .set(wiped)
            .col_expr(orders::Column::Version, Expr::col(orders::Column::Version).add(1))
            .filter(orders::Column::Id.eq(id))
            .exec(tx)
            .await?;
    }
    Ok(())
}
