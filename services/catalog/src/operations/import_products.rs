//! A feed brings products: those that are new are created, those that differ are updated, the rest stays as it is. Every
//! line succeeds or is refused by itself.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use souk_kernel::{CategoryId, Currency, ProductId, SellerId, SkuId, Timestamp};
use souk_platform::db::Tx;

use super::{
    announce,
    create_product::{NewSku, add_sku, blank, sku_ids},
    update_product,
};
use crate::{
    app::App,
    domain::{
        category::CategoryTree,
        import::{Line, refusal},
        options::{self, Options},
        product::{self, Status},
    },
    error::{Error, is_race},
    store::{
        entities::{
            product::{StoredAttributes, StoredImages},
            sku, variant,
        },
        products::{self, Aggregate},
        sellers,
        standing::Standing,
    },
};

/// Lines in one transaction: many share a commit and the pages of the indexes that they touch, and nobody else waits long
/// for the writer.
const CHUNK: usize = 1_000;

/// A line with what its product needs besides.
#[derive(Clone, Debug)]
pub struct ImportLine {
    pub line: Line,
    pub category_id: CategoryId,
    pub currency: Currency,
}

/// What became of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    Created,
    Updated,
    Unchanged,
    Refused(String),
}

/// What a chunk will write.
#[derive(Default)]
struct Chunk {
    created: Vec<Aggregate>,
    changed: Vec<Change>,
}

/// A product that differs from its line.
struct Change {
    id: ProductId,
    /// Its offers before.
    skus: Vec<SkuId>,
    /// The feed's own offer among them.
    sku: Option<SkuId>,
    begun: Option<Begun>,
    wanted: Arc<ImportLine>,
}

/// A new offer, because the feed's own ended (the product was archived): the old one belongs to old orders.
struct Begun {
    variants: Vec<variant::Model>,
    sku: sku::Model,
}

/// Imports the lines; the outcomes are in the order of the lines.
pub async fn import_products(app: &App, seller: SellerId, lines: Vec<ImportLine>) -> Result<Vec<Outcome>, Error> {
    app.know_sellers(&[seller]).await?;
    let mut outcomes = Vec::with_capacity(lines.len());
    let mut seen = HashSet::new();
    let lines: Vec<Arc<ImportLine>> = lines.into_iter().map(Arc::new).collect();
    for lines in lines.chunks(CHUNK) {
        let tree = app.categories().await?;
        let checked: Vec<Outcome> = lines.iter().map(|line| check(line, &tree, &mut seen)).collect();
        let _one_at_a_time = app.importing.lock().await;
        outcomes.extend(match import_chunk(app, seller, lines, checked.clone(), &tree).await {
            // Somebody took a code or an id after it was looked for: it is found now.
            Err(Error::Db(error)) if is_race(&error) => import_chunk(app, seller, lines, checked, &tree).await?,
            imported => imported?,
        });
    }
    Ok(outcomes)
}

/// `outcomes`: what is known of the lines before anything is compared with them.
async fn import_chunk(
    app: &App,
    seller: SellerId,
    lines: &[Arc<ImportLine>],
    mut outcomes: Vec<Outcome>,
    tree: &Arc<CategoryTree>,
) -> Result<Vec<Outcome>, Error> {
    let good =
        || lines.iter().zip(&outcomes).filter(|(_, outcome)| **outcome == Outcome::Created).map(|(line, _)| line);
    let external_ids: Vec<String> = good().map(|line| line.line.external_id.clone()).collect();
    let codes: Vec<String> = good().map(|line| line.line.code.clone()).collect();
    let known = products::find_by_external_id(app.db.reader(), seller, &external_ids).await?;
    let mut known: HashMap<String, Aggregate> =
        known.into_iter().filter_map(|found| Some((found.product.external_id.clone()?, found))).collect();
    let holders = products::skus_by_code(app.db.reader(), seller, &codes).await?;
    let holders: HashMap<String, ProductId> = holders.into_iter().map(|sku| (sku.code, sku.product_id)).collect();
    let mut codes = HashSet::new();
    let mut chunk = Chunk::default();
    for (index, line) in lines.iter().enumerate() {
        if outcomes[index] != Outcome::Created {
            continue;
        }
        let found = known.remove(&line.line.external_id);
        let own = found.as_ref().map(|found| found.product.id);
        let code = &line.line.code;
        if holders.get(code).is_some_and(|holder| own != Some(*holder)) || !codes.insert(code) {
            outcomes[index] = Outcome::Refused("code: is used by another product of this seller".to_owned());
            continue;
        }
        outcomes[index] = match found {
            None => {
                chunk.created.push(assemble(seller, line, app));
                Outcome::Created
            }
            Some(found) => match change(found, seller, line, app.now()) {
                None => Outcome::Unchanged,
                Some(change) => {
                    chunk.changed.push(change);
                    Outcome::Updated
                }
            },
        };
    }
    write(app, seller, chunk, Arc::clone(tree)).await?;
    Ok(outcomes)
}

/// `Created` stands for a good line until it is known whether the product exists.
fn check(line: &ImportLine, tree: &CategoryTree, seen: &mut HashSet<String>) -> Outcome {
    if tree.get(line.category_id).is_none() {
        return Outcome::Refused("category_id: is not a category".to_owned());
    }
    if let Some(reason) = refusal(&line.line, &tree.schema(line.category_id)) {
        return Outcome::Refused(reason);
    }
    if seen.insert(line.line.external_id.clone()) {
        Outcome::Created
    } else {
        Outcome::Refused("external_id: is given twice".to_owned())
    }
}

fn assemble(seller: SellerId, wanted: &ImportLine, app: &App) -> Aggregate {
    let now = app.now();
    let mut product = blank(seller, wanted.category_id, wanted.currency, now);
    product.external_id = Some(wanted.line.external_id.clone());
    product.status = Status::Active.wished_by_seller(None, app.config.moderation);
    let mut aggregate = Aggregate { product, variants: Vec::new(), skus: Vec::new() };
    describe(&mut aggregate, wanted);
    add_sku(&mut aggregate, seller, SkuId::new(), default_sku(wanted), now);
    aggregate
}

fn default_sku(ImportLine { line, .. }: &ImportLine) -> NewSku {
    NewSku { code: Some(line.code.clone()), options: Options::new(), price: line.price, stock: line.stock }
}

fn describe(aggregate: &mut Aggregate, ImportLine { line, category_id, .. }: &ImportLine) {
    let product = &mut aggregate.product;
    line.title.trim().clone_into(&mut product.title);
    product.description.clone_from(&line.description);
    product.category_id = *category_id;
    product.attributes = StoredAttributes(line.attributes.clone());
    product.images = StoredImages(line.images.clone());
}

/// What differs; `None` when nothing does. Stock isn't compared: after the first import it belongs to inventory.
fn change(found: Aggregate, seller: SellerId, wanted: &Arc<ImportLine>, now: Timestamp) -> Option<Change> {
    let plain = options::key(&Options::new());
    let variant = found.variants.iter().find(|variant| variant.options_key == plain).map(|variant| variant.id);
    let own = found.skus.iter().find(|sku| sku.seller_id == seller && Some(sku.variant_id) == variant);
    let (line, product) = (&wanted.line, &found.product);
    let same = product.status != Status::Archived
        && product.title == line.title.trim()
        && product.description == line.description
        && product.category_id == wanted.category_id
        && product.currency == wanted.currency
        && product.attributes.0 == line.attributes
        && product.images.0 == line.images
        && own.is_some_and(|sku| sku.price == line.price && sku.code == line.code);
    if same {
        return None;
    }
    let (id, sku, skus) = (product.id, own.map(|sku| sku.id), sku_ids(&found));
    let begun = sku.is_none().then(|| begin(found, seller, wanted, now)).flatten();
    Some(Change { id, skus, sku, begun, wanted: Arc::clone(wanted) })
}

fn begin(mut found: Aggregate, seller: SellerId, wanted: &ImportLine, now: Timestamp) -> Option<Begun> {
    let known = found.variants.len();
    add_sku(&mut found, seller, SkuId::new(), default_sku(wanted), now);
    Some(Begun { variants: found.variants.split_off(known), sku: found.skus.pop()? })
}

async fn write(app: &App, seller: SellerId, chunk: Chunk, tree: Arc<CategoryTree>) -> Result<(), Error> {
    let Chunk { created, changed } = chunk;
    let moderated = app.config.moderation;
    let begun = changed.iter().filter_map(|change| change.begun.as_ref()).map(|begun| &begun.sku);
    app.open_stock(created.iter().flat_map(|new| &new.skus).chain(begun)).await?;
    let (created, changed) = (Arc::new(created), Arc::new(changed));
    let fresh: Vec<_> = created.iter().map(|aggregate| (aggregate.product.id, sku_ids(aggregate))).collect();
    let touched: Vec<_> = changed.iter().map(|change| (change.id, change.skus.clone())).collect();
    app.db
        .transaction(move |tx| async move {
            if !created.is_empty() {
                insert(&tx, seller, created.as_ref().clone(), &tree).await?;
            }
            for change in changed.iter() {
                update(&tx, change, moderated, &tree).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    app.caches.products_changed(fresh.into_iter().chain(touched).collect()).await;
    Ok(())
}

async fn insert(tx: &Tx, seller: SellerId, mut created: Vec<Aggregate>, tree: &CategoryTree) -> Result<(), Error> {
    let sellers = sellers::find(tx, [seller]).await?;
    let plain = created.iter().map(|new| product::slug(&new.product.title, new.product.id, |_| false));
    let mut taken = products::taken_slugs(tx, plain).await?;
    for new in &mut created {
        new.product.slug = product::slug(&new.product.title, new.product.id, |slug| taken.contains(slug));
        taken.insert(new.product.slug.clone());
        Standing::computed(&new.product, &new.skus, &sellers).apply(&mut new.product);
        new.product.seal = products::seal(&new.product, &new.skus);
        announce::created(tx, new, tree);
    }
    products::insert(tx, created).await?;
    Ok(())
}

async fn update(tx: &Tx, change: &Change, moderated: bool, tree: &CategoryTree) -> Result<(), Error> {
    let Change { id, sku, begun, wanted, .. } = change;
    // As it is now: somebody may have changed it since it was compared.
    let found = products::load_many(tx, &[*id]).await?.pop();
    let mut found = found.ok_or_else(|| Error::not_found("product"))?;
    describe(&mut found, wanted);
    found.product.currency = wanted.currency;
    if found.product.status == Status::Archived {
        found.product.status = Status::Active.wished_by_seller(Some(Status::Archived), moderated);
    }
    if let Some(sku) = found.skus.iter_mut().find(|known| Some(known.id) == *sku) {
        sku.code.clone_from(&wanted.line.code);
        sku.live_code = Some(wanted.line.code.clone());
        sku.price = wanted.line.price;
        products::update_sku(tx, sku).await?;
    }
    if let Some(Begun { variants, sku }) = begun {
        products::insert_skus(tx, variants.clone(), vec![sku.clone()]).await?;
        found.variants.extend(variants.clone());
        found.skus.push(sku.clone());
    }
    products::replace_attributes(tx, &found.product).await?;
    update_product::store(tx, &mut found, tree).await
}
