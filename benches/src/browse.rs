//! Reading: product pages, list pages, and both as visitors mix them.

use std::sync::Arc;

use clap::{Args, ValueEnum};
use http::StatusCode;
use rand::{RngExt, seq::IndexedRandom};
use serde::Deserialize;
use tokio::time::Instant;

use crate::{
    call::Call,
    client::{Connection, Target},
    drive::{Budget, Worker, drive},
    error::Error,
    options::Options,
    report::Report,
};

/// Random product and list pages
#[derive(Args, Debug)]
pub struct Browse {
    /// Which pages
    #[arg(long, value_enum, default_value_t = Mode::All)]
    mode: Mode,
    /// How many of the catalogue's products to visit
    #[arg(long, default_value_t = 1000)]
    products: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Product pages
    Detail,
    /// List pages: offsets, sortings, categories
    List,
    /// Four product pages for each list page
    Mixed,
    /// All three, one after the other
    All,
}

#[derive(Deserialize)]
struct Summary {
    id: String,
    category: Option<CategoryRef>,
}

#[derive(Deserialize)]
struct CategoryRef {
    id: String,
}

struct Pages {
    details: Vec<Call>,
    lists: Vec<Call>,
}

pub async fn run(browse: &Browse, options: &Options, target: &Target) -> Result<Report, Error> {
    let pages = Arc::new(Pages::find(target, browse.products).await?);
    let mut report = Report::new("browse");
    report.fact("connections", &options.connections);
    report.fact("products visited", &pages.details.len());
    report.fact("list pages visited", &pages.lists.len());
    for mode in [Mode::Detail, Mode::List, Mode::Mixed] {
        if browse.mode != Mode::All && browse.mode != mode {
            continue;
        }
        let budget = Arc::new(Budget::of(options));
        let visit = |worker| visit(worker, mode, pages.clone());
        let (recorder, elapsed) =
            drive(options, target, mode.label(), (options.connections.into(), budget), visit).await?;
        report.add(recorder, elapsed);
    }
    Ok(report)
}

async fn visit(mut worker: Worker, mode: Mode, pages: Arc<Pages>) -> Result<Worker, Error> {
    while worker.next().is_some() {
        let list = mode == Mode::List || (mode == Mode::Mixed && worker.random.random_ratio(1, 5));
        let choice = if list { &pages.lists } else { &pages.details };
        let call = choice.choose(&mut worker.random).expect("a catalogue without products is refused at start");
        let began = Instant::now();
        let outcome = worker.connection.send(call).await;
        match outcome {
            Ok(answer) if answer.status == StatusCode::OK => worker.record.success(mode.label(), began.elapsed()),
            other => {
                worker.record.failure(mode.label());
                let refusal = other.and_then(|answer| answer.accepted("browse")).err();
                worker.record.count(refusal.map_or_else(|| "not 200".to_owned(), |error| error.outcome()));
            }
        }
    }
    Ok(worker)
}

impl Mode {
    fn label(self) -> &'static str {
        match self {
            Self::Detail => "product page",
            Self::List => "list page",
            Self::Mixed | Self::All => "mixed pages",
        }
    }
}

impl Pages {
    /// Walks the public list for products, and makes list pages from what it sees.
    async fn find(target: &Target, most: usize) -> Result<Self, Error> {
        let mut connection = Connection::new(target);
        let (mut ids, mut categories) = (Vec::new(), Vec::new());
        let mut next = Some(String::new());
        let mut total = 0;
        while let Some(cursor) = next
            && ids.len() < most
        {
            let call = Call::get(format!("/api/v1/products?limit=100{cursor}"));
            let page = connection.send(&call).await?.page::<Summary>("list the products")?;
            total = page.total;
            next = page.next_cursor.map(|cursor| format!("&cursor={cursor}"));
            for summary in page.rows {
                ids.push(summary.id);
                categories.extend(summary.category.map(|category| category.id));
            }
        }
        ids.truncate(most);
        categories.sort_unstable();
        categories.dedup();
        if ids.is_empty() {
            return Err(Error::Usage("the catalogue holds no products: start `souk demo`, or import some".to_owned()));
        }
        let details = ids.iter().map(|id| Call::get(format!("/api/v1/products/{id}"))).collect();
        Ok(Self { details, lists: lists(total, &categories) })
    }
}

/// The first pages of the whole list, and the first page of each sorting and of each category.
fn lists(total: u64, categories: &[String]) -> Vec<Call> {
    let pages = (0..total.div_ceil(20).min(50)).map(|page| format!("limit=20&offset={}", page * 20));
    let sorted = ["newest", "price_asc", "price_desc", "rating", "popular"].map(|sort| format!("sort={sort}"));
    let filed = categories.iter().take(50).map(|id| format!("category={id}"));
    pages.chain(sorted).chain(filed).map(|query| Call::get(format!("/api/v1/products?{query}"))).collect()
}
