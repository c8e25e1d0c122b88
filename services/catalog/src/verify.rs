//! The rules that the catalogue's whole data set must keep, and facts that rules across services are made of.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use souk_kernel::{ProductId, SellerId, SkuId};
use souk_platform::{db::Database, verify::Rule};

use crate::{
    domain::rating::Rating,
    store::{
        bulk, categories,
        entities::{category, product, review, sku},
        listing, products, sellers, skus,
        standing::Standing,
    },
};

/// Rows looked at together, so that memory stays bounded whatever the size of the catalogue.
const PAGE: u64 = 500;
/// Offenders named for one rule.
const NAMED: usize = 100;

/// Every rule, held against all rows.
pub async fn rules(db: &Database) -> Result<Vec<Rule>, DbErr> {
    let connection = db.reader();
    let mut rules = over_products(connection).await?;
    rules.push(sku_rule(connection).await?);
    rules.push(category_rule(connection).await?);
    Ok(rules)
}

async fn over_products(connection: &impl ConnectionTrait) -> Result<Vec<Rule>, DbErr> {
    let mut winners = Rule::new("every product shows the winning offer", 0, Vec::new());
    let mut ratings = Rule::new("every rating is the sum of the shown reviews", 0, Vec::new());
    let mut after = None;
    loop {
        let ids = listing::next(connection, after, PAGE).await?;
        let Some(last) = ids.last() else { break };
        after = Some(*last);
        let reviews = review_sums(connection, &ids).await?;
        let aggregates = products::load_many(connection, &ids).await?;
        let sellers = sellers::find(connection, products::seller_ids(&aggregates)).await?;
        for aggregate in &aggregates {
            let product = &aggregate.product;
            let (stored, computed) =
                (Standing::stored(product), Standing::computed(product, &aggregate.skus, &sellers));
            check(&mut winners, stored == computed, || format!("{}: {stored:?}, not {computed:?}", product.id));
            let counted = reviews.get(&product.id).copied().unwrap_or_default();
            let right = product.rating() == counted && product.rating_rank == counted.rank();
            check(&mut ratings, right, || format!("{}: {:?}, not {counted:?}", product.id, product.rating()));
        }
    }
    Ok(vec![winners, ratings])
}

async fn review_sums(
    connection: &impl ConnectionTrait,
    ids: &[ProductId],
) -> Result<HashMap<ProductId, Rating>, DbErr> {
    let rows: Vec<(ProductId, i16)> = review::Entity::find()
        .select_only()
        .columns([review::Column::ProductId, review::Column::Rating])
        .filter(review::Column::ProductId.is_in(ids.iter().copied()))
        .filter(review::Column::Hidden.eq(false))
        .into_tuple()
        .all(connection)
        .await?;
    let mut sums: HashMap<ProductId, Rating> = HashMap::new();
    for (product, stars) in rows {
        let sum = sums.entry(product).or_default();
        *sum = sum.with(stars);
    }
    Ok(sums)
}

async fn sku_rule(connection: &impl ConnectionTrait) -> Result<Rule, DbErr> {
    let mut rule = Rule::new("every offer has a sound code, price and stock", 0, Vec::new());
    let mut after = None;
    loop {
        let rows = skus::next(connection, after, PAGE).await?;
        let Some(last) = rows.last() else { return Ok(rule) };
        after = Some(last.id);
        for row in &rows {
            let sound = row.price >= 0
                && row.stock >= 0
                && row.live_code.as_ref().is_none_or(|code| *code == row.code && !code.is_empty());
            check(&mut rule, sound, || {
                format!("{}: code {:?}, price {}, stock {}", row.id, row.live_code, row.price, row.stock)
            });
        }
    }
}

async fn category_rule(connection: &impl ConnectionTrait) -> Result<Rule, DbErr> {
    let tree = categories::tree(connection).await?;
    let count = category::Entity::find().count(connection).await?;
    let ids: Vec<souk_kernel::CategoryId> =
        category::Entity::find().select_only().column(category::Column::Id).into_tuple().all(connection).await?;
    let lost = ids.iter().filter(|id| tree.get(**id).is_none()).map(|id| format!("{id}: is below itself"));
    Ok(Rule::new("every category hangs in the tree", count, lost.take(NAMED).collect()))
}

fn check(rule: &mut Rule, holds: bool, offender: impl FnOnce() -> String) {
    rule.checked += 1;
    if !holds && rule.offenders.len() < NAMED {
        rule.offenders.push(offender());
    }
}

/// What the catalogue believes of a SKU's stock; inventory knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StockFact {
    pub sku_id: SkuId,
    pub seller_id: SellerId,
    pub available: i64,
    /// Of the level that it comes from.
    pub version: i64,
}

/// The next facts after `after` by SKU; an empty page is the end.
pub async fn stock(db: &Database, after: Option<SkuId>, limit: u64) -> Result<Vec<StockFact>, DbErr> {
    let mut find = sku::Entity::find();
    if let Some(after) = after {
        find = find.filter(sku::Column::Id.gt(after));
    }
    let rows = find.order_by_asc(sku::Column::Id).limit(limit).all(db.reader()).await?;
    Ok(rows.into_iter().map(StockFact::from).collect())
}

/// The facts of these SKUs, for a second look; unknown ones are left out.
pub async fn stock_of(db: &Database, ids: &[SkuId]) -> Result<Vec<StockFact>, DbErr> {
    let mut facts = Vec::with_capacity(ids.len());
    for ids in ids.chunks(bulk::IDS) {
        let rows = sku::Entity::find().filter(sku::Column::Id.is_in(ids.iter().copied())).all(db.reader()).await?;
        facts.extend(rows.into_iter().map(StockFact::from));
    }
    Ok(facts)
}

impl From<sku::Model> for StockFact {
    fn from(row: sku::Model) -> Self {
        Self { sku_id: row.id, seller_id: row.seller_id, available: row.stock, version: row.stock_version }
    }
}

/// Products by id with their versions and whether the public sees them, for the comparison with search.
pub async fn products(
    db: &Database,
    after: Option<ProductId>,
    limit: u64,
) -> Result<Vec<(ProductId, i64, bool)>, DbErr> {
    let mut find = standings();
    if let Some(after) = after {
        find = find.filter(product::Column::Id.gt(after));
    }
    find.order_by_asc(product::Column::Id).limit(limit).into_tuple().all(db.reader()).await
}

/// One of them.
pub async fn product(db: &Database, id: ProductId) -> Result<Option<(ProductId, i64, bool)>, DbErr> {
    standings().filter(product::Column::Id.eq(id)).into_tuple().one(db.reader()).await
}

fn standings() -> Select<product::Entity> {
    let columns = [product::Column::Id, product::Column::Version, product::Column::Public];
    product::Entity::find().select_only().columns(columns)
}
