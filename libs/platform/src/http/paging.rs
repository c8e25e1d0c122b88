//! Which page of a list is wanted, and the cursor that leads to the next.

use axum::extract::FromRequestParts;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::request::Parts;
use serde::{Serialize, de::DeserializeOwned};
use souk_kernel::{ErrorKind, PageQuery, Problem};
use utoipa::{
    IntoParams,
    openapi::{
        Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::ObjectBuilder,
    },
};

use super::{Failure, params::query_of};

/// `limit` (1 to 100, default 20), `offset` (from 0) and `cursor`; 400 for anything else. With a cursor the offset is 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paging(pub PageQuery);

/// Cursors of ours are a few fields; longer ones are nobody's.
const MAX_CURSOR: usize = 1024;

impl<S: Sync> FromRequestParts<S> for Paging {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let mut page = PageQuery::default();
        let mut problem = Problem::new(ErrorKind::Malformed, "malformed", "some parameters are not acceptable");
        for (key, values) in query_of(parts)? {
            let (value, once) = (values[0].as_str(), values.len() == 1);
            match key.as_str() {
                "limit" => match value.parse() {
                    Ok(limit @ 1..=PageQuery::MAX_LIMIT) if once => page.limit = limit,
                    _ => problem = problem.detail(key, format!("must be 1 to {}", PageQuery::MAX_LIMIT)),
                },
                "offset" => match value.parse::<u64>() {
                    // Databases count in signed integers.
                    Ok(offset) if once && i64::try_from(offset).is_ok() => page.offset = offset,
                    _ => problem = problem.detail(key, "must be an integer from 0"),
                },
                "cursor" if value.is_empty() => {}
                "cursor" if once && value.len() <= MAX_CURSOR => page.cursor = Some(value.to_owned()),
                "cursor" => problem = problem.detail(key, BAD_CURSOR),
                _ => {}
            }
        }
        if !problem.details.is_empty() {
            return Err(Failure(problem));
        }
        if page.cursor.is_some() {
            page.offset = 0;
        }
        Ok(Self(page))
    }
}

const BAD_CURSOR: &str = "must be the next_cursor of another page of this list";

/// The opaque text of a position: base64url over JSON.
pub fn encode_cursor<T: Serialize>(position: &T) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(position).expect("a position is plain data"))
}

/// The position in a cursor; 400 when it isn't one of this list's.
pub fn decode_cursor<T: DeserializeOwned>(cursor: &str) -> Result<T, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    bytes
        .filter(|bytes| !bytes.contains(&0))
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| Problem::malformed("cursor", BAD_CURSOR))
}

impl IntoParams for Paging {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let integer = |min: u64, max: Option<u64>| {
            let schema = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(min));
            if max.is_some() { schema.maximum(max) } else { schema }
        };
        [
            ("limit", "Rows wanted", integer(1, Some(PageQuery::MAX_LIMIT))),
            ("offset", "Rows to skip", integer(0, None)),
            ("cursor", "`next_cursor` of the page before", ObjectBuilder::new().schema_type(Type::String)),
        ]
        .map(|(name, description, schema)| {
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Query)
                .description(Some(description))
                .schema(Some(schema))
                .build()
        })
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::parts;

    async fn paging(uri: &str) -> Result<PageQuery, Problem> {
        Paging::from_request_parts(&mut parts(uri, &[]), &()).await.map(|found| found.0).map_err(|failure| failure.0)
    }

    #[tokio::test]
    async fn pages_are_bounded() {
        assert_eq!(paging("/").await.unwrap(), PageQuery::default());
        let page = paging("/?limit=100&offset=7&other=1").await.unwrap();
        assert_eq!((page.limit, page.offset), (100, 7));
        let page = paging("/?cursor=abc&offset=7").await.unwrap();
        assert_eq!((page.cursor.as_deref(), page.offset), (Some("abc"), 0));
        let bad = ["limit=0", "limit=101", "limit=", "limit=1&limit=2", "offset=-1", "offset=9223372036854775808"];
        for bad in bad {
            assert_eq!(paging(&format!("/?{bad}")).await.unwrap_err().kind, ErrorKind::Malformed, "{bad}");
        }
        assert_eq!(paging("/?limit=x&offset=x").await.unwrap_err().details.len(), 2);
    }

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        let cursor = encode_cursor(&(5, "prod_x"));
        assert_eq!(decode_cursor::<(i64, String)>(&cursor).unwrap(), (5, "prod_x".to_owned()));
        for bad in ["", "!", "bm90IGpzb24"] {
            assert_eq!(decode_cursor::<(i64, String)>(bad).unwrap_err().details[0].field, "cursor");
        }
    }
}
