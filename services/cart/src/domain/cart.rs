//! A cart and its lines.

use sea_orm::{DeriveActiveEnum, EnumIter, sea_query::StringLen};
use serde::Serialize;
use souk_kernel::{CartId, Currency, OrderId, ProductId, SellerId, SkuId, Timestamp};

use super::{MOST_LINES, MOST_UNITS, MOST_VALUE};

/// Where a cart stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, EnumIter, DeriveActiveEnum, utoipa::ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It can be filled.
    Open,
    /// An order is being made of it: it can't change.
    Frozen,
    /// An order was made of it. Its owner begins another.
    Closed,
}

/// A cart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cart {
    pub id: CartId,
    pub status: Status,
    /// The order that is being, or was, made of it.
    pub order_id: Option<OrderId>,
    pub version: i64,
    /// In the order in which they were added.
    pub lines: Vec<Line>,
}

/// So many units of a SKU.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    pub sku_id: SkuId,
    pub quantity: i64,
    pub seen: Seen,
    pub added_at: Timestamp,
}

/// The offer as the buyer last saw it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    pub product_id: ProductId,
    pub seller_id: SellerId,
    pub seller_name: String,
    pub title: String,
    pub image: Option<String>,
    pub unit_price: i64,
    pub currency: Currency,
}

/// Why a cart does not take something.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("an order is being made of the cart")]
    Frozen { order_id: Option<OrderId> },
    #[error("only {available} are available")]
    OutOfStock { available: i64 },
    #[error("the SKU is not in the cart")]
    NotThere,
    #[error("a cart holds at most {MOST_LINES} lines")]
    TooManyLines,
    #[error("a line holds at most {MOST_UNITS} units")]
    TooManyUnits,
    #[error("the cart would be worth too much")]
    TooMuchValue,
    #[error("the cart holds prices in {0}")]
    OtherCurrency(Currency),
}

impl Cart {
    /// A new, empty cart.
    pub const fn new(id: CartId) -> Self {
        Self { id, status: Status::Open, order_id: None, version: 1, lines: Vec::new() }
    }

    /// Refuses unless the cart can change.
    pub fn must_be_open(&self) -> Result<(), Refusal> {
        if self.status == Status::Open { Ok(()) } else { Err(Refusal::Frozen { order_id: self.order_id }) }
    }

    /// The line of a SKU.
    pub fn line(&self, sku_id: SkuId) -> Option<&Line> {
        self.lines.iter().find(|line| line.sku_id == sku_id)
    }

    /// Adds units to those that are there. `available` is absent when it is not known.
    pub fn add(
        &mut self,
        sku_id: SkuId,
        units: i64,
        seen: Seen,
        available: Option<i64>,
        now: Timestamp,
    ) -> Result<&Line, Refusal> {
        self.must_be_open()?;
        let there = self.line(sku_id).map_or(0, |line| line.quantity);
        self.put(sku_id, there.saturating_add(units), seen, available, now)
    }

    /// Sets the units of a line that is there.
    pub fn set(
        &mut self,
        sku_id: SkuId,
        units: i64,
        seen: Seen,
        available: Option<i64>,
        now: Timestamp,
    ) -> Result<&Line, Refusal> {
        self.must_be_open()?;
        if self.line(sku_id).is_none() {
            return Err(Refusal::NotThere);
        }
        self.put(sku_id, units, seen, available, now)
    }

    /// Takes a line out.
    pub fn remove(&mut self, sku_id: SkuId) -> Result<(), Refusal> {
        self.must_be_open()?;
        let before = self.lines.len();
        self.lines.retain(|line| line.sku_id != sku_id);
        if self.lines.len() == before { Err(Refusal::NotThere) } else { Ok(()) }
    }

    fn put(
        &mut self,
        sku_id: SkuId,
        quantity: i64,
        seen: Seen,
        available: Option<i64>,
        now: Timestamp,
    ) -> Result<&Line, Refusal> {
        if let Some(available) = available.filter(|available| quantity > *available) {
            return Err(Refusal::OutOfStock { available });
        }
        if quantity > MOST_UNITS {
            return Err(Refusal::TooManyUnits);
        }
        let others = || self.lines.iter().filter(|line| line.sku_id != sku_id);
        if let Some(other) = others().find(|line| line.seen.currency != seen.currency) {
            return Err(Refusal::OtherCurrency(other.seen.currency));
        }
        let value = others().map(Line::value).sum::<i128>() + i128::from(quantity) * i128::from(seen.unit_price);
        if value > i128::from(MOST_VALUE) {
            return Err(Refusal::TooMuchValue);
        }
        let index = match self.lines.iter().position(|line| line.sku_id == sku_id) {
            Some(index) => {
                let line = &mut self.lines[index];
                line.quantity = quantity;
                line.seen = seen;
                index
            }
            None if self.lines.len() >= MOST_LINES => return Err(Refusal::TooManyLines),
            None => {
                self.lines.push(Line { sku_id, quantity, seen, added_at: now });
                self.lines.len() - 1
            }
        };
        Ok(&self.lines[index])
    }
}

impl Line {
    /// What it is worth at the price that was seen.
    pub fn value(&self) -> i128 {
        i128::from(self.quantity) * i128::from(self.seen.unit_price)
    }
}

#[cfg(test)]
mod tests;
