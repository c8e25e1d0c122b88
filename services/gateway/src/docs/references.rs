//! Where a document refers to schemas.

use utoipa::openapi::{
    Content, OpenApi as Document, PathItem, RefOr, Response, Schema,
    path::Operation,
    schema::{AdditionalProperties, ArrayItems},
};

/// Is shown every reference, and may change it.
type Visit<'a> = &'a mut dyn FnMut(&mut String);

/// The operations of a path, with their methods.
pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("get", &mut item.get),
        ("put", &mut item.put),
        ("post", &mut item.post),
        ("delete", &mut item.delete),
        ("options", &mut item.options),
        ("head", &mut item.head),
        ("patch", &mut item.patch),
        ("trace", &mut item.trace),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Every reference of a document to a schema.
pub(super) fn of_document(document: &mut Document, visit: Visit<'_>) {
    for item in document.paths.paths.values_mut() {
        for (_, operation) in operations(item) {
            of_operation(operation, visit);
        }
    }
    let Some(components) = &mut document.components else { return };
    for schema in components.schemas.values_mut() {
        of_schema(schema, visit);
    }
    for response in components.responses.values_mut() {
        of_response(response, visit);
    }
}

fn of_operation(operation: &mut Operation, visit: Visit<'_>) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            of_optional(&mut parameter.schema, visit);
            of_contents(parameter.content.values_mut(), visit);
        }
    }
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        of_contents(body.content.values_mut(), visit);
    }
    for response in operation.responses.responses.values_mut() {
        of_response(response, visit);
    }
}

fn of_response(response: &mut RefOr<Response>, visit: Visit<'_>) {
    let RefOr::T(response) = response else { return };
    for header in response.headers.values_mut() {
        if let RefOr::T(header) = header {
            of_optional(&mut header.schema, visit);
        }
    }
    of_contents(response.content.values_mut(), visit);
}

fn of_contents<'a>(contents: impl Iterator<Item = &'a mut RefOr<Content>>, visit: Visit<'_>) {
    for content in contents {
        if let RefOr::T(content) = content {
            of_optional(&mut content.schema, visit);
            of_optional(&mut content.item_schema, visit);
        }
    }
}

fn of_optional(schema: &mut Option<RefOr<Schema>>, visit: Visit<'_>) {
    if let Some(schema) = schema {
        of_schema(schema, visit);
    }
}

/// Every reference of a schema to another.
pub(super) fn of_schema(schema: &mut RefOr<Schema>, visit: Visit<'_>) {
    match schema {
        RefOr::Ref(reference) => visit(&mut reference.ref_location),
        RefOr::T(schema) => within(schema, visit),
    }
}

fn within(schema: &mut Schema, visit: Visit<'_>) {
    let (items, discriminator) = match schema {
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                of_schema(items, visit);
            }
            for item in &mut array.prefix_items {
                within(item, visit);
            }
            return;
        }
        Schema::Object(object) => {
            for property in object.properties.values_mut() {
                of_schema(property, visit);
            }
            if let Some(AdditionalProperties::RefOr(values)) = object.additional_properties.as_deref_mut() {
                of_schema(values, visit);
            }
            return;
        }
        Schema::OneOf(one) => (&mut one.items, &mut one.discriminator),
        Schema::AllOf(all) => (&mut all.items, &mut all.discriminator),
        Schema::AnyOf(any) => (&mut any.items, &mut any.discriminator),
        // The enum may grow; there are no other schemas in OpenAPI 3.1.
        _ => return,
    };
    for item in items {
        of_schema(item, visit);
    }
    for location in discriminator.iter_mut().flat_map(|discriminator| discriminator.mapping.values_mut()) {
        visit(location);
    }
}
