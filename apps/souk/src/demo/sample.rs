//! The generated sample: always the same sellers, categories and products.

use rand::{RngExt, SeedableRng, rngs::SmallRng, seq::IndexedRandom};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// How many products the sample has.
pub const PRODUCTS: usize = 500;

/// What the sample is made of.
#[derive(Debug, Deserialize)]
pub struct Sample {
    pub sellers: Vec<String>,
    adjectives: Vec<String>,
    pub buyers: Vec<String>,
    pub praise: Vec<Praise>,
    pub categories: Vec<Category>,
}

/// A review to give.
#[derive(Clone, Debug, Deserialize)]
pub struct Praise {
    pub rating: u8,
    pub title: String,
    pub body: String,
}

/// A category, with what is sold in it.
#[derive(Debug, Deserialize)]
pub struct Category {
    pub name: String,
    pub parent: Option<String>,
    pub hue: u16,
    pub attributes: Vec<Attribute>,
    things: Vec<String>,
    #[serde(default)]
    price: [i64; 2],
    #[serde(default)]
    options: std::collections::BTreeMap<String, Vec<String>>,
}

/// One attribute of a category's schema.
#[derive(Debug, Deserialize)]
pub struct Attribute {
    key: String,
    label: String,
    r#type: String,
    unit: Option<String>,
    #[serde(default)]
    options: Vec<String>,
}

impl Attribute {
    /// As the categories endpoint takes it.
    pub fn to_json(&self) -> Value {
        let mut attribute = json!({"key": self.key, "label": self.label, "type": self.r#type, "filterable": true});
        if let Some(unit) = &self.unit {
            attribute["unit"] = json!(unit);
        }
        if !self.options.is_empty() {
            attribute["options"] = json!(self.options);
        }
        attribute
    }

    fn value(&self, random: &mut SmallRng) -> Value {
        match self.r#type.as_str() {
            "number" => json!(random.random_range(1..=60) * 5),
            "bool" => json!(random.random_bool(0.5)),
            "enum" => json!(self.options.choose(random)),
            _ => json!("mixed"),
        }
    }
}

/// A product to list.
pub struct Product {
    /// Index into the sellers.
    pub seller: usize,
    /// The category's name.
    pub category: String,
    pub hue: u16,
    pub title: String,
    /// The body for the products endpoint, without its category.
    pub body: Map<String, Value>,
}

impl Sample {
    /// Reads the tables.
    pub fn load() -> Self {
        toml::from_str(include_str!("sample.toml")).expect("a test reads the sample")
    }

    /// All products, the same at every call.
    pub fn products(&self, currency: &str) -> Vec<Product> {
        let shelves: Vec<&Category> = self.categories.iter().filter(|category| !category.things.is_empty()).collect();
        let mut random = SmallRng::seed_from_u64(20_260_223);
        let mut titles = std::collections::HashSet::new();
        (0..PRODUCTS)
            .map(|number| {
                let seller = number % self.sellers.len();
                // Every seller has three shelves of its own.
                let shelf = shelves[(seller * 3 + random.random_range(0..3)) % shelves.len()];
                let title = loop {
                    let adjective = self.adjectives.choose(&mut random).expect("the list is not empty");
                    let thing = shelf.things.choose(&mut random).expect("shelves are not empty");
                    let title = format!("{adjective} {}", thing.to_lowercase());
                    if titles.insert((seller, title.clone())) {
                        break title;
                    }
                };
                let body = shelf.product(&title, number, currency, &mut random);
                Product { seller, category: shelf.name.clone(), hue: shelf.hue, title, body }
            })
            .collect()
    }
}

impl Category {
    fn product(&self, title: &str, number: usize, currency: &str, random: &mut SmallRng) -> Map<String, Value> {
        let base = random.random_range(self.price[0]..=self.price[1]) / 100 * 100 + 90;
        let attributes: Map<String, Value> =
            self.attributes.iter().map(|attribute| (attribute.key.clone(), attribute.value(random))).collect();
        let facts: Vec<String> = self
            .attributes
            .iter()
            .filter_map(|attribute| {
                let value = attributes.get(&attribute.key)?;
                let unit = attribute.unit.as_deref().map(|unit| format!(" {unit}")).unwrap_or_default();
                match value {
                    Value::Bool(true) => Some(attribute.label.to_lowercase()),
                    Value::Bool(false) => None,
                    Value::String(text) => Some(format!("{}: {text}{unit}", attribute.label.to_lowercase())),
                    other => Some(format!("{}: {other}{unit}", attribute.label.to_lowercase())),
                }
            })
            .collect();
        let description = format!(
            "{title}, chosen for how it is made and how long it lasts. {}.\n\nShips within two working days.",
            facts.join(", ")
        );
        let mut body = Map::new();
        body.insert("title".to_owned(), json!(title));
        body.insert("description".to_owned(), json!(description));
        body.insert("attributes".to_owned(), Value::Object(attributes));
        body.insert("currency".to_owned(), json!(currency));
        let stock = |random: &mut SmallRng| if random.random_bool(0.04) { 0 } else { random.random_range(5..200) };
        if self.options.is_empty() {
            body.insert("price".to_owned(), json!(base));
            body.insert("stock".to_owned(), json!(stock(random)));
            return body;
        }
        let skus: Vec<Value> = combinations(&self.options)
            .into_iter()
            .enumerate()
            .map(|(place, options)| {
                let surcharge = i64::try_from(place).unwrap_or(0) / 2 * 100;
                json!({
                    "code": format!("D{number:03}-{place}"), "options": options, "price": base + surcharge,
                    "stock": stock(random),
                })
            })
            .collect();
        body.insert("skus".to_owned(), json!(skus));
        body
    }
}

fn combinations(options: &std::collections::BTreeMap<String, Vec<String>>) -> Vec<Map<String, Value>> {
    let mut all = vec![Map::new()];
    for (name, values) in options {
        all = all
            .into_iter()
            .flat_map(|one| {
                values.iter().map(move |value| {
                    let mut next = one.clone();
                    next.insert(name.clone(), json!(value));
                    next
                })
            })
            .collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_has_what_it_promises_and_is_always_the_same() {
        let sample = Sample::load();
        assert_eq!(sample.sellers.len(), 25);
        assert_eq!(sample.categories.len(), 20);
        let products = sample.products("EUR");
        assert_eq!(products.len(), PRODUCTS);
        assert!(products.iter().filter(|product| product.body.contains_key("skus")).count() > 100);
        let again = sample.products("EUR");
        assert!(products.iter().zip(&again).all(|(one, other)| one.title == other.title && one.body == other.body));
    }
}
