//! The query string of a search, read into filters. The parameters are those of `GET /products`.

use std::collections::BTreeMap;

use serde::Deserialize;
use souk_kernel::{ErrorKind, Problem};
use utoipa::IntoParams;

use crate::{
    app::App,
    categories::Tree,
    domain::item::number_text,
    engine::page::Sort,
    index::filters::{Filters, Wanted},
};

/// Attributes that one request may filter by.
const ATTRIBUTES: usize = 10;
/// Characters in a value of a filter.
const VALUE: usize = 500;

/// What is searched, and within which products. Attributes: `attr.<name>=value` (several with commas: one of them; several
/// parameters: all of them), `attr.<name>_min` and `attr.<name>_max` for numbers.
#[derive(Debug, Default, Deserialize, IntoParams, garde::Validate)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub struct SearchParams {
    /// What to look for, in the words of buyers. Without words, everything within the filters is found.
    pub q: Option<String>,
    /// Id or slug; its descendants are included.
    #[garde(length(chars, max = 200))]
    pub category: Option<String>,
    /// Id or slug of who offers it.
    #[garde(length(chars, max = 200))]
    pub seller: Option<String>,
    /// `active`; only the public part of the catalogue is searched.
    pub status: Option<String>,
    /// `relevance` (default), `newest`, `price_asc`, `price_desc`, `rating` or `popular`.
    pub sort: Option<String>,
    #[garde(range(min = 0))]
    pub price_min: Option<i64>,
    #[garde(range(min = 0))]
    pub price_max: Option<i64>,
    pub in_stock: Option<bool>,
    /// An average of at least so many stars.
    #[garde(inner(range(min = 0.0, max = 5.0)))]
    pub rating_min: Option<f64>,
    /// The seller's own id of an imported product.
    #[garde(length(chars, max = 100))]
    pub external_id: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    pub others: BTreeMap<String, String>,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub query: String,
    pub filters: Filters,
    pub sort: Sort,
    /// They name something that isn't there, so that nothing fits.
    pub nothing_fits: bool,
}

/// Reads the parameters.
pub fn read(app: &App, tree: &Tree, params: SearchParams) -> Result<Asked, Problem> {
    let mut problem = Problem::new(ErrorKind::Malformed, "malformed", "some parameters are not acceptable");
    let sort = params.sort.as_deref().map_or(Some(Sort::Relevance), sort_named).unwrap_or_else(|| {
        problem = problem.clone().detail("sort", "must be relevance, newest, price_asc, price_desc, rating or popular");
        Sort::Relevance
    });
    let mut nothing_fits = false;
    match params.status.as_deref() {
        None | Some("active") => {}
        Some("draft" | "pending" | "archived" | "all") => nothing_fits = true,
        Some(_) => problem = problem.detail("status", "must be active, draft, pending, archived or all"),
    }
    let mut attributes: BTreeMap<String, Wanted> = BTreeMap::new();
    for (name, value) in params.others.iter().filter_map(|(name, value)| Some((name.strip_prefix("attr.")?, value))) {
        if let Err(message) = want(&mut attributes, name, value, tree.defines(name)) {
            problem = problem.detail(format!("attr.{name}"), message);
        }
    }
    if attributes.len() > ATTRIBUTES {
        problem = problem.detail("attr", format!("at most {ATTRIBUTES} attributes"));
    }
    if !problem.details.is_empty() {
        return Err(problem);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 5 stars")]
    let stars_min = params.rating_min.map(|stars| (stars * 100.0).round() as u16);
    let mut filters = Filters {
        price_min: params.price_min,
        price_max: params.price_max,
        in_stock: params.in_stock,
        stars_min,
        external_id: params.external_id,
        attributes,
        ..Filters::default()
    };
    if let Some(category) = &params.category {
        match tree.find(category) {
            Some(id) => filters.categories = Some(tree.with_descendants(id)),
            None => nothing_fits = true,
        }
    }
    if let Some(seller) = &params.seller {
        let by_slug = || app.sellers().values().find(|known| known.slug == *seller).map(|known| known.id);
        match seller.parse().ok().or_else(by_slug) {
            Some(id) => filters.sellers = Some(vec![id]),
            None => nothing_fits = true,
        }
    }
    Ok(Asked { query: params.q.unwrap_or_default(), filters, sort, nothing_fits })
}

fn sort_named(name: &str) -> Option<Sort> {
    Some(match name {
        "relevance" => Sort::Relevance,
        "newest" => Sort::Newest,
        "price_asc" => Sort::PriceAsc,
        "price_desc" => Sort::PriceDesc,
        "rating" => Sort::Rating,
        "popular" => Sort::Popular,
        _ => return None,
    })
}

/// `weight_max=5` asks for a weight of at most 5, unless an attribute is really called `weight_max`.
fn want(into: &mut BTreeMap<String, Wanted>, name: &str, value: &str, is_whole_name: bool) -> Result<(), String> {
    if name.is_empty() || name.chars().count() > 128 || value.chars().count() > VALUE {
        return Err(format!("needs a name, and a value of at most {VALUE} characters"));
    }
    let number = || {
        let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| "must be a number".to_owned())
    };
    let base = |suffix| name.strip_suffix(suffix).filter(|base| !is_whole_name && !base.is_empty());
    if let Some(base) = base("_min") {
        into.entry(base.to_owned()).or_default().at_least = Some(number()?);
    } else if let Some(base) = base("_max") {
        into.entry(base.to_owned()).or_default().at_most = Some(number()?);
    } else {
        into.entry(name.to_owned()).or_default().texts = Some(accepted(value));
    }
    Ok(())
}

/// The texts that are accepted: the parts between commas, and the whole (a value may hold commas).
fn accepted(given: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for part in std::iter::once(given).chain(given.split(',')) {
        texts.push(part.trim().to_lowercase());
        if let Ok(number) = part.trim().parse::<f64>() {
            texts.push(number_text(number));
        }
    }
    texts.sort_unstable();
    texts.dedup();
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attribute_filters_are_texts_or_bounds() {
        let mut wanted = BTreeMap::new();
        want(&mut wanted, "colour", "Red", false).unwrap();
        want(&mut wanted, "ram_min", "8", false).unwrap();
        want(&mut wanted, "ram_max", "16", false).unwrap();
        want(&mut wanted, "temp_max", "8.0", true).unwrap();
        assert_eq!(wanted["colour"].texts, Some(vec!["red".to_owned()]));
        assert_eq!((wanted["ram"].at_least, wanted["ram"].at_most), (Some(8.0), Some(16.0)));
        assert_eq!(wanted["temp_max"].texts, Some(vec!["8".to_owned(), "8.0".to_owned()]));
        assert!(want(&mut wanted, "ram_max", "lots", false).is_err() && want(&mut wanted, "", "x", false).is_err());
    }
}
