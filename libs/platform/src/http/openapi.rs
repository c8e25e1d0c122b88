//! What the `OpenAPI` document says about the envelopes and the parameters that extractors of ours read.
//!
//! `responses((status = 200, body = Envelope<Product>), Failure)`, `params(Paging, IfMatch)`.

use std::{borrow::Cow, collections::BTreeMap, marker::PhantomData};

use souk_kernel::Detail;
use utoipa::{
    __dev::ComposeSchema,
    IntoParams, IntoResponses, ToSchema,
    openapi::{
        ContentBuilder, Ref, RefOr, Required, ResponseBuilder, Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
        response::Response,
        schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType},
    },
};

use super::{Failure, IdempotencyKey, IfMatch};
use crate::security::{CartToken, OrderToken};

/// A successful answer, as [`super::Reply`] writes it.
#[derive(Debug)]
pub struct Envelope<T>(PhantomData<T>);

/// A successful answer with one page of a list, as [`super::List`] writes it.
#[derive(Debug)]
pub struct ListEnvelope<T>(PhantomData<T>);

type Schemas = Vec<(String, RefOr<Schema>)>;

/// What stands for `T` in an envelope. The derive would copy the whole of `T` into every envelope; the document refers to
/// it once and for all. Arrays and free values have no name and are copied.
fn reference<T: ToSchema>() -> RefOr<Schema> {
    match T::schema() {
        RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::AnyValue => object.into(),
        RefOr::T(Schema::Array(array)) => array.into(),
        _ => Ref::from_schema_name(T::name()).into(),
    }
}

fn collect<T: ToSchema, M: ToSchema>(schemas: &mut Schemas) {
    if matches!(reference::<T>(), RefOr::Ref(_)) {
        schemas.push((T::name().into_owned(), T::schema()));
    }
    T::schemas(schemas);
    schemas.push((M::name().into_owned(), M::schema()));
    M::schemas(schemas);
}

fn success(data: RefOr<Schema>, meta: &str) -> RefOr<Schema> {
    let status = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["success"]));
    let object = ObjectBuilder::new()
        .property("status", status)
        .property("data", data)
        .property("meta", Ref::from_schema_name(meta));
    ["status", "data", "meta"].into_iter().fold(object, ObjectBuilder::required).into()
}

// The macros of utoipa ask every generic schema for this; there is no public name for it.
impl<T: ToSchema> ComposeSchema for Envelope<T> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        success(reference::<T>(), &Meta::name())
    }
}

impl<T: ToSchema> ToSchema for Envelope<T> {
    fn name() -> Cow<'static, str> {
        "Envelope".into()
    }
    fn schemas(schemas: &mut Schemas) {
        collect::<T, Meta>(schemas);
    }
}

impl<T: ToSchema> ComposeSchema for ListEnvelope<T> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        success(ArrayBuilder::new().items(reference::<T>()).into(), &ListMeta::name())
    }
}

impl<T: ToSchema> ToSchema for ListEnvelope<T> {
    fn name() -> Cow<'static, str> {
        "ListEnvelope".into()
    }
    fn schemas(schemas: &mut Schemas) {
        collect::<T, ListMeta>(schemas);
    }
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

#[cfg(test)]
mod tests {
    use souk_kernel::Money;
    use utoipa::OpenApi;

    use super::*;
    use crate::http::Paging;

    #[utoipa::path(get, path = "/prices", params(Paging, IfMatch), responses(
        (status = 200, body = ListEnvelope<Money>), (status = 201, body = Envelope<Money>),
        (status = 202, body = Envelope<Vec<Money>>), Failure
    ))]
    #[expect(dead_code, reason = "stands only in the document")]
    fn prices() {}

    #[derive(OpenApi)]
    #[openapi(paths(prices), components(schemas(ErrorEnvelope)))]
    struct Document;

    #[test]
    fn envelopes_and_parameters_stand_in_the_document() {
        let document = serde_json::to_value(Document::openapi()).unwrap();
        let get = &document["paths"]["/prices"]["get"];
        let names: Vec<_> = get["parameters"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
        assert_eq!(names, ["limit", "offset", "cursor", "If-Match"]);
        // Whatever is referred to is there.
        let text = document.to_string();
        for part in text.split("\"#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(document["components"]["schemas"][name].is_object(), "{name} {text}");
        }
        let list = &document["components"]["schemas"]["ListEnvelope_Money"]["properties"];
        assert_eq!(list["data"]["items"]["$ref"], "#/components/schemas/Money");
        assert_eq!(list["meta"]["$ref"], "#/components/schemas/ListMeta");
        let answers = &get["responses"];
        let schema = |status: &str| answers[status]["content"]["application/json"]["schema"]["$ref"].clone();
        assert_eq!(schema("201"), "#/components/schemas/Envelope_Money");
        assert_eq!(schema("default"), "#/components/schemas/ErrorEnvelope");
    }
}
