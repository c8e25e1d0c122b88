//! A provider's message, as it came.

use sea_orm::entity::prelude::*;
use serde::Serialize;
use souk_kernel::{EventId, PaymentId, Timestamp};
use utoipa::ToSchema;

use crate::domain::payment::ProviderName;

/// What a message led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, EnumIter, DeriveActiveEnum, Serialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Stored, not handled yet.
    Stored,
    /// It changed the payment.
    Applied,
    /// It said nothing new.
    Ignored,
    /// It doesn't fit the payment; an operator must look.
    Flagged,
}

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhooks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EventId,
    pub provider: ProviderName,
    /// The provider's name for it: the same message sent again has the same.
    pub event_id: String,
    pub payment_id: PaymentId,
    pub body: String,
    pub outcome: Outcome,
    /// What was wrong with it, or what it led to.
    pub note: Option<String>,
    pub received_at: Timestamp,
    pub handled_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
