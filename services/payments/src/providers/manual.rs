//! Bank transfer and cash: there is no machine at the other end, an operator says when money came and went.

use axum::http::HeaderMap;
use souk_kernel::{PaymentId, Timestamp};

use super::{Answer, BadNotice, Charge, Notice, Provider, Reversal, ReversalWord};
use crate::domain::payment::{ProviderName, Word};

pub struct Manual;

impl Provider for Manual {
    fn name(&self) -> ProviderName {
        ProviderName::Manual
    }

    /// There is no page to pay at: the buyer goes back to the order, which says how to pay.
    fn create<'a>(&'a self, charge: &'a Charge) -> Answer<'a, String> {
        Box::pin(async { Ok(charge.return_url.clone()) })
    }

    /// Called when the operator says that the money came.
    fn capture<'a>(&'a self, charge: &'a Charge) -> Answer<'a, Word> {
        Box::pin(async { Ok(Word::Paid { amount: charge.amount, currency: charge.currency.to_string() }) })
    }

    fn cancel(&self, _: PaymentId) -> Answer<'_, Word> {
        Box::pin(async { Ok(Word::Failed { reason: "cancelled".to_owned() }) })
    }

    /// Waits until the operator says that the money was sent.
    fn refund(&self, _: Reversal) -> Answer<'_, ReversalWord> {
        Box::pin(async { Ok(ReversalWord::Waiting) })
    }

    fn fetch(&self, _: PaymentId) -> Answer<'_, Word> {
        Box::pin(async { Ok(Word::Open) })
    }

    fn read_notice(&self, _: &HeaderMap, _: &[u8], _: Timestamp) -> Result<Notice, BadNotice> {
        Err(BadNotice::NotOffered)
    }
}
