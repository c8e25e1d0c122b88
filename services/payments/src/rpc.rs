//! The calls that payments answers.

use souk_contracts::payments::{
    CreatePaymentRequest, Fee, FeeLine, FeesReply, FeesRequest, GetPaymentRequest, Payment as Reply, ProvidersReply,
    ProvidersRequest, RefundPaymentReply, RefundPaymentRequest, payments_server::Payments,
};
use souk_kernel::{Actor, CategoryId, Currency, PaymentId, Problem, TypedId};
use tonic::{Request, Response, Status};

use crate::{
    app::AppState,
    domain::{
        commission::Line,
        payment::{MAX_AMOUNT, ProviderName},
        refund::{Parts, RefundStatus},
    },
    error::Error,
    operations::{
        cancel_payment::{By, cancel_payment},
        create_payment::{NewPayment, NewPortion, create_payment},
        refresh_payment::refresh_payment,
        request_refund::{Bearer, RefundWish, request_refund},
    },
    store::{Payment, payments, refunds},
};

/// Longer addresses break somewhere on their way.
const MAX_URL: usize = 2048;
const MAX_REFERENCE: usize = 255;

pub struct Calls(pub AppState);

fn id<I: TypedId>(field: &str, text: &str) -> Result<I, Problem> {
    text.parse().map_err(|error: souk_kernel::id::ParseIdError| Problem::invalid(field, error.to_string()))
}

fn currency(text: &str) -> Result<Currency, Problem> {
    text.parse().map_err(|error: souk_kernel::MoneyError| Problem::invalid("currency", error.to_string()))
}

fn reply(payment: Payment) -> Response<Reply> {
    Response::new(Reply {
        payment_id: payment.id.to_string(),
        order_id: payment.order_id.to_string(),
        attempt: payment.attempt,
        provider: payment.provider.as_str().to_owned(),
        status: payment.status.as_str().to_owned(),
        amount: payment.amount,
        currency: payment.currency.to_string(),
        refunded_amount: payment.refunded_amount,
        redirect: payment.redirect,
    })
}

#[tonic::async_trait]
impl Payments for Calls {
    async fn fees(&self, request: Request<FeesRequest>) -> Result<Response<FeesReply>, Status> {
        let FeesRequest { currency: code, lines } = request.into_inner();
        let currency = currency(&code).map_err(Error::from)?;
        let rules = self.0.rules().await?;
        let fee = |line: FeeLine| -> Result<Fee, Error> {
            let valid = (0..=MAX_AMOUNT).contains(&line.amount) && (1..=MAX_AMOUNT).contains(&line.quantity);
            if !valid {
                return Err(Problem::invalid("lines", "an amount or a quantity is out of range").into());
            }
            let categories = line
                .category_ids
                .iter()
                .map(|text| id("category_ids", text))
                .collect::<Result<Vec<CategoryId>, Problem>>()?;
            let asked = Line {
                seller: id("seller_id", &line.seller_id)?,
                categories: &categories,
                amount: line.amount,
                quantity: line.quantity,
                currency,
            };
            let fee = rules.fee(&asked).map_err(|error| Problem::invalid("lines", error.to_string()))?;
            Ok(match fee {
                Some(fee) => Fee {
                    line_id: line.line_id,
                    amount: fee.amount,
                    rule_id: fee.rule.to_string(),
                    rule_version: fee.version,
                    explanation: fee.explanation,
                },
                None => Fee { line_id: line.line_id, explanation: "no rule applies".to_owned(), ..Fee::default() },
            })
        };
        let fees = lines.into_iter().map(fee).collect::<Result<_, _>>()?;
        Ok(Response::new(FeesReply { fees }))
    }

    async fn create_payment(&self, request: Request<CreatePaymentRequest>) -> Result<Response<Reply>, Status> {
        let new = new_payment(request.into_inner()).map_err(Error::from)?;
        Ok(reply(create_payment(&self.0, new).await?))
    }

    async fn get_payment(&self, request: Request<GetPaymentRequest>) -> Result<Response<Reply>, Status> {
        let id = payment_id(&request.into_inner())?;
        let payment = payments::find(self.0.db.reader(), id).await.map_err(Error::from)?;
        Ok(reply(payment.ok_or(Error::NotFound("payment"))?))
    }

    async fn refresh_payment(&self, request: Request<GetPaymentRequest>) -> Result<Response<Reply>, Status> {
        Ok(reply(refresh_payment(&self.0, payment_id(&request.into_inner())?).await?))
    }

    async fn cancel_payment(&self, request: Request<GetPaymentRequest>) -> Result<Response<Reply>, Status> {
        Ok(reply(cancel_payment(&self.0, payment_id(&request.into_inner())?, By::Order).await?))
    }

    async fn refund_payment(
        &self,
        request: Request<RefundPaymentRequest>,
    ) -> Result<Response<RefundPaymentReply>, Status> {
        let request = request.into_inner();
        let wish = refund_wish(request).map_err(Error::from)?;
        let (payment, amount) = (wish.payment, wish.amount);
        let (refund_id, status) = match request_refund(&self.0, wish).await {
            Ok(refund) => (refund.id.to_string(), refund.status),
            // "All that is left" of nothing is done: by the latest refund, or there never was anything to pay.
            Err(Error::NothingToRefund) if amount.is_none() => {
                match refunds::latest(self.0.db.reader(), payment).await.map_err(Error::from)? {
                    Some(refund) => (refund.id.to_string(), refund.status),
                    None => (String::new(), RefundStatus::Completed),
                }
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Response::new(RefundPaymentReply { refund_id, status: status.as_str().to_owned() }))
    }

    async fn providers(&self, _: Request<ProvidersRequest>) -> Result<Response<ProvidersReply>, Status> {
        let names = self.0.providers.names().map(|name| name.as_str().to_owned()).collect();
        Ok(Response::new(ProvidersReply { names }))
    }
}

fn payment_id(request: &GetPaymentRequest) -> Result<PaymentId, Error> {
    Ok(id("payment_id", &request.payment_id)?)
}

fn new_payment(request: CreatePaymentRequest) -> Result<NewPayment, Problem> {
    let portions = request
        .allocations
        .iter()
        .map(|allocation| {
            Ok(NewPortion {
                seller_order_id: id("allocations.seller_order_id", &allocation.seller_order_id)?,
                seller_id: id("allocations.seller_id", &allocation.seller_id)?,
                parts: Parts {
                    goods: allocation.goods,
                    shipping: allocation.shipping,
                    tax: allocation.tax,
                    commission: allocation.commission,
                },
            })
        })
        .collect::<Result<_, Problem>>()?;
    let provider = match request.provider.as_str() {
        "" => None,
        name => Some(ProviderName::parse(name).ok_or_else(|| Problem::invalid("provider", "is not offered here"))?),
    };
    let order_token_hash = match request.order_token_hash.len() {
        0 => None,
        32 => Some(request.order_token_hash),
        _ => return Err(Problem::invalid("order_token_hash", "must be 32 bytes")),
    };
    Ok(NewPayment {
        order_id: id("order_id", &request.order_id)?,
        attempt: request.attempt,
        provider,
        amount: request.amount,
        currency: currency(&request.currency)?,
        portions,
        buyer_id: request.buyer_user_id.as_deref().map(|text| id("buyer_user_id", text)).transpose()?,
        order_token_hash,
        return_url: return_url(request.return_url)?,
    })
}

/// It becomes a header and a link: a path of ours or an http(s) address, in visible ASCII.
fn return_url(url: String) -> Result<String, Problem> {
    let known = url.starts_with("http://") || url.starts_with("https://");
    let ours = url.starts_with('/') && !url.starts_with("//") && !url.starts_with("/\\");
    if (known || ours) && url.len() <= MAX_URL && url.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(url)
    } else {
        Err(Problem::invalid(
            "return_url",
            "must be an http(s) address or a path, at most 2048 visible ASCII characters",
        ))
    }
}

fn refund_wish(request: RefundPaymentRequest) -> Result<RefundWish, Problem> {
    if !(1..=MAX_REFERENCE).contains(&request.reference.len()) {
        return Err(Problem::invalid("reference", "must be 1 to 255 bytes"));
    }
    if request.amount.is_some_and(|amount| !(1..=MAX_AMOUNT).contains(&amount)) {
        return Err(Problem::invalid("amount", "must be positive"));
    }
    let bearer = match &request.seller_order_id {
        Some(text) => Bearer::SellerOrder(id("seller_order_id", text)?),
        None => Bearer::All,
    };
    Ok(RefundWish {
        payment: id("payment_id", &request.payment_id)?,
        amount: request.amount,
        reason: request.reason,
        reference: request.reference,
        bearer,
        by: Actor::System,
    })
}
