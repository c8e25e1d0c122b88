//! Events of this service to itself: timers, and work that must be done however often it fails.
//!
//! Their keys differ from an order's own, so that a refund that has to be tried again holds back nobody's mail.

use serde::{Deserialize, Serialize};
use souk_kernel::{OrderId, PaymentId, ReturnId, SellerOrderId, UserId};
use souk_platform::events::Event;

macro_rules! private {
    ($($(#[$doc:meta])* $name:ident = $kind:literal { $($field:ident: $type:ty),+ } key $key:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        pub struct $name {
            $(pub $field: $type,)+
        }

        impl Event for $name {
            const TYPE: &'static str = $kind;
            fn key(&self) -> String {
                format!("{}/{}", self.$key, $kind)
            }
        }
    )*};
}

private! {
    /// The time to pay is over.
    Expire = "orders.expire" { order_id: OrderId } key order_id;
    /// An order ended: units, cart and open payments are given back.
    Undo = "orders.undo" { order_id: OrderId } key order_id;
    /// A payment has to go back in full.
    Refund = "orders.refund" { order_id: OrderId, payment_id: PaymentId, reason: String } key payment_id;
    /// A payment that is open should not be paid any more.
    Abandon = "orders.abandon_payment" { payment_id: PaymentId } key payment_id;
    /// The time to return a part is over.
    PartDue = "orders.part_due" { order_id: OrderId, seller_order_id: SellerOrderId } key seller_order_id;
    /// A return was approved: the units go back on the shelf and the money to the buyer.
    ReturnApproved = "orders.return_approved" { return_id: ReturnId } key return_id;
    /// The personal data of a deleted account is to be wiped, from its live orders once they have ended.
    Forget = "orders.forget" { user_id: UserId } key user_id;
}
