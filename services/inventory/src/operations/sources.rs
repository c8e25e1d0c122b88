use souk_kernel::{SellerId, SkuId};
use souk_platform::security::secret_token;

use super::{
    channels,
    channels::{Connection, Line},
    note_change::note,
};
use crate::{
    app::App,
    domain::{MOST_SOURCES, source::SourceKind},
    error::Error,
    store::{
        channel, channels as channel_rows, source, source_item,
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
    pub connection: Connection,
}

/// A source and what runs between us and it by itself.
#[derive(Clone, Debug)]
pub struct Connected {
    pub source: source::Model,
    pub channels: Vec<channel::Model>,
    /// Whether its secret was made just now.
    pub secret_is_new: bool,
}

/// Connects an external stock system. What signs, or is signed for, gets a secret.
pub async fn add_source(app: &App, new: NewSource) -> Result<Connected, Error> {
    let signs = new.kind == SourceKind::Webhook || matches!(new.connection.publish, Line::To(_));
    let secret = signs.then(secret_token);
    let work = move |tx: souk_platform::db::Tx| async move {
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
        if !sources::add(&tx, row.clone()).await? {
            return Err(Error::NameTaken);
        }
        if sources::count_for_seller(&tx, row.seller_id).await? > MOST_SOURCES {
            return Err(Error::TooManySources);
        }
        new.connection.store(&tx, &row).await?;
        let channels = channel_rows::of_sources(&tx, &[&row.name]).await?;
        Ok::<_, Error>(Connected { secret_is_new: row.secret.is_some(), source: row, channels })
    };
    let connected = app.db.transaction(work).await?;
    app.publishers_changed().await;
    Ok(connected)
}

/// Changes one of the seller's sources and gives it as it is then.
pub async fn change_source(
    app: &App,
    name: String,
    seller_id: SellerId,
    mut change: SourceChange,
    connection: Connection,
) -> Result<Connected, Error> {
    let new_secret = secret_token();
    let work = move |tx: souk_platform::db::Tx| async move {
        let before = sources::find_for_seller(&tx, &name, seller_id).await?.ok_or(Error::UnknownSource)?;
        if before.secret.is_none() && matches!(connection.publish, Line::To(_)) {
            change.secret = Some(new_secret);
        }
        let secret_is_new = change.secret.is_some();
        let switched_on = !before.enabled && change.enabled == Some(true);
        if change.location.as_ref().is_some_and(|location| *location != before.location) {
            channel_rows::forget_validators(&tx, &name);
        }
        sources::change(&tx, &name, seller_id, change).await?;
        connection.store(&tx, &before).await?;
        if switched_on {
            channels::resume(&tx, &name).await?;
        }
        let source = sources::find_for_seller(&tx, &name, seller_id).await?.ok_or(Error::UnknownSource)?;
        let channels = channel_rows::of_sources(&tx, &[&name]).await?;
        Ok::<_, Error>(Connected { source, channels, secret_is_new })
    };
    let connected = app.db.transaction(work).await?;
    app.publishers_changed().await;
    Ok(connected)
}

/// Disconnects one of the seller's sources.
pub async fn remove_source(app: &App, name: String, seller_id: SellerId) -> Result<(), Error> {
    let work = move |tx: souk_platform::db::Tx| async move {
        let removed = sources::remove(&tx, &name, seller_id).await?;
        if removed { Ok(()) } else { Err(Error::UnknownSource) }
    };
    app.db.transaction(work).await?;
    app.publishers_changed().await;
    Ok(())
}

/// Says which of the seller's SKUs a source means by its names; a name without a SKU is forgotten.
pub async fn map_skus(
    app: &App,
    name: String,
    seller_id: SellerId,
    items: Vec<(String, Option<SkuId>)>,
) -> Result<(), Error> {
    let wait = app.config.sources.publish_after;
    let work = move |tx: souk_platform::db::Tx| async move {
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
        // The same feed may mean something else now, and who is told hears how much there is of what has a name.
        channel_rows::forget_validators(&tx, &source.name);
        note(&tx, &source.name, stocks.values().map(|stock| (stock.sku_id(), stock.version())), wait).await
    };
    app.db.transaction(work).await
}
