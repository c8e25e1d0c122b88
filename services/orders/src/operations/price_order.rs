//! Current prices of what a buyer wants, and the totals that follow.

use std::{collections::HashMap, sync::Arc};

use souk_contracts::{
    cart::{CartLine, GetRequest, Owner},
    catalog::{Offer, OffersRequest},
};
use souk_kernel::{Currency, ErrorKind, Problem, UserId};

use super::read;
use crate::{
    app::App,
    domain::{
        RequestedLine, merged,
        pricing::{OfferedLine, Priced, Terms, price},
    },
    error::Error,
};

/// What an order would cost now.
#[derive(Clone, Debug)]
pub struct Quote {
    pub priced: Priced,
    /// The catalog did not answer: these are the prices that it gave last.
    pub price_may_have_changed: bool,
}

/// Whose cart it is: the user's, or that of the guest whose token has this hash.
pub fn owner(user: Option<UserId>, cart_token_hash: Option<Vec<u8>>) -> Owner {
    Owner { user_id: user.map(|id| id.to_string()), cart_token_hash: cart_token_hash.filter(|_| user.is_none()) }
}

/// The lines of a cart, as it answered.
pub fn cart_lines(lines: &[CartLine]) -> Result<Vec<RequestedLine>, Error> {
    let lines = lines
        .iter()
        .map(|line| Ok(RequestedLine { sku_id: read("sku_id", &line.sku_id)?, quantity: line.quantity }))
        .collect::<Result<Vec<_>, Error>>()?;
    if lines.is_empty() {
        return Err(Error::Conflict { code: "cart_empty", message: "the cart is empty" });
    }
    merged(lines).map_err(|_| Error::Conflict { code: "quantity_too_large", message: "a line has too many units" })
}

/// What placing the order would cost: of `items`, or of the owner's cart. Nothing is held.
pub async fn quote(
    app: &App,
    items: Option<Vec<RequestedLine>>,
    owner: Owner,
    shipping_method: &str,
) -> Result<Quote, Error> {
    if let Some(items) = items {
        return price_lines(app, &items, false, shipping_method).await;
    }
    let cart = app.cart.clone().get(GetRequest { owner: Some(owner) }).await?.into_inner();
    price_lines(app, &cart_lines(&cart.lines)?, true, shipping_method).await
}

/// Prices lines by the current offers, or by the last ones seen when the catalog does not answer.
pub async fn price_lines(
    app: &App,
    lines: &[RequestedLine],
    from_cart: bool,
    shipping_method: &str,
) -> Result<Quote, Error> {
    let (offers, price_may_have_changed) = offers(app, lines).await?;
    let mut found = Vec::with_capacity(lines.len());
    let mut unavailable = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        match offers.get(&line.sku_id.to_string()) {
            None if from_cart => unavailable.push((place, "product_unavailable".to_owned())),
            None => return Err(unknown(lines, &offers)),
            Some(offer) if !offer.sellable => unavailable.push((place, offer.not_sellable_reason.clone())),
            Some(offer) => found.push((line, offer)),
        }
    }
    if !unavailable.is_empty() {
        return Err(not_sellable(unavailable).into());
    }
    let currency: Currency = match found.first() {
        Some((_, offer)) => read("currency", &offer.currency)?,
        None => return Err(Error::Conflict { code: "cart_empty", message: "there is nothing to buy" }),
    };
    if found.iter().any(|(_, offer)| offer.currency != currency.code()) {
        let message = "the lines are priced in different currencies; order them separately";
        return Err(Error::Conflict { code: "mixed_currencies", message });
    }
    let terms = Terms {
        shipping: shipping_price(app, shipping_method, currency)?,
        discount: 0,
        tax_basis_points: app.config.tax_basis_points,
    };
    let offered = found.into_iter().map(|(line, offer)| offered(line, offer)).collect::<Result<_, _>>()?;
    let priced = price(offered, currency, terms).map_err(|_| {
        let message = "the total is larger than an order may come to";
        Error::Problem(Problem::new(ErrorKind::Invalid, "total_out_of_range", message).detail("items", message))
    })?;
    Ok(Quote { priced, price_may_have_changed })
}

/// What the method costs for each part.
fn shipping_price(app: &App, code: &str, currency: Currency) -> Result<i64, Error> {
    let refuse = |message: String| Err(Problem::invalid("shipping_method", message).into());
    match app.config.shipping_method(code) {
        None => refuse("is not one of GET /shipping-methods".to_owned()),
        Some(method) if method.price == 0 || method.currency.unwrap_or(app.currency) == currency => Ok(method.price),
        Some(_) => refuse(format!("is not offered for orders in {currency}")),
    }
}

fn offered(line: &RequestedLine, offer: &Offer) -> Result<OfferedLine, Error> {
    Ok(OfferedLine {
        sku_id: line.sku_id,
        product_id: read("product_id", &offer.product_id)?,
        seller_id: read("seller_id", &offer.seller_id)?,
        seller_name: offer.seller_name.clone(),
        title: offer.title.clone(),
        category_ids: offer.category_ids.clone(),
        quantity: line.quantity,
        unit_price: offer.price,
    })
}

type Offers = HashMap<String, Arc<Offer>>;

/// Offers by SKU, and whether they are only the last ones seen.
async fn offers(app: &App, lines: &[RequestedLine]) -> Result<(Offers, bool), Error> {
    let sku_ids: Vec<String> = lines.iter().map(|line| line.sku_id.to_string()).collect();
    match app.catalog.clone().offers(OffersRequest { sku_ids: sku_ids.clone() }).await {
        Ok(reply) => {
            let mut offers = Offers::with_capacity(sku_ids.len());
            for offer in reply.into_inner().offers {
                let (sku, offer) = (offer.sku_id.clone(), Arc::new(offer));
                app.remember_offer(&offer).await;
                offers.insert(sku, offer);
            }
            Ok((offers, false))
        }
        Err(status) => {
            let error = Error::from(status);
            if !error.is_transient() {
                return Err(error);
            }
            let mut offers = Offers::with_capacity(sku_ids.len());
            for sku in sku_ids {
                // One line that was never seen, and the whole can't be priced.
                let Some(offer) = app.offers.get(&sku).await else { return Err(error) };
                offers.insert(sku, offer);
            }
            metrics::counter!("souk_orders_last_known_prices_total").increment(1);
            tracing::warn!(%error, "priced by the last known offers");
            Ok((offers, true))
        }
    }
}

fn unknown(lines: &[RequestedLine], offers: &Offers) -> Error {
    let problem = Problem::new(ErrorKind::Invalid, "invalid", "some fields are not acceptable");
    let missing = lines.iter().enumerate().filter(|(_, line)| !offers.contains_key(&line.sku_id.to_string()));
    missing.fold(problem, |problem, (place, _)| problem.detail(format!("items[{place}].sku_id"), "is not known")).into()
}

fn not_sellable(lines: Vec<(usize, String)>) -> Problem {
    let message = "some lines can't be bought at the moment";
    let problem = Problem::new(ErrorKind::Conflict, "not_sellable", message);
    lines.into_iter().fold(problem, |problem, (place, reason)| problem.detail(format!("items[{place}]"), reason))
}

/// Why what was paid can no longer be sold, if so. When the catalog does not answer, the sale stands.
pub async fn no_longer_sellable(app: &App, order: &crate::store::Order) -> Option<String> {
    let sku_ids: Vec<String> = order.lines.iter().map(|line| line.sku_id.to_string()).collect();
    match app.catalog.clone().offers(OffersRequest { sku_ids: sku_ids.clone() }).await {
        Ok(reply) => {
            let offers = reply.into_inner().offers;
            sku_ids.iter().find_map(|sku| match offers.iter().find(|offer| offer.sku_id == *sku) {
                Some(offer) => (!offer.sellable).then(|| offer.not_sellable_reason.clone()),
                None => Some("product_unavailable".to_owned()),
            })
        }
        Err(status) => {
            tracing::warn!(code = ?status.code(), "completing without asking the catalog");
            None
        }
    }
}
