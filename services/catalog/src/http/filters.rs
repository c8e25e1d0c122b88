//! The query string of a list of products, read into a filter.

use std::collections::BTreeMap;

use serde::Deserialize;
use souk_kernel::{ErrorKind, Problem};
use utoipa::IntoParams;

use crate::{
    app::App,
    domain::{filters, product::Status},
    error::Error,
    store::{
        listing::{Filter, Sort, Wanted},
        sellers,
    },
};

/// Attributes that one request may filter by.
const ATTRIBUTES: usize = 10;
/// Characters in a value of a filter.
const VALUE: usize = 500;

/// Which products, and in which order. Attributes: `attr.<name>=value` (several with commas: one of them; several
/// parameters: all of them), `attr.<name>_min` and `attr.<name>_max` for numbers.
#[derive(Debug, Default, Deserialize, IntoParams, garde::Validate)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// Id or slug; its descendants are included.
    #[garde(length(chars, max = 200))]
    pub category: Option<String>,
    /// Id or slug of who offers it.
    #[garde(length(chars, max = 200))]
    pub seller: Option<String>,
    /// `active` (default), `draft`, `pending`, `archived` or `all`: others than active only of one's own.
    pub status: Option<String>,
    /// `newest` (default), `price_asc`, `price_desc`, `rating` or `popular`.
    pub sort: Option<String>,
    #[garde(range(min = 0))]
    pub price_min: Option<i64>,
    #[garde(range(min = 0))]
    pub price_max: Option<i64>,
    pub in_stock: Option<bool>,
    /// The seller's own id of an imported product.
    #[garde(length(chars, max = 100))]
    pub external_id: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    pub others: BTreeMap<String, String>,
}

/// What the parameters ask for; `None` when they name a category or a seller that isn't there, so that nothing fits.
pub async fn read(app: &App, params: ListParams) -> Result<Option<(Filter, Sort)>, Error> {
    let mut problem = Problem::new(ErrorKind::Malformed, "malformed", "some parameters are not acceptable");
    let sort = params.sort.as_deref().map_or(Some(Sort::Newest), sort_named).unwrap_or_else(|| {
        problem = problem.clone().detail("sort", "must be newest, price_asc, price_desc, rating or popular");
        Sort::Newest
    });
    let statuses = params.status.as_deref().filter(|status| *status != "active").map(|status| {
        statuses_named(status).unwrap_or_else(|| {
            problem = problem.clone().detail("status", "must be active, draft, pending, archived or all");
            Vec::new()
        })
    });
    let tree = app.categories().await?;
    let mut attributes = Vec::new();
    for (name, value) in params.others.iter().filter_map(|(name, value)| Some((name.strip_prefix("attr.")?, value))) {
        match wanted(name, value, tree.defines(name)) {
            Ok(found) => attributes.push(found),
            Err(message) => problem = problem.detail(format!("attr.{name}"), message),
        }
    }
    if attributes.len() > ATTRIBUTES {
        problem = problem.detail("attr", format!("at most {ATTRIBUTES} attributes"));
    }
    if !problem.details.is_empty() {
        return Err(problem.into());
    }
    let mut filter = Filter {
        statuses,
        price_min: params.price_min,
        price_max: params.price_max,
        in_stock: params.in_stock,
        external_id: params.external_id,
        attributes,
        ..Filter::default()
    };
    if let Some(category) = &params.category {
        let Some(found) = tree.find(category) else { return Ok(None) };
        filter.categories = Some(tree.with_descendants(found.id));
    }
    if let Some(seller) = &params.seller {
        filter.seller = match seller.parse() {
            Ok(id) => Some(id),
            Err(_) => match sellers::find_by_slug(app.db.reader(), seller).await? {
                Some(found) => Some(found.id),
                None => return Ok(None),
            },
        };
    }
    Ok(Some((filter, sort)))
}

fn statuses_named(name: &str) -> Option<Vec<Status>> {
    match name {
        "all" => Some(vec![Status::Draft, Status::Pending, Status::Active, Status::Archived]),
        name => Status::named(name).map(|status| vec![status]),
    }
}

fn sort_named(name: &str) -> Option<Sort> {
    Some(match name {
        "newest" => Sort::Newest,
        "price_asc" => Sort::PriceAsc,
        "price_desc" => Sort::PriceDesc,
        "rating" => Sort::Rating,
        "popular" => Sort::Popular,
        _ => return None,
    })
}

/// `weight_max=5` asks for a weight of at most 5, unless an attribute is really called `weight_max`.
fn wanted(name: &str, value: &str, is_whole_name: bool) -> Result<(String, Wanted), String> {
    if name.is_empty() || name.chars().count() > 128 || value.chars().count() > VALUE {
        return Err(format!("needs a name, and a value of at most {VALUE} characters"));
    }
    let number = || {
        let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| "must be a number".to_owned())
    };
    if let Some(base) = name.strip_suffix("_min").filter(|base| !is_whole_name && !base.is_empty()) {
        return Ok((base.to_owned(), Wanted::AtLeast(number()?)));
    }
    if let Some(base) = name.strip_suffix("_max").filter(|base| !is_whole_name && !base.is_empty()) {
        return Ok((base.to_owned(), Wanted::AtMost(number()?)));
    }
    Ok((name.to_owned(), Wanted::Texts(filters::accepted(value))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attribute_filters_are_texts_or_bounds() {
        let texts = |parts: &[&str]| Wanted::Texts(parts.iter().map(|part| (*part).to_owned()).collect());
        assert_eq!(wanted("colour", "Red", false), Ok(("colour".into(), texts(&["red"]))));
        assert_eq!(wanted("ram_min", "8", false), Ok(("ram".into(), Wanted::AtLeast(8.0))));
        assert_eq!(wanted("ram_max", "8.5", false), Ok(("ram".into(), Wanted::AtMost(8.5))));
        assert_eq!(wanted("temp_max", "8", true), Ok(("temp_max".into(), texts(&["8"]))));
        assert!(wanted("ram_max", "lots", false).is_err() && wanted("ram_min", "NaN", false).is_err());
        assert!(wanted("", "x", false).is_err());
    }
}
