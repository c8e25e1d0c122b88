//! What the marketplace takes of a line, and why.
//!
//! A rule is a list of components: a percentage, a fixed amount for each unit, a floor, a cap, and tax on the fee itself.
//! The most specific rule decides alone: seller and category (nearest ancestor first), seller, category, default.

use std::{collections::HashMap, fmt::Write};

use serde::{Deserialize, Serialize};
use souk_kernel::{CategoryId, CommissionRuleId, Currency, Money, MoneyError, SellerId, money::share};
use utoipa::ToSchema;

/// What a rule takes. Amounts are in the smallest unit of the rule's currency; a rule with amounts but for another currency
/// than the line's does not apply to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Components {
    /// Hundredths of a percent: 1000 are 10 %.
    pub basis_points: i64,
    /// For each unit.
    pub fixed_per_unit: i64,
    /// The least that is taken of a line.
    pub floor: i64,
    /// The most that is taken of a line.
    pub cap: Option<i64>,
    /// Tax on the fee, on top of it, in hundredths of a percent.
    pub fee_tax_basis_points: i64,
    /// Needed as soon as one of the amounts is set.
    pub currency: Option<Currency>,
}

impl Components {
    /// Whether it names amounts, which mean something in one currency only.
    #[must_use]
    pub const fn has_amounts(&self) -> bool {
        self.fixed_per_unit != 0 || self.floor != 0 || self.cap.is_some()
    }

    fn applies_to(&self, currency: Currency) -> bool {
        !self.has_amounts() || self.currency == Some(currency)
    }
}

/// Whom a rule is for. Without both it is the default.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Scope {
    pub seller: Option<SellerId>,
    pub category: Option<CategoryId>,
}

/// A version of a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    pub id: CommissionRuleId,
    pub version: i64,
    pub scope: Scope,
    pub components: Components,
}

/// A line to take commission of.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    pub seller: SellerId,
    /// Most specific first.
    pub categories: &'a [CategoryId],
    /// After discounts, without tax.
    pub amount: i64,
    pub quantity: i64,
    pub currency: Currency,
}

/// What is taken of a line, with the rule that says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fee {
    pub amount: i64,
    pub rule: CommissionRuleId,
    pub version: i64,
    /// Why, for people.
    pub explanation: String,
}

/// The rules in force, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct Rules(HashMap<Scope, Rule>);

impl Rules {
    /// The rules in force; of two for the same scope the later one counts.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self(rules.into_iter().map(|rule| (rule.scope, rule)).collect())
    }

    /// The rule for a line: the most specific one that knows its currency.
    #[must_use]
    pub fn resolve(&self, line: &Line<'_>) -> Option<&Rule> {
        let seller = Some(line.seller);
        let categories = || line.categories.iter().copied().map(Some);
        let of_both = categories().map(|category| Scope { seller, category });
        let of_seller = [Scope { seller, category: None }];
        let of_category = categories().map(|category| Scope { seller: None, category });
        of_both
            .chain(of_seller)
            .chain(of_category)
            .chain([Scope::default()])
            .filter_map(|scope| self.0.get(&scope))
            .find(|rule| rule.components.applies_to(line.currency))
    }

    /// What is taken of a line. Nothing when no rule applies.
    pub fn fee(&self, line: &Line<'_>) -> Result<Option<Fee>, MoneyError> {
        let Some(rule) = self.resolve(line) else { return Ok(None) };
        let (amount, explanation) = take(rule, line)?;
        Ok(Some(Fee { amount, rule: rule.id, version: rule.version, explanation }))
    }
}

/// The fee of a line by a rule, with the reason. Never more than the line itself: nobody pays to sell.
fn take(rule: &Rule, line: &Line<'_>) -> Result<(i64, String), MoneyError> {
    let Components { basis_points, fixed_per_unit, floor, cap, fee_tax_basis_points, .. } = rule.components;
    let money = |amount| Money::new(amount, line.currency);
    let percentage = share(line.amount, basis_points, 10_000)?;
    let fixed = fixed_per_unit.checked_mul(line.quantity).ok_or(MoneyError::Overflow)?;
    let mut fee = percentage.checked_add(fixed).ok_or(MoneyError::Overflow)?;
    let mut why = format!("{} of {}", percent(basis_points), money(line.amount));
    if fixed_per_unit != 0 {
        let _ = write!(why, " + {} × {}", line.quantity, money(fixed_per_unit));
    }
    if fee < floor {
        fee = floor;
        let _ = write!(why, ", at least {}", money(floor));
    }
    if let Some(cap) = cap.filter(|cap| fee > *cap) {
        fee = cap;
        let _ = write!(why, ", at most {}", money(cap));
    }
    if fee_tax_basis_points != 0 {
        let tax = share(fee, fee_tax_basis_points, 10_000)?;
        fee = fee.checked_add(tax).ok_or(MoneyError::Overflow)?;
        let _ = write!(why, ", with {} tax on the fee", percent(fee_tax_basis_points));
    }
    if fee > line.amount {
        fee = line.amount;
        why.push_str(", never more than the line");
    }
    let _ = write!(why, " = {} ({})", money(fee), reason(rule.scope));
    Ok((fee, why))
}

fn percent(basis_points: i64) -> String {
    let (whole, part) = (basis_points / 100, basis_points % 100);
    match part {
        0 => format!("{whole} %"),
        _ if part % 10 == 0 => format!("{whole}.{} %", part / 10),
        _ => format!("{whole}.{part:02} %"),
    }
}

fn reason(scope: Scope) -> String {
    match (scope.seller, scope.category) {
        (Some(_), Some(category)) => format!("rule for this seller in {category}"),
        (Some(_), None) => "rule for this seller".to_owned(),
        (None, Some(category)) => format!("rule for {category}"),
        (None, None) => "default rule".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(seller: Option<&str>, category: Option<&str>, components: Components) -> Rule {
        let scope = Scope { seller: seller.map(SellerId::derived), category: category.map(CategoryId::derived) };
        Rule { id: CommissionRuleId::derived(&format!("{scope:?}")), version: 1, scope, components }
    }

    fn percent_only(basis_points: i64) -> Components {
        Components { basis_points, ..Components::default() }
    }

    fn line(categories: &[CategoryId], amount: i64, quantity: i64) -> Line<'_> {
        Line { seller: SellerId::derived("s"), categories, amount, quantity, currency: Currency::GBP }
    }

    #[test]
    fn the_most_specific_rule_decides() {
        let categories = [CategoryId::derived("child"), CategoryId::derived("parent")];
        let all = [
            rule(None, None, percent_only(1)),
            rule(None, Some("parent"), percent_only(2)),
            rule(None, Some("child"), percent_only(3)),
            rule(Some("s"), None, percent_only(4)),
            rule(Some("s"), Some("parent"), percent_only(5)),
            rule(Some("s"), Some("child"), percent_only(6)),
        ];
        for known in 1..=all.len() {
            let rules = Rules::new(all[..known].iter().copied());
            let found = rules.resolve(&line(&categories, 100, 1)).unwrap();
            assert_eq!(found.components.basis_points, i64::try_from(known).unwrap());
        }
        let others = Rules::new([rule(Some("other"), None, percent_only(9))]);
        assert!(others.resolve(&line(&categories, 100, 1)).is_none());
    }

    #[test]
    fn amounts_count_in_their_own_currency_only() {
        let in_euros = Components { fixed_per_unit: 30, currency: Some(Currency::EUR), ..Components::default() };
        let rules = Rules::new([rule(Some("s"), None, in_euros), rule(None, None, percent_only(1000))]);
        assert_eq!(rules.fee(&line(&[], 500, 1)).unwrap().unwrap().amount, 50);
        let euros = Line { currency: Currency::EUR, ..line(&[], 500, 2) };
        assert_eq!(rules.fee(&euros).unwrap().unwrap().amount, 60);
    }

    fn fee(components: Components, amount: i64, quantity: i64) -> (i64, String) {
        let fee = Rules::new([rule(None, None, components)]).fee(&line(&[], amount, quantity)).unwrap().unwrap();
        (fee.amount, fee.explanation)
    }

    #[test]
    fn every_fee_says_why() {
        let (amount, why) = fee(percent_only(1250), 1999, 1);
        assert_eq!((amount, why.as_str()), (250, "12.5 % of 19.99 GBP = 2.50 GBP (default rule)"));
        let gbp = Components { basis_points: 1000, currency: Some(Currency::GBP), ..Components::default() };
        let (amount, why) = fee(Components { fixed_per_unit: 20, fee_tax_basis_points: 2000, ..gbp }, 1000, 3);
        assert_eq!(
            (amount, why.as_str()),
            (192, "10 % of 10.00 GBP + 3 × 0.20 GBP, with 20 % tax on the fee = 1.92 GBP (default rule)")
        );
        assert_eq!(fee(Components { floor: 50, ..gbp }, 100, 1).0, 50);
        assert_eq!(fee(Components { cap: Some(70), ..gbp }, 1000, 1).0, 70);
        let (amount, why) = fee(Components { floor: 50, ..gbp }, 30, 1);
        assert_eq!(amount, 30);
        assert!(why.contains("never more than the line"), "{why}");
    }

    proptest! {
        #[test]
        fn a_fee_is_never_negative_nor_more_than_the_line(
            amount in 0_i64..1_000_000, quantity in 1_i64..1000, basis_points in 0_i64..=10_000,
            fixed_per_unit in 0_i64..500, floor in 0_i64..500, cap in prop::option::of(0_i64..5000), tax in 0_i64..=10_000,
        ) {
            let components = Components {
                basis_points, fixed_per_unit, floor, cap, fee_tax_basis_points: tax, currency: Some(Currency::GBP),
            };
            let (fee, _) = fee(components, amount, quantity);
            prop_assert!((0..=amount).contains(&fee));
        }
    }
}
