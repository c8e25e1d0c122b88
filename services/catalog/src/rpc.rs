//! The calls that the catalogue answers.

mod catalogue;

use std::{collections::HashMap, sync::Arc};

use souk_contracts::catalog::{
    AttributeDefinition, CategoriesReply, CategoriesRequest, EnsureCategoryReply, EnsureCategoryRequest, FindSkusReply,
    FindSkusRequest, FoundSku, ImportProduct, ImportProductsReply, ImportProductsRequest, ImportResult,
    MatchTitlesReply, MatchTitlesRequest, Offer, OffersReply, OffersRequest, ProductsReply, ProductsRequest,
    catalog_server::{Catalog, CatalogServer},
};
use souk_kernel::{SellerId, SkuId};
use tonic::{Request, Response, Status, service::Routes};

use crate::{
    app::{App, AppState},
    domain::{
        attributes::{Definition, Kind},
        image,
        import::Line,
    },
    error::{self, Error},
    operations::{
        ensure_category::ensure_category,
        import_products::{ImportLine, Outcome, import_products},
    },
    store::{listing, products, sellers, skus},
};

/// Lines in one import call, and ids or codes in the others.
const MOST: usize = 1_000;
/// Bytes of an import call: a thousand products with all their attributes.
const IMPORT_BYTES: usize = 64 << 20;

struct Answers(AppState);

/// The calls as tonic routes.
pub fn routes(app: AppState) -> Routes {
    let server = CatalogServer::new(Answers(app)).max_decoding_message_size(IMPORT_BYTES);
    Routes::new(server)
}

#[tonic::async_trait]
impl Catalog for Answers {
    async fn offers(&self, request: Request<OffersRequest>) -> Result<Response<OffersReply>, Status> {
        let wanted = request.into_inner().sku_ids;
        bounded("sku_ids", wanted.len())?;
        let ids: Vec<SkuId> = wanted.iter().map(|id| error::id("sku_ids", id)).collect::<Result<_, _>>()?;
        let found = self.0.offers(&ids).await?;
        // In the order of the request, each once.
        let mut found = found;
        let offers = ids.iter().filter_map(|id| found.remove(id)).map(|offer| Offer::clone(&offer)).collect();
        Ok(Response::new(OffersReply { offers }))
    }

    async fn ensure_category(
        &self,
        request: Request<EnsureCategoryRequest>,
    ) -> Result<Response<EnsureCategoryReply>, Status> {
        let EnsureCategoryRequest { slug, name, attributes } = request.into_inner();
        let definitions = attributes.into_iter().map(definition).collect::<Result<_, _>>()?;
        let id = ensure_category(&self.0, &slug, &name, definitions).await?;
        Ok(Response::new(EnsureCategoryReply { category_id: id.to_string() }))
    }

    async fn import_products(
        &self,
        request: Request<ImportProductsRequest>,
    ) -> Result<Response<ImportProductsReply>, Status> {
        let ImportProductsRequest { seller_id, products } = request.into_inner();
        bounded("products", products.len())?;
        let seller: SellerId = error::id("seller_id", &seller_id)?;
        let mut results: Vec<ImportResult> = Vec::with_capacity(products.len());
        let (mut lines, mut indexes) = (Vec::with_capacity(products.len()), Vec::with_capacity(products.len()));
        for (index, product) in products.into_iter().enumerate() {
            let external_id = product.external_id.clone();
            let reason = match import_line(product) {
                Ok(line) => {
                    lines.push(line);
                    indexes.push(index);
                    String::new()
                }
                Err(reason) => reason,
            };
            results.push(ImportResult { external_id, outcome: "refused".to_owned(), reason });
        }
        let outcomes = import_products(&self.0, seller, lines).await?;
        for (index, outcome) in indexes.into_iter().zip(outcomes) {
            let (word, reason) = match outcome {
                Outcome::Created => ("created", String::new()),
                Outcome::Updated => ("updated", String::new()),
                Outcome::Unchanged => ("unchanged", String::new()),
                Outcome::Refused(reason) => ("refused", reason),
            };
            word.clone_into(&mut results[index].outcome);
            results[index].reason = reason;
        }
        Ok(Response::new(ImportProductsReply { results }))
    }

    async fn find_skus(&self, request: Request<FindSkusRequest>) -> Result<Response<FindSkusReply>, Status> {
        let FindSkusRequest { seller_id, codes } = request.into_inner();
        bounded("codes", codes.len())?;
        let seller = error::id("seller_id", &seller_id)?;
        let found = products::skus_by_code(self.0.db.reader(), seller, &codes).await.map_err(Error::from)?;
        let skus = found.into_iter().map(|sku| FoundSku { code: sku.code, sku_id: sku.id.to_string() }).collect();
        Ok(Response::new(FindSkusReply { skus }))
    }

    async fn categories(&self, _: Request<CategoriesRequest>) -> Result<Response<CategoriesReply>, Status> {
        let tree = self.0.categories().await?;
        Ok(Response::new(CategoriesReply { categories: catalogue::categories(&tree) }))
    }

    async fn products(&self, request: Request<ProductsRequest>) -> Result<Response<ProductsReply>, Status> {
        let ProductsRequest { after, limit } = request.into_inner();
        let after = if after.is_empty() { None } else { Some(error::id("after", &after)?) };
        let reader = &self.0.db.copies().await;
        let ids = listing::next(reader, after, page_size(limit)?).await.map_err(Error::from)?;
        let (products, sellers) = catalogue::listed(&self.0, reader, &ids).await?;
        let total = listing::count(reader).await.map_err(Error::from)?;
        Ok(Response::new(ProductsReply { products, sellers, total }))
    }

    async fn match_titles(&self, request: Request<MatchTitlesRequest>) -> Result<Response<MatchTitlesReply>, Status> {
        let MatchTitlesRequest { words, offset, limit } = request.into_inner();
        bounded("words", words.len())?;
        let reader = &self.0.db.copies().await;
        let found = listing::titled(reader, &words, offset, page_size(limit)?).await;
        let (ids, total) = found.map_err(Error::from)?;
        let (products, sellers) = catalogue::listed(&self.0, reader, &ids).await?;
        Ok(Response::new(MatchTitlesReply { products, sellers, total }))
    }
}

fn page_size(limit: u32) -> Result<u64, Error> {
    bounded("limit", limit as usize)?;
    Ok(u64::from(limit.max(1)))
}

fn bounded(field: &'static str, count: usize) -> Result<(), Error> {
    if count > MOST {
        return Err(Error::invalid(field, format!("at most {MOST} in one call")));
    }
    Ok(())
}

fn definition(given: AttributeDefinition) -> Result<Definition, Error> {
    let AttributeDefinition { key, label, r#type, unit, options, filterable } = given;
    let kind = Kind::named(&r#type).ok_or_else(|| Error::invalid("type", "must be text, number, bool or enum"))?;
    if key.trim().is_empty() || key.chars().count() > 128 || key.chars().any(char::is_control) {
        return Err(Error::invalid("key", "must have 1 to 128 printable characters"));
    }
    let label = if label.is_empty() { key.clone() } else { label };
    let unit = Some(unit).filter(|unit| !unit.is_empty());
    Ok(Definition { key, label, kind, unit, options, required: false, filterable })
}

/// The line, or why it can't even be read.
fn import_line(product: ImportProduct) -> Result<ImportLine, String> {
    let ImportProduct {
        external_id,
        title,
        description,
        category_id,
        price,
        currency,
        stock,
        attributes_json,
        images,
        code,
    } = product;
    let attributes =
        if attributes_json.is_empty() { Ok(serde_json::Map::new()) } else { serde_json::from_str(&attributes_json) };
    let category_id = category_id.parse().map_err(|error| format!("category_id: {error}"))?;
    let currency = currency.parse().map_err(|error| format!("currency: {error}"))?;
    let attributes = attributes.map_err(|error| format!("attributes_json: must be a JSON object ({error})"))?;
    // A feed without codes of its own has its ids.
    let code = if code.is_empty() { external_id.clone() } else { code };
    let line = Line { external_id, title, description, price, stock, attributes, images, code };
    Ok(ImportLine { line, category_id, currency })
}

/// Offers as they are now, in two queries.
pub async fn load_offers(app: &App, ids: Vec<SkuId>) -> Result<HashMap<SkuId, Arc<Offer>>, Error> {
    let tree = app.categories().await?;
    let rows = skus::with_products(app.db.reader(), &ids).await?;
    let sellers = sellers::find(app.db.reader(), rows.iter().map(|row| row.seller_id)).await?;
    let mut offers = HashMap::with_capacity(rows.len());
    for row in rows {
        let seller = sellers.get(&row.seller_id);
        let reason = if !row.available() {
            "product_unavailable"
        } else if seller.is_none_or(|seller| !seller.status.sells()) {
            "seller_unavailable"
        } else {
            ""
        };
        let image = row.images.0.first().map(|address| image::shown(address, &app.public_url));
        let offer = Offer {
            sku_id: row.id.to_string(),
            variant_id: row.variant_id.to_string(),
            product_id: row.product_id.to_string(),
            seller_id: row.seller_id.to_string(),
            seller_name: seller.map(|seller| seller.name.clone()).unwrap_or_default(),
            title: row.full_title(),
            image: image.unwrap_or_default(),
            code: row.code,
            price: row.price,
            currency: row.currency.to_string(),
            sellable: reason.is_empty(),
            not_sellable_reason: reason.to_owned(),
            category_ids: tree.lineage(row.category_id).iter().map(ToString::to_string).collect(),
        };
        offers.insert(row.id, Arc::new(offer));
    }
    Ok(offers)
}
