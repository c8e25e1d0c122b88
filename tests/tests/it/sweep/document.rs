//! The OpenAPI document, as far as the sweep needs it.

use http::Method;
use serde_json::Value;
use souk_tests::Market;

/// One method of one path.
#[derive(Clone, Debug)]
pub struct Operation {
    pub method: Method,
    /// With its parameters in braces, without `/api/v1`.
    pub path: String,
    /// Whether it lies at the root.
    pub at_root: bool,
    /// The service.
    pub tag: String,
    /// The names of its query parameters.
    pub query: Vec<String>,
    /// The properties of its JSON body; absent when it takes none.
    pub body: Option<Vec<String>>,
    /// Those of them that must be given.
    pub required: Vec<String>,
}

impl Operation {
    /// `post /orders/{id}/returns`
    pub fn name(&self) -> String {
        format!("{} {}", self.method.as_str().to_lowercase(), self.path)
    }
}

/// All operations, in the order of the document.
pub async fn operations(market: &Market) -> Vec<Operation> {
    let document = market.client.get("/openapi.json").await.is(200).json;
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("the document has paths") {
        for (method, operation) in item.as_object().expect("a path has methods") {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else { continue };
            let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(&method);
            if known {
                found.push(read(&document, path, method, operation));
            }
        }
    }
    assert!(found.len() > 80, "the document lost its operations: {}", found.len());
    found
}

fn read(document: &Value, path: &str, method: Method, operation: &Value) -> Operation {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let query =
        parameters.filter(|parameter| parameter["in"] == "query").filter_map(|parameter| parameter["name"].as_str());
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let schema = resolved(document, schema);
    let names = |list: Option<Vec<String>>| list.unwrap_or_default();
    let properties = schema["properties"].as_object().map(|properties| properties.keys().cloned().collect());
    let required = schema["required"]
        .as_array()
        .map(|list| list.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect());
    Operation {
        method,
        at_root: !path.starts_with("/api/v1/"),
        path: path.strip_prefix("/api/v1").unwrap_or(path).to_owned(),
        tag: operation["tags"][0].as_str().unwrap_or_default().to_owned(),
        query: query.map(str::to_owned).collect(),
        body: schema.is_object().then(|| names(properties)),
        required: names(required),
    }
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|pointer| document.pointer(pointer.trim_start_matches('#'))) {
        Some(found) => found,
        None => schema,
    }
}
