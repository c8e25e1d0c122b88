//! Turns a request to change a product into what is to be done, or into everything that is wrong with it.

use std::collections::HashSet;

use serde::Deserialize;
use souk_kernel::{CategoryId, Detail, SkuId};
use utoipa::ToSchema;

use super::create_product::{NewSku, check_images, check_sku};
use crate::{
    app::App,
    domain::{
        attributes::{self, Attributes, Limits, OF_IMPORTS, OF_REQUESTS, Schema},
        category::CategoryTree,
        faults::{self, Faults},
        image,
        options::{self, Options},
        product::Status,
    },
    error::Error,
    store::{Scope, entities::sku, products::Aggregate},
};

/// What is to change; absent fields stay as they are.
#[derive(Debug, Default, Deserialize, ToSchema, garde::Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields)]
pub struct ProductUpdate {
    #[schema(min_length = 1, max_length = 200)]
    pub title: Option<String>,
    #[schema(max_length = 20_000)]
    pub description: Option<String>,
    /// Id or slug of a category.
    pub category_id: Option<String>,
    /// Of the only SKU.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    pub price: Option<i64>,
    /// Can't be changed; may be repeated.
    pub currency: Option<String>,
    /// Of the only SKU.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub stock: Option<i64>,
    /// Replaces all attributes.
    #[schema(value_type = Option<Object>)]
    pub attributes: Option<Attributes>,
    /// Replaces all images.
    #[schema(max_items = 50)]
    pub images: Option<Vec<String>>,
    /// SKUs by id or code; an unknown code adds a SKU, absent ones stay.
    #[schema(max_items = 100)]
    pub skus: Option<Vec<SkuUpdate>>,
    /// `active` or `draft`.
    pub status: Option<String>,
    /// The version that you saw; 412 when it is no longer the current one.
    pub version: Option<i64>,
}

/// What is to change of a SKU.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SkuUpdate {
    pub id: Option<String>,
    #[schema(min_length = 1, max_length = 64)]
    pub code: Option<String>,
    /// Of a new SKU; those of an existing one can't be changed.
    #[schema(value_type = Option<Object>)]
    pub options: Option<Options>,
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    pub price: Option<i64>,
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub stock: Option<i64>,
}

/// What is to be done.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub title: Option<String>,
    pub description: Option<String>,
    pub category_id: Option<CategoryId>,
    pub attributes: Option<Attributes>,
    pub images: Option<Vec<String>>,
    pub status: Option<Status>,
    pub changed: Vec<SkuChange>,
    pub added: Vec<(SkuId, AddedSku)>,
    /// Units on hand to be told to inventory.
    pub stock: Vec<(SkuId, i64)>,
}

/// New code or price of a SKU.
#[derive(Clone, Debug)]
pub struct SkuChange {
    pub id: SkuId,
    pub code: Option<String>,
    pub price: Option<i64>,
}

/// A SKU to be added.
#[derive(Clone, Debug)]
pub struct AddedSku {
    pub code: String,
    pub options: Options,
    pub price: i64,
    pub stock: i64,
}

impl Plan {
    /// Whether anything but stock changes, so that the product gets a new version.
    pub fn changes_product(&self) -> bool {
        let Self { title, description, category_id, attributes, images, status, changed, added, stock: _ } = self;
        let texts = title.is_some() || description.is_some() || attributes.is_some() || images.is_some();
        texts || category_id.is_some() || status.is_some() || !changed.is_empty() || !added.is_empty()
    }
}

/// Reads the wish against the product as it is.
pub fn plan(
    wish: ProductUpdate,
    found: &Aggregate,
    tree: &CategoryTree,
    scope: Scope,
    app: &App,
) -> Result<Plan, Error> {
    let mut faults = Faults::default();
    let product = &found.product;
    if let Some(title) = &wish.title {
        faults.text("title", title, &faults::TITLE);
    }
    if let Some(description) = &wish.description {
        faults.text("description", description, &faults::DESCRIPTION);
    }
    if wish.currency.as_deref().is_some_and(|currency| currency != product.currency.code()) {
        faults.add("currency", "can't be changed");
    }
    let category_id = wish.category_id.as_deref().map(|given| tree.find(given).map(|category| category.id));
    if category_id == Some(None) {
        faults.add("category_id", "is not a category");
    }
    let category_id = category_id.flatten().filter(|id| *id != product.category_id);
    if wish.attributes.is_some() || category_id.is_some() {
        let schema = tree.schema(category_id.unwrap_or(product.category_id));
        faults.extend(attribute_faults(
            &product.attributes.0,
            wish.attributes.as_ref(),
            &schema,
            category_id.is_some(),
        ));
    }
    if let Some(images) = &wish.images {
        check_images(&mut faults, images, app);
    }
    let status = check_status(&mut faults, wish.status.as_deref(), product.status, scope, app);
    let mut plan = Plan {
        title: wish.title.map(|title| title.trim().to_owned()),
        description: wish.description,
        category_id,
        attributes: wish.attributes,
        images: wish.images.map(|images| images.iter().map(|url| image::stored(url, &app.public_url)).collect()),
        status: status.filter(|status| *status != product.status),
        ..Plan::default()
    };
    only_sku(&mut faults, &mut plan, wish.price, wish.stock, found, wish.skus.is_some());
    if let Some(skus) = wish.skus {
        each_sku(&mut faults, &mut plan, skus, found);
    }
    faults.into_result()?;
    Ok(plan)
}

/// An import may have brought more than a request may: what is there already may stay, and may be sent back.
fn attribute_faults(old: &Attributes, new: Option<&Attributes>, schema: &Schema, moves: bool) -> Vec<Detail> {
    let Some(new) = new else {
        return attributes::faults(old, schema, &Limits { enforce_schema: true, ..OF_IMPORTS });
    };
    let limits = Limits { count: OF_REQUESTS.count.max(old.len()), ..OF_REQUESTS };
    let mut faults = attributes::faults(new, schema, &limits);
    if !moves {
        let same = |key: &str| old.get(key).is_some_and(|old| new.get(key) == Some(old));
        faults.retain(|fault| !fault.field.strip_prefix("attributes.").is_some_and(same));
    }
    faults
}

fn check_status(faults: &mut Faults, wish: Option<&str>, before: Status, scope: Scope, app: &App) -> Option<Status> {
    let wish = match (wish?, scope) {
        ("active", Scope::Everything) => Status::Active,
        ("active", _) => Status::Active.wished_by_seller(Some(before), app.config.moderation),
        ("draft", _) => Status::Draft,
        _ => {
            faults.add("status", "must be active or draft; DELETE archives");
            return None;
        }
    };
    Some(wish)
}

fn only_sku(
    faults: &mut Faults,
    plan: &mut Plan,
    price: Option<i64>,
    stock: Option<i64>,
    found: &Aggregate,
    beside_skus: bool,
) {
    let mut own = found.skus.iter().filter(|sku| sku.seller_id == found.product.seller_id);
    let only = own.next().filter(|_| own.next().is_none() && !beside_skus);
    for (field, given) in [("price", price), ("stock", stock)] {
        if given.is_some() && only.is_none() {
            faults.add(field, "goes with a single SKU; name the SKU in skus");
        }
    }
    let Some(only) = only else { return };
    if let Some(price) = price {
        faults.number("price", price, &faults::PRICE);
        plan.changed.push(SkuChange { id: only.id, code: None, price: Some(price) });
    }
    if let Some(stock) = stock {
        faults.number("stock", stock, &faults::STOCK);
        plan.stock.push((only.id, stock));
    }
}

fn each_sku(faults: &mut Faults, plan: &mut Plan, skus: Vec<SkuUpdate>, found: &Aggregate) {
    faults.count("skus", skus.len(), &(0..=*faults::SKUS.end()));
    let own: Vec<&sku::Model> = found.skus.iter().filter(|sku| sku.seller_id == found.product.seller_id).collect();
    faults.count("skus", own.len() + skus.iter().filter(|sku| is_new(sku, &own)).count(), &faults::SKUS);
    let options_of = |sku: &sku::Model| found.variants.iter().find(|variant| variant.id == sku.variant_id);
    let mut combinations: HashSet<String> =
        own.iter().filter_map(|sku| options_of(sku)).map(|variant| variant.options_key.clone()).collect();
    let mut named = HashSet::new();
    for (index, wish) in skus.into_iter().enumerate().take(*faults::SKUS.end()) {
        let field = format!("skus[{index}]");
        if let Some(code) = &wish.code {
            faults.text(format!("{field}.code"), code, &faults::CODE);
        }
        if is_new(&wish, &own) {
            let Some(new) = new_sku(faults, &field, wish) else { continue };
            if !combinations.insert(options::key(&new.options)) {
                faults.add(format!("{field}.options"), "are those of another SKU");
            } else if found.variants.first().is_some_and(|first| !options::same_names(&first.options.0, &new.options)) {
                faults.add(format!("{field}.options"), "must name the same options as the other SKUs");
            }
            plan.added.push((SkuId::new(), new));
            continue;
        }
        let Some(known) = find_sku(&wish, &own) else {
            faults.add(format!("{field}.id"), "is not a SKU of this product's seller");
            continue;
        };
        if !named.insert(known.id) {
            faults.add(field.as_str(), "is given twice");
        }
        let same_options =
            |options| options_of(known).is_some_and(|variant| variant.options_key == options::key(options));
        if wish.options.as_ref().is_some_and(|options| !same_options(options)) {
            faults.add(format!("{field}.options"), "can't be changed; add a SKU");
        }
        let code = wish.code.map(|code| code.trim().to_owned()).filter(|code| *code != known.code);
        if let Some(price) = wish.price {
            faults.number(format!("{field}.price"), price, &faults::PRICE);
        }
        if code.is_some() || wish.price.is_some() {
            plan.changed.push(SkuChange { id: known.id, code, price: wish.price });
        }
        if let Some(stock) = wish.stock {
            faults.number(format!("{field}.stock"), stock, &faults::STOCK);
            plan.stock.push((known.id, stock));
        }
    }
}

fn is_new(wish: &SkuUpdate, own: &[&sku::Model]) -> bool {
    wish.id.is_none() && find_sku(wish, own).is_none()
}

fn find_sku<'a>(wish: &SkuUpdate, own: &[&'a sku::Model]) -> Option<&'a sku::Model> {
    let named = |sku: &&&sku::Model| match (&wish.id, &wish.code) {
        (Some(id), _) => sku.id.to_string() == *id,
        (None, Some(code)) => sku.code == code.trim(),
        (None, None) => false,
    };
    own.iter().find(named).copied()
}

fn new_sku(faults: &mut Faults, field: &str, wish: SkuUpdate) -> Option<AddedSku> {
    let Some(code) = wish.code else {
        faults.add(format!("{field}.code"), "is required to name a SKU or to add one");
        return None;
    };
    let Some(price) = wish.price else {
        faults.add(format!("{field}.price"), "is required for a new SKU");
        return None;
    };
    let new =
        NewSku { code: None, options: wish.options.unwrap_or_default(), price, stock: wish.stock.unwrap_or_default() };
    check_sku(faults, field, &new);
    Some(AddedSku { code: code.trim().to_owned(), options: new.options, price, stock: new.stock })
}
