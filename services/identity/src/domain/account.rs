//! What an account is and may do.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use souk_kernel::UserId;
use souk_platform::security::Role;

/// Whether an account can be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, EnumIter, DeriveActiveEnum, Serialize, Deserialize, utoipa::ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    Active,
    Suspended,
    Deleted,
}

/// What somebody showed to prove who they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Credential {
    /// The account exists, is active and the password is right.
    Good,
    /// The password is right, but the operator closed the account.
    Suspended,
    /// Anything else; callers are not told what.
    Bad,
}

impl Credential {
    /// A suspension is told only to who knows the password, so that it can't be used to find out who has an account.
    pub fn of(status: AccountStatus, password_is_right: bool) -> Self {
        match (status, password_is_right) {
            (AccountStatus::Active, true) => Self::Good,
            (AccountStatus::Suspended, true) => Self::Suspended,
            _ => Self::Bad,
        }
    }
}

/// The roles that an operator grants by hand. Everybody is a buyer; sellers are made by their team.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Roles {
    pub support: bool,
    pub admin: bool,
}

impl Roles {
    /// From a list of names; `buyer` goes without saying and `seller` can't be granted.
    pub fn granted(names: &[Role]) -> Self {
        Self { support: names.contains(&Role::Support), admin: names.contains(&Role::Admin) }
    }

    /// All roles of an account, for tokens and answers.
    pub fn all(self, sells: bool) -> Vec<Role> {
        let held =
            [(Role::Buyer, true), (Role::Seller, sells), (Role::Support, self.support), (Role::Admin, self.admin)];
        held.into_iter().filter_map(|(role, held)| held.then_some(role)).collect()
    }
}

/// The domain of deleted accounts; nobody registers with it. Never a mailbox: RFC 2606 reserves `.invalid`.
pub const DELETED_DOMAIN: &str = "deleted.invalid";

/// What stands in place of a deleted account's address: unique.
pub fn deleted_email(id: UserId) -> String {
    format!("{id}@{DELETED_DOMAIN}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspension_is_told_only_to_who_knows_the_password() {
        assert_eq!(Credential::of(AccountStatus::Active, true), Credential::Good);
        assert_eq!(Credential::of(AccountStatus::Suspended, true), Credential::Suspended);
        assert_eq!(Credential::of(AccountStatus::Suspended, false), Credential::Bad);
        assert_eq!(Credential::of(AccountStatus::Deleted, true), Credential::Bad);
    }

    #[test]
    fn everybody_is_a_buyer_and_nobody_is_granted_the_seller_role() {
        assert_eq!(Roles::default().all(false), [Role::Buyer]);
        assert_eq!(Roles::granted(&[Role::Seller]), Roles::default());
        let operator = Roles::granted(&[Role::Admin, Role::Support]);
        assert_eq!(operator.all(true), [Role::Buyer, Role::Seller, Role::Support, Role::Admin]);
    }

    #[test]
    fn every_deleted_account_has_an_address_of_its_own() {
        let tombstone = deleted_email(UserId::new());
        assert_ne!(tombstone, deleted_email(UserId::new()));
        assert!(super::super::email(&tombstone, &()).is_err(), "nobody may register with it");
    }
}
