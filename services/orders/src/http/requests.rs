//! What buyers send to order something.

use garde::Validate;
use serde::Deserialize;
use souk_kernel::{Problem, SkuId};
use utoipa::ToSchema;

use crate::{
    app::App,
    config::STANDARD,
    domain::{MAX_LINES, MAX_QUANTITY, RequestedLine, merged, pricing::MAX_TOTAL},
    error::Error,
    store::Address,
};

/// An order to be placed.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderRequest {
    /// Where to write to. Needed of guests; users' own address by default.
    #[garde(inner(custom(is_email)))]
    pub email: Option<String>,
    #[garde(dive)]
    pub shipping_address: Address,
    /// The code of one of `GET /shipping-methods`; `standard` by default.
    #[garde(inner(length(min = 1, max = 50)))]
    pub shipping_method: Option<String>,
    /// By default the configured one.
    #[garde(inner(length(min = 1, max = 50), custom(is_word)))]
    pub payment_provider: Option<String>,
    /// 1 to 1000 lines; without them the cart is ordered.
    #[garde(length(min = 1, max = MAX_LINES), dive)]
    pub items: Option<Vec<ItemRequest>>,
    /// What the buyer expects to pay, in the smallest unit; another total is 409.
    #[garde(inner(range(min = 0, max = MAX_TOTAL)))]
    pub expected_total: Option<i64>,
}

/// Units of one SKU.
#[derive(Clone, Copy, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemRequest {
    #[garde(skip)]
    pub sku_id: SkuId,
    #[garde(range(min = 1, max = MAX_QUANTITY))]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub quantity: i64,
}

impl OrderRequest {
    /// The code of the shipping method; 422 when there is none of that name.
    pub fn method(&self, app: &App) -> Result<String, Error> {
        let code = self.shipping_method.as_deref().unwrap_or(STANDARD);
        match app.config.shipping_method(code) {
            Some(method) => Ok(method.code.clone()),
            None => Err(Problem::invalid("shipping_method", "is not one of GET /shipping-methods").into()),
        }
    }

    /// The name of the wanted payment provider, empty for whichever; 422 when payments doesn't offer it. Where payments
    /// doesn't answer, it is taken at its word: payments looks again when the payment is opened.
    pub async fn provider(&self, app: &App) -> Result<String, Error> {
        let Some(name) = &self.payment_provider else { return Ok(String::new()) };
        match app.providers().await {
            Ok(offered) if !offered.contains(name) => {
                let message = format!("must be one of: {}", offered.join(", "));
                Err(Problem::invalid("payment_provider", message).into())
            }
            _ => Ok(name.clone()),
        }
    }

    /// The lines, each SKU once.
    pub fn lines(&self) -> Result<Option<Vec<RequestedLine>>, Error> {
        let Some(items) = &self.items else { return Ok(None) };
        let lines = items.iter().map(|item| RequestedLine { sku_id: item.sku_id, quantity: item.quantity });
        match merged(lines) {
            Ok(lines) => Ok(Some(lines)),
            Err(sku) => {
                let place = items.iter().rposition(|item| item.sku_id == sku).unwrap_or(0);
                let message = format!("all lines of a SKU together may have at most {MAX_QUANTITY} units");
                Err(Problem::invalid(format!("items[{place}].quantity"), message).into())
            }
        }
    }
}

/// What passes for an e-mail address: the mail server has the last word.
fn is_email<C>(text: &str, _: &C) -> garde::Result {
    let fits = text.len() <= 254
        && !text.chars().any(|letter| letter.is_whitespace() || letter.is_control())
        && text.split_once('@').is_some_and(|(local, domain)| {
            let labels = || domain.split('.');
            !local.is_empty()
                && local.len() <= 64
                && !domain.contains('@')
                && labels().count() > 1
                && labels().all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
        });
    if fits { Ok(()) } else { Err(garde::Error::new("must be an e-mail address of at most 254 characters")) }
}

fn is_word<C>(text: &str, _: &C) -> garde::Result {
    let fits =
        text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'));
    if fits { Ok(()) } else { Err(garde::Error::new("must be the name of a payment provider")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for good in ["a@b.example", "first.last+tag@mail.example.org", "ü@müller.example"] {
            assert!(is_email(good, &()).is_ok(), "{good}");
        }
        for bad in
            ["", "a", "@b.example", "a@b", "a@b.", "a@@b.example", "a b@c.example", "a@b.example\r\nBcc: x@y.example"]
        {
            assert!(is_email(bad, &()).is_err(), "{bad}");
        }
    }
}
