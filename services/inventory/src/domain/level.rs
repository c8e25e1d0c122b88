//! The state of one stock row and what may happen to it.

use sea_orm::{DeriveActiveEnum, EnumIter, sea_query::StringLen};
use serde::Serialize;

use super::MOST_UNITS;

/// How many units lie at one location and how many of them are held for orders.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Level {
    pub on_hand: i64,
    pub reserved: i64,
}

/// What happened, in the ledger's words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, EnumIter, DeriveActiveEnum, utoipa::ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// Units came in when the SKU was opened.
    Received,
    /// The seller corrected what is on hand.
    Adjusted,
    /// An external system said what is on hand.
    Synced,
    /// Units are held for an order.
    Reserved,
    /// A hold was given back.
    Released,
    /// Held units left the shelf.
    Committed,
    /// Committed units came back.
    Returned,
}

/// One change of a level: a kind, and units. Only adjustments and syncs may have negative units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Movement {
    pub kind: MovementKind,
    pub units: i64,
}

/// Why a movement is not possible.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// Fewer units are free than are asked for.
    #[error("only {available} are available")]
    Short { available: i64 },
    /// What would be on hand is less than what orders hold.
    #[error("{reserved} are held for orders")]
    BelowReserved { reserved: i64 },
    /// More units than a location may have.
    #[error("a location holds at most {MOST_UNITS} units")]
    TooMany,
    /// More is given back than is held: the books are wrong.
    #[error("more units would be given back than are held")]
    NotHeld,
}

impl Movement {
    /// A movement of `units`.
    pub const fn new(kind: MovementKind, units: i64) -> Self {
        Self { kind, units }
    }

    /// By how much it changes what is on hand and what is reserved.
    pub const fn deltas(self) -> (i64, i64) {
        match self.kind {
            MovementKind::Received | MovementKind::Adjusted | MovementKind::Synced | MovementKind::Returned => {
                (self.units, 0)
            }
            MovementKind::Reserved => (0, self.units),
            MovementKind::Released => (0, -self.units),
            MovementKind::Committed => (-self.units, -self.units),
        }
    }
}

impl Level {
    /// Units that can still be bought.
    pub const fn available(self) -> i64 {
        self.on_hand - self.reserved
    }

    /// The level after `movement`: `0 <= reserved <= on_hand <= MOST_UNITS` holds again, or it is refused.
    pub fn after(self, movement: Movement) -> Result<Self, Refusal> {
        let (on_hand, reserved) = movement.deltas();
        let on_hand = self.on_hand.checked_add(on_hand).ok_or(Refusal::TooMany)?;
        let reserved = self.reserved.checked_add(reserved).ok_or(Refusal::TooMany)?;
        if reserved < 0 {
            Err(Refusal::NotHeld)
        } else if on_hand > MOST_UNITS {
            Err(Refusal::TooMany)
        } else if reserved > on_hand {
            Err(match movement.kind {
                MovementKind::Reserved => Refusal::Short { available: self.available() },
                _ => Refusal::BelowReserved { reserved: self.reserved },
            })
        } else {
            Ok(Self { on_hand, reserved })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MovementKind::*, *};

    fn after(on_hand: i64, reserved: i64, kind: MovementKind, units: i64) -> Result<(i64, i64), Refusal> {
        Level { on_hand, reserved }.after(Movement::new(kind, units)).map(|level| (level.on_hand, level.reserved))
    }

    #[test]
    fn each_movement_moves_what_it_should() {
        assert_eq!(after(5, 2, Received, 3), Ok((8, 2)));
        assert_eq!(after(5, 2, Adjusted, -3), Ok((2, 2)));
        assert_eq!(after(5, 2, Reserved, 3), Ok((5, 5)));
        assert_eq!(after(5, 2, Released, 2), Ok((5, 0)));
        assert_eq!(after(5, 2, Committed, 2), Ok((3, 0)));
        assert_eq!(after(5, 2, Returned, 1), Ok((6, 2)));
    }

    #[test]
    fn nothing_is_sold_twice() {
        assert_eq!(after(5, 2, Reserved, 4), Err(Refusal::Short { available: 3 }));
        assert_eq!(after(5, 2, Adjusted, -4), Err(Refusal::BelowReserved { reserved: 2 }));
        assert_eq!(after(5, 0, Synced, -6), Err(Refusal::BelowReserved { reserved: 0 }));
        assert_eq!(after(5, 2, Released, 3), Err(Refusal::NotHeld));
        assert_eq!(after(5, 2, Committed, 3), Err(Refusal::NotHeld));
        assert_eq!(after(MOST_UNITS, 0, Returned, 1), Err(Refusal::TooMany));
        assert_eq!(after(1, 0, Adjusted, i64::MAX), Err(Refusal::TooMany));
    }
}
