//! Lists of products: filters, orders and pages. Gives ids; what is shown of each comes from the cache.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, Order, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select,
    sea_query::{Expr, ExprTrait, Func, LikeExpr},
};
use serde::{Deserialize, Serialize};
use souk_kernel::{CategoryId, Page, PageQuery, Problem, ProductId, SellerId};
use souk_platform::{
    db::Reader,
    http::{decode_cursor, encode_cursor},
};

use super::{
    Scope,
    entities::{attribute, product, sku},
};
use crate::{domain::product::Status, error::Error};

/// How a list is ordered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    #[default]
    Newest,
    PriceAsc,
    PriceDesc,
    Rating,
    Popular,
}

/// What an attribute must be.
#[derive(Clone, PartialEq, Debug)]
pub enum Wanted {
    /// One of these texts.
    Texts(Vec<String>),
    AtLeast(f64),
    AtMost(f64),
}

/// Which products are wanted. An absent part asks for nothing.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Filter {
    /// Any of these.
    pub categories: Option<Vec<CategoryId>>,
    /// Offered by this seller.
    pub seller: Option<SellerId>,
    /// For what isn't public; absent: what is public.
    pub statuses: Option<Vec<Status>>,
    pub price_min: Option<i64>,
    pub price_max: Option<i64>,
    pub in_stock: Option<bool>,
    pub external_id: Option<String>,
    pub attributes: Vec<(String, Wanted)>,
}

/// Where a page ended. The order is part of it, because a position in another order means nothing.
#[derive(Serialize, Deserialize)]
struct Position {
    sort: Sort,
    value: i64,
    id: ProductId,
}

/// One page of the products that the filter wants and the scope may see.
pub async fn page(
    connection: &impl ConnectionTrait,
    filter: &Filter,
    scope: Scope,
    sort: Sort,
    page: PageQuery,
) -> Result<Page<ProductId>, Error> {
    let PageQuery { limit, offset, cursor } = page;
    let position = cursor.as_deref().map(decode_cursor::<Position>).transpose()?;
    let position = match position {
        Some(position) if position.sort != sort => {
            return Err(Problem::malformed("cursor", "belongs to a list in another order").into());
        }
        position => position,
    };
    let total = matching(filter, scope).count(connection).await?;
    let (column, order) = ordering(sort);
    let mut rows = matching(filter, scope).select_only().column(product::Column::Id);
    rows = match column {
        Some(column) => rows.column(column).order_by(column, order.clone()),
        None => rows.expr(Expr::value(0_i64)),
    };
    rows = rows.order_by(product::Column::Id, order.clone()).limit(limit + 1);
    rows = match position {
        Some(position) => rows.filter(after(&position, column, &order)),
        None => rows.offset(offset),
    };
    let mut found: Vec<(ProductId, i64)> = rows.into_tuple().all(connection).await?;
    let wanted = usize::try_from(limit).map_err(|_| Problem::internal())?;
    let more = found.len() > wanted;
    found.truncate(wanted);
    let last = found.last().filter(|_| more);
    let next_cursor = last.map(|(id, value)| encode_cursor(&Position { sort, value: *value, id: *id }));
    Ok(Page { items: found.into_iter().map(|(id, _)| id).collect(), limit, offset, total, next_cursor })
}

/// The column before the id, if any: ids are made in the order of time, so the newest has the greatest.
fn ordering(sort: Sort) -> (Option<product::Column>, Order) {
    match sort {
        Sort::Newest => (None, Order::Desc),
        Sort::PriceAsc => (Some(product::Column::Price), Order::Asc),
        Sort::PriceDesc => (Some(product::Column::Price), Order::Desc),
        Sort::Rating => (Some(product::Column::RatingRank), Order::Desc),
        Sort::Popular => (Some(product::Column::Popularity), Order::Desc),
    }
}

fn after(position: &Position, column: Option<product::Column>, order: &Order) -> Condition {
    let id = product::Column::Id;
    let beyond = if *order == Order::Asc { id.gt(position.id) } else { id.lt(position.id) };
    let Some(column) = column else { return Condition::all().add(beyond) };
    let value = position.value;
    // The first condition follows from the second; it is there because an index can use it.
    let (near, far) = if *order == Order::Asc {
        (column.gte(value), column.gt(value))
    } else {
        (column.lte(value), column.lt(value))
    };
    Condition::all().add(near).add(Condition::any().add(far).add(beyond))
}

fn matching(filter: &Filter, scope: Scope) -> Select<product::Entity> {
    let mut found = product::Entity::find();
    found = match (&filter.statuses, scope) {
        (None, _) | (_, Scope::Public) => found.filter(product::Column::Public.eq(true)),
        (Some(statuses), Scope::Everything) => found.filter(product::Column::Status.is_in(statuses.clone())),
        (Some(statuses), Scope::Seller(seller)) => {
            let own = product::Column::SellerId.eq(seller);
            found.filter(own).filter(product::Column::Status.is_in(statuses.clone()))
        }
    };
    if let Some(categories) = &filter.categories {
        found = found.filter(product::Column::CategoryId.is_in(categories.iter().copied()));
    }
    if let Some(seller) = filter.seller {
        found = found.filter(offered_by(seller, filter.statuses.is_some()));
    }
    if let Some(price) = filter.price_min {
        found = found.filter(product::Column::Price.gte(price));
    }
    if let Some(price) = filter.price_max {
        found = found.filter(product::Column::Price.lte(price));
    }
    if let Some(in_stock) = filter.in_stock {
        found = found.filter(product::Column::InStock.eq(in_stock));
    }
    if let Some(external_id) = &filter.external_id {
        found = found.filter(product::Column::ExternalId.eq(external_id.as_str()));
    }
    for (name, wanted) in &filter.attributes {
        found = found.filter(has_attribute(name, wanted));
    }
    found
}

/// Archived products have no offers any more; the owner still finds them.
fn offered_by(seller: SellerId, or_made: bool) -> Condition {
    let offers = sku::Entity::find()
        .select_only()
        .column(sku::Column::ProductId)
        .filter(sku::Column::SellerId.eq(seller))
        .filter(sku::Column::LiveCode.is_not_null())
        .into_query();
    let offered = Condition::any().add(product::Column::Id.in_subquery(offers));
    if or_made { offered.add(product::Column::SellerId.eq(seller)) } else { offered }
}

fn has_attribute(name: &str, wanted: &Wanted) -> Expr {
    let named = attribute::Entity::find()
        .select_only()
        .column(attribute::Column::ProductId)
        .filter(attribute::Column::Name.eq(name));
    let fitting = match wanted {
        Wanted::Texts(texts) => named.filter(attribute::Column::TextValue.is_in(texts.iter().map(String::as_str))),
        Wanted::AtLeast(least) => named.filter(attribute::Column::NumberValue.gte(*least)),
        Wanted::AtMost(most) => named.filter(attribute::Column::NumberValue.lte(*most)),
    };
    product::Column::Id.in_subquery(fitting.into_query())
}

/// The next products by id, for what walks over all of them.
pub async fn next(
    connection: &impl ConnectionTrait,
    after: Option<ProductId>,
    limit: u64,
) -> Result<Vec<ProductId>, DbErr> {
    let mut find = product::Entity::find().select_only().column(product::Column::Id);
    if let Some(after) = after {
        find = find.filter(product::Column::Id.gt(after));
    }
    find.order_by_asc(product::Column::Id).limit(limit).into_tuple().all(connection).await
}

/// Products in all.
pub async fn count(connection: &Reader) -> Result<u64, DbErr> {
    product::Entity::find().count(connection).await
}

/// Public products whose titles hold all these words, the newest first, and how many there are.
pub async fn titled(
    connection: &Reader,
    words: &[String],
    offset: u64,
    limit: u64,
) -> Result<(Vec<ProductId>, u64), DbErr> {
    let mut found = product::Entity::find().filter(product::Column::Public.eq(true));
    for word in words {
        let escaped: String = word
            .chars()
            .flat_map(|letter| matches!(letter, '%' | '_' | '!').then_some('!').into_iter().chain([letter]))
            .collect();
        let pattern = LikeExpr::new(format!("%{}%", escaped.to_lowercase())).escape('!');
        found = found.filter(Expr::expr(Func::lower(Expr::col(product::Column::Title))).like(pattern));
    }
    let total = found.clone().count(connection).await?;
    let page = found.select_only().column(product::Column::Id).order_by_desc(product::Column::Id);
    Ok((page.offset(offset).limit(limit).into_tuple().all(connection).await?, total))
}
