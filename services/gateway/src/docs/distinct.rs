//! Prepares the services' documents to become one: ids of operations and names of schemas are unique only within a service.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use utoipa::openapi::{OpenApi as Document, RefOr, Schema};

use super::references;

const SCHEMAS: &str = "#/components/schemas/";

/// Gives every operation an id of its own, and every schema whose name means something else in another service its
/// service's name in front (`payments.Question`). A service may have several documents.
pub(crate) fn make_distinct(documents: &mut [(&str, &mut Document)]) {
    let mut ids = HashSet::new();
    let ambiguous = ambiguous(documents);
    for (service, document) in documents {
        name_operations(service, document, &mut ids);
        prefix_schemas(service, document, &ambiguous);
    }
}

/// A schema as one service means it.
struct Meaning<'a> {
    service: &'a str,
    schema: &'a RefOr<Schema>,
    refers_to: BTreeSet<String>,
}

/// The names that don't mean the same in all services that have them.
fn ambiguous(documents: &[(&str, &mut Document)]) -> BTreeSet<String> {
    let mut shared: BTreeMap<&str, Vec<Meaning<'_>>> = BTreeMap::new();
    for (service, document) in documents {
        for (name, schema) in document.components.iter().flat_map(|components| &components.schemas) {
            shared.entry(name).or_default().push(Meaning { service, schema, refers_to: referred(schema) });
        }
    }
    shared.retain(|_, meanings| meanings.iter().any(|other| other.service != meanings[0].service));
    let differ = |meanings: &[Meaning<'_>]| meanings.iter().any(|other| other.schema != meanings[0].schema);
    let mut found: BTreeSet<String> =
        shared.iter().filter(|(_, meanings)| differ(meanings)).map(|(name, _)| (*name).to_owned()).collect();
    // Schemas that look the same (envelopes) differ when something that they refer to does.
    loop {
        let mut rest = shared.iter().filter(|(name, _)| !found.contains(**name));
        let touched = |meanings: &[Meaning<'_>]| meanings.iter().any(|one| !one.refers_to.is_disjoint(&found));
        let Some(name) = rest.find(|(_, meanings)| touched(meanings)).map(|(name, _)| (*name).to_owned()) else {
            return found;
        };
        found.insert(name);
    }
}

fn referred(schema: &RefOr<Schema>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    references::of_schema(&mut schema.clone(), &mut |location| {
        names.extend(location.strip_prefix(SCHEMAS).map(str::to_owned));
    });
    names
}

fn prefix_schemas(service: &str, document: &mut Document, ambiguous: &BTreeSet<String>) {
    references::of_document(document, &mut |location| {
        if let Some(name) = location.strip_prefix(SCHEMAS).filter(|name| ambiguous.contains(*name)) {
            *location = format!("{SCHEMAS}{service}.{name}");
        }
    });
    let Some(components) = &mut document.components else { return };
    for name in ambiguous {
        if let Some(schema) = components.schemas.remove(name) {
            components.schemas.insert(format!("{service}.{name}"), schema);
        }
    }
}

fn name_operations(service: &str, document: &mut Document, taken: &mut HashSet<String>) {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in references::operations(item) {
            let mut id = operation_id(service, method, path);
            // `/a-b` and `/a/b` give the same words.
            while !taken.insert(id.clone()) {
                id.push('_');
            }
            operation.operation_id = Some(id);
        }
    }
}

/// `GET /products/{id}/reviews` of catalog is `catalog_get_products_by_id_reviews`.
fn operation_id(service: &str, method: &str, path: &str) -> String {
    let mut id = format!("{service}_{method}");
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        id.push_str(if segment.starts_with('{') { "_by_" } else { "_" });
        let letters = segment.chars().filter(|letter| !matches!(letter, '{' | '}' | '*'));
        id.extend(letters.map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }));
    }
    id
}
