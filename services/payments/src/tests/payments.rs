//! Payments: opened, paid, given up, in any order.

use axum::http::{HeaderMap, HeaderValue};
use chrono::TimeDelta;
use futures::future::join_all;
use sea_orm::ConnectionTrait;
use souk_kernel::{OrderId, PaymentId};

use super::{Shop, new_payment, portion};
use crate::{
    config::Config,
    domain::{
        payment::{PaymentStatus as Status, ProviderName},
        signature::sign,
    },
    error::Error,
    operations::{
        accept_webhook::{accept_for_payment, accept_for_provider},
        cancel_payment::{By, cancel_payment},
        create_payment::create_payment,
        play_sandbox::press_button,
        reconcile::reconcile,
        refresh_payment::refresh_payment,
    },
    providers::{
        BadNotice,
        faults::{CallFault, Faults, WebhookFault},
        sandbox::{Decision, SIGNATURE_HEADER},
    },
    store::{
        Payment,
        webhooks::{self, Outcome},
    },
};

fn signed(shop: &Shop, body: &str) -> HeaderMap {
    let signature = sign("secret", shop.clock.now(), body.as_bytes());
    HeaderMap::from_iter([(SIGNATURE_HEADER, HeaderValue::try_from(signature).unwrap())])
}

fn body(event: &str, kind: &str, payment: PaymentId, amount: i64, currency: &str) -> String {
    format!(
        r#"{{"id":"{event}","type":"{kind}","payment_id":"{payment}","amount":{amount},"currency":"{currency}","created_at":"2026-01-01T00:00:00Z"}}"#
    )
}

async fn deliver(shop: &Shop, body: &str) -> Result<(), Error> {
    accept_for_provider(&shop.app, ProviderName::Sandbox, &signed(shop, body), body.as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_payment_is_booked_and_announced_once_however_often_it_is_said() {
    let shop = Shop::open().await;
    let payment = shop.create(vec![portion("a", 1000, 50, 200, 100), portion("b", 500, 0, 0, 50)]).await;
    for fault in [WebhookFault::Repeat, WebhookFault::Duplicate, WebhookFault::FailedAfter] {
        press_button(&shop.app, payment.id, Decision::Pay, Some(fault)).await.unwrap();
    }
    shop.until(payment.id, |payment| payment.status == Status::Completed).await;
    let refreshed = join_all((0..20).map(|_| refresh_payment(&shop.app, payment.id))).await;
    assert!(refreshed.into_iter().all(|payment| payment.unwrap().status == Status::Completed));
    assert_eq!(shop.balance("a").await, (950, 0));
    assert_eq!(shop.balance("b").await, (450, 0));
    shop.verify().await;
    assert_eq!(shop.announced(1).await, ["completed 1750"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_message_says_is_done_when_it_is_answered() {
    let shop = Shop::open().await;
    let payment = shop.create(vec![portion("a", 1000, 0, 0, 100)]).await;
    let (paid, failed) = ("payment.completed", "payment.failed");
    for (event, kind) in [("evt_1", paid), ("evt_1", paid), ("evt_2", failed)] {
        deliver(&shop, &body(event, kind, payment.id, 1000, "GBP")).await.unwrap();
        assert_eq!(shop.payment(payment.id).await.status, Status::Completed);
    }
    let handled = messages(&shop, payment.id).await;
    assert_eq!(handled, [("evt_1".to_owned(), Outcome::Applied, true), ("evt_2".to_owned(), Outcome::Ignored, true)]);
    assert_eq!(shop.announced(1).await, ["completed 1000"]);
    shop.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_acted_on_at_once_is_kept_for_the_queue() {
    let shop = Shop::open().await;
    let payment = shop.create(vec![portion("a", 1000, 0, 0, 100)]).await;
    let rename = |from: &'static str, to: &'static str| {
        let sql = format!("ALTER TABLE {from} RENAME TO {to}");
        shop.app.db.transaction(move |tx| async move { tx.execute_unprepared(&sql).await })
    };
    rename("ledger_postings", "away").await.unwrap();
    deliver(&shop, &body("evt_1", "payment.completed", payment.id, 1000, "GBP")).await.unwrap();
    assert_eq!(shop.payment(payment.id).await.status, Status::Pending);
    assert_eq!(messages(&shop, payment.id).await, [("evt_1".to_owned(), Outcome::Stored, false)]);
    rename("away", "ledger_postings").await.unwrap();
    shop.until(payment.id, |payment| payment.status == Status::Completed).await;
    assert_eq!(messages(&shop, payment.id).await, [("evt_1".to_owned(), Outcome::Applied, true)]);
    assert_eq!(shop.announced(1).await, ["completed 1000"]);
    shop.verify().await;
}

/// What came about a payment, in the order of its events' names: what it led to, and whether it was handled.
async fn messages(shop: &Shop, payment: PaymentId) -> Vec<(String, Outcome, bool)> {
    let found = webhooks::of_payment(shop.app.db.reader(), payment, 10).await.unwrap();
    let mut told: Vec<_> =
        found.into_iter().map(|message| (message.event_id, message.outcome, message.handled_at.is_some())).collect();
    told.sort_by(|one, other| one.0.cmp(&other.0));
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_learn_at_once_that_it_was_paid_book_it_once() {
    let shop = Shop::open().await;
    let payment = shop.create(vec![portion("a", 1000, 0, 0, 100)]).await;
    press_button(&shop.app, payment.id, Decision::Pay, Some(WebhookFault::Drop)).await.unwrap();
    assert_eq!(shop.payment(payment.id).await.status, Status::Pending, "the message was lost");
    let all = join_all((0..50).map(|_| refresh_payment(&shop.app, payment.id))).await;
    assert!(all.into_iter().all(|payment| payment.unwrap().status == Status::Completed));
    assert_eq!(shop.balance("a").await, (900, 0));
    shop.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_amount_or_currency_is_flagged_and_confirms_nothing() {
    let shop = Shop::open().await;
    let payment = shop.create(vec![portion("a", 1000, 0, 0, 100)]).await;
    for (event, amount, currency) in [("evt_1", 999, "GBP"), ("evt_2", 1000, "EUR"), ("evt_3", 1000, "\\u0000")] {
        deliver(&shop, &body(event, "payment.completed", payment.id, amount, currency)).await.unwrap();
    }
    let flagged = shop.until(payment.id, |payment| payment.version == 4).await;
    assert_eq!(flagged.status, Status::Pending);
    assert!(!flagged.flag.unwrap().contains('\0'));
    deliver(&shop, &body("evt_4", "payment.completed", payment.id, 1000, "GBP")).await.unwrap();
    shop.until(payment.id, |payment| payment.status == Status::Completed).await;
    shop.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_verified_before_anything_else() {
    let shop = Shop::open().await;
    let payment = shop.create(vec![portion("a", 1000, 0, 0, 100)]).await;
    let good = body("evt_1", "payment.completed", payment.id, 1000, "GBP");
    let unsigned = accept_for_payment(&shop.app, payment.id, &HeaderMap::new(), good.as_bytes()).await;
    assert!(matches!(unsigned, Err(Error::Notice(BadNotice::Signature(_)))));
    let unknown = accept_for_payment(&shop.app, PaymentId::new(), &HeaderMap::new(), good.as_bytes()).await;
    assert!(matches!(unknown, Err(Error::Notice(BadNotice::Signature(_)))), "no telling whether it exists");
    let elsewhere = accept_for_payment(&shop.app, PaymentId::new(), &signed(&shop, &good), good.as_bytes()).await;
    assert!(matches!(elsewhere, Err(Error::NoticeElsewhere)));
    let headers = signed(&shop, &good);
    shop.later(TimeDelta::minutes(6));
    let stale = accept_for_payment(&shop.app, payment.id, &headers, good.as_bytes()).await;
    assert!(matches!(stale, Err(Error::Notice(BadNotice::Signature(_)))));
    let missing = body("evt_1", "payment.completed", PaymentId::new(), 1, "GBP");
    assert!(matches!(deliver(&shop, &missing).await, Err(Error::NotFound(_))));
    for (bad, named) in [("{}", "id"), ("[", "line"), ("{\"id\":1}", "string")] {
        let Err(Error::Notice(BadNotice::Unreadable(message))) = deliver(&shop, bad).await else { panic!("{bad}") };
        assert!(message.contains(named), "{message}");
    }
    assert_eq!(shop.payment(payment.id).await.status, Status::Pending);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_then_completed_is_completed_and_completed_then_failed_stays_so() {
    let shop = Shop::open().await;
    let payment = shop.create(vec![portion("a", 1000, 0, 0, 100)]).await;
    press_button(&shop.app, payment.id, Decision::Decline, None).await.unwrap();
    shop.until(payment.id, |payment| payment.status == Status::Failed).await;
    press_button(&shop.app, payment.id, Decision::Pay, None).await.unwrap();
    shop.until(payment.id, |payment| payment.status == Status::Completed).await;
    deliver(&shop, &body("evt_9", "payment.failed", payment.id, 1000, "GBP")).await.unwrap();
    deliver(&shop, &body("evt_10", "payment.completed", payment.id, 7, "GBP")).await.unwrap();
    let after = shop.until(payment.id, |payment| payment.flag.is_some()).await;
    assert_eq!((after.status, after.amount), (Status::Completed, 1000));
    assert_eq!(shop.announced(2).await, ["failed declined", "completed 1000"]);
    shop.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_decides_between_cancelling_and_paying() {
    let shop = Shop::open().await;
    let payments: Vec<Payment> =
        join_all((0..20).map(|n| shop.create(vec![portion(&format!("s{n}"), 1000, 0, 0, 0)]))).await;
    let races = payments.iter().map(|payment| async {
        let (paid, cancelled) = futures::join!(
            press_button(&shop.app, payment.id, Decision::Pay, Some(WebhookFault::Drop)),
            cancel_payment(&shop.app, payment.id, By::Order),
        );
        paid.unwrap();
        let seen = cancelled.unwrap().status;
        assert!(matches!(seen, Status::Cancelled | Status::Completed), "{seen:?}");
        // The money came in any case; whoever asks later learns of it.
        assert_eq!(refresh_payment(&shop.app, payment.id).await.unwrap().status, Status::Completed);
    });
    join_all(races).await;
    shop.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_made_after_it_was_given_up_is_announced() {
    let shop = Shop::open().await;
    let payment = shop.create(vec![portion("a", 1000, 0, 0, 0)]).await;
    assert_eq!(cancel_payment(&shop.app, payment.id, By::Order).await.unwrap().status, Status::Cancelled);
    assert_eq!(cancel_payment(&shop.app, payment.id, By::Order).await.unwrap().status, Status::Cancelled);
    press_button(&shop.app, payment.id, Decision::Pay, None).await.unwrap();
    shop.until(payment.id, |payment| payment.status == Status::Completed).await;
    assert_eq!(cancel_payment(&shop.app, payment.id, By::Order).await.unwrap().status, Status::Completed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_attempt_is_the_same_payment_and_another_amount_is_refused() {
    let shop = Shop::open().await;
    let order = OrderId::new();
    let new = new_payment(order, vec![portion("a", 1000, 0, 0, 0)]);
    let made = join_all((0..10).map(|_| create_payment(&shop.app, new.clone()))).await;
    let ids: Vec<_> = made.into_iter().map(|payment| payment.unwrap().id).collect();
    assert!(ids.iter().all(|id| *id == PaymentId::derived(&format!("{order}/1"))));
    let other = new_payment(order, vec![portion("a", 999, 0, 0, 0)]);
    assert!(matches!(create_payment(&shop.app, other).await, Err(Error::PaymentDiffers)));
    let mut uneven = new_payment(OrderId::new(), vec![portion("a", 1000, 0, 0, 0)]);
    uneven.amount = 1001;
    assert!(matches!(create_payment(&shop.app, uneven).await, Err(Error::Problem(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_nothing_to_pay_it_is_paid() {
    let shop = Shop::open().await;
    let payment = shop.create(vec![portion("a", 0, 0, 0, 0)]).await;
    assert_eq!((payment.status, payment.redirect.as_str()), (Status::Completed, "/orders/1"));
    shop.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_is_replaced_only_as_configured() {
    let shop = Shop::impatient().await;
    shop.sandbox().faults.set(Faults { create: CallFault::Down, ..Faults::default() });
    let new = new_payment(OrderId::new(), vec![portion("a", 1000, 0, 0, 0)]);
    assert!(matches!(create_payment(&shop.app, new.clone()).await, Err(Error::Provider(_))));
    shop.sandbox().faults.set(Faults { create: CallFault::LoseAnswer, ..Faults::default() });
    assert!(matches!(create_payment(&shop.app, new.clone()).await, Err(Error::Provider(_))), "it takes too long");
    shop.sandbox().faults.set(Faults::default());
    assert_eq!(create_payment(&shop.app, new).await.unwrap().provider, ProviderName::Sandbox);

    let config = Config { fallback: vec![ProviderName::Manual], ..Config::default() };
    let shop = Shop::with(config).await;
    shop.sandbox().faults.set(Faults { create: CallFault::Down, ..Faults::default() });
    assert_eq!(shop.create(vec![portion("a", 1000, 0, 0, 0)]).await.provider, ProviderName::Manual);
}

#[tokio::test(flavor = "multi_thread")]
async fn reconciliation_finds_a_lost_message_and_gives_up_what_stays_open() {
    let shop = Shop::open().await;
    let paid = shop.create(vec![portion("a", 1000, 0, 0, 0)]).await;
    let open = shop.create(vec![portion("b", 1000, 0, 0, 0)]).await;
    press_button(&shop.app, paid.id, Decision::Pay, Some(WebhookFault::Drop)).await.unwrap();
    reconcile(&shop.app).await;
    assert_eq!(shop.payment(paid.id).await.status, Status::Pending, "not yet");
    shop.later(TimeDelta::seconds(61));
    reconcile(&shop.app).await;
    assert_eq!(shop.payment(paid.id).await.status, Status::Completed);
    assert_eq!(shop.payment(open.id).await.status, Status::Pending);
    shop.later(TimeDelta::days(8));
    reconcile(&shop.app).await;
    assert_eq!(shop.payment(open.id).await.status, Status::Expired);
    // Even then the money may come.
    press_button(&shop.app, open.id, Decision::Pay, None).await.unwrap();
    shop.until(open.id, |payment| payment.status == Status::Completed).await;
    shop.verify().await;
}
