//! What must hold over all accounts and sellers, checked by `souk verify`.

use sea_orm::{ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, QueryTrait};
use souk_kernel::{SellerId, UserId};
use souk_platform::{db::Database, verify::Rule};

use crate::{
    domain::AccountStatus,
    store::{
        members, sellers, sessions,
        users::{self, Column},
    },
};

/// Offending rows that are named; the count of more would say nothing new.
const NAMED: u64 = 100;

/// All rules.
pub async fn rules(db: &Database) -> Result<Vec<Rule>, DbErr> {
    Ok(vec![
        deleted_accounts_are_wiped(db).await?,
        deleted_accounts_are_out(db).await?,
        ratings_are_possible(db).await?,
    ])
}

async fn deleted_accounts_are_wiped(db: &Database) -> Result<Rule, DbErr> {
    let deleted = users::Entity::find().filter(Column::Status.eq(AccountStatus::Deleted));
    let checked = deleted.clone().count(db.reader()).await?;
    let personal = sea_orm::Condition::any()
        .add(Column::EmailKey.not_like("user_%@deleted.invalid"))
        .add(Column::PasswordHash.ne(""))
        .add(Column::Phone.is_not_null());
    let offenders: Vec<UserId> =
        deleted.filter(personal).select_only().column(Column::Id).limit(NAMED).into_tuple().all(db.reader()).await?;
    let offenders = offenders.into_iter().map(|id| format!("{id} still holds personal data")).collect();
    Ok(Rule::new("deleted accounts hold no personal data", checked, offenders))
}

async fn deleted_accounts_are_out(db: &Database) -> Result<Rule, DbErr> {
    let deleted = || {
        let ids = users::Entity::find().filter(Column::Status.eq(AccountStatus::Deleted));
        ids.select_only().column(Column::Id).into_query()
    };
    let checked = users::Entity::find().filter(Column::Status.eq(AccountStatus::Deleted)).count(db.reader()).await?;
    let logged_in: Vec<UserId> = sessions::Entity::find()
        .filter(sessions::Column::UserId.in_subquery(deleted()))
        .filter(sessions::Column::RevokedAt.is_null())
        .select_only()
        .column(sessions::Column::UserId)
        .limit(NAMED)
        .into_tuple()
        .all(db.reader())
        .await?;
    let in_teams: Vec<UserId> = members::Entity::find()
        .filter(members::Column::UserId.in_subquery(deleted()))
        .select_only()
        .column(members::Column::UserId)
        .limit(NAMED)
        .into_tuple()
        .all(db.reader())
        .await?;
    let logged_in = logged_in.into_iter().map(|id| format!("{id} is deleted but has an open session"));
    let in_teams = in_teams.into_iter().map(|id| format!("{id} is deleted but is in a seller's team"));
    Ok(Rule::new("deleted accounts have no sessions and no team", checked, logged_in.chain(in_teams).collect()))
}

async fn ratings_are_possible(db: &Database) -> Result<Rule, DbErr> {
    use sea_orm::sea_query::{Expr, ExprTrait};
    use sellers::Column::{Id, RatingCount, RatingSum};
    let checked = sellers::Entity::find().count(db.reader()).await?;
    let below = Expr::col(RatingSum).lt(Expr::col(RatingCount));
    let above = Expr::col(RatingSum).gt(Expr::col(RatingCount).mul(5));
    let offenders: Vec<(SellerId, i64, i64)> = sellers::Entity::find()
        .filter(sea_orm::Condition::any().add(below).add(above))
        .select_only()
        .columns([Id, RatingSum, RatingCount])
        .limit(NAMED)
        .into_tuple()
        .all(db.reader())
        .await?;
    let offenders = offenders.into_iter().map(|(id, sum, count)| format!("{id} has {sum} stars in {count} reviews"));
    Ok(Rule::new("a review gives one to five stars", checked, offenders.collect()))
}
