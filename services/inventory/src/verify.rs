//! What must hold over all stock, checked by `souk verify`, and the facts that other services' rules need.
//!
//! Everything is read in single statements or in pages of rows that are complete in themselves, so that it works while
//! the server runs and needs little memory.

use std::collections::BTreeMap;

use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, FromQueryResult, JoinType, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Alias, Expr, ExprTrait, Func, IntoCondition, Query, SelectStatement},
};
use souk_kernel::{OrderId, SkuId};
use souk_platform::{db::Database, verify::Rule};

use crate::{
    domain::{HoldStatus, MovementKind, Totals},
    store::{BATCH, ledger, portable::sum, reservation, stock, stock_event, stock_level},
};

/// More offenders than these are not listed.
const ENOUGH: u64 = 100;

/// Checks inventory's own rules.
pub async fn rules(db: &Database) -> Result<Vec<Rule>, DbErr> {
    Ok(vec![
        no_oversell(db).await?,
        ledger_folds_to_state(db).await?,
        changes_are_numbered(db).await?,
        reserved_units_belong_to_orders(db).await?,
        committed_units_left_once(db).await?,
    ])
}

async fn no_oversell(db: &Database) -> Result<Rule, DbErr> {
    use stock_level::Column::{OnHand, Reserved};
    let wrong = Condition::any().add(Reserved.lt(0)).add(Reserved.into_expr().gt(OnHand.into_expr()));
    let rows = stock_level::Entity::find().filter(wrong).limit(ENOUGH).all(db.reader()).await?;
    let offenders = rows
        .into_iter()
        .map(|row| format!("{} at {}: {} reserved of {} on hand", row.sku_id, row.location, row.reserved, row.on_hand));
    Ok(Rule::new("no SKU has more units reserved than on hand", rows_of_stock(db).await?, offenders.collect()))
}

async fn ledger_folds_to_state(db: &Database) -> Result<Rule, DbErr> {
    let (mut checked, mut offenders, mut after) = (0, Vec::new(), None);
    loop {
        let rows = ledger::compare(db.reader(), after, BATCH as u64).await?;
        let Some(last) = rows.last() else { break };
        after = Some((last.sku_id, last.location.clone()));
        checked += rows.len() as u64;
        offenders.extend(rows.iter().filter(|row| !row.agrees()).map(|row| {
            format!(
                "{} at {}: {}/{} at version {}, but the ledger folds to {}/{} at {}",
                row.sku_id,
                row.location,
                row.on_hand,
                row.reserved,
                row.version,
                row.ledger_on_hand,
                row.ledger_reserved,
                row.ledger_version
            )
        }));
    }
    let forgotten = ledger::forgotten(db.reader(), ENOUGH).await?;
    offenders.extend(forgotten.iter().map(|row| format!("{} at {}: in the ledger only", row.sku_id, row.location)));
    Ok(Rule::new("stock is the fold of its ledger", checked, offenders))
}

async fn changes_are_numbered(db: &Database) -> Result<Rule, DbErr> {
    let checked = stock_event::Entity::find().count(db.reader()).await?;
    let offenders = ledger::gaps(db.reader(), ENOUGH).await?.into_iter().map(|sku_id| sku_id.to_string()).collect();
    Ok(Rule::new("the ledger of every SKU is numbered without gaps", checked, offenders))
}

#[derive(FromQueryResult)]
struct HeldRow {
    sku_id: SkuId,
    location: String,
    reserved: i64,
    held: i64,
}

async fn reserved_units_belong_to_orders(db: &Database) -> Result<Rule, DbErr> {
    let backend = db.reader().get_database_backend();
    let orders = Alias::new("orders");
    let level = |column: stock_level::Column| Expr::col((stock_level::Entity, column));
    let held = Expr::col((orders.clone(), Alias::new("units")));
    let holds: SelectStatement = Query::select()
        .columns([reservation::Column::SkuId, reservation::Column::Location])
        .expr_as(sum(backend, Expr::col(reservation::Column::Quantity)), "units")
        .from(reservation::Entity)
        .and_where(reservation::Column::Status.eq(HoldStatus::Active))
        .group_by_columns([reservation::Column::SkuId, reservation::Column::Location])
        .to_owned();
    let same_row = level(stock_level::Column::SkuId)
        .equals((orders.clone(), reservation::Column::SkuId))
        .and(level(stock_level::Column::Location).equals((orders.clone(), reservation::Column::Location)));
    let held = Expr::from(Func::coalesce([held, Expr::val(0_i64)]));
    let mut query = stock_level::Entity::find()
        .select_only()
        .columns([stock_level::Column::SkuId, stock_level::Column::Location, stock_level::Column::Reserved])
        .expr_as(held.clone(), "held")
        .filter(level(stock_level::Column::Reserved).ne(held))
        .limit(ENOUGH);
    QuerySelect::query(&mut query).join_subquery(JoinType::LeftJoin, holds, orders, same_row.into_condition());
    let wrong = query.into_model::<HeldRow>().all(db.reader()).await?;
    let offenders = wrong.into_iter().map(|row| {
        format!("{} at {}: {} reserved, but orders hold {}", row.sku_id, row.location, row.reserved, row.held)
    });
    Ok(Rule::new("reserved units are those that orders hold", rows_of_stock(db).await?, offenders.collect()))
}

#[derive(FromQueryResult)]
struct Flow {
    sku_id: SkuId,
    committed: i64,
    returned: i64,
    left: i64,
    back: i64,
}

/// What the ledger says left and came back, against what orders took and gave back, per SKU.
async fn committed_units_left_once(db: &Database) -> Result<Rule, DbErr> {
    let backend = db.reader().get_database_backend();
    let moved = Alias::new("moved");
    // Both kinds have one sign each, so one pass over the ledger gives both sums.
    let event = |kind: MovementKind, sign: i64| {
        let units = Expr::col(stock_event::Column::OnHandDelta).mul(sign);
        sum(backend, Expr::case(stock_event::Column::Kind.eq(kind), units).finally(0_i64))
    };
    let entries: SelectStatement = Query::select()
        .column(stock_event::Column::SkuId)
        .expr_as(event(MovementKind::Committed, -1), "committed")
        .expr_as(event(MovementKind::Returned, 1), "returned")
        .from(stock_event::Entity)
        .and_where(stock_event::Column::OrderId.is_not_null())
        .group_by_col(stock_event::Column::SkuId)
        .to_owned();
    let took = reservation::Column::Status.is_in([HoldStatus::Committed, HoldStatus::Restocked]);
    let left = sum(backend, Expr::case(took, Expr::col(reservation::Column::Quantity)).finally(0_i64));
    let back = sum(backend, Expr::col(reservation::Column::Restocked));
    let holds: SelectStatement = Query::select()
        .column(reservation::Column::SkuId)
        .expr_as(left, "left_units")
        .expr_as(back, "back_units")
        .from(reservation::Entity)
        .group_by_col(reservation::Column::SkuId)
        .to_owned();
    let orders = Alias::new("orders");
    let of_orders = |name: &'static str| {
        Expr::from(Func::coalesce([Expr::col((orders.clone(), Alias::new(name))), Expr::val(0_i64)]))
    };
    let of_ledger = |name: &'static str| {
        Expr::from(Func::coalesce([Expr::col((moved.clone(), Alias::new(name))), Expr::val(0_i64)]))
    };
    let sku = Expr::col((stock_level::Entity, stock_level::Column::SkuId));
    let differs =
        of_orders("left_units").ne(of_ledger("committed")).or(of_orders("back_units").ne(of_ledger("returned")));
    let mut query = stock_level::Entity::find()
        .select_only()
        .distinct()
        .column(stock_level::Column::SkuId)
        .expr_as(of_ledger("committed"), "committed")
        .expr_as(of_ledger("returned"), "returned")
        .expr_as(of_orders("left_units"), "left")
        .expr_as(of_orders("back_units"), "back")
        .filter(differs)
        .limit(ENOUGH);
    let same_sku =
        |other: &Alias, column: &'static str| sku.clone().equals((other.clone(), Alias::new(column))).into_condition();
    QuerySelect::query(&mut query)
        .join_subquery(JoinType::LeftJoin, entries, moved.clone(), same_sku(&moved, "sku_id"))
        .join_subquery(JoinType::LeftJoin, holds, orders.clone(), same_sku(&orders, "sku_id"));
    let wrong = query.into_model::<Flow>().all(db.reader()).await?;
    let offenders = wrong.into_iter().map(|row| {
        format!(
            "{}: {} committed and {} returned in the ledger, but orders took {} and gave back {}",
            row.sku_id, row.committed, row.returned, row.left, row.back
        )
    });
    let checked = reservation::Entity::find().count(db.reader()).await?;
    Ok(Rule::new("what orders took left the shelf once", checked, offenders.collect()))
}

async fn rows_of_stock(db: &Database) -> Result<u64, DbErr> {
    stock_level::Entity::find().count(db.reader()).await
}

/// What can be bought of a SKU, over all its locations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SkuLevel {
    /// Units that no order holds.
    pub available: i64,
    /// The number of the last change.
    pub version: i64,
}

/// The levels of SKUs; those without a stock row are left out.
pub async fn levels_of(db: &Database, sku_ids: &[SkuId]) -> Result<BTreeMap<SkuId, SkuLevel>, DbErr> {
    let found = stock::read(db.reader(), sku_ids).await?;
    let level = |totals: Totals| SkuLevel { available: totals.available(), version: totals.version };
    Ok(found.into_iter().map(|(sku_id, stock)| (sku_id, level(stock.totals()))).collect())
}

/// Units of one SKU at one location that an order holds, took or gave back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderUnits {
    /// The order.
    pub order_id: OrderId,
    /// The SKU.
    pub sku_id: SkuId,
    /// Where they lie; an order's units of one SKU may lie at several locations.
    pub location: String,
    /// How many.
    pub quantity: i64,
    /// How many of them came back.
    pub restocked: i64,
    /// `active`, `committed`, `released` or `restocked`.
    pub status: &'static str,
}

/// A page of all units of all orders, by order, SKU and location, after the last one of the page before.
pub async fn order_units(db: &Database, after: Option<&OrderUnits>, limit: u64) -> Result<Vec<OrderUnits>, DbErr> {
    use reservation::Column::{Location, OrderId, SkuId};
    let mut query = reservation::Entity::find();
    if let Some(after) = after {
        let same_order = Condition::all().add(OrderId.eq(after.order_id));
        let same_sku = same_order.clone().add(SkuId.eq(after.sku_id)).add(Location.gt(after.location.as_str()));
        let later_sku = same_order.add(SkuId.gt(after.sku_id));
        query = query.filter(Condition::any().add(OrderId.gt(after.order_id)).add(later_sku).add(same_sku));
    }
    let page = query.order_by_asc(OrderId).order_by_asc(SkuId).order_by_asc(Location).limit(limit);
    let rows = page.all(db.reader()).await?;
    Ok(rows.into_iter().map(OrderUnits::from).collect())
}

/// All units of one order.
pub async fn units_of(db: &Database, order_id: OrderId) -> Result<Vec<OrderUnits>, DbErr> {
    let rows = reservation::Entity::find().filter(reservation::Column::OrderId.eq(order_id)).all(db.reader()).await?;
    Ok(rows.into_iter().map(OrderUnits::from).collect())
}

impl From<reservation::Model> for OrderUnits {
    fn from(row: reservation::Model) -> Self {
        Self {
            order_id: row.order_id,
            sku_id: row.sku_id,
            location: row.location,
            quantity: row.quantity,
            restocked: row.restocked,
            status: row.status.word(),
        }
    }
}
