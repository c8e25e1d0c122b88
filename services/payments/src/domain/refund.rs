//! Which part of a refund each seller order bears, and how much commission and tax go back with it.
//!
//! A refund of the whole payment is divided so that *all* refunds of that reach together follow the proportions of the
//! payment, by largest remainder: a thousand refunds of one unit end where one refund of a thousand ends. What a seller
//! refunds of its own part is borne by that part alone. Commission goes back in step with the goods. Every series of
//! refunds that gives back all ends with nothing left anywhere.

use sea_orm::{DeriveActiveEnum, EnumIter, sea_query::StringLen};
use serde::{Deserialize, Serialize};
use souk_kernel::money::{allocate, share};
use utoipa::ToSchema;

/// Where a refund stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// Asked for; its amount is set aside.
    Pending,
    /// The provider gave the money back.
    Completed,
    /// The provider refused; its amount is free again.
    Failed,
}

impl RefundStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

/// Who bears a refund.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// All seller orders of the payment, in proportion.
    Payment,
    /// Only the seller orders given.
    Part,
}

/// What a seller order's part of a payment consists of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Parts {
    pub goods: i64,
    pub shipping: i64,
    pub tax: i64,
    /// Of the goods; not on top of them.
    pub commission: i64,
}

impl Parts {
    /// What the buyer pays or gets back.
    #[must_use]
    pub const fn total(self) -> i64 {
        self.goods + self.shipping + self.tax
    }

    /// What of it is the seller's.
    #[must_use]
    pub const fn sellers(self) -> i64 {
        self.goods + self.shipping - self.commission
    }

    /// The opposite: given "back", it undoes a refund that failed.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self { goods: -self.goods, shipping: -self.shipping, tax: -self.tax, commission: -self.commission }
    }
}

/// One seller order's part of a payment, and what of it went back or is on its way back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Share {
    pub whole: Parts,
    pub back: Parts,
    /// Of `back.total()`, what refunds of the whole payment took.
    pub back_in_general: i64,
}

impl Share {
    /// What is left to give back.
    #[must_use]
    pub const fn left(&self) -> i64 {
        self.whole.total() - self.back.total()
    }

    /// This share after giving back `parts`, as the database reckons it.
    #[cfg(test)]
    #[must_use]
    pub const fn after(mut self, parts: Parts, reach: Reach) -> Self {
        self.back = Parts {
            goods: self.back.goods + parts.goods,
            shipping: self.back.shipping + parts.shipping,
            tax: self.back.tax + parts.tax,
            commission: self.back.commission + parts.commission,
        };
        if matches!(reach, Reach::Payment) {
            self.back_in_general += parts.total();
        }
        self
    }
}

/// Divides a refund of `amount` among `shares`; the parts are in their order. `None` when that much is not left, or when
/// it is not positive.
#[must_use]
pub fn split(shares: &[Share], amount: i64, reach: Reach) -> Option<Vec<Parts>> {
    let left: i64 = shares.iter().map(Share::left).sum();
    if amount <= 0 || amount > left {
        return None;
    }
    let weights = match reach {
        Reach::Part => shares.iter().map(Share::left).collect(),
        Reach::Payment => {
            // What sellers refunded themselves is out of the proportions: the others don't have to catch up.
            let bases: Vec<i64> =
                shares.iter().map(|share| share.whole.total() - (share.back.total() - share.back_in_general)).collect();
            let done: Vec<i64> = shares.iter().map(|share| share.back_in_general).collect();
            owed(&bases, &done, amount)
        }
    };
    let amounts = allocate(amount, &weights);
    Some(shares.iter().zip(amounts).map(|(share, amount)| within(share, amount)).collect())
}

/// Divides what one share gives back into goods, shipping and tax, with the commission that goes back with the goods.
fn within(share: &Share, amount: i64) -> Parts {
    let (whole, back) = (share.whole, share.back);
    let bases = [whole.goods, whole.shipping, whole.tax];
    let done = [back.goods, back.shipping, back.tax];
    let divided = allocate(amount, &owed(&bases, &done, amount));
    let (goods, shipping, tax) = (divided[0], divided[1], divided[2]);
    let commission = if goods == 0 {
        0
    } else {
        let goal = share_of(whole.commission, back.goods + goods, whole.goods);
        (goal - back.commission).clamp(0, whole.commission - back.commission)
    };
    Parts { goods, shipping, tax, commission }
}

/// How far each part lies behind its proportion of `bases` once `amount` more is given back. The sum is at least
/// `amount`, and no part is more than what its base has left, so that dividing `amount` by these never takes too much.
fn owed(bases: &[i64], done: &[i64], amount: i64) -> Vec<i64> {
    let target = done.iter().sum::<i64>() + amount;
    allocate(target, bases).into_iter().zip(done).map(|(goal, done)| (goal - done).max(0)).collect()
}

fn share_of(amount: i64, numerator: i64, denominator: i64) -> i64 {
    share(amount, numerator, denominator).expect("a part of an amount is no larger than the amount")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share_with(goods: i64, shipping: i64, tax: i64, commission: i64) -> Share {
        Share { whole: Parts { goods, shipping, tax, commission }, ..Share::default() }
    }

    fn give(shares: &mut [Share], amount: i64, reach: Reach) -> Vec<Parts> {
        let parts = split(shares, amount, reach).unwrap();
        for (share, parts) in shares.iter_mut().zip(&parts) {
            *share = share.after(*parts, reach);
        }
        parts
    }

    #[test]
    fn a_full_refund_gives_everything_back() {
        let mut shares = [share_with(1000, 50, 200, 100), share_with(333, 0, 67, 33)];
        let parts = give(&mut shares, 1650, Reach::Payment);
        assert_eq!(parts, shares.map(|share| share.whole));
        assert_eq!(split(&shares, 1, Reach::Payment), None);
    }

    #[test]
    fn commission_goes_back_in_step_with_the_goods() {
        let mut shares = [share_with(1000, 0, 0, 101)];
        assert_eq!(give(&mut shares, 500, Reach::Payment)[0].commission, 50); // 50.5, half to even
        assert_eq!(give(&mut shares, 500, Reach::Payment)[0].commission, 51);
    }

    #[test]
    fn many_small_refunds_keep_the_proportions() {
        let mut shares = [share_with(9000, 0, 0, 900), share_with(1000, 0, 0, 100)];
        for _ in 0..5000 {
            give(&mut shares, 1, Reach::Payment);
        }
        assert_eq!([shares[0].back.goods, shares[1].back.goods], [4500, 500]);
        assert_eq!([shares[0].back.commission, shares[1].back.commission], [450, 50]);
    }

    #[test]
    fn what_a_seller_refunded_itself_is_not_made_up_for_by_the_others() {
        let mut shares = [share_with(100, 0, 0, 0), share_with(100, 0, 0, 0)];
        give(&mut shares[..1], 50, Reach::Part);
        let parts = give(&mut shares, 30, Reach::Payment);
        assert_eq!([parts[0].goods, parts[1].goods], [10, 20]);
    }

    fn any_share() -> impl Strategy<Value = Share> {
        (0_i64..5000, 0_i64..500, 0_i64..900, 0_i64..=100)
            .prop_map(|(goods, shipping, tax, percent)| share_with(goods, shipping, tax, goods * percent / 100))
    }

    proptest! {
        #[test]
        fn any_series_of_refunds_ends_exactly_at_zero(
            shares in prop::collection::vec(any_share(), 1..6),
            steps in prop::collection::vec((1_i64..800, 0_usize..8, any::<bool>()), 0..60),
        ) {
            let mut shares = shares;
            for (amount, at, own) in steps {
                let at = at % shares.len();
                let (some, reach) = if own { (&mut shares[at..=at], Reach::Part) } else { (&mut shares[..], Reach::Payment) };
                let amount = amount.min(some.iter().map(Share::left).sum());
                if amount > 0 {
                    let parts = give(some, amount, reach);
                    prop_assert_eq!(parts.iter().map(|parts| parts.total()).sum::<i64>(), amount);
                    prop_assert!(parts.iter().all(|parts| fits(Parts::default(), *parts)));
                    prop_assert!(some.iter().all(|share| fits(share.back, share.whole)));
                }
            }
            let left: i64 = shares.iter().map(Share::left).sum();
            if left > 0 {
                give(&mut shares, left, Reach::Payment);
            }
            prop_assert!(shares.iter().all(|share| share.back == share.whole));
        }

        /// Refunds fail in any order, long after others were given; what succeeds in the end is still everything.
        #[test]
        fn a_refund_that_failed_leaves_nothing_behind(
            shares in prop::collection::vec(any_share(), 1..4),
            steps in prop::collection::vec((1_i64..800, any::<bool>(), 0_usize..40), 1..40),
        ) {
            let mut shares = shares;
            let mut given: Vec<Vec<Parts>> = Vec::new();
            for (amount, fails, which) in steps {
                if fails && !given.is_empty() {
                    let undone = given.swap_remove(which % given.len());
                    for (share, parts) in shares.iter_mut().zip(undone) {
                        *share = share.after(parts.negated(), Reach::Payment);
                    }
                } else {
                    let amount = amount.min(shares.iter().map(Share::left).sum());
                    if amount > 0 {
                        given.push(give(&mut shares, amount, Reach::Payment));
                    }
                }
                prop_assert!(shares.iter().all(|share| fits(Parts::default(), share.back) && fits(share.back, share.whole)));
            }
            let left: i64 = shares.iter().map(Share::left).sum();
            if left > 0 {
                give(&mut shares, left, Reach::Payment);
            }
            prop_assert!(shares.iter().all(|share| share.back == share.whole));
        }
    }

    fn fits(part: Parts, whole: Parts) -> bool {
        part.goods <= whole.goods
            && part.shipping <= whole.shipping
            && part.tax <= whole.tax
            && part.commission <= whole.commission
    }
}
