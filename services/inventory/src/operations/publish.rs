use http::{HeaderMap, HeaderValue, header};
use souk_kernel::SkuId;
use souk_platform::{
    db::Tx,
    events::Receipt,
    outbound::{Limits, Target},
};

use super::{
    channels,
    channels::{Ending, Turn},
};
use crate::{
    adapters::{self, MOST_ITEMS, Publication, PublishedLevel},
    app::App,
    domain::{Stock, signature},
    error::Error,
    store::{channels as rows, sources, stock},
};

/// What is read of an answer; only its status counts.
const ANSWER_LIMIT: usize = 1 << 20;

/// Tells an external system what changed, and ends the turn.
pub(super) async fn take(app: &App, turn: Turn, receipt: Receipt) -> Result<(), Error> {
    let noted = rows::noted(app.db.reader(), &turn.source.name, MOST_ITEMS as u64).await?;
    // Read after what was noted: whatever changes from here on is noted with a higher version.
    let mut told: Vec<(SkuId, i64)> = noted.iter().map(|row| (row.sku_id, row.version)).collect();
    let failure = tell(app, &turn, &mut told).await?.err();
    if let Some(error) = &failure {
        let failures = turn.channel.failures + 1;
        tracing::info!(source = %turn.source.name, failures, error, "a change of stock was not told");
    }
    let wait = app.config.sources.publish_after;
    let work = move |tx: Tx| async move {
        tx.accept(receipt).await?;
        if !rows::still_ours(&tx, &turn.channel).await? {
            return Ok(());
        }
        let name = &turn.source.name;
        if failure.is_none() {
            rows::told(&tx, name, &told);
        }
        let more = !rows::noted(&tx, name, 1).await?.is_empty();
        let next_at = more.then(|| tx.now() + wait);
        channels::end(&tx, &turn, Ending { failure, next_at, etag: None, modified: None });
        Ok(())
    };
    app.db.transaction(work).await
}

/// Sends the levels of SKUs as they are now, and sets the versions that were sent. The inner error is the other side's.
async fn tell(app: &App, turn: &Turn, skus: &mut [(SkuId, i64)]) -> Result<Result<(), String>, Error> {
    let source = &turn.source;
    let sku_ids: Vec<SkuId> = skus.iter().map(|(sku_id, _)| *sku_id).collect();
    let names = sources::names_of(app.db.reader(), &source.name, Some(&sku_ids)).await?;
    let mut stocks = stock::read(app.db.reader(), &sku_ids).await?;
    stocks.retain(|_, stock| stock.seller_id() == source.seller_id);
    let mut items = Vec::with_capacity(skus.len());
    for (sku_id, version) in skus.iter_mut() {
        // What has lost its name since is nothing to the other side.
        if let Some((stock, name)) = stocks.get(sku_id).zip(names.get(sku_id)) {
            *version = (*version).max(stock.version());
            items.push(level(stock, name, &source.location));
        }
    }
    if items.is_empty() {
        return Ok(Ok(()));
    }
    let sent_at = app.db.clock().now();
    let publication =
        Publication { kind: "stock.changed", source: &source.name, number: turn.channel.number, sent_at, items };
    let body = adapters::of(source.kind).publication(&publication);
    let (Ok(target), Some(secret)) = (turn.channel.url.parse::<Target>(), &source.secret) else {
        return Ok(Err("there is nowhere to send it to".to_owned()));
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let signed = HeaderValue::from_str(&signature::sign(secret, sent_at, &body));
    headers.insert("souk-signature", signed.expect("a signature is digits and letters"));
    let limits = Limits { time: channels::time(app), bytes: ANSWER_LIMIT, redirects: 0 };
    Ok(match app.outbound.post(&target, &headers, body.into(), limits).await {
        Ok(answer) if answer.status.is_success() => Ok(()),
        Ok(answer) => Err(format!("it answers with status {}", answer.status.as_u16())),
        Err(error) => Err(error.to_string()),
    })
}

fn level<'a>(stock: &Stock, sku: &'a str, location: &str) -> PublishedLevel<'a> {
    let here = stock.places().iter().find(|place| place.location == location).map(|place| place.level);
    let here = here.unwrap_or_default();
    PublishedLevel {
        sku,
        sku_id: stock.sku_id(),
        on_hand: here.on_hand,
        reserved: here.reserved,
        available: stock.totals().available(),
        version: stock.version(),
    }
}
