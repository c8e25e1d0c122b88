//! What search knows of the products that catalog has.

use std::collections::HashMap;

use sea_orm::DbErr;
use souk_kernel::ProductId;
use souk_platform::{events::Backlog, verify::Rule};

use super::{LOOKS, PAGE, PAUSE, Transit};
use crate::databases::Databases;

/// Every product is in search's documents as catalog has it, and nothing else may be found there.
pub async fn products_are_known(databases: &Databases, transit: &Transit) -> Result<Rule, DbErr> {
    let (mut checked, mut offenders, mut after) = (0, Vec::new(), None);
    loop {
        let page = souk_catalog::verify::products(databases.catalog(), after, PAGE).await?;
        let end = page.last().map(|product| product.0);
        checked += page.len() as u64;
        for (id, wrong) in differing(databases, &page, after, end).await? {
            offenders.extend(settled(databases, transit, id, wrong).await?);
        }
        if end.is_none() {
            break;
        }
        after = end;
    }
    Ok(Rule::new("search knows every product as catalog has it", checked, offenders))
}

type Known = (ProductId, i64, bool);

/// Products after `after` up to `end` (or to the last) that the two know differently.
async fn differing(
    databases: &Databases,
    page: &[Known],
    after: Option<ProductId>,
    end: Option<ProductId>,
) -> Result<Vec<(ProductId, String)>, DbErr> {
    let mut known: HashMap<ProductId, (i64, bool)> = HashMap::new();
    let mut at = after;
    loop {
        let found = souk_search::verify::facts(databases.search(), at, PAGE).await?;
        let inside = found.iter().filter(|(id, ..)| end.is_none_or(|end| *id <= end));
        let before = known.len();
        known.extend(inside.map(|(id, version, public)| (*id, (*version, *public))));
        at = found.last().map(|(id, ..)| *id);
        if at.is_none() || known.len() - before < found.len() {
            break;
        }
    }
    let mut wrong = Vec::new();
    for (id, version, public) in page {
        match known.remove(id) {
            None if *public => wrong.push((*id, "is unknown to search".to_owned())),
            Some(seen) if seen != (*version, *public) && (seen.1 || *public) => {
                wrong.push((*id, format!("is version {version}, public {public}; search has {seen:?}")));
            }
            _ => {}
        }
    }
    let strangers = known.into_iter().filter(|(_, (_, public))| *public);
    wrong.extend(strangers.map(|(id, _)| (id, "is found by search, but catalog has no such product".to_owned())));
    Ok(wrong)
}

/// Looks again at what seems wrong until it is right, or stays wrong although nothing about it is under way.
async fn settled(
    databases: &Databases,
    transit: &Transit,
    id: ProductId,
    mut wrong: String,
) -> Result<Option<String>, DbErr> {
    let late = transit.is_late(&["search"]).await;
    for _ in 0..LOOKS {
        tokio::time::sleep(PAUSE).await;
        let page = souk_catalog::verify::product(databases.catalog(), id).await?;
        let known = souk_search::verify::fact(databases.search(), id).await?;
        let visible = |known: Option<Known>| known.filter(|(_, _, public)| *public);
        if visible(page) == visible(known) {
            return Ok(None);
        }
        wrong = format!("catalog has {page:?}, search {known:?}");
    }
    let subject = [id.to_string()];
    let under_way = late
        || Backlog::concerns(databases.catalog(), &subject).await?
        || Backlog::concerns(databases.search(), &subject).await?;
    Ok((!under_way).then(|| format!("{id}: {wrong}")))
}
