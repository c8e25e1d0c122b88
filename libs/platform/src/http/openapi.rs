//! What the `OpenAPI` document says about the envelopes and the parameters that extractors of ours read.
//!
//! `responses((status = 200, body = Envelope<Product>), Failures)`, `params(Paging, IfMatch)`.

use std::collections::BTreeMap;

use souk_kernel::Detail;
use utoipa::{
    IntoParams, IntoResponses, ToSchema,
    openapi::{
        ContentBuilder, Ref, RefOr, Required, ResponseBuilder, Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
        response::Response,
        schema::ObjectBuilder,
    },
};

use super::{Failure, IdempotencyKey, IfMatch};
use crate::security::{CartToken, OrderToken};

/// A successful answer.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what Reply writes")]
pub struct Envelope<T> {
    /// Always `success`.
    status: String,
    data: T,
    meta: Meta,
}

/// A successful answer with one page of a list.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what List writes")]
pub struct ListEnvelope<T> {
    /// Always `success`.
    status: String,
    data: Vec<T>,
    meta: ListMeta,
}

/// An answer that is not a success.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what Failure writes")]
pub struct ErrorEnvelope {
    /// Always `error`.
    status: String,
    error: ErrorDescription,
    meta: Meta,
}

/// What went wrong.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what Failure writes")]
pub struct ErrorDescription {
    /// A stable `snake_case` word that programs may rely on.
    code: String,
    /// A sentence for people.
    message: String,
    /// Every field concerned.
    details: Vec<Detail>,
}

/// About the answer.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what every envelope ends with")]
pub struct Meta {
    request_id: String,
    timestamp: chrono::DateTime<chrono::Utc>,
}

/// About the answer and the page.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what every list ends with")]
pub struct ListMeta {
    request_id: String,
    timestamp: chrono::DateTime<chrono::Utc>,
    page: PagePosition,
}

/// Where in the list the page stands.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes meta.page")]
pub struct PagePosition {
    /// Rows asked for.
    limit: u64,
    /// Rows skipped.
    offset: u64,
    /// Rows in all.
    total: u64,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

impl IntoResponses for Failure {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorEnvelope"))).build();
        let response = ResponseBuilder::new().description("Any error").content("application/json", content).build();
        BTreeMap::from([("default".to_owned(), response.into())])
    }
}

fn header(name: &str, description: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}

macro_rules! header_params {
    ($($extractor:ty => $name:literal, $description:literal;)*) => {$(
        impl IntoParams for $extractor {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                vec![header($name, $description)]
            }
        }
    )*};
}

header_params! {
    IfMatch => "If-Match", "The ETag of the version that you saw; 412 when it is no longer the current one";
    IdempotencyKey => "Idempotency-Key", "1 to 255 visible ASCII characters; the same key and body give the first answer again";
    CartToken => "X-Cart-Token", "The token of a guest's cart";
    OrderToken => "X-Order-Token", "The token of a guest's order";
}
