//! `souk import stock`: levels by the seller's own codes.

use std::path::Path;

use serde_json::Value;
use souk_contracts::{catalog::FindSkusRequest, identity::EnsureSellerRequest, inventory::SetOnHandRequest};
use souk_platform::rpc;

use super::{ImportError, Summary, reader::records, refused::Refused};
use crate::marketplace::Calls;

/// Lines in one look-up.
const BATCH: usize = 500;

/// Sets what is on hand for every `code,on_hand` of the file.
pub async fn run(file: &Path, seller: &str, calls: &Calls) -> Result<Summary, ImportError> {
    let request = EnsureSellerRequest { slug: seller.to_owned(), name: seller.to_owned() };
    let seller = calls.identity.clone().ensure_seller(request).await?.into_inner();
    let mut summary = Summary::default();
    let mut refused = Refused::new(file);
    let mut batch = Vec::new();
    let read = |source| ImportError::Read { path: file.to_owned(), source };
    for record in records(file, |_| {}).map_err(read)? {
        let record = record.map_err(read)?;
        summary.lines += 1;
        let fields = record.fields.and_then(|fields| {
            let text = |name: &str| match fields.get(name) {
                Some(Value::String(text)) => Some(text.trim().to_owned()),
                Some(Value::Number(number)) => Some(number.to_string()),
                _ => None,
            };
            let code = text("code").filter(|code| !code.is_empty()).ok_or("code: is missing")?;
            let on_hand = text("on_hand").ok_or("on_hand: is missing")?;
            let on_hand: i64 = on_hand.parse().map_err(|_| format!("on_hand: `{on_hand}` is not a whole number"))?;
            Ok::<_, String>((code, on_hand))
        });
        match fields {
            Ok((code, on_hand)) => batch.push((record.line, code, on_hand)),
            Err(reason) => {
                summary.refused += 1;
                refused.add(record.line, "", &reason)?;
            }
        }
        if batch.len() == BATCH {
            set(calls, &seller.seller_id, &mut batch, &mut summary, &mut refused).await?;
        }
    }
    set(calls, &seller.seller_id, &mut batch, &mut summary, &mut refused).await?;
    summary.report = refused.finish()?;
    Ok(summary)
}

async fn set(
    calls: &Calls,
    seller_id: &str,
    batch: &mut Vec<(u64, String, i64)>,
    summary: &mut Summary,
    refused: &mut Refused,
) -> Result<(), ImportError> {
    let codes = batch.iter().map(|(_, code, _)| code.clone()).collect();
    let request = FindSkusRequest { seller_id: seller_id.to_owned(), codes };
    let found = calls.catalog.clone().find_skus(request).await?.into_inner().skus;
    let skus: std::collections::HashMap<_, _> = found.into_iter().map(|sku| (sku.code, sku.sku_id)).collect();
    for (line, code, on_hand) in batch.drain(..) {
        let Some(sku_id) = skus.get(&code) else {
            summary.refused += 1;
            refused.add(line, &code, "code: the seller has no SKU of this code")?;
            continue;
        };
        let request = SetOnHandRequest {
            sku_id: sku_id.clone(),
            seller_id: seller_id.to_owned(),
            on_hand,
            reason: "import".to_owned(),
        };
        match calls.inventory.clone().set_on_hand(request).await {
            Ok(_) => summary.updated += 1,
            Err(status) => {
                let problem = rpc::problem(status);
                let reason = problem
                    .details
                    .first()
                    .map_or_else(|| problem.message.clone(), |detail| format!("{}: {}", detail.field, detail.message));
                summary.refused += 1;
                refused.add(line, &code, &reason)?;
            }
        }
    }
    Ok(())
}
