//! `souk import products`: two passes over the file. The first learns every category's attributes, the second imports.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use indicatif::ProgressBar;
use serde_json::{Map, Value};
use souk_contracts::{
    catalog::{AttributeDefinition, EnsureCategoryRequest, ImportProduct, ImportProductsRequest},
    identity::EnsureSellerRequest,
};
use souk_kernel::{Currency, Problem, text::slugify};
use souk_platform::rpc;

use super::{
    mapping::{CategoryFinder, CategoryName, Kind, Mapping},
    progress::Progress,
    reader::{Record, records},
    refused::Refused,
};
use crate::marketplace::Calls;

/// Products in one call.
const BATCH: usize = 500;
/// An attribute with more values than this, or longer ones, is kept but not offered as a filter.
const FILTER_VALUES: usize = 200;
const FILTER_LENGTH: usize = 80;

/// Why an import can't run.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file can't be read.
    #[error("can't read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The report or the progress can't be written.
    #[error("can't write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Neither the command line nor the mapping names a seller.
    #[error("--seller is missing, and the mapping names none")]
    NoSeller,
    /// A service refused.
    #[error("{0}")]
    Refused(Problem),
}

impl From<tonic::Status> for ImportError {
    fn from(status: tonic::Status) -> Self {
        Self::Refused(rpc::problem(status))
    }
}

/// What to import, and how.
pub struct Order<'a> {
    /// The file.
    pub file: &'a Path,
    /// How its fields map.
    pub mapping: &'a Mapping,
    /// The seller's slug, if the command line names one.
    pub seller: Option<&'a str>,
    /// The category for all lines.
    pub category: Option<&'a str>,
    /// Units on hand of lines that don't say.
    pub stock: i64,
    /// The currency of lines that don't say.
    pub currency: Currency,
    /// Where the progress of interrupted runs is kept.
    pub progress: Progress,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// Lines looked at in this run.
    pub lines: u64,
    /// Lines that an earlier, interrupted run had taken.
    pub skipped: u64,
    /// New products.
    pub created: u64,
    /// Products that differed.
    pub updated: u64,
    /// Products that were the same.
    pub unchanged: u64,
    /// Lines that were refused.
    pub refused: u64,
    /// Categories that the products went to.
    pub categories: usize,
    /// Where the refused lines are listed.
    pub report: Option<PathBuf>,
}

/// Runs the import.
pub async fn run(order: Order<'_>, calls: &Calls) -> Result<Summary, ImportError> {
    let slug = order.seller.or(order.mapping.seller.as_deref()).ok_or(ImportError::NoSeller)?;
    let seller = calls
        .identity
        .clone()
        .ensure_seller(EnsureSellerRequest { slug: slug.to_owned(), name: title_case(slug) })
        .await?
        .into_inner();
    let converter = Converter {
        mapping: order.mapping,
        finder: CategoryFinder::new(&order.mapping.categories),
        category: order.category.map(|name| CategoryName { slug: slugify(name), name: title_case(name) }),
        stock: order.stock,
        currency: order.currency,
    };
    let schemas = learn(&order, &converter)?;
    let mut categories = HashMap::new();
    for (name, schema) in &schemas {
        let request = EnsureCategoryRequest {
            slug: name.slug.clone(),
            name: name.name.clone(),
            attributes: schema.iter().map(|(key, seen)| seen.definition(key)).collect(),
        };
        let reply = calls.catalog.clone().ensure_category(request).await?.into_inner();
        categories.insert(name.slug.clone(), reply.category_id);
    }
    let mut summary = Summary { categories: categories.len(), ..Summary::default() };
    let mut refused = Refused::new(order.file);
    let bar = bar(order.file, "importing");
    let mut progress = order.progress;
    let done = progress.lines();
    let position = bar.clone();
    let mut batch: Vec<(u64, ImportProduct)> = Vec::with_capacity(BATCH);
    let mut last_line = 0;
    let mut seen = HashSet::new();
    for record in
        records(order.file, move |bytes| position.set_position(bytes)).map_err(|source| read(order.file, source))?
    {
        let Record { line, fields } = record.map_err(|source| read(order.file, source))?;
        last_line = line;
        let product = fields.and_then(|fields| converter.product(fields, &schemas));
        let repeated = product.as_ref().is_ok_and(|product| !seen.insert(product.product.external_id.clone()));
        if line <= done {
            summary.skipped += 1;
            continue;
        }
        summary.lines += 1;
        match product {
            Ok(product) if repeated => {
                refused.add(line, &product.product.external_id, "external_id: stands on an earlier line already")?;
                summary.refused += 1;
            }
            Ok(Converted { mut product, category }) => {
                product.category_id.clone_from(&categories[&category.slug]);
                batch.push((line, product));
            }
            Err(reason) => {
                refused.add(line, "", &reason)?;
                summary.refused += 1;
            }
        }
        if batch.len() == BATCH {
            send(calls, &seller.seller_id, &mut batch, &mut summary, &mut refused).await?;
            progress.reached(line)?;
        }
    }
    send(calls, &seller.seller_id, &mut batch, &mut summary, &mut refused).await?;
    progress.reached(last_line)?;
    progress.finish()?;
    bar.finish_and_clear();
    summary.report = refused.finish()?;
    Ok(summary)
}

async fn send(
    calls: &Calls,
    seller_id: &str,
    batch: &mut Vec<(u64, ImportProduct)>,
    summary: &mut Summary,
    refused: &mut Refused,
) -> Result<(), ImportError> {
    if batch.is_empty() {
        return Ok(());
    }
    let (lines, products): (Vec<u64>, Vec<ImportProduct>) = std::mem::take(batch).into_iter().unzip();
    let mut request = tonic::Request::new(ImportProductsRequest { seller_id: seller_id.to_owned(), products });
    request.set_timeout(std::time::Duration::from_secs(60));
    let results = calls.catalog.clone().import_products(request).await?.into_inner().results;
    for (line, result) in lines.into_iter().zip(results) {
        match result.outcome.as_str() {
            "created" => summary.created += 1,
            "updated" => summary.updated += 1,
            "unchanged" => summary.unchanged += 1,
            _ => {
                summary.refused += 1;
                refused.add(line, &result.external_id, &result.reason)?;
            }
        }
    }
    Ok(())
}

fn read(path: &Path, source: io::Error) -> ImportError {
    ImportError::Read { path: path.to_owned(), source }
}

fn bar(file: &Path, what: &'static str) -> ProgressBar {
    let length = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    ProgressBar::new(length)
        .with_style(
            indicatif::ProgressStyle::with_template("{msg:10} {bar:40} {percent:>3}% {bytes}/{total_bytes} {eta}")
                .expect("the template is right"),
        )
        .with_message(what)
}

fn title_case(slug: &str) -> String {
    slug.split('-')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        })
        .collect::<Vec<_>>()
        .join(" ")
}

type Schemas = BTreeMap<CategoryName, BTreeMap<String, Seen>>;

/// The first pass: which attributes, of which type, each category's products have.
fn learn(order: &Order<'_>, converter: &Converter<'_>) -> Result<Schemas, ImportError> {
    let bar = bar(order.file, "reading");
    let position = bar.clone();
    let bytes = Arc::new(AtomicU64::new(0));
    let mut schemas = Schemas::new();
    let iterator = records(order.file, move |now| {
        if now - bytes.swap(now, Ordering::Relaxed) > 0 {
            position.set_position(now);
        }
    });
    for record in iterator.map_err(|source| read(order.file, source))? {
        let Ok(fields) = record.map_err(|source| read(order.file, source))?.fields else { continue };
        let category = converter.category(&fields).clone();
        let schema = schemas.entry(category).or_default();
        for (key, kind, value) in converter.attributes(&fields) {
            schema.entry(key).or_insert_with(|| Seen::new(kind)).note(kind, value);
        }
    }
    bar.finish_and_clear();
    Ok(schemas)
}

/// What the first pass saw of one attribute in one category.
struct Seen {
    kind: Kind,
    values: HashSet<String>,
    filterable: bool,
}

impl Seen {
    fn new(kind: Kind) -> Self {
        Self { kind, values: HashSet::new(), filterable: true }
    }

    fn note(&mut self, kind: Kind, value: &Value) {
        let fits = match kind {
            Kind::Text => true,
            Kind::Number => value.is_number(),
            Kind::Bool => value.is_boolean(),
        };
        if self.kind != kind || !fits {
            self.kind = Kind::Text;
        }
        if self.filterable && kind == Kind::Text {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.filterable = text.len() <= FILTER_LENGTH;
            self.values.insert(text);
            self.filterable &= self.values.len() <= FILTER_VALUES;
            if !self.filterable {
                self.values = HashSet::new();
            }
        }
    }

    fn definition(&self, key: &str) -> AttributeDefinition {
        let kind = match self.kind {
            Kind::Text => "text",
            Kind::Number => "number",
            Kind::Bool => "bool",
        };
        AttributeDefinition {
            key: key.to_owned(),
            label: label(key),
            r#type: kind.to_owned(),
            unit: String::new(),
            options: Vec::new(),
            filterable: self.filterable,
        }
    }
}

/// `thermal_design_power__tdp_` → `Thermal design power tdp`.
fn label(key: &str) -> String {
    let words = key.split(['_', '-']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let mut letters = words.chars();
    letters.next().map_or_else(|| key.to_owned(), |first| first.to_uppercase().chain(letters).collect())
}

struct Converter<'a> {
    mapping: &'a Mapping,
    finder: CategoryFinder,
    category: Option<CategoryName>,
    stock: i64,
    currency: Currency,
}

struct Converted {
    product: ImportProduct,
    category: CategoryName,
}

impl Converter<'_> {
    fn category(&self, fields: &Map<String, Value>) -> CategoryName {
        if let Some(category) = &self.category {
            return category.clone();
        }
        let named = self.mapping.fields.category.as_ref().and_then(|field| fields.get(field)).and_then(Value::as_str);
        if let Some(name) = named.map(str::trim).filter(|name| !name.is_empty()) {
            return CategoryName::new(name);
        }
        let title = fields.get(&self.mapping.fields.title).and_then(Value::as_str).unwrap_or_default();
        self.finder.find(title).clone()
    }

    /// Key, kind and value of every attribute. Nulls and empty texts are absent ones.
    fn attributes<'f>(&'f self, fields: &'f Map<String, Value>) -> impl Iterator<Item = (String, Kind, &'f Value)> {
        let attributes = &self.mapping.attributes;
        let own = attributes
            .object
            .iter()
            .filter_map(|field| fields.get(field)?.as_object())
            .flatten()
            .map(|(key, value)| (key.clone(), kind_of(value), value));
        let named = attributes
            .fields
            .iter()
            .filter_map(|field| fields.get(field).map(|value| (field.clone(), kind_of(value), value)));
        let prefixed = fields.iter().filter_map(|(field, value)| {
            attributes.prefixes.iter().find_map(|prefix| {
                let key = field.strip_prefix(&prefix.prefix).filter(|key| !key.is_empty())?;
                Some((key.to_owned(), prefix.kind, value))
            })
        });
        own.chain(named).chain(prefixed).filter(|(_, _, value)| !value.is_null() && value.as_str() != Some(""))
    }

    fn product(&self, fields: Map<String, Value>, schemas: &Schemas) -> Result<Converted, String> {
        let names = &self.mapping.fields;
        let text = |field: &String| match fields.get(field) {
            Some(Value::String(text)) => Some(text.trim().to_owned()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let required = |what: &str, field: &String| {
            text(field).filter(|text| !text.is_empty()).ok_or_else(|| format!("{what}: `{field}` is missing"))
        };
        let integer = |what: &str, field: &String| match fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => {
                number.as_i64().map(Some).ok_or_else(|| format!("{what}: {number} is not a whole number"))
            }
            Some(Value::String(text)) => {
                text.trim().parse().map(Some).map_err(|_| format!("{what}: `{text}` is not a whole number"))
            }
            Some(_) => Err(format!("{what}: `{field}` is not a whole number")),
        };
        let category = self.category(&fields);
        let schema = schemas.get(&category);
        let mut attributes = Map::new();
        for (key, _, value) in self.attributes(&fields) {
            let as_text = schema.and_then(|schema| schema.get(&key)).is_none_or(|seen| seen.kind == Kind::Text);
            attributes.insert(key, if as_text { plain(value) } else { value.clone() });
        }
        let images = names
            .images
            .iter()
            .filter_map(|field| fields.get(field))
            .flat_map(|value| match value {
                Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                Value::String(url) => url.split('|').map(str::to_owned).collect(),
                _ => Vec::new(),
            })
            .filter(|url: &String| !url.is_empty())
            .collect();
        let external_id = required("external_id", &names.external_id)?;
        let product = ImportProduct {
            title: required("title", &names.title)?,
            description: names.description.as_ref().and_then(text).unwrap_or_default(),
            category_id: String::new(),
            price: integer("price", &names.price)?.ok_or_else(|| format!("price: `{}` is missing", names.price))?,
            currency: names.currency.as_ref().and_then(text).unwrap_or_else(|| self.currency.to_string()),
            stock: names
                .stock
                .as_ref()
                .map(|field| integer("stock", field))
                .transpose()?
                .flatten()
                .unwrap_or(self.stock),
            attributes_json: Value::Object(attributes).to_string(),
            images,
            code: names
                .code
                .as_ref()
                .and_then(text)
                .filter(|code| !code.is_empty())
                .unwrap_or_else(|| external_id.clone()),
            external_id,
        };
        Ok(Converted { product, category })
    }
}

fn kind_of(value: &Value) -> Kind {
    match value {
        Value::Number(_) => Kind::Number,
        Value::Bool(_) => Kind::Bool,
        _ => Kind::Text,
    }
}

/// A value as one text; lists are joined by commas.
fn plain(value: &Value) -> Value {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    };
    Value::String(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converter(mapping: &Mapping) -> Converter<'_> {
        Converter {
            mapping,
            finder: CategoryFinder::new(&mapping.categories),
            category: None,
            stock: 7,
            currency: Currency::EUR,
        }
    }

    fn object(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_icecat_line_becomes_a_product_with_all_its_attributes() {
        let mapping = Mapping::load("icecat").unwrap();
        let line = object(
            r#"{"id":"39","name":"X1","title":"A toner cartridge","ean":["1","2"],"supplier":"Xerox","price":4995,
                "img_high":"http://x/y.jpg","attr_n_yield":6.5,"attr_b_new":true,"attr_t_type":"Original","attr_t_none":""}"#,
        );
        let mut schemas = Schemas::new();
        let converter = converter(&mapping);
        let schema = schemas.entry(converter.category(&line)).or_default();
        for (key, kind, value) in converter.attributes(&line) {
            schema.entry(key).or_insert_with(|| Seen::new(kind)).note(kind, value);
        }
        let Converted { product, category } = converter.product(line, &schemas).unwrap();
        assert_eq!(category.slug, "toner-cartridges");
        assert_eq!(
            (product.external_id.as_str(), product.code.as_str(), product.price, product.stock),
            ("39", "X1", 4995, 7)
        );
        let attributes: Value = serde_json::from_str(&product.attributes_json).unwrap();
        let expected =
            serde_json::json!({"ean": "1, 2", "supplier": "Xerox", "yield": 6.5, "new": true, "type": "Original"});
        assert_eq!(attributes, expected);
    }

    #[test]
    fn a_bad_line_is_refused_with_the_field_and_why() {
        let mapping = Mapping::load("souk").unwrap();
        let refused = |line| converter(&mapping).product(object(line), &Schemas::new()).err().unwrap();
        assert_eq!(refused(r#"{"title":"t","price":1}"#), "external_id: `external_id` is missing");
        assert_eq!(refused(r#"{"external_id":"1","title":"t","price":1.5}"#), "price: 1.5 is not a whole number");
        assert_eq!(refused(r#"{"external_id":"1","title":"t","price":"x"}"#), "price: `x` is not a whole number");
    }

    #[test]
    fn an_attribute_with_two_types_becomes_text() {
        let mut seen = Seen::new(Kind::Number);
        seen.note(Kind::Number, &serde_json::json!(1));
        assert_eq!(seen.definition("a_b").r#type, "number");
        seen.note(Kind::Text, &serde_json::json!("one"));
        let definition = seen.definition("a_b");
        assert_eq!((definition.r#type.as_str(), definition.label.as_str()), ("text", "A b"));
    }
}
