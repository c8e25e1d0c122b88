//! An operator lets a seller in, or stops one.

use souk_contracts::events::SellerSuspended;
use souk_kernel::SellerId;
use souk_platform::{db::Database, security::TeamRole};

use super::apply_to_sell::approved;
use crate::{
    domain::SellerAction,
    error::Error,
    store::{members, sellers},
};

/// Approves or suspends. Harmless when repeated.
pub async fn review_seller(
    db: &Database,
    id: SellerId,
    action: SellerAction,
    reason: Option<String>,
) -> Result<sellers::Model, Error> {
    db.transaction(move |tx| async move {
        let mut seller = sellers::find(&tx, id).await?.ok_or(Error::NotFound("seller"))?;
        let Some(state) = seller.state.after(action) else { return Ok(seller) };
        seller.state = state;
        seller.suspend_reason = reason.filter(|_| action == SellerAction::Suspend);
        super::saved(sellers::save(&tx, &mut seller, tx.now()).await?)?;
        match action {
            SellerAction::Approve => {
                let team = members::list(&tx, id).await?;
                let owner = team.into_iter().find(|(member, _)| member.role.0 == TeamRole::Owner);
                tx.publish(approved(&seller, owner.map(|(_, user)| user)));
            }
            SellerAction::Suspend => tx.publish(SellerSuspended {
                seller_id: id,
                name: seller.name.clone(),
                slug: seller.slug.clone(),
                reason: seller.suspend_reason.clone().unwrap_or_default(),
            }),
        }
        Ok(seller)
    })
    .await
}
