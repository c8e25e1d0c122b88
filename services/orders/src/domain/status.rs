//! The statuses of an order and its parts, and how one follows from the others.

use sea_orm::entity::prelude::{DeriveActiveEnum, EnumIter, StringLen};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Declares a status: `snake_case` in JSON, in the database and in the text form.
macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, ToSchema, EnumIter, DeriveActiveEnum)]
        #[serde(rename_all = "snake_case")]
        #[sea_orm(rs_type = "String", db_type = "String(StringLen::N(24))")]
        pub enum $name {
            $($(#[$variant_doc])* #[sea_orm(string_value = $text)] $variant,)+
        }

        impl $name {
            /// Its text form.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    )*};
}

statuses! {
    /// What an order is, to its buyer.
    OrderStatus {
        /// Accepted; waits to be priced and held.
        Queued = "queued",
        /// Priced and held; waits for its payment.
        PendingPayment = "pending_payment",
        /// Could not be placed.
        Rejected = "rejected",
        /// The payment failed; another may be tried until the order expires.
        PaymentFailed = "payment_failed",
        /// Nobody paid in time.
        Expired = "expired",
        /// Paid and the units committed.
        Confirmed = "confirmed",
        /// Everything arrived and can no longer be returned.
        Completed = "completed",
        /// Called off.
        Cancelled = "cancelled",
        /// Called off or expired, and the money is back.
        Refunded = "refunded",
    }

    /// How an order ended without being delivered.
    Ending {
        Rejected = "rejected",
        Expired = "expired",
        Cancelled = "cancelled",
    }

    /// What is known about the payment that counts.
    PaymentStatus {
        Pending = "pending",
        Completed = "completed",
        Failed = "failed",
        Cancelled = "cancelled",
        Expired = "expired",
        PartiallyRefunded = "partially_refunded",
        Refunded = "refunded",
    }

    /// What one seller's part of an order is.
    PartStatus {
        /// Waits for the payment.
        Pending = "pending",
        /// Paid: to be shipped.
        Confirmed = "confirmed",
        Shipped = "shipped",
        Delivered = "delivered",
        /// A return waits for the seller's decision.
        ReturnRequested = "return_requested",
        /// All its lines came back.
        Returned = "returned",
        /// Delivered, and the time to return it is over.
        Completed = "completed",
        Cancelled = "cancelled",
    }

    /// How far the parts are on their way.
    Fulfilment {
        None = "none",
        Partial = "partial",
        Shipped = "shipped",
        Delivered = "delivered",
    }

    /// What the checkout still has to do for an order.
    Step {
        /// Bind the cart and learn its lines.
        Freeze = "freeze",
        /// Price, hold, divide.
        Price = "price",
        /// Open the payment.
        Pay = "pay",
        /// Wait for the payment, under a timer.
        Wait = "wait",
        /// Nothing.
        Done = "done",
    }

    /// What a return is.
    ReturnStatus {
        Requested = "requested",
        Approved = "approved",
        Rejected = "rejected",
    }
}

impl OrderStatus {
    /// Whether the buyer may still pay.
    pub fn is_payable(self) -> bool {
        matches!(self, Self::PendingPayment | Self::PaymentFailed)
    }

    /// Whether nothing more will be delivered for it.
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Rejected | Self::Expired | Self::Completed | Self::Cancelled | Self::Refunded)
    }
}

impl PaymentStatus {
    /// The status that payments tells; one that is not known here counts as pending: nothing follows from it.
    pub fn told(text: &str) -> Self {
        match text {
            "completed" => Self::Completed,
            "failed" => Self::Failed,
            "cancelled" => Self::Cancelled,
            "expired" => Self::Expired,
            "partially_refunded" => Self::PartiallyRefunded,
            "refunded" => Self::Refunded,
            _ => Self::Pending,
        }
    }

    /// Whether the provider took the money, whatever became of it later.
    pub fn was_paid(self) -> bool {
        matches!(self, Self::Completed | Self::PartiallyRefunded | Self::Refunded)
    }
}

impl PartStatus {
    /// Whether the part was sold and stayed sold.
    fn is_sold(self) -> bool {
        !matches!(self, Self::Pending | Self::Cancelled)
    }

    fn has_left(self) -> bool {
        self.is_sold() && self != Self::Confirmed
    }

    /// Whether the buyer received it.
    pub fn has_arrived(self) -> bool {
        self.has_left() && self != Self::Shipped
    }

    fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Returned)
    }
}

/// The one function that decides an order's status: it follows from how the order ended, its payment and its parts.
pub fn order_status(ending: Option<Ending>, payment: Option<PaymentStatus>, parts: &[PartStatus]) -> OrderStatus {
    let mut sold = parts.iter().filter(|part| part.is_sold()).peekable();
    if sold.peek().is_some() {
        return if sold.all(|part| part.is_over()) { OrderStatus::Completed } else { OrderStatus::Confirmed };
    }
    match (ending, payment) {
        (Some(Ending::Rejected), _) => OrderStatus::Rejected,
        (Some(_), Some(PaymentStatus::Refunded)) => OrderStatus::Refunded,
        (Some(Ending::Cancelled), _) => OrderStatus::Cancelled,
        (Some(Ending::Expired), _) => OrderStatus::Expired,
        (None, None) => OrderStatus::Queued,
        (None, Some(PaymentStatus::Pending)) => OrderStatus::PendingPayment,
        // Paid, not committed yet: to the buyer it still waits.
        (None, Some(paid)) if paid.was_paid() => OrderStatus::PendingPayment,
        (None, Some(_)) => OrderStatus::PaymentFailed,
    }
}

/// How far the parts that are sold are on their way.
pub fn fulfilment(parts: &[PartStatus]) -> Fulfilment {
    let sold = || parts.iter().filter(|part| part.is_sold());
    if !sold().any(|part| part.has_left()) {
        Fulfilment::None
    } else if sold().all(|part| part.has_arrived()) {
        Fulfilment::Delivered
    } else if sold().all(|part| part.has_left()) {
        Fulfilment::Shipped
    } else {
        Fulfilment::Partial
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orders_status_follows_from_its_ending_its_payment_and_its_parts() {
        use OrderStatus as Order;
        use PartStatus::{Cancelled, Completed, Confirmed, Delivered, Pending, ReturnRequested, Returned, Shipped};
        use PaymentStatus as Payment;

        type Row = (Option<Ending>, Option<Payment>, &'static [PartStatus], Order);
        let table: &[Row] = &[
            (None, None, &[], Order::Queued),
            (None, None, &[Pending], Order::Queued),
            (None, Some(Payment::Pending), &[Pending, Pending], Order::PendingPayment),
            (None, Some(Payment::Completed), &[Pending], Order::PendingPayment),
            (None, Some(Payment::Failed), &[Pending], Order::PaymentFailed),
            (None, Some(Payment::Cancelled), &[Pending], Order::PaymentFailed),
            (None, Some(Payment::Expired), &[Pending], Order::PaymentFailed),
            (None, Some(Payment::Completed), &[Confirmed, Confirmed], Order::Confirmed),
            (None, Some(Payment::Completed), &[Confirmed, Shipped], Order::Confirmed),
            (None, Some(Payment::Completed), &[Delivered, Completed], Order::Confirmed),
            (None, Some(Payment::Completed), &[ReturnRequested], Order::Confirmed),
            (None, Some(Payment::Completed), &[Completed, Completed], Order::Completed),
            (None, Some(Payment::PartiallyRefunded), &[Completed, Returned], Order::Completed),
            (None, Some(Payment::Refunded), &[Returned], Order::Completed),
            (None, Some(Payment::Refunded), &[Confirmed], Order::Confirmed),
            (Some(Ending::Rejected), None, &[], Order::Rejected),
            (Some(Ending::Rejected), Some(Payment::Cancelled), &[Cancelled], Order::Rejected),
            (Some(Ending::Expired), None, &[Cancelled], Order::Expired),
            (Some(Ending::Expired), Some(Payment::Pending), &[Cancelled], Order::Expired),
            (Some(Ending::Expired), Some(Payment::Completed), &[Cancelled], Order::Expired),
            (Some(Ending::Expired), Some(Payment::Refunded), &[Cancelled], Order::Refunded),
            (Some(Ending::Cancelled), None, &[], Order::Cancelled),
            (Some(Ending::Cancelled), Some(Payment::Completed), &[Cancelled, Cancelled], Order::Cancelled),
            (Some(Ending::Cancelled), Some(Payment::PartiallyRefunded), &[Cancelled], Order::Cancelled),
            (Some(Ending::Cancelled), Some(Payment::Refunded), &[Cancelled], Order::Refunded),
        ];
        for (ending, payment, parts, expected) in table {
            assert_eq!(order_status(*ending, *payment, parts), *expected, "{ending:?} {payment:?} {parts:?}");
        }
    }

    #[test]
    fn fulfilment_follows_from_the_parts_that_are_sold() {
        use PartStatus::{Cancelled, Confirmed, Delivered, Pending, Returned, Shipped};
        let table: &[(&[PartStatus], Fulfilment)] = &[
            (&[], Fulfilment::None),
            (&[Pending], Fulfilment::None),
            (&[Confirmed, Cancelled], Fulfilment::None),
            (&[Confirmed, Shipped], Fulfilment::Partial),
            (&[Confirmed, Delivered], Fulfilment::Partial),
            (&[Shipped, Delivered], Fulfilment::Shipped),
            (&[Shipped, Cancelled], Fulfilment::Shipped),
            (&[Delivered, Returned], Fulfilment::Delivered),
        ];
        for (parts, expected) in table {
            assert_eq!(fulfilment(parts), *expected, "{parts:?}");
        }
    }

    #[test]
    fn a_status_reads_the_same_everywhere() {
        use sea_orm::{ActiveEnum, Iterable};
        for status in OrderStatus::iter() {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
            assert_eq!(status.to_value(), status.as_str());
        }
    }
}
