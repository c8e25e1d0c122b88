//! What may happen to an order. Every operation moves an order through one of these transitions and no other way.

use super::status::{Ending, Fulfilment, OrderStatus, PartStatus, PaymentStatus, fulfilment, order_status};

/// Why a transition is not possible now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("a part of the order has been shipped already")]
    AlreadyShipped,
    #[error("the order has ended")]
    Ended,
    #[error("the order can't be paid now")]
    NotPayable,
    #[error("the seller's part is not in a state that permits this")]
    PartState,
    #[error("the order is neither unpaid nor ended")]
    StillLive,
}

impl Refusal {
    /// The stable code that callers see.
    pub fn code(self) -> &'static str {
        match self {
            Self::AlreadyShipped => "already_shipped",
            Self::Ended => "order_ended",
            Self::NotPayable => "order_not_payable",
            Self::PartState => "seller_order_state",
            Self::StillLive => "order_still_live",
        }
    }
}

/// What may happen to one seller's part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PartEvent {
    Ship,
    Deliver,
    RequestReturn,
    /// The seller refused, or took back only some of the units.
    KeepDelivered,
    TakeBack,
    Complete,
}

impl PartStatus {
    /// The status after `event`.
    pub fn after(self, event: PartEvent) -> Result<Self, Refusal> {
        match (self, event) {
            (Self::Confirmed, PartEvent::Ship) => Ok(Self::Shipped),
            (Self::Shipped, PartEvent::Deliver) | (Self::ReturnRequested, PartEvent::KeepDelivered) => {
                Ok(Self::Delivered)
            }
            (Self::Delivered, PartEvent::RequestReturn) => Ok(Self::ReturnRequested),
            (Self::ReturnRequested, PartEvent::TakeBack) => Ok(Self::Returned),
            (Self::Delivered, PartEvent::Complete) => Ok(Self::Completed),
            _ => Err(Refusal::PartState),
        }
    }
}

/// Everything that an order's status follows from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lifecycle {
    pub ending: Option<Ending>,
    pub payment: Option<PaymentStatus>,
    pub parts: Vec<PartStatus>,
}

impl Lifecycle {
    pub fn status(&self) -> OrderStatus {
        order_status(self.ending, self.payment, &self.parts)
    }

    pub fn fulfilment(&self) -> Fulfilment {
        fulfilment(&self.parts)
    }

    /// The checkout gave up before anybody could pay.
    pub fn reject(self) -> Result<Self, Refusal> {
        match self.status() {
            OrderStatus::Queued => Ok(self.end(Ending::Rejected)),
            _ => Err(Refusal::Ended),
        }
    }

    /// The buyer or the operator calls it off, paid or not, before anything was shipped.
    pub fn cancel(self) -> Result<Self, Refusal> {
        match self.status() {
            OrderStatus::Queued
            | OrderStatus::PendingPayment
            | OrderStatus::PaymentFailed
            | OrderStatus::Confirmed
            | OrderStatus::Completed
                if self.fulfilment() != Fulfilment::None =>
            {
                Err(Refusal::AlreadyShipped)
            }
            OrderStatus::Queued | OrderStatus::PendingPayment | OrderStatus::PaymentFailed | OrderStatus::Confirmed => {
                Ok(self.end(Ending::Cancelled))
            }
            _ => Err(Refusal::Ended),
        }
    }

    /// Nobody paid in time.
    pub fn expire(self) -> Result<Self, Refusal> {
        match self.status() {
            OrderStatus::Queued | OrderStatus::PendingPayment | OrderStatus::PaymentFailed => {
                Ok(self.end(Ending::Expired))
            }
            _ => Err(Refusal::NotPayable),
        }
    }

    /// A payment was opened.
    pub fn await_payment(mut self) -> Result<Self, Refusal> {
        match self.status() {
            OrderStatus::Queued | OrderStatus::PendingPayment | OrderStatus::PaymentFailed
                if !self.payment.is_some_and(PaymentStatus::was_paid) =>
            {
                self.payment = Some(PaymentStatus::Pending);
                Ok(self)
            }
            _ => Err(Refusal::NotPayable),
        }
    }

    /// The open payment will not come.
    pub fn fail_payment(mut self, how: PaymentStatus) -> Result<Self, Refusal> {
        match self.status() {
            OrderStatus::PendingPayment if !self.payment.is_some_and(PaymentStatus::was_paid) => {
                self.payment = Some(how);
                Ok(self)
            }
            _ => Err(Refusal::NotPayable),
        }
    }

    /// The money is there and the units are committed. An order that expired comes back to life, unless a payment for
    /// it is on its way back already.
    pub fn confirm(mut self) -> Result<Self, Refusal> {
        if !self.may_be_confirmed() {
            return Err(Refusal::NotPayable);
        }
        self.ending = None;
        self.payment = Some(PaymentStatus::Completed);
        self.parts.fill(PartStatus::Confirmed);
        Ok(self)
    }

    /// Whether a payment that comes now would be for something.
    pub fn may_be_confirmed(&self) -> bool {
        let paid = self.payment.is_some_and(PaymentStatus::was_paid);
        !self.parts.is_empty()
            && match self.status() {
                OrderStatus::Queued | OrderStatus::PendingPayment | OrderStatus::PaymentFailed => true,
                OrderStatus::Expired => !paid,
                _ => false,
            }
    }

    /// Money came for an order that will not be delivered; it goes back.
    pub fn pay_in_vain(mut self, ending: Ending) -> Self {
        let ending = self.ending.unwrap_or(ending);
        if self.payment != Some(PaymentStatus::Refunded) && self.payment != Some(PaymentStatus::PartiallyRefunded) {
            self.payment = Some(PaymentStatus::Completed);
        }
        self.end(ending)
    }

    /// Some or all of the money went back.
    pub fn refund(mut self, full: bool) -> Self {
        self.payment = Some(if full { PaymentStatus::Refunded } else { PaymentStatus::PartiallyRefunded });
        self
    }

    /// Something happens to the part at `index`.
    pub fn part(mut self, index: usize, event: PartEvent) -> Result<Self, Refusal> {
        let part = self.parts.get_mut(index).ok_or(Refusal::PartState)?;
        *part = part.after(event)?;
        Ok(self)
    }

    /// Whether the goods may still be sent elsewhere.
    pub fn may_change_address(&self) -> Result<(), Refusal> {
        if self.status().is_ended() {
            Err(Refusal::Ended)
        } else if self.fulfilment() != Fulfilment::None {
            Err(Refusal::AlreadyShipped)
        } else {
            Ok(())
        }
    }

    fn end(mut self, ending: Ending) -> Self {
        self.ending = Some(ending);
        self.parts.fill(PartStatus::Cancelled);
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn waiting() -> Lifecycle {
        Lifecycle { ending: None, payment: Some(PaymentStatus::Pending), parts: vec![PartStatus::Pending; 2] }
    }

    #[test]
    fn a_paid_order_is_cancelled_before_shipping_and_then_refunded() {
        let cancelled = waiting().confirm().unwrap().cancel().unwrap();
        assert_eq!(cancelled.status(), OrderStatus::Cancelled);
        assert_eq!(cancelled.clone().cancel(), Err(Refusal::Ended));
        assert_eq!(cancelled.clone().refund(false).status(), OrderStatus::Cancelled);
        assert_eq!(cancelled.refund(true).status(), OrderStatus::Refunded);
        let shipped = waiting().confirm().unwrap().part(0, PartEvent::Ship).unwrap();
        assert_eq!(shipped.cancel(), Err(Refusal::AlreadyShipped));
    }

    #[test]
    fn a_late_payment_revives_an_expired_order_but_not_a_cancelled_one() {
        let expired = waiting().expire().unwrap();
        assert_eq!(expired.clone().confirm().unwrap().status(), OrderStatus::Confirmed);
        let in_vain = expired.pay_in_vain(Ending::Cancelled);
        assert_eq!(in_vain.status(), OrderStatus::Expired);
        assert_eq!(in_vain.confirm(), Err(Refusal::NotPayable), "the money is on its way back");
        let cancelled = waiting().cancel().unwrap();
        assert_eq!(cancelled.clone().confirm(), Err(Refusal::NotPayable));
        assert_eq!(cancelled.pay_in_vain(Ending::Cancelled).refund(true).status(), OrderStatus::Refunded);
    }

    #[test]
    fn a_failed_payment_can_be_followed_by_another_but_not_after_the_order_was_paid() {
        let failed = waiting().fail_payment(PaymentStatus::Failed).unwrap();
        assert_eq!(failed.status(), OrderStatus::PaymentFailed);
        assert_eq!(failed.await_payment().unwrap().status(), OrderStatus::PendingPayment);
        let confirmed = waiting().confirm().unwrap();
        assert_eq!(confirmed.clone().fail_payment(PaymentStatus::Failed), Err(Refusal::NotPayable));
        assert_eq!(confirmed.await_payment(), Err(Refusal::NotPayable));
    }

    #[test]
    fn a_part_goes_its_way_and_no_other() {
        let part = PartStatus::Confirmed.after(PartEvent::Ship).unwrap().after(PartEvent::Deliver).unwrap();
        assert_eq!(part.after(PartEvent::Complete), Ok(PartStatus::Completed));
        let asked = part.after(PartEvent::RequestReturn).unwrap();
        assert_eq!(asked.after(PartEvent::TakeBack), Ok(PartStatus::Returned));
        assert_eq!(asked.after(PartEvent::KeepDelivered), Ok(PartStatus::Delivered));
        assert_eq!(asked.after(PartEvent::Complete), Err(Refusal::PartState));
        assert_eq!(PartStatus::Pending.after(PartEvent::Ship), Err(Refusal::PartState));
        assert_eq!(PartStatus::Shipped.after(PartEvent::Ship), Err(Refusal::PartState));
    }

    /// The arrows of the design's picture, by status before and after.
    fn may_become(from: OrderStatus, to: OrderStatus) -> bool {
        use OrderStatus as O;
        from == to
            || match from {
                O::Queued => matches!(to, O::PendingPayment | O::Rejected | O::Expired | O::Cancelled | O::Confirmed),
                O::PendingPayment => matches!(to, O::Confirmed | O::PaymentFailed | O::Expired | O::Cancelled),
                O::PaymentFailed => matches!(to, O::PendingPayment | O::Confirmed | O::Expired | O::Cancelled),
                // Straight to refunded, if the operator had given the money back by hand before.
                O::Confirmed => matches!(to, O::Completed | O::Cancelled | O::Refunded),
                O::Expired => matches!(to, O::Confirmed | O::Refunded),
                O::Cancelled => to == O::Refunded,
                O::Rejected | O::Completed | O::Refunded => false,
            }
    }

    #[derive(Clone, Copy, Debug)]
    enum Move {
        Reject,
        Cancel,
        Expire,
        Await,
        Fail,
        Confirm,
        Late,
        Refund,
        Part(usize, PartEvent),
    }

    fn moves() -> impl Strategy<Value = Vec<Move>> {
        use PartEvent::{Complete, Deliver, KeepDelivered, RequestReturn, Ship, TakeBack};
        let events = prop::sample::select(vec![Ship, Deliver, RequestReturn, KeepDelivered, TakeBack, Complete]);
        let one = prop_oneof![
            prop::sample::select(vec![
                Move::Reject,
                Move::Cancel,
                Move::Expire,
                Move::Await,
                Move::Fail,
                Move::Confirm,
                Move::Late,
                Move::Refund
            ]),
            (0..2_usize, events).prop_map(|(part, event)| Move::Part(part, event)),
        ];
        prop::collection::vec(one, 0..40)
    }

    proptest! {
        #[test]
        fn no_order_of_events_leaves_the_picture(moves in moves()) {
            let mut order = Lifecycle { ending: None, payment: None, parts: vec![PartStatus::Pending; 2] };
            for one in moves {
                let before = order.status();
                let after = match one {
                    Move::Reject => order.clone().reject(),
                    Move::Cancel => order.clone().cancel(),
                    Move::Expire => order.clone().expire(),
                    Move::Await => order.clone().await_payment(),
                    Move::Fail => order.clone().fail_payment(PaymentStatus::Failed),
                    Move::Confirm => order.clone().confirm(),
                    // Money is refunded only where it came, and a payment comes late only for what has ended.
                    Move::Late if matches!(before, OrderStatus::Expired | OrderStatus::Cancelled) => {
                        Ok(order.clone().pay_in_vain(Ending::Cancelled))
                    }
                    Move::Refund if order.payment.is_some_and(PaymentStatus::was_paid) => Ok(order.clone().refund(true)),
                    Move::Late | Move::Refund => Err(Refusal::Ended),
                    Move::Part(index, event) => order.clone().part(index, event),
                };
                if let Ok(after) = after {
                    prop_assert!(may_become(before, after.status()), "{before:?} → {:?} by {one:?}", after.status());
                    order = after;
                }
            }
        }
    }
}
