//! Setting the stage as operator and seller: a category, products to sell, and their removal afterwards.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    call::Call,
    client::{Connection, Target},
    error::Error,
    options::Options,
    session::Session,
};

const CATEGORY: &str = "Load tests";

/// Something that can be put into a cart.
#[derive(Clone, Debug)]
pub struct Offer {
    pub product_id: String,
    pub sku_id: String,
}

/// A seller's products, made for one run.
pub struct Stall {
    pub seller: Session,
    pub offers: Vec<Offer>,
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

#[derive(Deserialize)]
struct Category {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct ShippingMethod {
    currency: String,
}

#[derive(Deserialize)]
pub struct Product {
    pub id: String,
    pub skus: Vec<Sku>,
}

#[derive(Deserialize)]
pub struct Sku {
    pub id: String,
    pub code: String,
}

/// What there is of a SKU.
#[derive(Debug, Deserialize)]
pub struct Level {
    pub on_hand: i64,
    pub reserved: i64,
    pub available: i64,
}

impl Stall {
    /// `products` products with `stock` units each, by the seller of the flags, who is made where there is none yet.
    pub async fn open(options: &Options, target: &Target, products: usize, stock: u64) -> Result<Self, Error> {
        let mut connection = Connection::new(target);
        let logins = &options.logins;
        let admin = Session::login(&mut connection, &logins.admin_email, &logins.admin_password).await?;
        let (email, password) = (&logins.seller_email, &logins.seller_password);
        let seller = match Session::login(&mut connection, email, password).await {
            Err(Error::Refused { status: StatusCode::UNAUTHORIZED, .. }) => {
                new_seller(&mut connection, &admin, "Load test", email, password).await?.1
            }
            other => other?,
        };
        Self::fill(&mut connection, &admin, seller, products, stock).await
    }

    /// The same by a seller at hand.
    pub async fn fill(
        connection: &mut Connection,
        admin: &Session,
        seller: Session,
        products: usize,
        stock: u64,
    ) -> Result<Self, Error> {
        let category = category(connection, admin).await?;
        let currency = currency(connection).await?;
        let mut offers = Vec::with_capacity(products);
        for number in 1..=products {
            let product = json!({
                "title": format!("Load test product {number}"),
                "description": "Made for a load test; archived when it ends.",
                "category_id": category,
                "price": 500 + 25 * number,
                "currency": currency,
                "stock": stock,
            });
            let product: Product = add_product(connection, &seller, &product).await?;
            let product_id = product.id;
            offers.extend(product.skus.into_iter().map(|sku| Offer { product_id: product_id.clone(), sku_id: sku.id }));
        }
        Ok(Self { seller, offers })
    }

    /// What there is of one of its SKUs.
    pub async fn level(&self, connection: &mut Connection, sku_id: &str) -> Result<Level, Error> {
        level(connection, &self.seller, sku_id).await
    }

    /// Takes the products out of the catalogue.
    pub async fn close(self, target: &Target) -> Result<(), Error> {
        let mut connection = Connection::new(target);
        for offer in &self.offers {
            let call = Call::delete(format!("/api/v1/products/{}", offer.product_id));
            self.seller.send(&mut connection, call).await?.accepted("archive a product")?;
        }
        Ok(())
    }
}

/// Adds a product in a seller's name.
pub async fn add_product(connection: &mut Connection, seller: &Session, product: &Value) -> Result<Product, Error> {
    seller.send(connection, Call::post("/api/v1/products", product)).await?.data("add a product")
}

/// What there is of a SKU, as its seller sees it.
pub async fn level(connection: &mut Connection, seller: &Session, sku_id: &str) -> Result<Level, Error> {
    seller.send(connection, Call::get(format!("/api/v1/inventory/{sku_id}"))).await?.data("read the stock")
}

/// The category of all load tests, made if it is missing.
pub async fn category(connection: &mut Connection, admin: &Session) -> Result<String, Error> {
    let tree: Vec<Category> =
        admin.send(connection, Call::get("/api/v1/categories?limit=100")).await?.data("read the categories")?;
    if let Some(known) = tree.into_iter().find(|category| category.name == CATEGORY) {
        return Ok(known.id);
    }
    let call = Call::post("/api/v1/categories", &json!({ "name": CATEGORY }));
    let made: Made = admin.send(connection, call).await?.data("add a category")?;
    Ok(made.id)
}

/// The marketplace's currency, as its shipping prices tell it.
pub async fn currency(connection: &mut Connection) -> Result<String, Error> {
    let methods: Vec<ShippingMethod> =
        connection.send(&Call::get("/api/v1/shipping-methods")).await?.data("read the shipping methods")?;
    let method = methods.into_iter().next();
    method
        .map(|method| method.currency)
        .ok_or_else(|| Error::Usage("the marketplace offers no way of shipping".to_owned()))
}

#[derive(Deserialize)]
struct SellerApplication {
    id: String,
    status: String,
}

/// Registers somebody, has them apply as a seller and, where it is not approved at once, approved by the operator.
/// The seller's id and login.
pub async fn new_seller(
    connection: &mut Connection,
    admin: &Session,
    name: &str,
    email: &str,
    password: &str,
) -> Result<(String, Session), Error> {
    let seller = Session::register(connection, email, password, name).await?;
    let call = Call::post("/api/v1/sellers", &json!({ "name": name, "description": "Made for a load test." }));
    let application: SellerApplication = seller.send(connection, call).await?.data("apply as a seller")?;
    if application.status == "pending" {
        let call = Call::post_empty(format!("/api/v1/admin/sellers/{}/approve", application.id));
        admin.send(connection, call).await?.accepted("approve a seller")?;
    }
    Ok((application.id, seller))
}
