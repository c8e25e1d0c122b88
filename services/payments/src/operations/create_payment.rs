//! Opens the payment of an order's attempt.

use souk_contracts::events::PaymentCompleted;
use souk_kernel::{Currency, OrderId, PaymentId, Problem, SellerId, SellerOrderId, Timestamp, UserId};

use crate::{
    app::App,
    config::span,
    domain::{
        payment::{MAX_AMOUNT, PaymentStatus, ProviderName},
        refund::Parts,
    },
    error::Error,
    providers::{Charge, Fault},
    store::{Allocation, Payment, payments},
};

/// What is to be paid, by whom, and for which sellers.
#[derive(Clone, Debug)]
pub struct NewPayment {
    pub order_id: OrderId,
    pub attempt: i32,
    /// The default provider if absent.
    pub provider: Option<ProviderName>,
    pub amount: i64,
    pub currency: Currency,
    pub portions: Vec<NewPortion>,
    pub buyer_id: Option<UserId>,
    pub order_token_hash: Option<Vec<u8>>,
    pub return_url: String,
}

/// One seller order's part of it.
#[derive(Clone, Copy, Debug)]
pub struct NewPortion {
    pub seller_order_id: SellerOrderId,
    pub seller_id: SellerId,
    pub parts: Parts,
}

/// The id that an attempt to pay an order always has; orders reckons it too.
pub fn payment_id(order: OrderId, attempt: i32) -> PaymentId {
    PaymentId::derived(&format!("{order}/{attempt}"))
}

/// Opens the payment at the wanted provider, or at the next one when that is down, and stores it. The same order and
/// attempt give the same payment again: at the provider the payment's id is the idempotency key, here it is the primary
/// key. A crash between the two leaves a charge at the provider that nobody was sent to; the next try opens the same one.
pub async fn create_payment(app: &App, new: NewPayment) -> Result<Payment, Error> {
    check(&new)?;
    let id = payment_id(new.order_id, new.attempt);
    if let Some(known) = payments::find(app.db.reader(), id).await? {
        return same(known, &new);
    }
    let wanted = new.provider.or_else(|| app.providers.default_name()).ok_or(Error::ProviderNotOffered)?;
    if app.providers.get(wanted).is_none() {
        return Err(Error::ProviderNotOffered);
    }
    let (provider, redirect) =
        if new.amount == 0 { (wanted, new.return_url.clone()) } else { open(app, id, wanted, &new).await? };
    let stored = store(app, id, provider, redirect, new).await?;
    if stored.provider != provider {
        // Somebody else stored this attempt with another provider meanwhile: that one counts. If this fails, the charge
        // stays open at a provider to whose page nobody was sent.
        if let Some(other) = app.providers.get(provider) {
            let _ = other.cancel(id).await;
        }
    }
    Ok(stored)
}

fn check(new: &NewPayment) -> Result<(), Problem> {
    if new.attempt < 1 {
        return Err(Problem::invalid("attempt", "must be at least 1"));
    }
    if !(0..=MAX_AMOUNT).contains(&new.amount) {
        return Err(Problem::invalid("amount", format!("must be 0 to {MAX_AMOUNT}")));
    }
    let mut sum = 0_i128;
    for (i, portion) in new.portions.iter().enumerate() {
        let Parts { goods, shipping, tax, commission } = portion.parts;
        let valid = |amount| (0..=MAX_AMOUNT).contains(&amount);
        if ![goods, shipping, tax, commission].into_iter().all(valid) {
            return Err(Problem::invalid(format!("allocations[{i}]"), format!("amounts must be 0 to {MAX_AMOUNT}")));
        }
        if commission > goods {
            return Err(Problem::invalid(format!("allocations[{i}].commission"), "must not be more than the goods"));
        }
        if new.portions[..i].iter().any(|other| other.seller_order_id == portion.seller_order_id) {
            return Err(Problem::invalid(format!("allocations[{i}].seller_order_id"), "is named twice"));
        }
        sum += i128::from(goods) + i128::from(shipping) + i128::from(tax);
    }
    if sum != i128::from(new.amount) {
        return Err(Problem::invalid("allocations", "must add up to the amount"));
    }
    Ok(())
}

fn same(known: Payment, new: &NewPayment) -> Result<Payment, Error> {
    if known.amount == new.amount && known.currency == new.currency { Ok(known) } else { Err(Error::PaymentDiffers) }
}

/// Opens the charge at the first provider that answers.
async fn open(
    app: &App,
    id: PaymentId,
    wanted: ProviderName,
    new: &NewPayment,
) -> Result<(ProviderName, String), Error> {
    let charge = Charge { payment: id, amount: new.amount, currency: new.currency, return_url: new.return_url.clone() };
    let mut last = Fault::NotOffered { provider: wanted };
    for provider in app.providers.candidates(wanted) {
        match provider.create(&charge).await {
            Ok(redirect) => return Ok((provider.name(), redirect)),
            Err(fault) => last = fault,
        }
    }
    Err(last.into())
}

async fn store(
    app: &App,
    id: PaymentId,
    provider: ProviderName,
    redirect: String,
    new: NewPayment,
) -> Result<Payment, Error> {
    let check_after = span(app.config.reconcile_after);
    let (payment, allocations) = app
        .db
        .guarded(move |tx| async move {
            let now = tx.now();
            let payment = Payment { check_at: Some(now + check_after), ..row(id, provider, redirect, &new, now) };
            let payment = if new.amount == 0 { paid(payment, now) } else { payment };
            let allocations: Vec<_> = new.portions.iter().map(|portion| allocation(id, portion)).collect();
            if !payments::insert(&tx, payment.clone(), allocations.clone()).await? {
                let known = payments::find(&tx, id).await?.ok_or(Error::NotFound("payment"))?;
                return same(known, &new).map(|known| (known, None));
            }
            if payment.status.is_paid() {
                tx.publish(PaymentCompleted {
                    payment_id: id,
                    order_id: payment.order_id,
                    amount: 0,
                    currency: payment.currency,
                    completed_at: now,
                });
            }
            Ok((payment, Some(allocations)))
        })
        .await?;
    if let Some(allocations) = allocations {
        app.remember(payment.clone(), allocations).await;
    }
    Ok(payment)
}

fn row(id: PaymentId, provider: ProviderName, redirect: String, new: &NewPayment, now: Timestamp) -> Payment {
    Payment {
        id,
        order_id: new.order_id,
        attempt: new.attempt,
        provider,
        status: PaymentStatus::Pending,
        amount: new.amount,
        currency: new.currency,
        refunded_amount: 0,
        refunding_amount: 0,
        buyer_id: new.buyer_id,
        order_token_hash: new.order_token_hash.clone(),
        return_url: new.return_url.clone(),
        redirect,
        failure: None,
        flag: None,
        check_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
        completed_at: None,
    }
}

/// Where there is nothing to pay, it is paid.
fn paid(payment: Payment, now: Timestamp) -> Payment {
    Payment { status: PaymentStatus::Completed, check_at: None, completed_at: Some(now), ..payment }
}

fn allocation(payment_id: PaymentId, portion: &NewPortion) -> Allocation {
    let Parts { goods, shipping, tax, commission } = portion.parts;
    Allocation {
        payment_id,
        seller_order_id: portion.seller_order_id,
        seller_id: portion.seller_id,
        goods,
        shipping,
        tax,
        commission,
        back_goods: 0,
        back_shipping: 0,
        back_tax: 0,
        back_commission: 0,
        back_in_general: 0,
        released_at: None,
    }
}
