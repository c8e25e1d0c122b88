//! `souk demo`: a marketplace with sample data. Running it again on the same data adds nothing.

mod api;
mod pictures;
mod reviews;
mod sample;

use std::collections::HashMap;

use futures::{StreamExt, TryStreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use souk_identity::NewUser;
use souk_kernel::{Problem, text::slugify};
use souk_platform::security::Role;

use self::{
    api::{Api, CallError},
    sample::{Product, Sample},
};
use crate::{data_dir::DataDir, marketplace::Marketplace};

/// The logins that are printed. Everybody can read them here: the sample is for looking, not for business.
const ADMIN: &str = "admin@souk.example";
const SELLER: &str = "seller@souk.example";
const BUYER: &str = "buyer@souk.example";
const PASSWORD: &str = "souk-demo-password";

/// Products and orders that are made side by side.
const AT_ONCE: usize = 4;

/// Why the sample could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A call was refused.
    #[error(transparent)]
    Call(#[from] Box<CallError>),
    /// The operator could not be made.
    #[error("the operator's account: {0}")]
    Admin(Problem),
    /// The events of the sample were not delivered.
    #[error("database: {0}")]
    Database(#[from] sea_orm::DbErr),
    /// The marker could not be written.
    #[error(transparent)]
    DataDir(#[from] crate::data_dir::DataDirError),
    /// An answer has not the form that the interface promises.
    #[error("the answer has no `{0}`")]
    Answer(&'static str),
}

impl From<CallError> for DemoError {
    fn from(error: CallError) -> Self {
        Self::Call(Box::new(error))
    }
}

/// Fills `market` with the sample, as far as it is not there. False when all of it was there.
pub async fn fill(market: &Marketplace, data: &DataDir) -> Result<bool, DemoError> {
    let api = Api::new(market.router());
    let sample = Sample::load();
    let admin = NewUser {
        email: ADMIN.to_owned(),
        password: PASSWORD.to_owned(),
        name: "Demo Operator".to_owned(),
        roles: vec![Role::Admin],
    };
    match souk_identity::create_user(market.databases.identity(), &market.config().identity, admin).await {
        Err(problem) if problem.code != "email_taken" => return Err(DemoError::Admin(problem)),
        _ => {}
    }
    // The marker is written last: an interrupted filling is taken up again, and finds what is there already.
    let marker = data.path().join("demo-complete");
    if marker.exists() {
        return Ok(false);
    }
    let admin = login(&api, ADMIN, "Demo Operator").await?;
    let sellers = sellers(&api, &admin, &sample).await?;
    let categories = categories(&admin, &sample).await?;
    market.settle().await?;
    products(&sellers, &categories, &sample, market.config().platform.currency.code()).await?;
    login(&api, BUYER, "Demo Buyer").await?;
    reviews::fill(market, &api, &sellers, &sample).await?;
    market.settle().await?;
    data.mark("demo-complete")?;
    Ok(true)
}

/// Prints the logins of the sample to standard error.
pub fn print_logins() {
    eprintln!("\nThree logins, all with the password  {PASSWORD}\n");
    eprintln!("  operator  {ADMIN}\n  seller    {SELLER}\n  buyer     {BUYER}\n");
}

/// Logs in, after registering where the account is missing.
async fn login(api: &Api, email: &str, name: &str) -> Result<Api, DemoError> {
    let registration = json!({"email": email, "password": PASSWORD, "name": name});
    let answer = match api.post("/auth/register", &registration).await {
        Ok(answer) => answer,
        Err(error) if error.status.is_client_error() => {
            api.post("/auth/login", &json!({"email": email, "password": PASSWORD})).await?
        }
        Err(error) => return Err(error.into()),
    };
    Ok(api.with_token(text(&answer, "access_token")?))
}

fn text<'a>(value: &'a Value, field: &'static str) -> Result<&'a str, DemoError> {
    value[field].as_str().ok_or(DemoError::Answer(field))
}

/// A seller with its login.
struct Seller {
    id: String,
    api: Api,
}

async fn sellers(api: &Api, admin: &Api, sample: &Sample) -> Result<Vec<Seller>, DemoError> {
    let bar = bar(sample.sellers.len(), "sellers");
    let sellers = stream::iter(sample.sellers.iter().enumerate())
        .map(|(place, name)| {
            let bar = &bar;
            async move {
                // The first one is the login that is printed.
                let email = if place == 0 { SELLER.to_owned() } else { format!("{}@souk.example", slugify(name)) };
                let own = login(api, &email, &format!("{name} Team")).await?;
                let description = format!("{name}: an independent shop of the sample marketplace.");
                let seller = match own.post("/sellers", &json!({"name": name, "description": description})).await {
                    Ok(seller) => seller,
                    // The account has its seller already.
                    Err(error) if error.status == 409 => own.get("/sellers/me").await?,
                    Err(error) => return Err(error.into()),
                };
                let id = text(&seller, "id")?.to_owned();
                if seller["status"] != "approved" {
                    admin.post(&format!("/admin/sellers/{id}/approve"), &json!({})).await?;
                }
                bar.inc(1);
                Ok::<_, DemoError>(Seller { id, api: own })
            }
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await;
    bar.finish_and_clear();
    sellers
}

/// Makes the missing categories; gives the ids by name.
async fn categories(admin: &Api, sample: &Sample) -> Result<HashMap<String, String>, DemoError> {
    let mut ids = HashMap::new();
    for category in &sample.categories {
        let slug = slugify(&category.name);
        let found = match admin.get(&format!("/categories/{slug}")).await {
            Ok(found) => found,
            Err(error) if error.status == 404 => {
                let mut body = json!({
                    "name": category.name, "slug": slug,
                    "attributes": category.attributes.iter().map(sample::Attribute::to_json).collect::<Vec<_>>(),
                });
                if let Some(parent) = &category.parent {
                    body["parent_id"] = json!(ids[parent]);
                }
                admin.post("/categories", &body).await?
            }
            Err(error) => return Err(error.into()),
        };
        ids.insert(category.name.clone(), text(&found, "id")?.to_owned());
    }
    Ok(ids)
}

async fn products(
    sellers: &[Seller],
    categories: &HashMap<String, String>,
    sample: &Sample,
    currency: &str,
) -> Result<(), DemoError> {
    let mut there: Vec<HashMap<String, Value>> = Vec::new();
    for seller in sellers {
        let listed = seller.api.get(&format!("/products?seller={}&limit=100", seller.id)).await?;
        let listed = listed.as_array().cloned().unwrap_or_default();
        there.push(
            listed.into_iter().filter_map(|one| Some((one["title"].as_str()?.to_owned(), one.clone()))).collect(),
        );
    }
    let all = sample.products(currency);
    let bar = bar(all.len(), "products");
    let made = stream::iter(all.into_iter().enumerate())
        .map(|(number, product)| {
            let (seller, before) = (&sellers[product.seller], &there[product.seller]);
            let bar = &bar;
            async move {
                list(number, product, seller, before, categories).await?;
                bar.inc(1);
                Ok::<_, DemoError>(())
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await;
    bar.finish_and_clear();
    made
}

async fn list(
    number: usize,
    product: Product,
    seller: &Seller,
    before: &HashMap<String, Value>,
    categories: &HashMap<String, String>,
) -> Result<(), DemoError> {
    let listed = if let Some(listed) = before.get(&product.title) {
        listed.clone()
    } else {
        let mut body = product.body;
        body.insert("category_id".to_owned(), json!(categories[&product.category]));
        seller.api.post("/products", &Value::Object(body)).await?
    };
    if listed["images"].as_array().is_none_or(Vec::is_empty) {
        let jpeg = tokio::task::spawn_blocking(move || pictures::picture(product.hue, number)).await;
        let jpeg = jpeg.map_err(|_| DemoError::Answer("picture"))?;
        seller.api.upload(&format!("/products/{}/images", text(&listed, "id")?), &jpeg).await?;
    }
    Ok(())
}

fn bar(length: usize, what: &'static str) -> ProgressBar {
    ProgressBar::new(length as u64)
        .with_style(ProgressStyle::with_template("{msg:10} {bar:40} {pos:>4}/{len}").expect("the template is right"))
        .with_message(what)
}
