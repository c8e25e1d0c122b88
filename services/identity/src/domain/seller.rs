//! What a seller is: a shop with a team, let in by the operator.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use souk_platform::security::SellerStatus;

/// Where a seller stands with the operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum SellerState {
    Pending,
    Approved,
    Suspended,
}

/// What everybody else sees: an approved seller may be on holiday.
pub fn seller_status(state: SellerState, holiday: bool) -> SellerStatus {
    match state {
        SellerState::Pending => SellerStatus::Pending,
        SellerState::Suspended => SellerStatus::Suspended,
        SellerState::Approved if holiday => SellerStatus::Holiday,
        SellerState::Approved => SellerStatus::Approved,
    }
}

/// What an operator does with a seller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SellerAction {
    Approve,
    Suspend,
}

impl SellerState {
    /// The state after `action`; `None` when it is already so.
    pub fn after(self, action: SellerAction) -> Option<Self> {
        let wanted = match action {
            SellerAction::Approve => Self::Approved,
            SellerAction::Suspend => Self::Suspended,
        };
        (self != wanted).then_some(wanted)
    }

    /// Whether its team has the seller role: since it was let in, also while suspended, to serve its old orders.
    pub fn sells(self) -> bool {
        self != Self::Pending
    }
}

/// The slugs that a shop of this name may get, best first. The last one carries `tail`, which nobody else has, so that one
/// is always free and one query decides.
pub fn slug_candidates(name: &str, tail: &str) -> Vec<String> {
    let slug = souk_kernel::text::slugify(name);
    let base = if slug.is_empty() { "shop" } else { &slug };
    // The column holds 120; a slug 80; so any suffix fits.
    let numbered = (2..=9).map(|n| format!("{base}-{n}"));
    let plain = super::slug(base, &()).is_ok().then(|| base.to_owned());
    plain.into_iter().chain(numbered).chain([format!("{base}-{tail}")]).collect()
}

/// The first candidate that is not taken.
pub fn free_slug(candidates: Vec<String>, taken: &[String]) -> Option<String> {
    candidates.into_iter().find(|candidate| !taken.contains(candidate))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_holiday_shows_only_while_approved() {
        assert_eq!(seller_status(SellerState::Approved, true), SellerStatus::Holiday);
        assert_eq!(seller_status(SellerState::Approved, false), SellerStatus::Approved);
        assert_eq!(seller_status(SellerState::Suspended, true), SellerStatus::Suspended);
        assert_eq!(seller_status(SellerState::Pending, true), SellerStatus::Pending);
    }

    #[test]
    fn doing_the_same_twice_changes_nothing() {
        assert_eq!(SellerState::Pending.after(SellerAction::Approve), Some(SellerState::Approved));
        assert_eq!(SellerState::Approved.after(SellerAction::Approve), None);
        assert_eq!(SellerState::Pending.after(SellerAction::Suspend), Some(SellerState::Suspended));
        assert_eq!(SellerState::Suspended.after(SellerAction::Approve), Some(SellerState::Approved));
        assert!(!SellerState::Pending.sells() && SellerState::Suspended.sells());
    }

    #[test]
    fn shops_of_one_name_get_different_slugs() {
        let mut taken = Vec::new();
        for shop in 0..11 {
            taken.push(free_slug(slug_candidates("Tea & House", &format!("tail{shop}")), &taken).unwrap());
        }
        assert_eq!(taken[..3], ["tea-house", "tea-house-2", "tea-house-3"]);
        assert_eq!(taken[8..], ["tea-house-9", "tea-house-tail9", "tea-house-tail10"]);
        assert_eq!(slug_candidates("日本", "x")[0], "shop");
        assert_eq!(slug_candidates("Admin", "x")[0], "admin-2");
    }

    proptest! {
        #[test]
        fn some_candidate_is_always_free(name in ".{0,100}", taken in proptest::collection::vec("[a-z-]{1,10}", 0..20)) {
            let candidates = slug_candidates(&name, "q7x9k2");
            prop_assert!(candidates.iter().all(|slug| slug.len() <= 120));
            prop_assert!(free_slug(candidates, &taken).is_some());
        }
    }
}
