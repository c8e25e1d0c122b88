//! Before the trade: every customer registers, and the seller lists every product.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use serde_json::{Value, json};

use crate::{
    client::Target,
    drive::{Budget, Worker, drive},
    error::Error,
    market::{add_product, category, currency},
    options::{DEMO_PASSWORD, Options},
    replay::{
        SPARE,
        plan::{Plan, Product},
        pounds,
    },
    report::Report,
    session::Session,
};

pub struct Shop {
    pub seller: Session,
    /// By the plan's index.
    pub customers: Vec<Session>,
    /// The marketplace's ids by the plan's index.
    pub skus: Vec<String>,
}

struct Listing {
    plan: Arc<Plan>,
    seller: Session,
    category: String,
    currency: String,
    skus: Vec<OnceLock<String>>,
}

impl Shop {
    pub async fn open(
        options: &Options,
        target: &Target,
        report: &mut Report,
        (plan, admin, seller, run): (&Arc<Plan>, &Session, Session, &str),
    ) -> Result<Self, Error> {
        let customers = register_all(options, target, report, (plan, run)).await?;
        let mut connection = crate::client::Connection::new(target);
        let listing = Arc::new(Listing {
            plan: plan.clone(),
            seller,
            category: category(&mut connection, admin).await?,
            currency: currency(&mut connection).await?,
            skus: plan.skus.iter().map(|_| OnceLock::new()).collect(),
        });
        let workers = (options.connections.into(), Arc::new(Budget::count(plan.products.len() as u64)));
        let (recorder, elapsed) =
            drive(options, target, "products", workers, |worker| list_products(worker, listing.clone())).await?;
        report.add(recorder, elapsed);
        let listing = Arc::into_inner(listing).expect("the workers have ended");
        let skus: Option<Vec<String>> = listing.skus.into_iter().map(OnceLock::into_inner).collect();
        let skus = skus.ok_or_else(|| Error::Usage("the marketplace left out SKUs of a new product".to_owned()))?;
        Ok(Self { seller: listing.seller, customers, skus })
    }
}

async fn register_all(
    options: &Options,
    target: &Target,
    report: &mut Report,
    (plan, run): (&Arc<Plan>, &str),
) -> Result<Vec<Session>, Error> {
    let sessions: Arc<Vec<OnceLock<Session>>> = Arc::new(plan.customers.iter().map(|_| OnceLock::new()).collect());
    let run: Arc<str> = run.into();
    let workers = (options.connections.into(), Arc::new(Budget::count(plan.customers.len() as u64)));
    let register = |worker| register(worker, plan.clone(), sessions.clone(), run.clone());
    let (recorder, elapsed) = drive(options, target, "customers", workers, register).await?;
    report.add(recorder, elapsed);
    let sessions = Arc::into_inner(sessions).expect("the workers have ended");
    Ok(sessions.into_iter().map(|session| session.into_inner().expect("every number was taken by a worker")).collect())
}

async fn register(
    mut worker: Worker,
    plan: Arc<Plan>,
    sessions: Arc<Vec<OnceLock<Session>>>,
    run: Arc<str>,
) -> Result<Worker, Error> {
    while let Some(number) = worker.next() {
        let index = usize::try_from(number).expect("no more customers than memory holds");
        let customer = &plan.customers[index];
        let email = format!("customer-{customer}-{run}@replay.example");
        let name = format!("Customer {customer}");
        let session = worker
            .timed("register", async |connection| Session::register(connection, &email, DEMO_PASSWORD, &name).await)
            .await?;
        // Every index is taken once.
        let _ = sessions[index].set(session);
    }
    Ok(worker)
}

async fn list_products(mut worker: Worker, listing: Arc<Listing>) -> Result<Worker, Error> {
    while let Some(number) = worker.next() {
        let product = &listing.plan.products[usize::try_from(number).expect("no more products than memory holds")];
        let by_code: HashMap<String, usize> = product.skus.iter().map(|sku| (listing.code(*sku), *sku)).collect();
        let body = listing.body(product);
        let made = worker
            .timed("add a product", async |connection| add_product(connection, &listing.seller, &body).await)
            .await?;
        for sku in made.skus {
            if let Some(index) = by_code.get(&sku.code) {
                // Codes differ within a product, so every index is set once.
                let _ = listing.skus[*index].set(sku.id);
            }
        }
    }
    Ok(worker)
}

impl Listing {
    /// Codes are letters and digits, for any marketplace's taste.
    fn code(&self, sku: usize) -> String {
        let sku = &self.plan.skus[sku];
        let code: String = sku.stock_code.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        format!("{code}-{}", sku.unit_price)
    }

    fn body(&self, product: &Product) -> Value {
        let skus: Vec<Value> = product
            .skus
            .iter()
            .map(|index| {
                let sku = &self.plan.skus[*index];
                json!({
                    "code": self.code(*index),
                    "options": { "price": pounds(sku.unit_price) },
                    "price": sku.unit_price,
                    "stock": sku.units + SPARE,
                })
            })
            .collect();
        json!({
            "title": product.title,
            "description": "",
            "category_id": self.category,
            "currency": self.currency,
            "skus": skus,
        })
    }
}
