//! What must hold over all mails, checked by `souk verify`.

use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use souk_kernel::NotificationId;
use souk_platform::{db::Database, verify::Rule};

use crate::{
    domain::MailStatus,
    store::mails::{Column, Entity},
};

/// Offending rows that are named; the count of more would say nothing new.
const NAMED: u64 = 100;

/// All rules.
pub async fn rules(db: &Database) -> Result<Vec<Rule>, DbErr> {
    let checked = Entity::find().count(db.reader()).await?;
    let unsent = Condition::all().add(Column::Status.eq(MailStatus::Sent)).add(Column::SentAt.is_null());
    let unexplained = Condition::all().add(Column::Status.eq(MailStatus::Dead)).add(Column::LastError.is_null());
    let lost = Condition::all().add(Column::Status.eq(MailStatus::Queued)).add(Column::NextAt.is_null());
    let broken = Condition::any().add(unsent).add(unexplained).add(lost);
    let offenders: Vec<(NotificationId, MailStatus)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Status])
        .filter(broken)
        .limit(NAMED)
        .into_tuple()
        .all(db.reader())
        .await?;
    let offenders = offenders.into_iter().map(|(id, status)| format!("{id} is {status:?} without saying when or why"));
    Ok(vec![Rule::new(
        "every mail is sent, waits for its time, or says why it was given up",
        checked,
        offenders.collect(),
    )])
}
