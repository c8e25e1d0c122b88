//! Sellers.

use sea_orm::{
    ActiveValue::NotSet,
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait},
};
use souk_kernel::{Page, PageQuery, SellerId, Timestamp};
use souk_platform::{
    db::{Reader, newest_first},
    security::SellerStatus,
};

use super::matching;
use crate::{
    domain::{SellerState, seller_status},
    error::Error,
};

/// A shop.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sellers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SellerId,
    pub name: String,
    #[sea_orm(unique)]
    pub slug: String,
    #[sea_orm(column_type = "Text")]
    pub description: String,
    pub state: SellerState,
    pub holiday: bool,
    /// For its team and the operator.
    pub suspend_reason: Option<String>,
    /// Of all reviews of its products, each 1 to 5.
    pub rating_sum: i64,
    pub rating_count: i64,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// A new shop.
    pub fn new(
        id: SellerId,
        name: String,
        slug: String,
        description: String,
        state: SellerState,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            name,
            slug,
            description,
            state,
            holiday: false,
            suspend_reason: None,
            rating_sum: 0,
            rating_count: 0,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    pub fn status(&self) -> SellerStatus {
        seller_status(self.state, self.holiday)
    }
}

pub async fn find(conn: &impl ConnectionTrait, id: SellerId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(conn).await
}

pub async fn find_by_slug(conn: &impl ConnectionTrait, slug: &str) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::Slug.eq(slug)).one(conn).await
}

pub async fn find_many(conn: &impl ConnectionTrait, ids: Vec<SellerId>) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::Id.is_in(ids)).all(conn).await
}

/// Which of these slugs are taken.
pub async fn taken_slugs(conn: &impl ConnectionTrait, candidates: &[String]) -> Result<Vec<String>, DbErr> {
    let slugs = Entity::find().select_only().column(Column::Slug).filter(Column::Slug.is_in(candidates));
    slugs.into_tuple().all(conn).await
}

pub async fn insert(conn: &impl ConnectionTrait, seller: Model) -> Result<(), DbErr> {
    Entity::insert(seller.into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// What somebody looks for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Part of the name or of the slug.
    pub text: Option<String>,
    pub status: Option<SellerStatus>,
    /// Only those that the public may see.
    pub public: bool,
}

/// Sellers, newest first.
pub async fn list(conn: &Reader, filter: Filter, page: PageQuery) -> Result<Page<Model>, Error> {
    let mut rows = Entity::find();
    if filter.public {
        rows = rows.filter(Column::State.eq(SellerState::Approved));
    }
    if let Some(text) = filter.text {
        let by_slug = Column::Slug.contains(text.to_ascii_lowercase());
        rows = rows.filter(Condition::any().add(by_slug).add(matching::has(Column::Name, &text)));
    }
    rows = match filter.status {
        None => rows,
        Some(SellerStatus::Pending) => rows.filter(Column::State.eq(SellerState::Pending)),
        Some(SellerStatus::Suspended) => rows.filter(Column::State.eq(SellerState::Suspended)),
        Some(SellerStatus::Approved) => {
            rows.filter(Column::State.eq(SellerState::Approved).and(Column::Holiday.eq(false)))
        }
        Some(SellerStatus::Holiday) => {
            rows.filter(Column::State.eq(SellerState::Approved).and(Column::Holiday.eq(true)))
        }
    };
    newest_first(conn, rows, Column::Id, |seller| seller.id, &page).await
}

/// Writes a seller back as a new version, if it still has the one that was read; false when somebody was faster. The
/// rating is left alone: reviews come in meanwhile.
pub async fn save(conn: &impl ConnectionTrait, seller: &mut Model, now: Timestamp) -> Result<bool, DbErr> {
    let seen = seller.version;
    seller.version += 1;
    seller.updated_at = now;
    let mut changed = seller.clone().into_active_model().reset_all();
    (changed.rating_sum, changed.rating_count) = (NotSet, NotSet);
    let updated = Entity::update_many()
        .set(changed)
        .filter(Column::Id.eq(seller.id))
        .filter(Column::Version.eq(seen))
        .exec(conn)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Counts more reviews, or fewer. The version stays: nobody edits the rating.
pub async fn add_rating(conn: &impl ConnectionTrait, id: SellerId, stars: i64, reviews: i64) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::RatingSum, Expr::col(Column::RatingSum).add(stars))
        .col_expr(Column::RatingCount, Expr::col(Column::RatingCount).add(reviews))
        .filter(Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}
