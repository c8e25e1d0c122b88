//! Refunds, releases and payouts: at once, twice, refused, unanswered.

use chrono::TimeDelta;
use futures::future::join_all;
use souk_contracts::events::{OrderDelivered, OrderSnapshot};
use souk_kernel::{Actor, Currency, EventId, OrderId, PageQuery, PayoutId, SellerId, SellerOrderId, UserId};
use souk_platform::events::Receipt;

use super::{Shop, new_payment, portion};
use crate::{
    domain::{
        payment::{PaymentStatus as Status, ProviderName},
        refund::RefundStatus,
    },
    error::Error,
    operations::{
        capture_payment::capture_payment,
        create_payment::create_payment,
        pay_out::{NewPayout, pay_out},
        reconcile::reconcile,
        release_funds::schedule_release,
        request_refund::{Bearer, RefundWish, request_refund, request_refund_and_wait},
        settle_refund::{complete_refund, refuse_refund},
    },
    providers::faults::{Faults, RefundFault},
    store::{Payment, Refund, refunds},
};

fn wish(payment: &Payment, amount: Option<i64>, reference: &str) -> RefundWish {
    RefundWish {
        payment: payment.id,
        amount,
        reason: "test".to_owned(),
        reference: reference.to_owned(),
        bearer: Bearer::All,
        by: Actor::System,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_refunds_at_once_never_give_more_than_came() {
    let shop = Shop::open().await;
    let payment = shop.paid(vec![portion("a", 1000, 50, 200, 101), portion("b", 700, 0, 33, 70)]).await;
    let total = payment.amount;
    let tries = join_all((0..60).map(|n| {
        let wanted = wish(&payment, Some(17 + n), &format!("r{n}"));
        request_refund(&shop.app, wanted)
    }))
    .await;
    let given: i64 = tries.iter().flatten().map(|refund: &Refund| refund.amount).sum();
    assert!(tries.iter().any(Result::is_err) && given <= total);
    let refused = tries.into_iter().filter_map(Result::err);
    assert!(refused.into_iter().all(|error| matches!(error, Error::RefundTooLarge { .. } | Error::NothingToRefund)));
    shop.until(payment.id, |payment| payment.refunded_amount == given).await;
    shop.verify().await;
    if given < total {
        let rest = shop.refund(wish(&payment, None, "rest")).await;
        assert_eq!((rest.amount, rest.status), (total - given, RefundStatus::Completed));
    }
    let last = shop.payment(payment.id).await;
    assert_eq!((last.status, last.refunded_amount, last.refunding_amount), (Status::Refunded, total, 0));
    assert_eq!((shop.balance("a").await, shop.balance("b").await), ((0, 0), (0, 0)));
    shop.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_wish_is_the_same_refund() {
    let shop = Shop::open().await;
    let payment = shop.paid(vec![portion("a", 1000, 0, 0, 0)]).await;
    let all = join_all((0..20).map(|_| request_refund(&shop.app, wish(&payment, Some(100), "return/1")))).await;
    let ids: Vec<_> = all.into_iter().map(|refund| refund.unwrap().id).collect();
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]));
    shop.until(payment.id, |payment| payment.refunded_amount == 100).await;
    shop.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_payment_and_a_free_one_give_nothing_back() {
    let shop = Shop::open().await;
    let free = shop.create(vec![portion("a", 0, 0, 0, 0)]).await;
    assert!(matches!(request_refund(&shop.app, wish(&free, None, "r")).await, Err(Error::NothingToRefund)));
    let payment = shop.create(vec![portion("a", 1000, 0, 0, 0)]).await;
    assert!(matches!(request_refund(&shop.app, wish(&payment, None, "r")).await, Err(Error::NotPaid)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_whose_answer_is_lost_is_given_once() {
    let shop = Shop::impatient().await;
    let payment = shop.paid(vec![portion("a", 1000, 0, 0, 100)]).await;
    shop.sandbox().faults.set(Faults { refund: RefundFault::LoseAnswer, ..Faults::default() });
    let refund = request_refund_and_wait(&shop.app, wish(&payment, Some(400), "r")).await.unwrap();
    assert_eq!(refund.status, RefundStatus::Pending);
    shop.verify().await;
    shop.sandbox().faults.set(Faults::default());
    shop.later(TimeDelta::minutes(2));
    let runs = (0..5).map(|_| reconcile(&shop.app));
    join_all(runs).await;
    shop.until(payment.id, |payment| payment.refunded_amount == 400).await;
    assert_eq!(shop.balance("a").await, (540, 0));
    shop.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_refund_frees_its_amount_and_calls_an_operator() {
    let shop = Shop::open().await;
    let payment = shop.paid(vec![portion("a", 1000, 50, 200, 101)]).await;
    shop.sandbox().faults.set(Faults { refund: RefundFault::Refuse, ..Faults::default() });
    let refused = shop.refund(wish(&payment, Some(700), "r1")).await;
    assert_eq!(refused.status, RefundStatus::Failed);
    let after = shop.payment(payment.id).await;
    assert_eq!((after.status, after.refunding_amount), (Status::Completed, 0));
    assert!(after.flag.is_some());
    shop.verify().await;
    shop.sandbox().faults.set(Faults::default());
    let given = shop.refund(wish(&payment, None, "r2")).await;
    assert_eq!((given.amount, given.status), (1250, RefundStatus::Completed));
    shop.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_gives_back_its_own_part_only() {
    let shop = Shop::open().await;
    let payment = shop.paid(vec![portion("a", 1000, 0, 0, 100), portion("b", 700, 0, 0, 70)]).await;
    let of_b = |amount, reference: &str| RefundWish {
        bearer: Bearer::Seller(SellerId::derived("b")),
        ..wish(&payment, amount, reference)
    };
    let too_much = request_refund(&shop.app, of_b(Some(701), "r1")).await;
    assert!(matches!(too_much, Err(Error::RefundTooLarge { left: 700 })));
    let rest = shop.refund(of_b(None, "r2")).await;
    assert_eq!(rest.amount, 700);
    assert_eq!((shop.balance("a").await, shop.balance("b").await), ((900, 0), (0, 0)));
    assert!(matches!(request_refund(&shop.app, of_b(None, "r3")).await, Err(Error::NothingToRefund)));
    shop.verify().await;
}

fn delivered(payment: &Payment, name: &str, shop: &Shop) -> OrderDelivered {
    let order = OrderSnapshot {
        token: None,
        order_id: payment.order_id,
        number: "S-1".to_owned(),
        user_id: None,
        email: String::new(),
        name: String::new(),
        locale: String::new(),
        cart_id: None,
        payment_id: Some(payment.id),
        currency: Currency::GBP,
        subtotal: 0,
        discount: 0,
        shipping: 0,
        tax: 0,
        total: 0,
        seller_orders: Vec::new(),
        placed_at: shop.clock.now(),
    };
    OrderDelivered { order, seller_order_id: SellerOrderId::derived(name), delivered_at: shop.clock.now() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cost_nothing_has_nothing_to_release() {
    let shop = Shop::open().await;
    let payment = shop.paid(vec![portion("a", 1000, 0, 0, 100)]).await;
    let mut event = delivered(&payment, "b", &shop);
    (event.order.order_id, event.order.payment_id) = (OrderId::new(), None);
    schedule_release(&shop.app, event.clone(), receipt()).await.unwrap();
    event.order.total = 1000;
    let lost = schedule_release(&shop.app, event, receipt()).await;
    assert!(matches!(lost, Err(Error::NotFound("payment"))), "{lost:?}");
}

fn receipt() -> Receipt {
    Receipt { consumer: "payments", event_id: EventId::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_becomes_available_after_the_return_window_and_is_paid_out_once() {
    let shop = Shop::open().await;
    let payment = shop.paid(vec![portion("a", 1000, 50, 200, 100), portion("b", 700, 0, 0, 70)]).await;
    let some = RefundWish { bearer: Bearer::Seller(SellerId::derived("a")), ..wish(&payment, Some(125), "r1") };
    shop.refund(some).await;
    // One refund is on its way when the window ends.
    shop.sandbox().faults.set(Faults { refund: RefundFault::Wait, ..Faults::default() });
    let waiting = RefundWish { bearer: Bearer::Seller(SellerId::derived("a")), ..wish(&payment, Some(250), "r2") };
    request_refund(&shop.app, waiting).await.unwrap();
    let (pending, _) = shop.balance("a").await;
    let (event, once) = (delivered(&payment, "a", &shop), receipt());
    for _ in 0..2 {
        schedule_release(&shop.app, event.clone(), once).await.unwrap();
    }
    assert_eq!(shop.balance("a").await, (pending, 0));
    shop.later(TimeDelta::days(15));
    let released = async {
        while shop.balance("a").await != (0, pending) {
            // The relay looks at its timers when something is published.
            let _ = create_payment(&shop.app, new_payment(OrderId::new(), vec![portion("x", 0, 0, 0, 0)])).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), released).await.expect("it is released");
    assert_eq!(shop.balance("b").await, (630, 0));
    shop.sandbox().faults.set(Faults::default());
    reconcile(&shop.app).await;
    shop.until(payment.id, |payment| payment.refunded_amount == 375).await;
    let (left, available) = shop.balance("a").await;
    assert!(left == 0 && available < pending && available > 0);
    let payout = |id, amount| NewPayout {
        id,
        seller_id: SellerId::derived("a"),
        currency: Currency::GBP,
        amount,
        note: String::new(),
        by: "test".to_owned(),
    };
    let too_much = pay_out(&shop.app, payout(PayoutId::new(), Some(available + 1))).await;
    assert!(matches!(too_much, Err(Error::PayoutTooLarge { .. })));
    let id = PayoutId::new();
    let paid = join_all((0..10).map(|_| pay_out(&shop.app, payout(id, None)))).await;
    assert!(paid.into_iter().all(|payout| payout.unwrap().amount == available));
    assert_eq!(shop.balance("a").await, (0, 0));
    // A refund after the payout makes the balance negative.
    shop.refund(wish(&payment, None, "rest")).await;
    assert_eq!(shop.balance("a").await, (0, -available));
    shop.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_transfer_is_confirmed_and_refunded_by_hand() {
    let shop = Shop::open().await;
    let mut new = new_payment(OrderId::new(), vec![portion("a", 1000, 0, 0, 100)]);
    new.provider = Some(ProviderName::Manual);
    let payment = create_payment(&shop.app, new).await.unwrap();
    assert_eq!(payment.redirect, "/orders/1");
    for _ in 0..2 {
        let captured = capture_payment(&shop.app, payment.id, UserId::new()).await.unwrap();
        assert_eq!(captured.status, Status::Completed);
    }
    let refund = request_refund(&shop.app, wish(&payment, Some(300), "r1")).await.unwrap();
    shop.later(TimeDelta::hours(1));
    reconcile(&shop.app).await;
    assert_eq!(shop.payment(payment.id).await.refunded_amount, 0);
    complete_refund(&shop.app, refund.clone(), None).await.unwrap();
    refuse_refund(&shop.app, refund, "too late".to_owned(), None).await.unwrap();
    assert_eq!(shop.payment(payment.id).await.refunded_amount, 300);
    shop.verify().await;
    let sandbox = shop.create(vec![portion("a", 1000, 0, 0, 0)]).await;
    let other = capture_payment(&shop.app, sandbox.id, UserId::new()).await;
    assert!(matches!(other, Err(Error::OtherProvider("manual"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_partial_refunds_of_one_payment_end_at_zero() {
    let shop = Shop::open().await;
    let payment = shop.paid(vec![portion("a", 1999, 50, 200, 201), portion("b", 751, 0, 0, 76)]).await;
    let started = std::time::Instant::now();
    let each = payment.amount / 1000;
    for some in (0..1000).collect::<Vec<_>>().chunks(50) {
        let refunds = some.iter().map(|n| request_refund(&shop.app, wish(&payment, Some(each), &format!("r{n}"))));
        assert!(join_all(refunds).await.iter().all(Result::is_ok));
    }
    request_refund(&shop.app, wish(&payment, None, "rest")).await.ok();
    shop.until(payment.id, |payment| payment.status == Status::Refunded).await;
    println!("1001 refunds in {:?}", started.elapsed());
    assert_eq!((shop.balance("a").await, shop.balance("b").await), ((0, 0), (0, 0)));
    let page = PageQuery { limit: 100, ..Default::default() };
    let filter = refunds::Filter { payment: Some(payment.id), status: None };
    let first = refunds::list(shop.app.db.reader(), filter, &page).await.unwrap();
    let next = PageQuery { cursor: first.next_cursor.clone(), ..page };
    let second = refunds::list(shop.app.db.reader(), filter, &next).await.unwrap();
    assert_eq!((first.items.len(), second.items.len()), (100, 100));
    assert!(first.items.last().unwrap().created_at >= second.items[0].created_at);
    assert!(first.items.iter().all(|refund| second.items.iter().all(|other| other.id != refund.id)));
    shop.verify().await;
}
