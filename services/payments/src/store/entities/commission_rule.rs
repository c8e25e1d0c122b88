//! A version of a commission rule. Versions are only ever added.

use sea_orm::entity::prelude::*;
use souk_kernel::{CategoryId, CommissionRuleId, Currency, SellerId, Timestamp};

use crate::domain::commission::{Components, Rule, Scope};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "commission_rules")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CommissionRuleId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    pub seller_id: Option<SellerId>,
    pub category_id: Option<CategoryId>,
    pub basis_points: i64,
    pub fixed_per_unit: i64,
    pub floor: i64,
    pub cap: Option<i64>,
    pub fee_tax_basis_points: i64,
    pub currency: Option<Currency>,
    /// Set on the version in force only, and unique: one rule for a scope.
    pub live_scope: Option<String>,
    pub created_by: String,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub const fn scope(&self) -> Scope {
        Scope { seller: self.seller_id, category: self.category_id }
    }

    pub const fn components(&self) -> Components {
        Components {
            basis_points: self.basis_points,
            fixed_per_unit: self.fixed_per_unit,
            floor: self.floor,
            cap: self.cap,
            fee_tax_basis_points: self.fee_tax_basis_points,
            currency: self.currency,
        }
    }

    pub const fn rule(&self) -> Rule {
        Rule { id: self.id, version: self.version, scope: self.scope(), components: self.components() }
    }
}
