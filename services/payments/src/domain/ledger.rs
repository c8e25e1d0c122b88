//! The books: double entry, append only.
//!
//! A posting is positive when its account is debited and negative when it is credited, so a transaction is right when its
//! postings sum to zero. What the provider holds for us is an asset (positive); what we owe sellers, earned, or collected
//! as tax is negative. A correction is a new transaction, never a change.

use std::fmt;

use sea_orm::{DeriveActiveEnum, EnumIter, sea_query::StringLen};
use serde::{Deserialize, Serialize};
use souk_kernel::{Currency, OrderId, PaymentId, PayoutId, RefundId, SellerId, SellerOrderId};
use utoipa::ToSchema;

use super::{payment::ProviderName, refund::Parts};

/// Where money stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Account {
    /// What a provider holds for us.
    Provider(ProviderName),
    /// Owed to a seller, not to be paid out yet.
    Pending(SellerId),
    /// Owed to a seller, to be paid out.
    Available(SellerId),
    /// What the marketplace earned.
    Commission,
    /// Collected for the tax office.
    Tax,
    /// On its way to a seller, or there.
    Payout(PayoutId),
}

impl Account {
    /// The seller whose statement shows postings to this account.
    #[must_use]
    pub const fn seller(self) -> Option<SellerId> {
        match self {
            Self::Pending(seller) | Self::Available(seller) => Some(seller),
            _ => None,
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provider(name) => write!(out, "provider:{name}"),
            Self::Pending(seller) => write!(out, "seller:{seller}:pending"),
            Self::Available(seller) => write!(out, "seller:{seller}:available"),
            Self::Commission => out.write_str("platform:commission"),
            Self::Tax => out.write_str("platform:tax"),
            Self::Payout(payout) => write!(out, "payouts:{payout}"),
        }
    }
}

/// Why money moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A buyer paid.
    Payment,
    /// A buyer got money back.
    Refund,
    /// A seller's money became available after the return window.
    Release,
    /// A seller was paid out.
    Payout,
}

/// What a posting is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// The whole amount, at the provider.
    Total,
    Goods,
    Shipping,
    Tax,
    Commission,
    /// From pending to available.
    Release,
    Payout,
}

/// One line of a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Posting {
    pub account: Account,
    pub component: Component,
    /// Positive: debit. Negative: credit.
    pub amount: i64,
    pub seller_order: Option<SellerOrderId>,
}

/// A balanced transaction, not yet written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transaction {
    pub kind: Kind,
    /// What it is about; a kind and a reference are posted once.
    pub reference: String,
    pub order: Option<OrderId>,
    pub currency: Currency,
    pub postings: Vec<Posting>,
}

/// The postings of a transaction don't sum to zero: a mistake of ours, caught before it is written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("ledger transaction {kind:?} {reference} is out of balance by {by}")]
pub struct Unbalanced {
    kind: Kind,
    reference: String,
    by: i128,
}

/// One seller order's part of what is posted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Portion {
    pub seller: SellerId,
    pub seller_order: SellerOrderId,
    pub parts: Parts,
    /// Whether the seller's money is available already; then refunds are taken from there.
    pub released: bool,
}

impl Portion {
    fn account(&self) -> Account {
        if self.released { Account::Available(self.seller) } else { Account::Pending(self.seller) }
    }

    /// What the seller, the marketplace and the tax office get for this portion: credits, as on a sale.
    fn credits(&self) -> [Posting; 5] {
        let posting =
            |account, component, amount| Posting { account, component, amount, seller_order: Some(self.seller_order) };
        let Parts { goods, shipping, tax, commission } = self.parts;
        [
            posting(self.account(), Component::Goods, -goods),
            posting(self.account(), Component::Shipping, -shipping),
            posting(self.account(), Component::Commission, commission),
            posting(Account::Commission, Component::Commission, -commission),
            posting(Account::Tax, Component::Tax, -tax),
        ]
    }
}

impl Transaction {
    /// A buyer paid `amount`.
    pub fn payment(
        payment: PaymentId,
        order: OrderId,
        provider: ProviderName,
        amount: i64,
        currency: Currency,
        portions: &[Portion],
    ) -> Result<Self, Unbalanced> {
        let total =
            Posting { account: Account::Provider(provider), component: Component::Total, amount, seller_order: None };
        let postings = std::iter::once(total).chain(portions.iter().flat_map(Portion::credits));
        Self::balanced(Kind::Payment, payment.to_string(), Some(order), currency, postings)
    }

    /// A buyer got `amount` back: everything that the payment did, the other way round, in part.
    pub fn refund(
        refund: RefundId,
        order: OrderId,
        provider: ProviderName,
        amount: i64,
        currency: Currency,
        portions: &[Portion],
    ) -> Result<Self, Unbalanced> {
        let total = Posting {
            account: Account::Provider(provider),
            component: Component::Total,
            amount: -amount,
            seller_order: None,
        };
        let reversed =
            portions.iter().flat_map(Portion::credits).map(|posting| Posting { amount: -posting.amount, ..posting });
        Self::balanced(Kind::Refund, refund.to_string(), Some(order), currency, std::iter::once(total).chain(reversed))
    }

    /// What a seller earned with a seller order becomes available.
    pub fn release(
        payment: PaymentId,
        order: OrderId,
        seller: SellerId,
        seller_order: SellerOrderId,
        amount: i64,
        currency: Currency,
    ) -> Result<Self, Unbalanced> {
        let posting = |account, amount| Posting {
            account,
            component: Component::Release,
            amount,
            seller_order: Some(seller_order),
        };
        let postings = [posting(Account::Pending(seller), amount), posting(Account::Available(seller), -amount)];
        Self::balanced(Kind::Release, format!("{payment}/{seller_order}"), Some(order), currency, postings)
    }

    /// A seller is paid `amount` of what is available.
    pub fn payout(payout: PayoutId, seller: SellerId, amount: i64, currency: Currency) -> Result<Self, Unbalanced> {
        let posting = |account, amount| Posting { account, component: Component::Payout, amount, seller_order: None };
        let postings = [posting(Account::Available(seller), amount), posting(Account::Payout(payout), -amount)];
        Self::balanced(Kind::Payout, payout.to_string(), None, currency, postings)
    }

    fn balanced(
        kind: Kind,
        reference: String,
        order: Option<OrderId>,
        currency: Currency,
        postings: impl IntoIterator<Item = Posting>,
    ) -> Result<Self, Unbalanced> {
        let postings: Vec<Posting> = postings.into_iter().filter(|posting| posting.amount != 0).collect();
        match postings.iter().map(|posting| i128::from(posting.amount)).sum() {
            0 => Ok(Self { kind, reference, order, currency, postings }),
            by => Err(Unbalanced { kind, reference, by }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::refund::{Reach, Share, split};

    fn portion(parts: Parts, released: bool) -> Portion {
        Portion { seller: SellerId::derived("shop"), seller_order: SellerOrderId::derived("part"), parts, released }
    }

    fn amounts(transaction: &Transaction) -> HashMap<String, i64> {
        let mut sums = HashMap::new();
        for posting in &transaction.postings {
            *sums.entry(posting.account.to_string()).or_default() += posting.amount;
        }
        sums
    }

    #[test]
    fn a_sale_is_shared_between_seller_marketplace_and_tax_office() {
        let portion = portion(Parts { goods: 1000, shipping: 50, tax: 200, commission: 100 }, false);
        let payment = PaymentId::derived("p");
        let posted = Transaction::payment(
            payment,
            OrderId::derived("o"),
            ProviderName::Sandbox,
            1250,
            Currency::GBP,
            &[portion],
        )
        .unwrap();
        let expected = HashMap::from([
            ("provider:sandbox".to_owned(), 1250),
            (format!("seller:{}:pending", portion.seller), -950),
            ("platform:commission".to_owned(), -100),
            ("platform:tax".to_owned(), -200),
        ]);
        assert_eq!(amounts(&posted), expected);
    }

    #[test]
    fn a_transaction_that_does_not_sum_to_zero_is_refused() {
        let portion = portion(Parts { goods: 1000, ..Parts::default() }, false);
        let refused = Transaction::payment(
            PaymentId::derived("p"),
            OrderId::derived("o"),
            ProviderName::Manual,
            1001,
            Currency::GBP,
            &[portion],
        );
        assert_eq!(refused.unwrap_err().by, 1);
    }

    #[test]
    fn a_refund_after_the_return_window_is_taken_from_what_is_available() {
        let portion = portion(Parts { goods: 10, ..Parts::default() }, true);
        let posted = Transaction::refund(
            RefundId::derived("r"),
            OrderId::derived("o"),
            ProviderName::Sandbox,
            10,
            Currency::GBP,
            &[portion],
        )
        .unwrap();
        assert_eq!(amounts(&posted)[&format!("seller:{}:available", portion.seller)], 10);
    }

    proptest! {
        /// A payment, a release somewhere in between and any series of partial refunds: each transaction sums to zero,
        /// and when all went back every account of this payment stands at zero.
        #[test]
        fn the_books_balance_at_every_step_and_close_at_zero(
            sales in prop::collection::vec((0_i64..5000, 0_i64..300, 0_i64..900, 0_i64..=100, 0_usize..12), 1..5),
            refunds in prop::collection::vec(1_i64..900, 0..40),
        ) {
            let (payment, order) = (PaymentId::derived("p"), OrderId::derived("o"));
            let mut portions = Vec::new();
            let mut shares = Vec::new();
            let mut release_at = Vec::new();
            for (n, (goods, shipping, tax, percent, at)) in sales.into_iter().enumerate() {
                let whole = Parts { goods, shipping, tax, commission: goods * percent / 100 };
                let name = n.to_string();
                let (seller, seller_order) = (SellerId::derived(&name), SellerOrderId::derived(&name));
                portions.push(Portion { seller, seller_order, parts: whole, released: false });
                shares.push(Share { whole, ..Share::default() });
                release_at.push(at);
            }
            let amount: i64 = shares.iter().map(Share::left).sum();
            let mut posted = vec![
                Transaction::payment(payment, order, ProviderName::Sandbox, amount, Currency::GBP, &portions).unwrap(),
            ];
            for (n, wanted) in refunds.into_iter().chain([i64::MAX]).enumerate() {
                for (i, portion) in portions.iter_mut().enumerate().filter(|(i, _)| release_at[*i] == n) {
                    portion.released = true;
                    let earned = shares[i].whole.sellers() - shares[i].back.sellers();
                    posted.push(
                        Transaction::release(payment, order, portion.seller, portion.seller_order, earned, Currency::GBP)
                            .unwrap(),
                    );
                }
                let left: i64 = shares.iter().map(Share::left).sum();
                let Some(parts) = split(&shares, wanted.min(left), Reach::Payment) else { continue };
                let refunded: Vec<Portion> =
                    portions.iter().zip(&parts).map(|(portion, parts)| Portion { parts: *parts, ..*portion }).collect();
                for (share, parts) in shares.iter_mut().zip(parts) {
                    *share = share.after(parts, Reach::Payment);
                }
                let id = RefundId::derived(&n.to_string());
                let amount = wanted.min(left);
                posted.push(
                    Transaction::refund(id, order, ProviderName::Sandbox, amount, Currency::GBP, &refunded).unwrap(),
                );
            }
            let mut sums: HashMap<String, i64> = HashMap::new();
            for transaction in &posted {
                prop_assert_eq!(transaction.postings.iter().map(|posting| posting.amount).sum::<i64>(), 0);
                for (account, amount) in amounts(transaction) {
                    *sums.entry(account).or_default() += amount;
                }
            }
            prop_assert!(sums.values().all(|sum| *sum == 0), "{:?}", sums);
        }
    }
}
