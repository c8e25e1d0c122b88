//! While the index is down: what catalog finds by title.

use std::{collections::HashMap, sync::Arc};

use souk_contracts::catalog::{MatchTitlesReply, MatchTitlesRequest};
use souk_kernel::{Page, PageQuery};

use super::answer::{self, Answered, Facets, SearchAnswer};
use crate::{
    app::App,
    categories::Tree,
    domain::item::Item,
    error::Error,
    items::{self, Sellers},
    operations,
};

/// Words that are looked for.
const WORDS: usize = 10;

/// The products whose titles hold the words.
pub async fn answer(app: &App, words: &str, page: &PageQuery, tree: &Tree) -> Result<Arc<Answered>, Error> {
    let PageQuery { limit, offset, .. } = *page;
    let words = words.split_whitespace().take(WORDS).map(str::to_owned).collect();
    let request = MatchTitlesRequest { words, offset, limit: u32::try_from(limit).unwrap_or(20) };
    let MatchTitlesReply { products, sellers, total } = app.catalog.clone().match_titles(request).await?.into_inner();
    let sellers: Sellers = sellers
        .iter()
        .map(|listed| operations::seller(listed).map(|seller| (seller.id, seller)))
        .collect::<Result<_, _>>()?;
    let mut found: Vec<Item> = Vec::with_capacity(products.len());
    for product in &products {
        let (document, levels) = operations::read(product)?;
        let levels: HashMap<_, _> = levels.iter().map(|level| (level.sku_id, level.available)).collect();
        found.extend(items::item(items::Read::of(document)?, &levels, tree, &sellers));
    }
    let answer = SearchAnswer {
        hits: found.iter().map(|item| answer::hit(&item.summary, None, &sellers, tree)).collect(),
        total,
        facets: Facets::default(),
        suggestion: None,
        relaxed: false,
        degraded: true,
        took_ms: 0.0,
    };
    let page = Page { items: Vec::<()>::new(), limit, offset, total, next_cursor: None };
    Ok(Arc::new(Answered::encode(&answer, &page)?))
}
