//! A payment: one attempt to pay an order at one provider.
//!
//! What the provider says may come late, twice or in the wrong order. The one rule that decides is [`PaymentStatus::turn`]:
//! money that arrived outranks everything said before it, and nothing takes a payment back from "paid" but a refund.

use sea_orm::{DeriveActiveEnum, EnumIter, Iterable, sea_query::StringLen};
use serde::{Deserialize, Serialize};
use souk_kernel::Currency;
use utoipa::ToSchema;

/// The largest amount that one payment may have: sums over many payments still fit 64 bits.
pub const MAX_AMOUNT: i64 = 1_000_000_000_000_000;

/// The providers that are built in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ProviderName {
    /// Embedded: a hosted page with buttons, for trying out and for tests.
    Sandbox,
    /// Bank transfer or cash: an operator says when the money arrived.
    Manual,
}

impl ProviderName {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Manual => "manual",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::iter().find(|name| name.as_str() == text)
    }
}

impl std::fmt::Display for ProviderName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Where a payment stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    Pending,
    Completed,
    Failed,
    Cancelled,
    Expired,
    PartiallyRefunded,
    Refunded,
}

/// Something that may change where a payment stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, EnumIter)]
pub enum Turn {
    /// The provider holds the money.
    Paid,
    /// The provider declined, or gave the payment up.
    Failed,
    /// The order gave the payment up.
    Cancelled,
    /// It stayed open for too long.
    Expired,
}

impl PaymentStatus {
    /// The whole machine except refunds: where `turn` leads from here; `None` when it changes nothing.
    #[must_use]
    pub fn turn(self, turn: Turn) -> Option<Self> {
        match (self, turn) {
            (Self::Pending | Self::Failed | Self::Cancelled | Self::Expired, Turn::Paid) => Some(Self::Completed),
            (Self::Pending, Turn::Failed) => Some(Self::Failed),
            (Self::Pending, Turn::Cancelled) => Some(Self::Cancelled),
            (Self::Pending, Turn::Expired) => Some(Self::Expired),
            _ => None,
        }
    }

    /// The statuses from which `turn` leads somewhere, for the guard of an update.
    pub fn before(turn: Turn) -> impl Iterator<Item = Self> {
        Self::iter().filter(move |status| status.turn(turn).is_some())
    }

    /// Where `turn` leads, from wherever it leads anywhere.
    #[must_use]
    pub const fn after(turn: Turn) -> Self {
        match turn {
            Turn::Paid => Self::Completed,
            Turn::Failed => Self::Failed,
            Turn::Cancelled => Self::Cancelled,
            Turn::Expired => Self::Expired,
        }
    }

    /// Where a paid payment stands when `refunded` of its `amount` went back.
    #[must_use]
    pub const fn of_refunded(amount: i64, refunded: i64) -> Self {
        match refunded {
            0 => Self::Completed,
            _ if refunded >= amount => Self::Refunded,
            _ => Self::PartiallyRefunded,
        }
    }

    /// Whether the money arrived, whatever went back since.
    #[must_use]
    pub const fn is_paid(self) -> bool {
        matches!(self, Self::Completed | Self::PartiallyRefunded | Self::Refunded)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
        }
    }
}

/// What a provider says about a payment, asked or by webhook.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "snake_case")]
pub enum Word {
    /// Nothing is decided yet.
    Open,
    /// The money is there. The currency is the provider's text, which need not be one.
    Paid { amount: i64, currency: String },
    /// It will not come.
    Failed { reason: String },
    /// Something that doesn't concern us.
    Other,
}

/// What follows from a provider's word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    Turn(Turn),
    /// Money came, but not what was asked for: nothing is confirmed, an operator must look.
    Flag(String),
    Nothing,
}

/// Weighs a provider's word about a payment of `amount` in `currency`.
#[must_use]
pub fn weigh(word: &Word, amount: i64, currency: Currency) -> Verdict {
    match word {
        Word::Paid { amount: paid, currency: code } if *paid == amount && code == currency.code() => {
            Verdict::Turn(Turn::Paid)
        }
        Word::Paid { amount: paid, currency: code } => {
            Verdict::Flag(format!("asked for {amount} {currency}, the provider reports {paid} {code}"))
        }
        Word::Failed { .. } => Verdict::Turn(Turn::Failed),
        Word::Open | Word::Other => Verdict::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn money_that_arrived_outranks_everything_said_before() {
        use PaymentStatus as S;
        for from in [S::Pending, S::Failed, S::Cancelled, S::Expired] {
            assert_eq!(from.turn(Turn::Paid), Some(S::Completed), "{from:?}");
        }
        for paid in [S::Completed, S::PartiallyRefunded, S::Refunded] {
            for turn in Turn::iter() {
                assert_eq!(paid.turn(turn), None, "{paid:?} {turn:?}");
            }
        }
        for ended in [S::Failed, S::Cancelled, S::Expired] {
            for turn in [Turn::Failed, Turn::Cancelled, Turn::Expired] {
                assert_eq!(ended.turn(turn), None);
            }
        }
    }

    #[test]
    fn the_guard_of_an_update_says_the_same_as_the_machine() {
        for turn in Turn::iter() {
            for status in PaymentStatus::iter() {
                let guarded = PaymentStatus::before(turn).any(|before| before == status);
                assert_eq!(status.turn(turn), guarded.then_some(PaymentStatus::after(turn)));
            }
        }
    }

    #[test]
    fn names_are_the_same_in_the_database_in_json_and_in_calls() {
        use sea_orm::ActiveEnum;
        for status in PaymentStatus::iter() {
            assert_eq!(status.to_value(), status.as_str());
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for name in ProviderName::iter() {
            assert_eq!(name.to_value(), name.as_str());
            assert_eq!(ProviderName::parse(name.as_str()), Some(name));
        }
        assert_eq!(ProviderName::parse("Sandbox"), None);
    }

    #[test]
    fn another_amount_or_currency_confirms_nothing() {
        let paid = |amount, currency: &str| Word::Paid { amount, currency: currency.to_owned() };
        assert_eq!(weigh(&paid(100, "GBP"), 100, Currency::GBP), Verdict::Turn(Turn::Paid));
        for wrong in [paid(99, "GBP"), paid(101, "GBP"), paid(-100, "GBP"), paid(100, "EUR"), paid(100, "gbp")] {
            assert!(matches!(weigh(&wrong, 100, Currency::GBP), Verdict::Flag(_)), "{wrong:?}");
        }
        assert_eq!(weigh(&Word::Open, 100, Currency::GBP), Verdict::Nothing);
    }

    #[test]
    fn the_refunded_amount_decides_how_a_paid_payment_is_called() {
        assert_eq!(PaymentStatus::of_refunded(10, 0), PaymentStatus::Completed);
        assert_eq!(PaymentStatus::of_refunded(10, 1), PaymentStatus::PartiallyRefunded);
        assert_eq!(PaymentStatus::of_refunded(10, 10), PaymentStatus::Refunded);
        assert_eq!(PaymentStatus::of_refunded(0, 0), PaymentStatus::Completed);
    }

    proptest! {
        /// However often and in whatever order a provider's messages come, a payment that was ever paid ends paid.
        #[test]
        fn any_order_of_messages_ends_paid_if_one_of_them_says_so(turns in prop::collection::vec(0_usize..4, 0..12)) {
            let turns: Vec<Turn> = turns.into_iter().map(|n| Turn::iter().nth(n).unwrap()).collect();
            let end = turns.iter().fold(PaymentStatus::Pending, |status, turn| status.turn(*turn).unwrap_or(status));
            prop_assert_eq!(end.is_paid(), turns.contains(&Turn::Paid));
            prop_assert_eq!(end == PaymentStatus::Pending, turns.is_empty());
        }
    }
}
