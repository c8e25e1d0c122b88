//! Query parameters and single-valued headers.

use axum::extract::{FromRequestParts, Query as Pairs};
use garde::Validate;
use http::{HeaderMap, HeaderName, request::Parts};
use serde::de::DeserializeOwned;
use souk_kernel::{ErrorKind, Problem};

use super::{
    Failure,
    survey::{Faults, Node, Query},
};

/// The query string as a `T`, checked by its rules; 400 `malformed` names every bad parameter.
///
/// Parameters that `T` doesn't know are ignored. An `Option` is `None` for an empty value; a `Vec` takes repeated and
/// comma-separated values; `#[serde(flatten)] BTreeMap<String, String>` takes all others (`attr.colour=red`).
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<S, T> FromRequestParts<S> for Params<T>
where
    S: Sync,
    T: DeserializeOwned + Validate<Context = ()>,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let query = query_of(parts)?;
        let mut faults = Faults::default();
        let value = faults.read::<T>(Node::Query(&query), parts.uri.query().map_or(0, str::len));
        if let Some(value) = &value {
            faults.check(value);
        }
        faults.for_query()?;
        Ok(Self(value.expect("there is a value or a fault")))
    }
}

const MAX_PARAMETERS: usize = 200;

/// The parameters with all their values.
pub(super) fn query_of(parts: &Parts) -> Result<Query, Failure> {
    let Ok(Pairs(pairs)) = Pairs::<Vec<(String, String)>>::try_from_uri(&parts.uri) else {
        return Err(Failure(Problem::malformed("query", "can't be read")));
    };
    if pairs.len() > MAX_PARAMETERS {
        return Err(Failure(Problem::malformed("query", format!("may have at most {MAX_PARAMETERS} parameters"))));
    }
    let mut query = Query::new();
    let mut problem = Problem::new(ErrorKind::Malformed, "malformed", "some parameters are not acceptable");
    for (key, value) in pairs {
        if key.contains('\0') || value.contains('\0') {
            problem = problem.detail(key, "may not hold the character NUL");
            continue;
        }
        match query.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => query.push((key, vec![value])),
        }
    }
    if problem.details.is_empty() { Ok(query) } else { Err(Failure(problem)) }
}

/// A header that may be given once; 400 when it is given more often or isn't visible ASCII.
pub(crate) fn single_header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Failure> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Failure(Problem::malformed(written(name), "is given more than once")));
    }
    match value.to_str() {
        Ok(text) => Ok(Some(text.trim())),
        Err(_) => Err(Failure(Problem::malformed(written(name), "must be visible ASCII"))),
    }
}

/// A header's name as people write it: `If-Match`.
fn written(name: &HeaderName) -> String {
    let mut starts = true;
    let letter = |letter: char| {
        let written = if starts { letter.to_ascii_uppercase() } else { letter };
        starts = letter == '-';
        written
    };
    name.as_str().chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use souk_kernel::SellerId;

    use super::*;
    use crate::http::testing::parts;

    #[derive(Debug, Deserialize, Validate)]
    struct Filter {
        #[garde(range(min = 0))]
        price_min: Option<i64>,
        #[garde(skip)]
        in_stock: Option<bool>,
        #[garde(skip)]
        sort: Option<Sort>,
        #[garde(skip)]
        seller: Option<SellerId>,
        #[garde(skip)]
        #[serde(default)]
        ids: Vec<u32>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Sort {
        PriceAsc,
    }

    #[derive(Debug, Deserialize, Validate)]
    struct Open {
        #[garde(skip)]
        limit: Option<u64>,
        #[garde(skip)]
        #[serde(flatten)]
        others: BTreeMap<String, String>,
    }

    async fn read<T: DeserializeOwned + Validate<Context = ()>>(uri: &str) -> Result<T, Problem> {
        Params::from_request_parts(&mut parts(uri, &[]), &()).await.map(|found| found.0).map_err(|failure| failure.0)
    }

    #[tokio::test]
    async fn parameters_are_read_by_their_types() {
        let uri = "/?price_min=5&in_stock=true&sort=price_asc&ids=1,2&ids=3&utm_source=x&seller=";
        let filter: Filter = read(uri).await.unwrap();
        assert_eq!((filter.price_min, filter.in_stock, filter.sort), (Some(5), Some(true), Some(Sort::PriceAsc)));
        assert_eq!(filter.ids, [1, 2, 3]);
        assert!(filter.seller.is_none());
        read::<Filter>("/").await.unwrap();
    }

    #[tokio::test]
    async fn every_bad_parameter_is_named() {
        let uri = "/?price_min=-1&in_stock=maybe&sort=up&seller=x&ids=1,a";
        let problem = read::<Filter>(uri).await.unwrap_err();
        assert_eq!(problem.kind, ErrorKind::Malformed);
        let mut fields: Vec<_> = problem.details.iter().map(|detail| detail.field.as_str()).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["ids[1]", "in_stock", "price_min", "seller", "sort"]);
        let twice = read::<Filter>("/?price_min=1&price_min=2").await.unwrap_err();
        assert_eq!(twice.details[0].message, "is given more than once");
        assert_eq!(read::<Filter>("/?sort=%00").await.unwrap_err().details[0].field, "sort");
    }

    #[tokio::test]
    async fn names_that_are_not_known_beforehand_can_be_collected() {
        let open: Open = read("/?attr.colour=red&limit=5&q=a+b").await.unwrap();
        assert_eq!(open.limit, Some(5));
        assert_eq!(open.others["attr.colour"], "red");
        assert_eq!(open.others["q"], "a b");
    }
}
