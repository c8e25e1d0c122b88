//! A team changes its shop's profile.

use souk_contracts::events::SellerUpdated;
use souk_kernel::SellerId;
use souk_platform::db::Database;

use crate::{error::Error, store::sellers};

/// The fields to replace; `None` stays as it is. The slug never changes: links point to it.
#[derive(Clone, Debug, Default)]
pub struct SellerChange {
    pub name: Option<String>,
    pub description: Option<String>,
    pub holiday: Option<bool>,
}

/// Replaces the named fields; with `if_match`, only of that version.
pub async fn update_seller(
    db: &Database,
    id: SellerId,
    if_match: Option<i64>,
    change: SellerChange,
) -> Result<sellers::Model, Error> {
    db.transaction(move |tx| async move {
        let mut seller = sellers::find(&tx, id).await?.ok_or(Error::NotFound("seller"))?;
        super::seen(seller.version, if_match)?;
        let SellerChange { name, description, holiday } = change;
        if let Some(name) = name {
            seller.name = name;
        }
        if let Some(description) = description {
            seller.description = description;
        }
        if let Some(holiday) = holiday {
            seller.holiday = holiday;
        }
        super::saved(sellers::save(&tx, &mut seller, tx.now()).await?)?;
        tx.publish(SellerUpdated {
            seller_id: id,
            name: seller.name.clone(),
            slug: seller.slug.clone(),
            status: seller.status().to_string(),
        });
        Ok(seller)
    })
    .await
}
