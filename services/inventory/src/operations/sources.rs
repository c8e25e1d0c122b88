use souk_kernel::{SellerId, SkuId};
use souk_platform::security::secret_token;

use crate::{
    app::App,
    domain::source::SourceKind,
    error::Error,
    store::{
        source, source_item,
        sources::{self, SourceChange},
        stock,
    },
};

/// A stock system that is to be connected.
#[derive(Clone, Debug)]
pub struct NewSource {
    pub name: String,
    pub seller_id: SellerId,
    pub kind: SourceKind,
    pub location: String,
}

/// Connects an external stock system. A webhook gets a secret.
pub async fn add_source(app: &App, new: NewSource) -> Result<source::Model, Error> {
    let secret = (new.kind == SourceKind::Webhook).then(secret_token);
    app.db
        .transaction(move |tx| async move {
            let row = source::Model {
                name: new.name,
                seller_id: new.seller_id,
                kind: new.kind,
                location: new.location,
                secret,
                enabled: true,
                reports: 0,
                created_at: tx.now(),
            };
            if sources::add(&tx, row.clone()).await? { Ok(row) } else { Err(Error::NameTaken) }
        })
        .await
}

/// Changes one of the seller's sources and gives it as it is then.
pub async fn change_source(
    app: &App,
    name: String,
    seller_id: SellerId,
    change: SourceChange,
) -> Result<source::Model, Error> {
    app.db
        .transaction(move |tx| async move {
            sources::change(&tx, &name, seller_id, change).await?;
            sources::find_for_seller(&tx, &name, seller_id).await?.ok_or(Error::UnknownSource)
        })
        .await
}

/// Disconnects one of the seller's sources.
pub async fn remove_source(app: &App, name: String, seller_id: SellerId) -> Result<(), Error> {
    app.db
        .transaction(move |tx| async move {
            let removed = sources::remove(&tx, &name, seller_id).await?;
            if removed { Ok(()) } else { Err(Error::UnknownSource) }
        })
        .await
}

/// Says which of the seller's SKUs a source means by its names; a name without a SKU is forgotten.
pub async fn map_skus(
    app: &App,
    name: String,
    seller_id: SellerId,
    items: Vec<(String, Option<SkuId>)>,
) -> Result<(), Error> {
    app.db
        .transaction(move |tx| async move {
            let source = sources::find_for_seller(&tx, &name, seller_id).await?.ok_or(Error::UnknownSource)?;
            let sku_ids: Vec<SkuId> = items.iter().filter_map(|(_, sku_id)| *sku_id).collect();
            let stocks = stock::read(&tx, &sku_ids).await?;
            let own = |sku_id: &SkuId| stocks.get(sku_id).is_some_and(|stock| stock.seller_id() == seller_id);
            let strange = items
                .iter()
                .enumerate()
                .filter_map(|(line, (_, sku_id))| sku_id.filter(|sku_id| !own(sku_id)).map(|sku_id| (line, sku_id)));
            let strange: Vec<_> = strange.collect();
            if !strange.is_empty() {
                return Err(Error::NotYours(strange));
            }
            let (mut pinned, mut forgotten) = (Vec::new(), Vec::new());
            for (external_sku, sku_id) in items {
                match sku_id {
                    Some(sku_id) => pinned.push(source_item::Model {
                        source: source.name.clone(),
                        external_sku,
                        sku_id,
                        pinned: true,
                        as_of: None,
                    }),
                    None => forgotten.push(external_sku),
                }
            }
            sources::remove_items(&tx, &source.name, &forgotten).await?;
            sources::put_items(&tx, pinned).await?;
            Ok(())
        })
        .await
}
