//! What must hold over the index and what it is built from, checked by `souk verify`.

use std::{collections::HashSet, path::Path, time::Duration};

use sea_orm::DbErr;
use souk_kernel::ProductId;
use souk_platform::{db::Database, verify::Rule};

use crate::{
    config::Config,
    engine,
    store::{changes, documents},
};

const PAGE: u64 = 500;
/// Offending rows that are named; more would say nothing new.
const NAMED: usize = 100;

/// Looks at an index that seems wrong, and the pause between them.
const LOOKS: usize = 6;
const PAUSE: Duration = Duration::from_millis(500);

/// All rules. The index in `folder` is only read. On a live system it goes on while it is looked at: what seems wrong is looked
/// at again before it counts.
pub async fn rules(db: &Database, folder: &Path, config: &Config) -> Result<Vec<Rule>, DbErr> {
    let mut rule = look(db, folder, config).await?;
    for _ in 1..LOOKS {
        if rule.holds() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        rule = look(db, folder, config).await?;
    }
    Ok(vec![rule])
}

async fn look(db: &Database, folder: &Path, config: &Config) -> Result<Rule, DbErr> {
    let name = "every product that buyers may find is in the index as it is, and nothing else";
    let broken = |error: String| Ok(Rule::new(name, 0, vec![error]));
    let index = match engine::open_to_read(folder, config).await {
        Ok(index) => index,
        Err(error) => return broken(error.to_string()),
    };
    let expected = documents::count_public(db.reader()).await?;
    if index.state().is_none() {
        let missing = (expected > 0).then(|| format!("there is no index of {expected} products"));
        return Ok(Rule::new(name, expected, missing.into_iter().collect()));
    }
    // What the index has not got yet is unfinished, not wrong.
    let mut waiting: HashSet<ProductId> = HashSet::new();
    let mut after = index.applied().unwrap_or_default();
    loop {
        let page = changes::after(db.reader(), after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        waiting.extend(page.into_iter().map(|(_, id)| id));
    }
    let mut indexed = match index.versions().await {
        Ok(indexed) => indexed,
        Err(error) => return broken(error.to_string()),
    };
    let (mut checked, mut offenders, mut after) = (0, Vec::new(), None);
    loop {
        let page = documents::next(db.reader(), after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for document in page {
            checked += 1;
            let found = indexed.remove(&document.id);
            if waiting.contains(&document.id) {
                continue;
            }
            let wrong = match (document.public, found) {
                (true, None) => "is not in the index".to_owned(),
                (true, Some(version)) if version != document.version => {
                    format!("is in the index as of version {version}, not {}", document.version)
                }
                (false, Some(_)) => "is in the index although nobody may find it".to_owned(),
                _ => continue,
            };
            if offenders.len() < NAMED {
                offenders.push(format!("{}: {wrong}", document.id));
            }
        }
    }
    let strangers = indexed.into_keys().filter(|id| !waiting.contains(id)).take(NAMED);
    offenders.extend(strangers.map(|id| format!("{id}: is in the index, but is no product")));
    Ok(Rule::new(name, checked, offenders))
}

/// What search knows of products, page by page, for the comparison with catalog: version, and whether buyers may find it.
pub async fn facts(db: &Database, after: Option<ProductId>, limit: u64) -> Result<Vec<(ProductId, i64, bool)>, DbErr> {
    documents::standings(db.reader(), after, limit).await
}

/// What search knows of one product.
pub async fn fact(db: &Database, id: ProductId) -> Result<Option<(ProductId, i64, bool)>, DbErr> {
    documents::standing(db.reader(), id).await
}
