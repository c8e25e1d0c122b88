//! `souk import products`: two passes over the file. The first learns every category's attributes, the second imports.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use indicatif::ProgressBar;
use prost::Message;
use souk_contracts::{
    catalog::{EnsureCategoryRequest, ImportProduct, ImportProductsRequest, ImportResult},
    identity::EnsureSellerRequest,
};
use souk_kernel::{Currency, Problem, text::slugify};
use tokio::task::JoinHandle;

use super::{
    ImportError, Summary,
    convert::{Converted, Converter, Schemas, Seen},
    mapping::{CategoryFinder, CategoryName, Mapping},
    progress::Progress,
    reader::{Record, records},
    refused::Refused,
};
use crate::marketplace::Calls;

/// Products in one call, at most.
const BATCH: usize = 1_000;
/// A call that holds so many bytes is sent. It may hold 64 MB, and a line 4 MB.
const BATCH_BYTES: usize = 16 << 20;
/// Calls under way while lines are read: one is decoded and checked while the other is written.
const UNDER_WAY: usize = 2;

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
    let mut bytes = 0;
    let mut under_way = VecDeque::with_capacity(UNDER_WAY);
    let mut seen = HashSet::new();
    for record in
        records(order.file, move |bytes| position.set_position(bytes)).map_err(|source| read(order.file, source))?
    {
        let Record { line, fields } = record.map_err(|source| read(order.file, source))?;
        let product = fields.and_then(|fields| converter.product(&fields, &schemas));
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
                bytes += product.encoded_len();
                batch.push((line, product));
            }
            Err(reason) => {
                refused.add(line, "", &reason)?;
                summary.refused += 1;
            }
        }
        if batch.len() == BATCH || bytes >= BATCH_BYTES {
            bytes = 0;
            if under_way.len() == UNDER_WAY
                && let Some(first) = under_way.pop_front()
            {
                settle(first, &mut summary, &mut refused, &mut progress).await?;
            }
            under_way.push_back(send(calls, &seller.seller_id, std::mem::take(&mut batch)));
        }
    }
    if !batch.is_empty() {
        under_way.push_back(send(calls, &seller.seller_id, batch));
    }
    for next in under_way {
        settle(next, &mut summary, &mut refused, &mut progress).await?;
    }
    progress.finish()?;
    bar.finish_and_clear();
    summary.report = refused.finish()?;
    Ok(summary)
}

/// A batch that is being written: its line numbers, and the results to come.
struct UnderWay {
    lines: Vec<u64>,
    results: JoinHandle<Result<Vec<ImportResult>, tonic::Status>>,
}

fn send(calls: &Calls, seller_id: &str, batch: Vec<(u64, ImportProduct)>) -> UnderWay {
    let (lines, products): (Vec<u64>, Vec<ImportProduct>) = batch.into_iter().unzip();
    let mut request = tonic::Request::new(ImportProductsRequest { seller_id: seller_id.to_owned(), products });
    request.set_timeout(Duration::from_mins(1));
    let mut catalog = calls.catalog.clone();
    let results = tokio::spawn(async move { Ok(catalog.import_products(request).await?.into_inner().results) });
    UnderWay { lines, results }
}

async fn settle(
    UnderWay { lines, results }: UnderWay,
    summary: &mut Summary,
    refused: &mut Refused,
    progress: &mut Progress,
) -> Result<(), ImportError> {
    let results = results.await.map_err(|_| ImportError::Refused(Problem::internal()))??;
    let last = lines.last().copied();
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
    last.map_or(Ok(()), |line| progress.reached(line))
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
