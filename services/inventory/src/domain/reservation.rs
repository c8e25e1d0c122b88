//! Units held for an order: `active → committed → restocked`, or `active → released` and perhaps `active` again.

use std::collections::BTreeMap;

use sea_orm::{DeriveActiveEnum, EnumIter, sea_query::StringLen};
use souk_kernel::{OrderId, SkuId, Timestamp};

use super::{MOST_LINES, MOST_PER_LINE, Movement, MovementKind};

/// What is asked for, summed per SKU; sorted, so that every order touches stock rows in the same sequence.
pub type Demand = BTreeMap<SkuId, i64>;

/// Where a hold stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum HoldStatus {
    /// The units are held until `expires_at`.
    Active,
    /// The units have left the shelf.
    Committed,
    /// The hold was given back, or ran out.
    Released,
    /// The units left the shelf, and all of them came back.
    Restocked,
}

impl HoldStatus {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Committed => "committed",
            Self::Released => "released",
            Self::Restocked => "restocked",
        }
    }
}

/// Units of one SKU at one location, held for one order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hold {
    pub order_id: OrderId,
    pub sku_id: SkuId,
    pub location: String,
    pub quantity: i64,
    /// How many of the committed units came back.
    pub restocked: i64,
    pub status: HoldStatus,
    pub expires_at: Timestamp,
}

/// What a transition does to a stock row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    pub sku_id: SkuId,
    pub location: String,
    pub movement: Movement,
}

/// Where an order stands as a whole; its holds move together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Nothing is held: never, or no longer.
    Nothing,
    /// Its units are held.
    Held,
    /// Its units have left the shelf.
    Committed,
    /// They left the shelf and are all back.
    Returned,
}

/// Why a demand can't be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DemandError {
    #[error("must name 1 to {MOST_LINES} lines")]
    Lines,
    #[error("must be 1 to {MOST_PER_LINE}")]
    Quantity { line: usize },
}

/// More units should come back than went out.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("only {returnable} of {sku_id} can come back")]
pub struct NotThatMany {
    pub sku_id: SkuId,
    pub returnable: i64,
}

/// Sums lines per SKU.
pub fn demand(lines: impl ExactSizeIterator<Item = (SkuId, i64)>) -> Result<Demand, DemandError> {
    if lines.len() == 0 || lines.len() > MOST_LINES {
        return Err(DemandError::Lines);
    }
    let mut demand = Demand::new();
    for (line, (sku_id, quantity)) in lines.enumerate() {
        if !(1..=MOST_PER_LINE).contains(&quantity) {
            return Err(DemandError::Quantity { line });
        }
        // A thousand lines of a million units each are far from an overflow.
        *demand.entry(sku_id).or_default() += quantity;
    }
    Ok(demand)
}

impl Standing {
    /// Where the order with these holds stands.
    pub fn of(holds: &[Hold]) -> Self {
        let any = |status| holds.iter().any(|hold| hold.status == status);
        if any(HoldStatus::Active) {
            Self::Held
        } else if any(HoldStatus::Committed) {
            Self::Committed
        } else if any(HoldStatus::Restocked) {
            Self::Returned
        } else {
            Self::Nothing
        }
    }
}

impl Hold {
    /// A new hold.
    pub const fn new(order_id: OrderId, sku_id: SkuId, location: String, quantity: i64, expires_at: Timestamp) -> Self {
        Self { order_id, sku_id, location, quantity, restocked: 0, status: HoldStatus::Active, expires_at }
    }

    /// Committed units that are not back yet.
    pub const fn returnable(&self) -> i64 {
        match self.status {
            HoldStatus::Committed => self.quantity - self.restocked,
            HoldStatus::Active | HoldStatus::Released | HoldStatus::Restocked => 0,
        }
    }

    /// Whether it is active and its time is over.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.status == HoldStatus::Active && self.expires_at <= now
    }

    fn step(&self, kind: MovementKind, units: i64) -> Step {
        Step { sku_id: self.sku_id, location: self.location.clone(), movement: Movement::new(kind, units) }
    }
}

/// Makes all active holds final.
pub fn commit(holds: &mut [Hold]) -> Vec<Step> {
    end(holds, HoldStatus::Committed, MovementKind::Committed)
}

/// Gives all active holds back; never touches committed units.
pub fn release(holds: &mut [Hold]) -> Vec<Step> {
    end(holds, HoldStatus::Released, MovementKind::Released)
}

fn end(holds: &mut [Hold], status: HoldStatus, kind: MovementKind) -> Vec<Step> {
    let active = holds.iter_mut().filter(|hold| hold.status == HoldStatus::Active);
    active
        .map(|hold| {
            hold.status = status;
            hold.step(kind, hold.quantity)
        })
        .collect()
}

/// Brings committed units back: the given ones, or all that are not back yet. All of them or none.
pub fn restock(holds: &mut [Hold], lines: Option<&Demand>) -> Result<Vec<Step>, NotThatMany> {
    if let Some(lines) = lines {
        for (sku_id, units) in lines {
            let returnable = holds.iter().filter(|hold| hold.sku_id == *sku_id).map(Hold::returnable).sum();
            if *units > returnable {
                return Err(NotThatMany { sku_id: *sku_id, returnable });
            }
        }
    }
    let mut left = lines.cloned();
    let mut steps = Vec::new();
    for hold in holds {
        let wanted = left.as_ref().map_or(i64::MAX, |left| left.get(&hold.sku_id).copied().unwrap_or_default());
        let units = hold.returnable().min(wanted);
        if units == 0 {
            continue;
        }
        if let Some(left) = left.as_mut().and_then(|left| left.get_mut(&hold.sku_id)) {
            *left -= units;
        }
        hold.restocked += units;
        if hold.restocked == hold.quantity {
            hold.status = HoldStatus::Restocked;
        }
        steps.push(hold.step(MovementKind::Returned, units));
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(sku_id: SkuId, location: &str, quantity: i64) -> Hold {
        Hold::new(OrderId::derived("1"), sku_id, location.to_owned(), quantity, Timestamp::default())
    }

    #[test]
    fn committing_and_releasing_twice_moves_nothing_the_second_time() {
        let mut holds = [hold(SkuId::new(), "main", 3)];
        assert_eq!(commit(&mut holds).len(), 1);
        assert_eq!(Standing::of(&holds), Standing::Committed);
        assert!(commit(&mut holds).is_empty());
        assert!(release(&mut holds).is_empty(), "committed units are never released");
        assert_eq!(Standing::of(&holds), Standing::Committed);
    }

    #[test]
    fn units_come_back_once() {
        let sku = SkuId::new();
        let mut holds = [hold(sku, "main", 3), hold(sku, "north", 2), hold(SkuId::new(), "main", 1)];
        assert_eq!(restock(&mut holds, None), Ok(Vec::new()), "nothing went out yet");
        commit(&mut holds);
        let some = Demand::from([(sku, 4)]);
        let units: Vec<_> = restock(&mut holds, Some(&some)).unwrap().iter().map(|step| step.movement.units).collect();
        assert_eq!(units, [3, 1]);
        assert_eq!(restock(&mut holds, Some(&some)), Err(NotThatMany { sku_id: sku, returnable: 1 }));
        assert_eq!(restock(&mut holds, None).unwrap().len(), 2);
        assert_eq!(Standing::of(&holds), Standing::Returned);
        assert!(restock(&mut holds, None).unwrap().is_empty());
    }

    #[test]
    fn demand_is_summed_per_sku() {
        let sku = SkuId::new();
        assert_eq!(demand([(sku, 2), (sku, 3)].into_iter()), Ok(Demand::from([(sku, 5)])));
        assert_eq!(demand([(sku, 2), (sku, 0)].into_iter()), Err(DemandError::Quantity { line: 1 }));
        assert_eq!(demand([].into_iter()), Err(DemandError::Lines));
    }
}
