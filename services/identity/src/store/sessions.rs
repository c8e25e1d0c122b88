//! Sessions: families of refresh tokens. Only hashes are stored.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait},
};
use souk_kernel::{Page, PageQuery, SessionId, Timestamp, UserId};
use souk_platform::db::{Reader, newest_first};

use crate::{
    domain::{Presented, SessionState},
    error::Error,
};

/// SHA-256 of a token.
pub type TokenHash = [u8; 32];

/// One login on one device.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    pub user_id: UserId,
    /// Of the newest token.
    #[sea_orm(column_type = "Binary(32)", unique)]
    pub token_hash: Vec<u8>,
    pub created_at: DateTimeUtc,
    pub used_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub revoked_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn state(&self) -> SessionState {
        SessionState { revoked: self.revoked_at.is_some(), expires_at: self.expires_at }
    }

    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// Tokens that were exchanged for newer ones.
pub mod spent {
    use sea_orm::entity::prelude::*;
    use souk_kernel::SessionId;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "spent_tokens")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false, column_type = "Binary(32)")]
        pub token_hash: Vec<u8>,
        pub session_id: SessionId,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub async fn insert(conn: &impl ConnectionTrait, session: Model) -> Result<(), DbErr> {
    Entity::insert(session.into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// The session, only if it is this user's and goes on.
pub async fn find_live(
    conn: &impl ConnectionTrait,
    id: SessionId,
    user: UserId,
    now: Timestamp,
) -> Result<Option<Model>, DbErr> {
    let session = Entity::find_by_id(id).filter(Column::UserId.eq(user)).one(conn).await?;
    Ok(session.filter(|session| session.is_live(now)))
}

/// A user's sessions that go on, newest first.
pub async fn list_live(conn: &Reader, user: UserId, now: Timestamp, page: PageQuery) -> Result<Page<Model>, Error> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user))
        .filter(Column::RevokedAt.is_null())
        .filter(Column::ExpiresAt.gt(now));
    newest_first(conn, rows, Column::Id, |session| session.id, &page).await
}

/// The session that a token belongs to, and whether the token is its newest.
pub async fn find_by_token(conn: &impl ConnectionTrait, hash: &TokenHash) -> Result<Option<(Model, Presented)>, DbErr> {
    if let Some(session) = Entity::find().filter(Column::TokenHash.eq(hash.to_vec())).one(conn).await? {
        return Ok(Some((session, Presented::Current)));
    }
    let Some(spent) = spent::Entity::find_by_id(hash.to_vec()).one(conn).await? else { return Ok(None) };
    Ok(Entity::find_by_id(spent.session_id).one(conn).await?.map(|session| (session, Presented::Spent)))
}

/// Exchanges the newest token; false when another request did so first.
pub async fn rotate(
    conn: &impl ConnectionTrait,
    session: &Model,
    new: &TokenHash,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, DbErr> {
    let updated = Entity::update_many()
        .col_expr(Column::TokenHash, Expr::value(new.to_vec()))
        .col_expr(Column::UsedAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(expires_at))
        .filter(Column::Id.eq(session.id))
        .filter(Column::TokenHash.eq(session.token_hash.clone()))
        .filter(Column::RevokedAt.is_null())
        .exec(conn)
        .await?;
    if updated.rows_affected == 0 {
        return Ok(false);
    }
    let row = spent::ActiveModel { token_hash: Set(session.token_hash.clone()), session_id: Set(session.id) };
    spent::Entity::insert(row).exec_without_returning(conn).await?;
    Ok(true)
}

/// Ends one session; gives its id, if it went on.
pub async fn revoke(conn: &impl ConnectionTrait, id: SessionId, now: Timestamp) -> Result<Vec<SessionId>, DbErr> {
    revoke_where(conn, Column::Id.eq(id), now).await
}

/// Ends all sessions of a user; gives those that went on.
pub async fn revoke_all(conn: &impl ConnectionTrait, user: UserId, now: Timestamp) -> Result<Vec<SessionId>, DbErr> {
    revoke_where(conn, Column::UserId.eq(user), now).await
}

/// Ends all sessions of a user but one; gives those that went on.
pub async fn revoke_others(
    conn: &impl ConnectionTrait,
    user: UserId,
    keep: SessionId,
    now: Timestamp,
) -> Result<Vec<SessionId>, DbErr> {
    revoke_where(conn, Column::UserId.eq(user).and(Column::Id.ne(keep)), now).await
}

async fn revoke_where(
    conn: &impl ConnectionTrait,
    which: impl sea_orm::sea_query::IntoCondition,
    now: Timestamp,
) -> Result<Vec<SessionId>, DbErr> {
    let found = Entity::find().select_only().column(Column::Id).filter(which).filter(Column::RevokedAt.is_null());
    let ids: Vec<SessionId> = found.into_tuple().all(conn).await?;
    if !ids.is_empty() {
        Entity::update_many()
            .col_expr(Column::RevokedAt, Expr::value(now))
            .filter(Column::Id.is_in(ids.iter().copied()))
            .exec(conn)
            .await?;
    }
    Ok(ids)
}

/// Up to `limit` sessions that were ended at or after `since`, oldest first, and when.
pub async fn ended_since(
    conn: &impl ConnectionTrait,
    since: Timestamp,
    limit: u64,
) -> Result<Vec<(SessionId, DateTimeUtc)>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .column(Column::RevokedAt)
        .filter(Column::RevokedAt.gte(since))
        .order_by_asc(Column::RevokedAt)
        .limit(limit)
        .into_tuple()
        .all(conn)
        .await
}

/// Forgets up to `limit` sessions that ended before `before`, with their spent tokens. Answers how many.
pub async fn purge(conn: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, DbErr> {
    let ended = Condition::any().add(Column::ExpiresAt.lt(before)).add(Column::RevokedAt.lt(before));
    let ids: Vec<SessionId> =
        Entity::find().select_only().column(Column::Id).filter(ended).limit(limit).into_tuple().all(conn).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    Ok(Entity::delete_many().filter(Column::Id.is_in(ids)).exec(conn).await?.rows_affected)
}
