//! What a search answers.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use souk_kernel::{CategoryId, Currency, Page, Problem, ProductId, SellerId};
use souk_platform::http::{Encoded, encode_cursor};
use utoipa::ToSchema;

use super::highlight::Marker;
use crate::{
    categories::Tree,
    domain::{
        item::{Rating, Summary},
        prices::Range,
    },
    engine::page::Results,
    index::facets::Counts,
    items::Sellers,
    store::sellers::Seller,
};

/// Sellers that are counted in an answer.
const SELLERS: usize = 30;

/// What a search found.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchAnswer<'a> {
    pub hits: Vec<Hit<'a>>,
    /// Products that were found.
    pub total: u64,
    pub facets: Facets<'a>,
    /// The query as it was probably meant; its results are among the hits.
    pub suggestion: Option<String>,
    /// Whether products that have only some of the words are among the hits, behind those that have all.
    pub relaxed: bool,
    /// Whether the index is down and this is only a match of titles, without filters and facets.
    pub degraded: bool,
    /// Milliseconds that the search took.
    pub took_ms: f64,
}

/// A product in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct Hit<'a> {
    id: ProductId,
    slug: &'a str,
    external_id: Option<&'a str>,
    title: &'a str,
    /// Of the winning offer, in the currency's smallest unit.
    price: i64,
    #[schema(value_type = String)]
    currency: Currency,
    /// Of the winning offer.
    stock: i64,
    status: &'static str,
    seller: HitSeller<'a>,
    category: HitCategory<'a>,
    images: &'a [String],
    rating: Stars,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    highlight: Highlight,
}

/// Where the words were found: HTML with `<em>` around them.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Highlight {
    pub title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct HitSeller<'a> {
    id: SellerId,
    name: &'a str,
    slug: &'a str,
    rating: Stars,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct HitCategory<'a> {
    id: CategoryId,
    name: &'a str,
    slug: &'a str,
    /// Names from the root down to the category.
    path: Vec<&'a str>,
}

/// Stars: their average to two decimals (0 without reviews) and how many reviews there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stars {
    average: f64,
    count: i64,
}

impl From<Rating> for Stars {
    fn from(rating: Rating) -> Self {
        Self { average: rating.average(), count: rating.count }
    }
}

/// How many hits there are of what. A facet counts as if its own filter were not set.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Facets<'a> {
    category: Vec<CategoryCount<'a>>,
    seller: Vec<SellerCount<'a>>,
    price: Vec<PriceCount>,
    rating: Vec<RatingCount>,
    attributes: BTreeMap<&'a str, Vec<ValueCount<'a>>>,
}

/// A category with the hits in it and below it.
#[derive(Debug, Serialize, ToSchema)]
pub struct CategoryCount<'a> {
    id: CategoryId,
    slug: &'a str,
    name: &'a str,
    count: u64,
    #[schema(no_recursion)]
    children: Vec<CategoryCount<'a>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SellerCount<'a> {
    id: SellerId,
    slug: &'a str,
    name: &'a str,
    count: u64,
}

/// Prices from `min` to `max`, both included; without `max`, all above.
#[derive(Debug, Serialize, ToSchema)]
pub struct PriceCount {
    min: i64,
    max: Option<i64>,
    count: u64,
}

/// Products with an average of at least `min` stars.
#[derive(Debug, Serialize, ToSchema)]
pub struct RatingCount {
    min: u8,
    count: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ValueCount<'a> {
    value: &'a str,
    count: u64,
}

/// What is shown of a product.
pub fn hit<'a>(summary: &'a Summary, marker: Option<&Marker<'_>>, sellers: &'a Sellers, tree: &'a Tree) -> Hit<'a> {
    let seller = sellers.get(&summary.seller_id);
    let category = tree.get(summary.category_id);
    let highlight = marker.map(|marker| Highlight {
        title: marker.mark(&summary.title).0,
        description: marker.excerpt(&summary.excerpt),
    });
    Hit {
        id: summary.id,
        slug: &summary.slug,
        external_id: summary.external_id.as_deref(),
        title: &summary.title,
        price: summary.price,
        currency: summary.currency,
        stock: summary.stock,
        status: "active",
        seller: HitSeller {
            id: summary.seller_id,
            name: seller.map_or("", |seller| &seller.name),
            slug: seller.map_or("", |seller| &seller.slug),
            rating: seller.map(Seller::rating).unwrap_or_default().into(),
        },
        category: HitCategory {
            id: summary.category_id,
            name: category.map_or("", |category| &category.name),
            slug: category.map_or("", |category| &category.slug),
            path: tree.path(summary.category_id),
        },
        images: &summary.images,
        rating: summary.rating.into(),
        version: summary.version,
        created_at: summary.created_at,
        updated_at: summary.updated_at,
        highlight: highlight.unwrap_or_default(),
    }
}

/// The counts with their names.
pub fn facets<'a>(counts: &'a Counts, sellers: &'a Sellers, tree: &'a Tree) -> Facets<'a> {
    let mut seller: Vec<SellerCount<'a>> = counts
        .sellers
        .iter()
        .map(|(id, count)| {
            let known = sellers.get(id);
            let (slug, name) = known.map_or(("", ""), |known| (known.slug.as_str(), known.name.as_str()));
            SellerCount { id: *id, slug, name, count: *count }
        })
        .collect();
    seller.sort_unstable_by(|a, b| (b.count, a.id).cmp(&(a.count, b.id)));
    seller.truncate(SELLERS);
    let price = |range: &Range| PriceCount { min: range.min, max: range.max, count: range.count };
    let rating = [4u8, 3, 2, 1].into_iter().zip(counts.stars).filter(|(_, count)| *count > 0);
    let values = |values: &'a Vec<(Arc<str>, u64)>| {
        values.iter().map(|(value, count)| ValueCount { value, count: *count }).collect::<Vec<_>>()
    };
    Facets {
        category: category_counts(&tree.roots, counts, tree, 0),
        seller,
        price: counts.prices.iter().map(price).collect(),
        rating: rating.map(|(min, count)| RatingCount { min, count }).collect(),
        attributes: counts.attributes.iter().map(|(key, found)| (&**key, values(found))).collect(),
    }
}

/// Categories hang at most so deep; more would be a circle.
const DEEPEST: usize = 32;

fn category_counts<'a>(ids: &[CategoryId], counts: &Counts, tree: &'a Tree, depth: usize) -> Vec<CategoryCount<'a>> {
    if depth > DEEPEST {
        return Vec::new();
    }
    let count = |id: &CategoryId| {
        let node = tree.get(*id)?;
        let children = category_counts(&node.children, counts, tree, depth + 1);
        let own = counts.categories.get(id).copied().unwrap_or_default();
        let count = own + children.iter().map(|child| child.count).sum::<u64>();
        (count > 0).then_some(CategoryCount { id: *id, slug: &node.slug, name: &node.name, count, children })
    };
    ids.iter().filter_map(count).collect()
}

/// An answer as it lies ready: everything but the time that it took.
#[derive(Debug)]
pub struct Answered {
    /// The JSON object up to the number of milliseconds.
    head: Bytes,
    page: Option<Bytes>,
    pub total: u64,
}

fn failed(error: serde_json::Error) -> Problem {
    tracing::error!(%error, "an answer can't be encoded");
    Problem::internal()
}

/// What stands in the head in place of the time.
const TIME: &str = "\"took_ms\":0.0}";

impl Answered {
    /// Encodes an answer.
    pub fn encode(answer: &SearchAnswer<'_>, page: &Page<()>) -> Result<Self, Problem> {
        let (_, page) = Encoded::of_page(page).map_err(failed)?.into_parts();
        Ok(Self { page, ..Self::timed(answer, answer.total)? })
    }

    /// Encodes anything whose last field is `took_ms`.
    pub fn timed(answer: &impl Serialize, total: u64) -> Result<Self, Problem> {
        let mut head = serde_json::to_vec(answer).map_err(failed)?;
        debug_assert!(head.ends_with(TIME.as_bytes()), "the time comes last");
        head.truncate(head.len() - "0.0}".len());
        Ok(Self { head: head.into(), page: None, total })
    }

    /// With the time that it took.
    pub fn after(&self, time: std::time::Duration) -> Encoded {
        let milliseconds = (time.as_secs_f64() * 100_000.0).round() / 100.0;
        let tail = format!("{milliseconds:?}}}");
        let mut data = Vec::with_capacity(self.head.len() + tail.len());
        data.extend_from_slice(&self.head);
        data.extend_from_slice(tail.as_bytes());
        Encoded::from_parts(data.into(), self.page.clone())
    }

    /// Bytes that it holds.
    pub fn size(&self) -> usize {
        self.head.len() + self.page.as_ref().map_or(0, Bytes::len)
    }
}

/// An answer around results.
pub fn answered(
    results: &Results,
    marker: Option<&Marker<'_>>,
    suggestion: Option<String>,
    sellers: &Sellers,
    tree: &Tree,
    page: (u64, u64),
) -> Result<Arc<Answered>, Problem> {
    let none = Counts::default();
    let answer = SearchAnswer {
        hits: results.hits.iter().map(|found| hit(&found.summary, marker, sellers, tree)).collect(),
        total: results.total,
        facets: facets(results.counts.as_ref().unwrap_or(&none), sellers, tree),
        suggestion,
        relaxed: results.relaxed,
        degraded: false,
        took_ms: 0.0,
    };
    let next_cursor = results.next.map(|next| encode_cursor(&next));
    let (limit, offset) = page;
    let page = Page { items: Vec::<()>::new(), limit, offset, total: results.total, next_cursor };
    Ok(Arc::new(Answered::encode(&answer, &page)?))
}
