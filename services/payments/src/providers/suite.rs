//! What every provider keeps to, run on each.

use souk_kernel::{Currency, PaymentId, RefundId};

use super::{Charge, Guarded, Reversal, ReversalWord};
use crate::{
    domain::payment::{ProviderName, Word},
    tests::Shop,
};

fn charge() -> Charge {
    Charge { payment: PaymentId::new(), amount: 1250, currency: Currency::GBP, return_url: "/orders/1".to_owned() }
}

async fn opening_twice_is_opening_once(provider: &Guarded) {
    let charge = charge();
    let page = provider.create(&charge).await.unwrap();
    assert_eq!(provider.create(&charge).await.unwrap(), page);
    assert_eq!(provider.fetch(charge.payment).await.unwrap(), Word::Open);
}

async fn a_charge_that_was_given_up_is_not_paid(provider: &Guarded) {
    let charge = charge();
    provider.create(&charge).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(provider.cancel(charge.payment).await.unwrap(), Word::Failed { .. }));
    }
    assert!(!matches!(provider.fetch(charge.payment).await.unwrap(), Word::Paid { .. }));
}

async fn a_refund_asked_for_twice_is_one_refund(provider: &Guarded) {
    let charge = charge();
    provider.create(&charge).await.unwrap();
    let reversal = Reversal { refund: RefundId::new(), payment: charge.payment, amount: 10 };
    let first = provider.refund(reversal).await.unwrap();
    assert!(!matches!(first, ReversalWord::Refused(_)));
    assert_eq!(provider.refund(reversal).await.unwrap(), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_provider_keeps_to_the_contract() {
    let shop = Shop::open().await;
    for name in [ProviderName::Sandbox, ProviderName::Manual] {
        let provider = shop.provider(name);
        opening_twice_is_opening_once(provider).await;
        a_charge_that_was_given_up_is_not_paid(provider).await;
        a_refund_asked_for_twice_is_one_refund(provider).await;
    }
}
