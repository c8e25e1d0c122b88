//! A seller lists a product.

use std::collections::HashSet;

use sea_orm::ConnectionTrait;
use serde::Deserialize;
use souk_kernel::{CategoryId, Currency, ProductId, SellerId, SkuId, Timestamp, VariantId};
use utoipa::ToSchema;

use super::announce;
use crate::{
    app::App,
    domain::{
        attributes::{self, Attributes, OF_REQUESTS},
        category::CategoryTree,
        faults::{self, Faults},
        image,
        options::{self, Options},
        product::{self, Status},
    },
    error::Error,
    store::{
        entities::{
            product::{Model, StoredAttributes, StoredImages},
            sku,
            variant::{self, StoredOptions},
        },
        products::{self, Aggregate},
        sellers,
        standing::Standing,
    },
};

/// A new product. `price` and `stock` go with the one default SKU; several are given in `skus` instead.
#[derive(Debug, Deserialize, ToSchema, garde::Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields)]
pub struct NewProduct {
    #[schema(min_length = 1, max_length = 200)]
    pub title: String,
    #[serde(default)]
    #[schema(max_length = 20_000)]
    pub description: String,
    /// Id or slug of a category.
    pub category_id: String,
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    pub price: Option<i64>,
    /// ISO 4217; the installation's currency when absent.
    #[schema(pattern = "^[A-Z]{3}$")]
    pub currency: Option<String>,
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub stock: Option<i64>,
    /// At most 100, checked against the category's schema; others are kept as free attributes.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub attributes: Attributes,
    /// At most 50 addresses, http or https.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub images: Vec<String>,
    #[schema(min_items = 1, max_items = 100)]
    pub skus: Option<Vec<NewSku>>,
    /// `draft` keeps it from the public; `active` is the default.
    pub status: Option<String>,
}

/// A new SKU: one combination of options at a price.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSku {
    /// The seller's own name for it, unique among the seller's offers; made when absent.
    #[schema(min_length = 1, max_length = 64)]
    pub code: Option<String>,
    /// At most 5, for example `{"colour":"red","size":"M"}`. All SKUs of a product name the same options.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub options: Options,
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    pub price: i64,
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub stock: i64,
}

/// What the checks found out.
struct Checked {
    category_id: CategoryId,
    currency: Currency,
    status: Status,
    skus: Vec<NewSku>,
}

/// Stores the product, opens its stock and announces it.
pub async fn create_product(app: &App, seller: SellerId, mut new: NewProduct) -> Result<ProductId, Error> {
    let tree = app.categories().await?;
    let checked = check(&mut new, &tree, app)?;
    app.know_sellers(&[seller]).await?;
    let aggregate = assemble(seller, new, checked, app);
    app.open_stock(&aggregate.skus).await?;
    let (id, skus) = (aggregate.product.id, sku_ids(&aggregate));
    app.db
        .transaction(move |tx| async move {
            let mut aggregate = aggregate;
            check_codes(&tx, seller, &aggregate.skus).await?;
            name(&tx, &mut aggregate.product).await?;
            let sellers = sellers::find(&tx, [seller]).await?;
            Standing::computed(&aggregate.product, &aggregate.skus, &sellers).apply(&mut aggregate.product);
            aggregate.product.seal = products::seal(&aggregate.product, &aggregate.skus);
            announce::created(&tx, &aggregate, &tree);
            products::insert(&tx, vec![aggregate]).await?;
            Ok::<_, Error>(())
        })
        .await?;
    app.caches.product_changed(id, skus).await;
    Ok(id)
}

fn check(new: &mut NewProduct, tree: &CategoryTree, app: &App) -> Result<Checked, Error> {
    let mut faults = Faults::default();
    faults.text("title", &new.title, &faults::TITLE);
    faults.text("description", &new.description, &faults::DESCRIPTION);
    let category = tree.find(&new.category_id).map(|category| category.id);
    if category.is_none() {
        faults.add("category_id", "is not a category");
    }
    let schema = category.map(|category| tree.schema(category)).unwrap_or_default();
    faults.extend(attributes::faults(&new.attributes, &schema, &OF_REQUESTS));
    check_images(&mut faults, &new.images, app);
    let currency = new.currency.as_deref().map_or(Ok(app.currency), str::parse);
    if let Err(error) = &currency {
        faults.add("currency", error.to_string());
    }
    let status = match new.status.as_deref().unwrap_or("active") {
        "active" => Some(Status::Active),
        "draft" => Some(Status::Draft),
        _ => None,
    };
    if status.is_none() {
        faults.add("status", "must be active or draft");
    }
    let skus = check_skus(&mut faults, new);
    let found = (category, currency, status);
    faults.into_result()?;
    let (Some(category_id), Ok(currency), Some(status)) = found else {
        return Err(Error::Problem(souk_kernel::Problem::internal()));
    };
    let status = status.wished_by_seller(None, app.config.moderation);
    Ok(Checked { category_id, currency, status, skus })
}

/// Addresses and their number.
pub fn check_images(faults: &mut Faults, images: &[String], app: &App) {
    faults.count("images", images.len(), &(0..=image::MOST));
    for (index, address) in images.iter().enumerate().take(image::MOST) {
        if let Some(fault) = image::fault(address, &app.public_url) {
            faults.add(format!("images[{index}]"), fault);
        }
    }
}

fn check_skus(faults: &mut Faults, new: &mut NewProduct) -> Vec<NewSku> {
    let Some(skus) = new.skus.take() else {
        let price = new.price.unwrap_or_default();
        let stock = new.stock.unwrap_or_default();
        if new.price.is_none() {
            faults.add("price", "is required");
        }
        faults.number("price", price, &faults::PRICE);
        faults.number("stock", stock, &faults::STOCK);
        return vec![NewSku { price, stock, ..NewSku::default() }];
    };
    for (field, given) in [("price", new.price), ("stock", new.stock)] {
        if given.is_some() {
            faults.add(field, "goes with a single default SKU; beside skus, each has its own");
        }
    }
    faults.count("skus", skus.len(), &faults::SKUS);
    let (mut codes, mut combinations) = (HashSet::new(), HashSet::new());
    for (index, sku) in skus.iter().enumerate().take(*faults::SKUS.end()) {
        let field = format!("skus[{index}]");
        check_sku(faults, &field, sku);
        if sku.code.as_deref().is_some_and(|code| !codes.insert(code.trim())) {
            faults.add(format!("{field}.code"), "is given twice");
        }
        if !combinations.insert(options::key(&sku.options)) {
            faults.add(format!("{field}.options"), "are given twice");
        } else if !options::same_names(&sku.options, &skus[0].options) {
            faults.add(format!("{field}.options"), "must name the same options as the first SKU");
        }
    }
    skus
}

/// One new SKU by itself, at `field` of the request or, where that is empty, at its top.
pub fn check_sku(faults: &mut Faults, field: &str, sku: &NewSku) {
    let at = |name: &str| if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") };
    if let Some(code) = &sku.code {
        faults.text(at("code"), code, &faults::CODE);
    }
    faults.number(at("price"), sku.price, &faults::PRICE);
    faults.number(at("stock"), sku.stock, &faults::STOCK);
    faults.extend(options::faults(&sku.options, &at("options")));
}

fn assemble(seller: SellerId, new: NewProduct, checked: Checked, app: &App) -> Aggregate {
    let Checked { category_id, currency, status, skus } = checked;
    let now = app.now();
    let images = new.images.iter().map(|address| image::stored(address, &app.public_url)).collect();
    let product = Model {
        title: new.title.trim().to_owned(),
        description: new.description,
        status,
        attributes: StoredAttributes(new.attributes),
        images: StoredImages(images),
        ..blank(seller, category_id, currency, now)
    };
    let mut aggregate = Aggregate { product, variants: Vec::new(), skus: Vec::new() };
    for sku in skus {
        add_sku(&mut aggregate, seller, SkuId::new(), sku, now);
    }
    aggregate
}

/// The version of a stock level that was just opened; inventory numbers its changes from 2.
const OPENED: i64 = 1;

/// A product without content.
pub fn blank(seller_id: SellerId, category_id: CategoryId, currency: Currency, now: Timestamp) -> Model {
    Model {
        id: ProductId::new(),
        seller_id,
        category_id,
        slug: String::new(),
        external_id: None,
        title: String::new(),
        description: String::new(),
        status: Status::Active,
        currency,
        attributes: StoredAttributes(Attributes::new()),
        images: StoredImages(Vec::new()),
        public: false,
        price: 0,
        in_stock: false,
        winner_sku_id: None,
        offer_reason: None,
        rating_sum: 0,
        rating_count: 0,
        rating_rank: 0,
        popularity: 0,
        version: 1,
        seal: 0,
        created_at: now,
        updated_at: now,
    }
}

/// Adds an offer, and the variant if the product doesn't have that combination yet.
pub fn add_sku(aggregate: &mut Aggregate, seller_id: SellerId, id: SkuId, new: NewSku, now: Timestamp) {
    let product_id = aggregate.product.id;
    let options_key = options::key(&new.options);
    let known = aggregate.variants.iter().find(|variant| variant.options_key == options_key).map(|variant| variant.id);
    let variant_id = known.unwrap_or_else(|| {
        let id = VariantId::new();
        let options = StoredOptions(new.options);
        aggregate.variants.push(variant::Model { id, product_id, options, options_key });
        id
    });
    let code = new.code.map_or_else(|| id.to_string(), |code| code.trim().to_owned());
    aggregate.skus.push(sku::Model {
        id,
        product_id,
        variant_id,
        seller_id,
        live_code: Some(code.clone()),
        code,
        price: new.price,
        stock: new.stock,
        stock_version: OPENED,
        created_at: now,
    });
}

/// 409 when another standing offer of the seller has one of the codes.
pub async fn check_codes(
    connection: &impl ConnectionTrait,
    seller: SellerId,
    skus: &[sku::Model],
) -> Result<(), Error> {
    let codes: Vec<String> = skus.iter().map(|sku| sku.code.clone()).collect();
    let taken = products::skus_by_code(connection, seller, &codes).await?;
    match taken.into_iter().find(|taken| skus.iter().all(|sku| sku.id != taken.id)) {
        Some(taken) => Err(Error::CodeTaken(taken.code)),
        None => Ok(()),
    }
}

async fn name(connection: &impl ConnectionTrait, product: &mut Model) -> Result<(), Error> {
    let plain = product::slug(&product.title, product.id, |_| false);
    let taken = products::taken_slugs(connection, [plain]).await?;
    product.slug = product::slug(&product.title, product.id, |slug| taken.contains(slug));
    Ok(())
}

/// The ids of the offers.
pub fn sku_ids(aggregate: &Aggregate) -> Vec<SkuId> {
    aggregate.skus.iter().map(|sku| sku.id).collect()
}
