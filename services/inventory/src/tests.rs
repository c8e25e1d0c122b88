//! Operations against a real database, and that `verify` and `rebuild` see what they should.

mod channels;
mod http;

use std::sync::Arc;

use chrono::TimeDelta;
use sea_orm::{EntityTrait, sea_query::Expr};
use souk_contracts::catalog::catalog_client::CatalogClient;
use souk_kernel::{Clock, EventId, OrderId, SellerId, SkuId, Timestamp};
use souk_platform::{
    db::Database,
    events::Receipt,
    invalidations::Invalidations,
    rpc::{Directory, Policy},
};

use crate::{
    app::App,
    config::Config,
    domain::{
        Demand, MAIN,
        source::{Item, Reason, SourceKind},
    },
    error::Error,
    operations::{self, Batch, Change, Connection, NewSource, Opening, Outcome, ResultKind, SetStock},
    store::{Migrator, stock_level},
    verify,
};

struct Fixture {
    app: Arc<App>,
    seller_id: SellerId,
    clock: Clock,
    _folder: tempfile::TempDir,
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::adjustable();
    let url = souk_platform::db::testing::url(folder.path(), "inventory").await;
    let db = Database::open::<Migrator>("inventory", &url, clock.clone()).await.unwrap();
    let catalog = CatalogClient::new(Directory::new().channel("inventory", "catalog", Policy::default()));
    let config = Config::default();
    let app = Arc::new(App::new(config, db, catalog, Invalidations::alone()));
    Fixture { app, seller_id: SellerId::new(), clock, _folder: folder }
}

impl Fixture {
    async fn open(&self, count: usize, on_hand: i64) -> Vec<SkuId> {
        let sku_ids: Vec<SkuId> = (0..count).map(|_| SkuId::new()).collect();
        let openings = sku_ids.iter().map(|sku_id| Opening { sku_id: *sku_id, seller_id: self.seller_id, on_hand });
        operations::open(&self.app, openings.collect()).await.unwrap();
        sku_ids
    }

    fn soon(&self) -> Timestamp {
        self.clock.now() + TimeDelta::minutes(15)
    }

    async fn reserve(&self, order_id: OrderId, demand: &Demand) -> Outcome {
        operations::reserve(&self.app, order_id, demand.clone(), self.soon()).await.unwrap()
    }

    async fn set(&self, sku_id: SkuId, location: Option<&str>, change: Change) -> Result<i64, Error> {
        let change = SetStock {
            sku_id,
            seller_id: self.seller_id,
            location: location.map(str::to_owned),
            change,
            seen: None,
            open: false,
            reason: None,
            actor: "test".to_owned(),
        };
        operations::set_stock(&self.app, change).await.map(|(stock, _)| stock.totals().on_hand)
    }

    async fn level(&self, sku_id: SkuId) -> (i64, i64) {
        let stored = crate::store::stock::read(self.app.db.reader(), &[sku_id]).await.unwrap();
        let totals = stored[&sku_id].totals();
        let shown = self.app.levels.of(&self.app.db, &[sku_id]).await.unwrap();
        assert_eq!(shown, [totals], "memory is never behind in its own process");
        (totals.on_hand, totals.reserved)
    }

    async fn assert_sound(&self) {
        for rule in verify::rules(&self.app.db).await.unwrap() {
            assert!(rule.holds(), "{}: {:?}", rule.name, rule.offenders);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_order_is_held_taken_and_brought_back_as_one() {
    let fixture = fixture().await;
    let skus = fixture.open(500, 10).await;
    let order_id = OrderId::new();
    let demand: Demand = skus.iter().map(|sku_id| (*sku_id, 2)).collect();
    assert_eq!(fixture.reserve(order_id, &demand).await, Outcome::Held);
    assert_eq!(fixture.reserve(order_id, &demand).await, Outcome::Held, "repeating it is harmless");
    assert_eq!(fixture.level(skus[7]).await, (10, 2));
    assert!(operations::commit(&fixture.app, order_id).await.unwrap());
    assert!(operations::commit(&fixture.app, order_id).await.unwrap());
    assert!(!operations::release(&fixture.app, order_id, "late".to_owned()).await.unwrap());
    assert_eq!(fixture.level(skus[7]).await, (8, 0));

    let one_back = Demand::from([(skus[7], 1)]);
    for _ in 0..2 {
        operations::restock(&fixture.app, order_id, "ret_1".to_owned(), Some(one_back.clone())).await.unwrap();
    }
    assert_eq!(fixture.level(skus[7]).await, (9, 0));
    operations::restock(&fixture.app, order_id, "cancel".to_owned(), None).await.unwrap();
    assert_eq!(fixture.level(skus[7]).await, (10, 0));
    let again = operations::restock(&fixture.app, order_id, "ret_2".to_owned(), Some(one_back)).await;
    assert!(matches!(again, Err(Error::NotThatMany(_))));
    fixture.assert_sound().await;

    let mut units = verify::order_units(&fixture.app.db, None, 300).await.unwrap();
    let rest = verify::order_units(&fixture.app.db, units.last(), 300).await.unwrap();
    units.extend(rest);
    assert_eq!(units.len(), 500);
    assert!(units.iter().all(|unit| (unit.quantity, unit.restocked, unit.status) == (2, 2, "restocked")));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_rush_exactly_the_units_on_hand_are_sold() {
    let fixture = fixture().await;
    let sku_id = fixture.open(1, 10).await[0];
    let tasks: Vec<_> = (0..60)
        .map(|_| {
            let (app, expires_at) = (Arc::clone(&fixture.app), fixture.soon());
            tokio::spawn(async move {
                operations::reserve(&app, OrderId::new(), Demand::from([(sku_id, 1)]), expires_at).await.unwrap()
            })
        })
        .collect();
    let mut held = 0;
    for task in tasks {
        match task.await.unwrap() {
            Outcome::Held => held += 1,
            Outcome::Short(short) => assert_eq!((short[0].sku_id, short[0].available), (sku_id, 0)),
        }
    }
    assert_eq!(held, 10);
    assert_eq!(fixture.level(sku_id).await, (10, 10));
    fixture.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_lines_are_held_or_none() {
    let fixture = fixture().await;
    let skus = fixture.open(2, 5).await;
    let unknown = SkuId::new();
    let demand = Demand::from([(skus[0], 5), (skus[1], 6), (unknown, 1)]);
    let Outcome::Short(short) = fixture.reserve(OrderId::new(), &demand).await else { panic!("held") };
    let mut short: Vec<_> = short.iter().map(|line| (line.sku_id, line.requested, line.available)).collect();
    short.sort();
    let mut expected = [(skus[1], 6, 5), (unknown, 1, 0)];
    expected.sort();
    assert_eq!(short, expected);
    assert_eq!(fixture.level(skus[0]).await, (5, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_ran_out_is_given_back_and_can_be_made_again() {
    let fixture = fixture().await;
    let sku_id = fixture.open(1, 5).await[0];
    let order_id = OrderId::new();
    let demand = Demand::from([(sku_id, 5)]);
    fixture.reserve(order_id, &demand).await;
    let receipt = Receipt { consumer: "inventory", event_id: EventId::new() };
    operations::expire(&fixture.app, order_id, receipt).await.unwrap();
    assert_eq!(fixture.level(sku_id).await, (5, 5), "its time is not over");
    fixture.clock.advance(TimeDelta::minutes(16));
    operations::expire(&fixture.app, order_id, receipt).await.unwrap();
    assert_eq!(fixture.level(sku_id).await, (5, 0));
    assert!(!operations::commit(&fixture.app, order_id).await.unwrap());
    assert_eq!(fixture.reserve(order_id, &demand).await, Outcome::Held, "a late payment");
    assert!(operations::commit(&fixture.app, order_id).await.unwrap());
    fixture.clock.advance(TimeDelta::minutes(16));
    let receipt = Receipt { consumer: "inventory", event_id: EventId::new() };
    operations::expire(&fixture.app, order_id, receipt).await.unwrap();
    assert_eq!(fixture.level(sku_id).await, (0, 0), "committed units stay away");
    fixture.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_locations_serve_one_order() {
    let fixture = fixture().await;
    let sku_id = fixture.open(1, 3).await[0];
    assert_eq!(fixture.set(sku_id, Some("north"), Change::OnHand(4)).await.unwrap(), 7);
    let order_id = OrderId::new();
    assert_eq!(fixture.reserve(order_id, &Demand::from([(sku_id, 6)])).await, Outcome::Held);
    assert!(matches!(fixture.set(sku_id, Some("north"), Change::Adjust(-1)).await, Err(Error::Refused(_))));
    assert!(operations::release(&fixture.app, order_id, "cancelled".to_owned()).await.unwrap());
    assert_eq!(fixture.set(sku_id, None, Change::OnHand(5)).await.unwrap(), 5);
    assert_eq!(fixture.level(sku_id).await, (5, 0));
    fixture.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_takes_over_what_it_may_and_reports_the_rest() {
    let fixture = fixture().await;
    let skus = fixture.open(3, 5).await;
    fixture.reserve(OrderId::new(), &Demand::from([(skus[1], 4)])).await;
    let new = NewSource {
        name: "erp".to_owned(),
        seller_id: fixture.seller_id,
        kind: SourceKind::Webhook,
        location: MAIN.to_owned(),
        connection: Connection::default(),
    };
    let source = operations::add_source(&fixture.app, new.clone()).await.unwrap().source;
    assert!(source.secret.as_ref().is_some_and(|secret| secret.len() == 43));
    assert!(matches!(operations::add_source(&fixture.app, new).await, Err(Error::NameTaken)));
    let stranger = operations::map_skus(&fixture.app, "erp".to_owned(), SellerId::new(), Vec::new()).await;
    assert!(matches!(stranger, Err(Error::UnknownSource)));
    let names = vec![("A".to_owned(), Some(skus[0])), ("B".to_owned(), Some(skus[1])), ("C".to_owned(), Some(skus[2]))];
    operations::map_skus(&fixture.app, "erp".to_owned(), fixture.seller_id, names).await.unwrap();

    let send = async |as_of: Timestamp, items: &[(&str, i64)]| {
        let items = items.iter().map(|(sku, on_hand)| Item { sku: (*sku).to_owned(), on_hand: *on_hand }).collect();
        let batch = Batch { items, as_of, unreadable: vec!["line 9".to_owned()] };
        let results = operations::sync(&fixture.app, source.clone(), batch).await.unwrap();
        results.into_iter().map(|item| (item.result, item.reason)).collect::<Vec<_>>()
    };
    let now = fixture.clock.now();
    let unknown = SkuId::new().to_string();
    let results = send(now, &[("A", 9), ("B", 3), ("C", 5), (&unknown, 1), ("A", 8)]).await;
    let refused = |reason| (ResultKind::Refused, Some(reason));
    assert_eq!(
        results,
        [
            (ResultKind::Applied, None),
            refused(Reason::BelowReserved),
            (ResultKind::Unchanged, None),
            refused(Reason::UnknownSku),
            refused(Reason::Duplicate),
            refused(Reason::Unreadable),
        ]
    );
    assert_eq!(send(now - TimeDelta::seconds(1), &[("A", 1)]).await[0], refused(Reason::Stale));
    assert_eq!(send(now, &[("A", 9)]).await[0], (ResultKind::Unchanged, None));
    let (reports, total) = crate::store::sources::reports(fixture.app.db.reader(), "erp", None, 0, 10).await.unwrap();
    assert_eq!((reports[2].applied, reports[2].unchanged, reports[2].refused, total), (1, 1, 4, 3));
    assert_eq!(fixture.level(skus[0]).await, (9, 0));
    operations::remove_source(&fixture.app, "erp".to_owned(), fixture.seller_id).await.unwrap();
    fixture.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_books_are_seen_and_mended() {
    let fixture = fixture().await;
    let skus = fixture.open(3, 5).await;
    fixture.reserve(OrderId::new(), &Demand::from([(skus[0], 1)])).await;
    let sku_id = skus[0];
    let forge = async |on_hand: i64, reserved: i64| {
        fixture
            .app
            .db
            .transaction(move |tx| async move {
                use sea_orm::{ColumnTrait, QueryFilter};
                stock_level::Entity::update_many()
                    .col_expr(stock_level::Column::OnHand, Expr::value(on_hand))
                    .col_expr(stock_level::Column::Reserved, Expr::value(reserved))
                    .filter(stock_level::Column::SkuId.eq(sku_id))
                    .exec(&tx)
                    .await
            })
            .await
    };
    assert!(forge(1, 2).await.is_err(), "the database itself refuses an oversell");
    forge(9, 0).await.unwrap();
    let broken: Vec<_> =
        verify::rules(&fixture.app.db).await.unwrap().into_iter().filter(|rule| !rule.holds()).collect();
    assert_eq!(broken.len(), 2, "{broken:?}");

    let report = operations::rebuild(&fixture.app.db, false).await.unwrap();
    assert_eq!((report.checked, report.differing.len(), report.repaired), (3, 1, 0));
    assert_eq!(operations::rebuild(&fixture.app.db, true).await.unwrap().repaired, 1);
    assert!(operations::rebuild(&fixture.app.db, false).await.unwrap().differing.is_empty());
    fixture.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_large_orders_at_once() {
    let fixture = fixture().await;
    let skus = fixture.open(500, 10_000).await;
    let demand: Demand = skus.iter().map(|sku_id| (*sku_id, 1)).collect();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (app, demand, expires_at) = (Arc::clone(&fixture.app), demand.clone(), fixture.soon());
            tokio::spawn(async move {
                let order_id = OrderId::new();
                assert_eq!(operations::reserve(&app, order_id, demand, expires_at).await.unwrap(), Outcome::Held);
                assert!(operations::commit(&app, order_id).await.unwrap());
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(fixture.level(skus[0]).await, (9_980, 0));
    fixture.assert_sound().await;
}
