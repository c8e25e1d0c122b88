//! Gives a payment back in full.

use souk_contracts::payments::RefundPaymentRequest;

use crate::{app::App, error::Error, events::Refund};

/// Asks payments to refund all that is left. That it happened is told by `payment.refunded`.
pub async fn refund_payment(app: &App, refund: &Refund) -> Result<(), Error> {
    let request = RefundPaymentRequest {
        payment_id: refund.payment_id.to_string(),
        amount: None,
        reason: refund.reason.clone(),
        // One payment goes back in full at most once, whoever asks for it.
        reference: format!("cancel/{}", refund.payment_id),
        ..RefundPaymentRequest::default()
    };
    match app.payments.clone().refund_payment(request).await.map_err(Error::from) {
        Err(error) if error.is_conflict() => {
            // Nothing is left of it: somebody refunded it by hand.
            tracing::warn!(%error, order_id = %refund.order_id, payment_id = %refund.payment_id, "nothing to refund");
            Ok(())
        }
        other => other.map(|_| ()),
    }
}

/// Gives up an open payment that nobody should pay any more. One that was paid meanwhile comes back as
/// `payment.completed`.
pub async fn abandon_payment(app: &App, payment: souk_kernel::PaymentId) -> Result<(), Error> {
    let request = souk_contracts::payments::GetPaymentRequest { payment_id: payment.to_string() };
    match app.payments.clone().cancel_payment(request).await.map_err(Error::from) {
        Err(error) if error.is_unknown() => Ok(()),
        other => other.map(|_| ()),
    }
}
