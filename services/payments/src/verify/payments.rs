//! Payments agree with their parts, their refunds, the ledger, and with each other.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
};
use souk_kernel::{OrderId, PaymentId};
use souk_platform::{
    db::{Database, Moment},
    verify::Rule,
};

use super::{Checking, PAGE, differs, first_wrong, refunds::booked as booked_for};
use crate::{
    domain::{
        ledger::Kind,
        payment::PaymentStatus,
        refund::{Parts, RefundStatus},
    },
    store::{
        Allocation, Payment,
        entities::{allocation, payment, refund},
        ledger::whole,
    },
};

pub async fn check(db: &Database) -> Result<[Rule; 4], DbErr> {
    let mut parts = Checking::new("allocations add up to their payment and to what went back");
    let mut refunds = Checking::new("refunds stay within their payment and add up to what went back");
    let mut booked = Checking::new("paid payments are booked with exactly their amount, others not at all");
    let mut once = Checking::new("an order is paid once, or what is too much goes back");
    let mut after: Option<PaymentId> = None;
    loop {
        let tx = db.reader().moment().await?;
        let mut page = payment::Entity::find().order_by_asc(payment::Column::Id).limit(PAGE);
        if let Some(after) = after {
            page = page.filter(payment::Column::Id.gt(after));
        }
        let page = page.all(&tx).await?;
        let (Some(first), Some(last)) = (page.first(), page.last()) else { break };
        let range = (first.id, last.id);
        let allocated = allocated(&tx, range).await?;
        let given = given_back(&tx, range).await?;
        let debits = booked_for(&tx, Kind::Payment, &first.id.to_string(), &last.id.to_string()).await?;
        let too_many = paid_again(&tx, &page).await?;
        drop(tx);
        after = Some(last.id);
        for payment in &page {
            let of_this = allocated.get(&payment.id).map(Vec::as_slice).unwrap_or_default();
            parts.look(wrong_parts(payment, of_this));
            let of = |status| given.get(&(payment.id, status)).copied().unwrap_or(0);
            refunds.look(wrong_refunds(payment, of(RefundStatus::Completed), of(RefundStatus::Pending)));
            let should_be = if payment.status.is_paid() { payment.amount } else { 0 };
            let debited = debits.get(&payment.id.to_string()).copied().unwrap_or(0);
            booked.look(first_wrong(payment.id, [differs("booked", debited, should_be)]));
            if payment.status.is_paid() {
                let again = too_many.contains(&payment.id);
                once.look(again.then(|| format!("{}: order {} is paid again", payment.id, payment.order_id)));
            }
        }
    }
    Ok([parts.done(), refunds.done(), booked.done(), once.done()])
}

type Range = (PaymentId, PaymentId);

async fn allocated(tx: &Moment, (first, last): Range) -> Result<HashMap<PaymentId, Vec<Allocation>>, DbErr> {
    let rows = allocation::Entity::find().filter(allocation::Column::PaymentId.between(first, last)).all(tx).await?;
    let mut by_payment: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        by_payment.entry(row.payment_id).or_default().push(row);
    }
    Ok(by_payment)
}

fn wrong_parts(payment: &Payment, allocations: &[Allocation]) -> Option<String> {
    let shares: Vec<_> = allocations.iter().map(Allocation::share).collect();
    let whole: i64 = shares.iter().map(|share| share.whole.total()).sum();
    let back: i64 = shares.iter().map(|share| share.back.total()).sum();
    let fits = |part: Parts, whole: Parts| {
        let pairs = [
            (part.goods, whole.goods),
            (part.shipping, whole.shipping),
            (part.tax, whole.tax),
            (part.commission, whole.commission),
        ];
        pairs.iter().all(|(part, whole)| (0..=*whole).contains(part))
    };
    let out_of_range = shares.iter().any(|share| !fits(share.back, share.whole));
    let unfinished = back == payment.amount && shares.iter().any(|share| share.back != share.whole);
    first_wrong(
        payment.id,
        [
            differs("allocated", whole, payment.amount),
            differs("allocated back", back, payment.refunded_amount + payment.refunding_amount),
            out_of_range.then(|| "an allocation gives back more than it has".to_owned()),
            unfinished.then(|| "everything went back, but an allocation is not at zero".to_owned()),
        ],
    )
}

#[derive(FromQueryResult)]
struct GivenBack {
    payment_id: PaymentId,
    status: RefundStatus,
    total: i64,
}

async fn given_back(tx: &Moment, (first, last): Range) -> Result<HashMap<(PaymentId, RefundStatus), i64>, DbErr> {
    use refund::Column as C;
    let sums: Vec<GivenBack> = refund::Entity::find()
        .select_only()
        .columns([C::PaymentId, C::Status])
        .column_as(whole(tx.get_database_backend(), C::Amount.sum()), "total")
        .filter(C::PaymentId.between(first, last))
        .group_by(C::PaymentId)
        .group_by(C::Status)
        .into_model()
        .all(tx)
        .await?;
    Ok(sums.into_iter().map(|sum| ((sum.payment_id, sum.status), sum.total)).collect())
}

fn wrong_refunds(payment: &Payment, completed: i64, pending: i64) -> Option<String> {
    let status = if payment.status.is_paid() {
        PaymentStatus::of_refunded(payment.amount, payment.refunded_amount)
    } else {
        payment.status
    };
    let unpaid = !payment.status.is_paid() && completed + pending != 0;
    first_wrong(
        payment.id,
        [
            differs("refunded", payment.refunded_amount, completed),
            differs("being refunded", payment.refunding_amount, pending),
            (completed + pending > payment.amount).then(|| "more goes back than came".to_owned()),
            (status != payment.status).then(|| format!("is {:?} instead of {status:?}", payment.status)),
            unpaid.then(|| "it was not paid, yet money goes back".to_owned()),
        ],
    )
}

/// Of these payments, the paid ones that are not the first paid one of their order and from which money is left.
async fn paid_again(tx: &Moment, page: &[Payment]) -> Result<Vec<PaymentId>, DbErr> {
    let keeps = |payment: &Payment| {
        payment.status.is_paid() && payment.amount > payment.refunded_amount + payment.refunding_amount
    };
    // Only an order with a later attempt can have been paid twice.
    let orders: Vec<OrderId> =
        page.iter().filter(|payment| payment.attempt > 1 && keeps(payment)).map(|payment| payment.order_id).collect();
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let all = payment::Entity::find()
        .filter(payment::Column::OrderId.is_in(orders))
        .order_by_asc(payment::Column::OrderId)
        .order_by_asc(payment::Column::Attempt)
        .all(tx)
        .await?;
    let paid: Vec<&Payment> = all.iter().filter(|payment| keeps(payment)).collect();
    Ok(paid.windows(2).filter(|pair| pair[0].order_id == pair[1].order_id).map(|pair| pair[1].id).collect())
}
