//! What the replay will do, known from the file before the first request: who buys what in which order, and which part
//! of an earlier order each cancellation gives back.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use crate::{
    error::Error,
    replay::rows::{Line, Row, read},
};

/// SKUs that one product may have.
const VARIANTS: usize = 100;

#[derive(Debug, Default)]
pub struct Plan {
    pub customers: Vec<String>,
    pub skus: Vec<Sku>,
    pub products: Vec<Product>,
    pub orders: Vec<Order>,
    pub refunds: Vec<Refund>,
    /// Orders and refunds as the file has them.
    pub actions: Vec<Action>,
    pub refunded_value: i64,
    /// Rows by the reason why they are not replayed, with their value in pence where they have one.
    pub left_out: BTreeMap<&'static str, (u64, i64)>,
}

/// One stock code at one price.
#[derive(Debug, PartialEq, Eq)]
pub struct Sku {
    pub stock_code: String,
    pub unit_price: i64,
    pub units: u64,
}

#[derive(Debug)]
pub struct Product {
    pub title: String,
    /// Indexes of its SKUs.
    pub skus: Vec<usize>,
}

#[derive(Debug)]
pub struct Order {
    pub invoice: String,
    pub customer: usize,
    /// SKU and units; one line per SKU.
    pub lines: BTreeMap<usize, u64>,
    pub value: i64,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Refund {
    pub order: usize,
    pub amount: i64,
    pub invoice: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Buy(usize),
    Refund(usize),
}

/// What a plan is made with.
#[derive(Default)]
struct Drafting {
    plan: Plan,
    customers: HashMap<String, usize>,
    skus: HashMap<(String, i64), usize>,
    titles: HashMap<String, String>,
    orders: HashMap<(String, usize), usize>,
    /// Per customer and SKU: orders with the units that are not given back yet, oldest first.
    returnable: HashMap<(usize, usize), Vec<(usize, u64)>>,
}

impl Plan {
    pub fn of(path: &Path, most: u64) -> Result<Self, Error> {
        let mut drafting = Drafting::default();
        read(path, most, |row| drafting.note(row))?;
        Ok(drafting.finish())
    }
}

impl Drafting {
    fn note(&mut self, row: Row<'_>) {
        match row {
            Row::Sale(line) => self.sell(&line),
            Row::Cancellation(line) => self.give_back(&line),
            Row::Unusable(reason) => self.leave_out(reason, 0),
        }
    }

    fn sell(&mut self, line: &Line<'_>) {
        let customers = &mut self.plan.customers;
        let customer = *self.customers.entry(line.customer.to_owned()).or_insert_with(|| {
            customers.push(line.customer.to_owned());
            customers.len() - 1
        });
        let skus = &mut self.plan.skus;
        let sku = *self.skus.entry((line.stock_code.clone(), line.unit_price)).or_insert_with(|| {
            skus.push(Sku { stock_code: line.stock_code.clone(), unit_price: line.unit_price, units: 0 });
            skus.len() - 1
        });
        skus[sku].units += line.quantity;
        if !line.description.is_empty() {
            self.titles.entry(line.stock_code.clone()).or_insert_with(|| line.description.to_owned());
        }
        let Plan { orders, actions, .. } = &mut self.plan;
        let order = *self.orders.entry((line.invoice.to_owned(), customer)).or_insert_with(|| {
            orders.push(Order { invoice: line.invoice.to_owned(), customer, lines: BTreeMap::new(), value: 0 });
            actions.push(Action::Buy(orders.len() - 1));
            orders.len() - 1
        });
        *orders[order].lines.entry(sku).or_default() += line.quantity;
        orders[order].value += line.value();
        self.returnable.entry((customer, sku)).or_default().push((order, line.quantity));
    }

    /// Gives back the latest units of the same item at the same price that the customer still has.
    fn give_back(&mut self, line: &Line<'_>) {
        let known = self
            .customers
            .get(line.customer)
            .copied()
            .zip(self.skus.get(&(line.stock_code.clone(), line.unit_price)).copied());
        let Some(purchases) = known.and_then(|key| self.returnable.get_mut(&key)) else {
            let reason = self.why_unmatched(line);
            return self.leave_out(reason, line.value());
        };
        let mut wanted = line.quantity;
        let mut pieces: BTreeMap<usize, u64> = BTreeMap::new();
        while wanted > 0
            && let Some((order, left)) = purchases.last_mut()
        {
            let units = wanted.min(*left);
            *pieces.entry(*order).or_default() += units;
            wanted -= units;
            *left -= units;
            if *left == 0 {
                purchases.pop();
            }
        }
        for (order, units) in pieces {
            let amount = Line { quantity: units, ..line.clone() }.value();
            self.plan.refunds.push(Refund { order, amount, invoice: line.invoice.to_owned() });
            self.plan.actions.push(Action::Refund(self.plan.refunds.len() - 1));
            self.plan.refunded_value += amount;
        }
        if wanted == line.quantity {
            self.leave_out("not refunded: all of it is given back already", line.value());
        } else if wanted > 0 {
            let rest = Line { quantity: wanted, ..line.clone() }.value();
            self.leave_out("refunded in part: more than was bought", rest);
        }
    }

    fn why_unmatched(&self, line: &Line<'_>) -> &'static str {
        let Some(customer) = self.customers.get(line.customer) else {
            return "not refunded: the customer bought nothing before";
        };
        let bought =
            |(known, sku): &(usize, usize)| known == customer && self.plan.skus[*sku].stock_code == line.stock_code;
        if self.returnable.keys().any(bought) {
            "not refunded: bought before, but not at this price"
        } else {
            "not refunded: the customer did not buy this before"
        }
    }

    fn leave_out(&mut self, reason: &'static str, value: i64) {
        let (rows, total) = self.plan.left_out.entry(reason).or_default();
        *rows += 1;
        *total += value;
    }

    fn finish(mut self) -> Plan {
        let mut by_code: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, sku) in self.plan.skus.iter().enumerate() {
            by_code.entry(&sku.stock_code).or_default().push(index);
        }
        let mut products = Vec::new();
        for (code, skus) in by_code {
            let title = self.titles.get(code).map_or_else(|| format!("Item {code}"), Clone::clone);
            products.extend(skus.chunks(VARIANTS).map(|skus| Product { title: title.clone(), skus: skus.to_vec() }));
        }
        self.plan.products = products;
        self.plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(
        invoice: &'static str,
        code: &str,
        quantity: u64,
        unit_price: i64,
        customer: &'static str,
    ) -> Line<'static> {
        Line { invoice, stock_code: code.to_owned(), description: "", quantity, unit_price, customer }
    }

    fn plan(rows: impl IntoIterator<Item = Row<'static>>) -> Plan {
        let mut drafting = Drafting::default();
        for row in rows {
            drafting.note(row);
        }
        drafting.finish()
    }

    #[test]
    fn an_invoice_is_one_order_and_a_price_one_sku() {
        let plan = plan([
            Row::Sale(line("1", "A", 2, 100, "c")),
            Row::Sale(line("1", "A", 3, 100, "c")),
            Row::Sale(line("1", "A", 1, 90, "c")),
            Row::Sale(line("2", "A", 1, 90, "d")),
        ]);
        assert_eq!((plan.orders.len(), plan.skus.len(), plan.products.len(), plan.customers.len()), (2, 2, 1, 2));
        assert_eq!((plan.orders[0].lines[&0], plan.orders[0].value, plan.skus[1].units), (5, 590, 2));
        assert_eq!(plan.actions, [Action::Buy(0), Action::Buy(1)]);
    }

    #[test]
    fn a_cancellation_takes_the_latest_purchases_first_and_no_more_than_there_is() {
        let plan = plan([
            Row::Sale(line("1", "A", 5, 100, "c")),
            Row::Sale(line("2", "A", 2, 100, "c")),
            Row::Cancellation(line("C3", "A", 3, 100, "c")),
            Row::Cancellation(line("C4", "A", 9, 100, "c")),
            Row::Cancellation(line("C5", "A", 1, 100, "c")),
            Row::Cancellation(line("C6", "A", 1, 80, "c")),
            Row::Cancellation(line("C7", "B", 1, 80, "c")),
            Row::Cancellation(line("C8", "B", 1, 80, "d")),
            Row::Unusable("not sold: no customer"),
        ]);
        let refunds: Vec<_> = plan.refunds.iter().map(|refund| (refund.order, refund.amount)).collect();
        assert_eq!(refunds, [(0, 100), (1, 200), (0, 400)]);
        assert_eq!(plan.refunded_value, 700);
        let left_out: Vec<_> = plan.left_out.values().copied().collect();
        assert_eq!(plan.left_out.len(), 6);
        assert_eq!(left_out.iter().map(|(rows, _)| rows).sum::<u64>(), 6);
        assert_eq!(plan.left_out["refunded in part: more than was bought"], (1, 500));
    }

    #[test]
    fn more_prices_than_a_product_may_have_make_a_second_product() {
        let plan = plan((1..=101).map(|price| Row::Sale(line("1", "M", 1, price, "c"))));
        let sizes: Vec<_> = plan.products.iter().map(|product| product.skus.len()).collect();
        assert_eq!(sizes, [100, 1]);
    }
}
