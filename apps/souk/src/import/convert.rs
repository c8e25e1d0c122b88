//! How one record becomes one product, and what the attributes of a category turn out to be.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};
use souk_contracts::catalog::{AttributeDefinition, ImportProduct};
use souk_kernel::Currency;

use super::mapping::{CategoryFinder, CategoryName, Kind, Mapping};

/// An attribute with more values than this, or longer ones, is kept but not offered as a filter.
const FILTER_VALUES: usize = 200;
const FILTER_LENGTH: usize = 80;

/// By category and key: what the first pass saw.
pub type Schemas = BTreeMap<CategoryName, BTreeMap<String, Seen>>;

/// What the first pass saw of one attribute in one category.
pub struct Seen {
    kind: Kind,
    values: HashSet<String>,
    filterable: bool,
}

impl Seen {
    pub fn new(kind: Kind) -> Self {
        Self { kind, values: HashSet::new(), filterable: true }
    }

    pub fn note(&mut self, kind: Kind, value: &Value) {
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

    pub fn definition(&self, key: &str) -> AttributeDefinition {
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

/// Makes products out of records, by a mapping.
pub struct Converter<'a> {
    pub mapping: &'a Mapping,
    pub finder: CategoryFinder,
    pub category: Option<CategoryName>,
    pub stock: i64,
    pub currency: Currency,
}

/// A product, and the category it goes to.
pub struct Converted {
    pub product: ImportProduct,
    pub category: CategoryName,
}

impl Converter<'_> {
    pub fn category(&self, fields: &Map<String, Value>) -> CategoryName {
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
    pub fn attributes<'f>(&'f self, fields: &'f Map<String, Value>) -> impl Iterator<Item = (String, Kind, &'f Value)> {
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

    pub fn product(&self, fields: &Map<String, Value>, schemas: &Schemas) -> Result<Converted, String> {
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
        let category = self.category(fields);
        let schema = schemas.get(&category);
        let mut attributes = Map::new();
        for (key, _, value) in self.attributes(fields) {
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
        let Converted { product, category } = converter.product(&line, &schemas).unwrap();
        assert_eq!(category.slug, "toner-cartridges");
        assert_eq!(
            (product.external_id.as_str(), product.code.as_str(), product.price, product.stock),
            ("39", "39", 4995, 7)
        );
        let attributes: Value = serde_json::from_str(&product.attributes_json).unwrap();
        let expected = serde_json::json!({"name": "X1", "ean": "1, 2", "supplier": "Xerox", "yield": 6.5, "new": true, "type": "Original"});
        assert_eq!(attributes, expected);
    }

    #[test]
    fn a_bad_line_is_refused_with_the_field_and_why() {
        let mapping = Mapping::load("souk").unwrap();
        let refused = |line| converter(&mapping).product(&object(line), &Schemas::new()).err().unwrap();
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
