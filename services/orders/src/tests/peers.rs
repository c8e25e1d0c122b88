//! The world's answers to the calls that orders makes.

use souk_contracts::{cart, catalog, identity, inventory, payments};
use souk_kernel::PaymentId;
use tonic::{Request, Response, Status};

use super::world::{Event, Hold, Payment, State, World};

type Answer<T> = Result<Response<T>, Status>;

fn unused<T>() -> Answer<T> {
    Err(Status::unimplemented("orders does not call this"))
}

#[tonic::async_trait]
impl catalog::catalog_server::Catalog for World {
    async fn offers(&self, request: Request<catalog::OffersRequest>) -> Answer<catalog::OffersReply> {
        let gate = self.enter("catalog", "offers").await?;
        let offers = {
            let state = self.state();
            let skus = request.into_inner().sku_ids.into_iter().filter(|sku| state.on_hand.contains_key(sku));
            let offer = |sku: String| catalog::Offer {
                product_id: State::product_of(&sku).to_string(),
                seller_id: state.sellers[&sku].to_string(),
                seller_name: "Seller".into(),
                title: "Thing".into(),
                price: state.price,
                currency: "EUR".into(),
                sellable: state.sellable,
                not_sellable_reason: if state.sellable { String::new() } else { "seller_unavailable".into() },
                sku_id: sku,
                ..catalog::Offer::default()
            };
            skus.map(offer).collect()
        };
        self.leave(gate, catalog::OffersReply { offers }).await
    }
    async fn ensure_category(
        &self,
        _: Request<catalog::EnsureCategoryRequest>,
    ) -> Answer<catalog::EnsureCategoryReply> {
        unused()
    }
    async fn import_products(
        &self,
        _: Request<catalog::ImportProductsRequest>,
    ) -> Answer<catalog::ImportProductsReply> {
        unused()
    }
    async fn find_skus(&self, _: Request<catalog::FindSkusRequest>) -> Answer<catalog::FindSkusReply> {
        unused()
    }
    async fn categories(&self, _: Request<catalog::CategoriesRequest>) -> Answer<catalog::CategoriesReply> {
        unused()
    }
    async fn products(&self, _: Request<catalog::ProductsRequest>) -> Answer<catalog::ProductsReply> {
        unused()
    }
    async fn match_titles(&self, _: Request<catalog::MatchTitlesRequest>) -> Answer<catalog::MatchTitlesReply> {
        unused()
    }
}

#[tonic::async_trait]
impl inventory::inventory_server::Inventory for World {
    async fn reserve(&self, request: Request<inventory::ReserveRequest>) -> Answer<inventory::ReserveReply> {
        let gate = self.enter("inventory", "reserve").await?;
        let request = request.into_inner();
        let reply = {
            let mut state = self.state();
            let mine = |line: &inventory::Line| (request.order_id.clone(), line.sku_id.clone());
            let missing = request.lines.iter().filter(|line| !state.holds.contains_key(&mine(line)));
            let short: Vec<_> = missing
                .filter(|line| state.available(&line.sku_id) < line.quantity)
                .map(|line| inventory::Shortage {
                    sku_id: line.sku_id.clone(),
                    requested: line.quantity,
                    available: state.available(&line.sku_id),
                })
                .collect();
            if short.is_empty() {
                for line in &request.lines {
                    state.holds.entry(mine(line)).or_insert(Hold::Reserved(line.quantity));
                }
            }
            inventory::ReserveReply { reserved: short.is_empty(), shortages: short }
        };
        self.leave(gate, reply).await
    }
    async fn commit(&self, request: Request<inventory::CommitRequest>) -> Answer<inventory::CommitReply> {
        let gate = self.enter("inventory", "commit").await?;
        let order = request.into_inner().order_id;
        let committed = {
            let mut state = self.state();
            let mine = state.holds.iter_mut().filter(|((held, _), _)| *held == order);
            mine.map(|(_, hold)| {
                if let Hold::Reserved(units) = *hold {
                    *hold = Hold::Committed(units);
                }
            })
            .count()
                > 0
        };
        self.leave(gate, inventory::CommitReply { committed }).await
    }
    async fn release(&self, request: Request<inventory::ReleaseRequest>) -> Answer<inventory::ReleaseReply> {
        let gate = self.enter("inventory", "release").await?;
        let order = request.into_inner().order_id;
        self.state().holds.retain(|(held, _), hold| *held != order || matches!(hold, Hold::Committed(_)));
        self.leave(gate, inventory::ReleaseReply { released: true }).await
    }
    async fn restock(&self, request: Request<inventory::RestockRequest>) -> Answer<inventory::RestockReply> {
        let gate = self.enter("inventory", "restock").await?;
        let request = request.into_inner();
        {
            let mut state = self.state();
            if !state.restocked.contains(&request.reference) {
                state.restocked.push(request.reference);
                let all = request.lines.is_empty();
                for ((held, sku), hold) in &mut state.holds {
                    let Hold::Committed(units) = hold else { continue };
                    let back = request.lines.iter().find(|line| line.sku_id == *sku).map(|line| line.quantity);
                    if *held == request.order_id {
                        *units -= if all { *units } else { back.unwrap_or(0) };
                    }
                }
                state.holds.retain(|_, hold| *hold != Hold::Committed(0));
            }
        }
        self.leave(gate, inventory::RestockReply {}).await
    }
    async fn open(&self, _: Request<inventory::OpenRequest>) -> Answer<inventory::OpenReply> {
        unused()
    }
    async fn set_on_hand(&self, _: Request<inventory::SetOnHandRequest>) -> Answer<inventory::SetOnHandReply> {
        unused()
    }
    async fn levels(&self, _: Request<inventory::LevelsRequest>) -> Answer<inventory::LevelsReply> {
        unused()
    }
}

fn refusal(code: &'static str, message: &'static str) -> Status {
    souk_platform::rpc::status(souk_kernel::Problem::new(souk_kernel::ErrorKind::Conflict, code, message))
}

#[tonic::async_trait]
impl cart::cart_server::Cart for World {
    async fn freeze(&self, request: Request<cart::FreezeRequest>) -> Answer<cart::FreezeReply> {
        let gate = self.enter("cart", "freeze").await?;
        let request = request.into_inner();
        let hash = request.owner.and_then(|owner| owner.cart_token_hash).unwrap_or_default();
        let reply = {
            let mut state = self.state();
            if state.ended.contains(&request.order_id) {
                return Err(refusal("order_ended", "the order has ended"));
            }
            let theirs = |token: &str| souk_platform::security::token_hash(token).as_slice() == hash.as_slice();
            let found = state.carts.iter_mut().find(|(token, _)| theirs(token));
            let (_, cart) = found.ok_or_else(|| Status::failed_precondition("no cart"))?;
            if cart.order.as_ref().is_some_and(|order| *order != request.order_id) {
                return Err(refusal("cart_frozen", "the cart belongs to another order"));
            }
            cart.order = Some(request.order_id);
            let lines = cart.lines.iter().map(|(sku, quantity)| cart::CartLine {
                sku_id: sku.clone(),
                quantity: *quantity,
                unit_price: 1000,
                currency: "EUR".into(),
            });
            cart::FreezeReply { cart_id: cart.id.clone(), lines: lines.collect() }
        };
        self.leave(gate, reply).await
    }
    async fn thaw(&self, request: Request<cart::ThawRequest>) -> Answer<cart::ThawReply> {
        let gate = self.enter("cart", "thaw").await?;
        let id = request.into_inner().order_id;
        {
            let mut state = self.state();
            for cart in state.carts.values_mut().filter(|cart| cart.order.as_ref() == Some(&id)) {
                cart.order = None;
            }
            state.ended.insert(id);
        }
        self.leave(gate, cart::ThawReply {}).await
    }
    async fn merge(&self, _: Request<cart::MergeRequest>) -> Answer<cart::MergeReply> {
        unused()
    }
    async fn get(&self, _: Request<cart::GetRequest>) -> Answer<cart::GetReply> {
        unused()
    }
}

impl World {
    fn told(&self, id: &str) -> Result<payments::Payment, Status> {
        let state = self.state();
        let known = state.payments.get(id).ok_or_else(|| Status::not_found("payment"))?;
        Ok(payments::Payment {
            payment_id: id.to_owned(),
            order_id: known.order.clone(),
            attempt: known.attempt,
            provider: known.provider.clone(),
            status: known.status.to_owned(),
            amount: known.amount,
            currency: "EUR".into(),
            refunded_amount: known.refunded,
            redirect: format!("/sandbox/payments/{id}"),
        })
    }
}

#[tonic::async_trait]
impl payments::payments_server::Payments for World {
    async fn fees(&self, request: Request<payments::FeesRequest>) -> Answer<payments::FeesReply> {
        let gate = self.enter("payments", "fees").await?;
        let fee = |line: payments::FeeLine| payments::Fee {
            line_id: line.line_id,
            amount: line.amount / 10,
            ..payments::Fee::default()
        };
        let fees = request.into_inner().lines.into_iter().map(fee).collect();
        self.leave(gate, payments::FeesReply { fees }).await
    }
    async fn create_payment(&self, request: Request<payments::CreatePaymentRequest>) -> Answer<payments::Payment> {
        let gate = self.enter("payments", "create_payment").await?;
        let request = request.into_inner();
        let of_parts: i64 = request.allocations.iter().map(|part| part.goods + part.shipping + part.tax).sum();
        assert_eq!(of_parts, request.amount, "the allocations add up to the payment");
        let id = PaymentId::derived(&format!("{}/{}", request.order_id, request.attempt)).to_string();
        let payment = Payment {
            order: request.order_id,
            attempt: request.attempt,
            provider: if request.provider.is_empty() { "sandbox".into() } else { request.provider },
            status: "pending",
            amount: request.amount,
            refunded: 0,
            references: Vec::new(),
        };
        let amount = self.state().payments.entry(id.clone()).or_insert(payment).amount;
        assert_eq!(amount, request.amount, "an attempt is never priced again");
        self.leave(gate, self.told(&id)?).await
    }
    async fn get_payment(&self, request: Request<payments::GetPaymentRequest>) -> Answer<payments::Payment> {
        let gate = self.enter("payments", "get_payment").await?;
        self.leave(gate, self.told(&request.into_inner().payment_id)?).await
    }
    async fn refresh_payment(&self, request: Request<payments::GetPaymentRequest>) -> Answer<payments::Payment> {
        let gate = self.enter("payments", "refresh_payment").await?;
        self.leave(gate, self.told(&request.into_inner().payment_id)?).await
    }
    async fn cancel_payment(&self, request: Request<payments::GetPaymentRequest>) -> Answer<payments::Payment> {
        let gate = self.enter("payments", "cancel_payment").await?;
        let id = request.into_inner().payment_id;
        {
            let mut state = self.state();
            let known = state.payments.get_mut(&id).ok_or_else(|| Status::not_found("payment"))?;
            if matches!(known.status, "pending" | "failed") {
                known.status = "cancelled";
                let (payment_id, order_id) = (id.parse().unwrap(), known.order.parse().unwrap());
                let failed = souk_contracts::events::PaymentFailed { payment_id, order_id, reason: "cancelled".into() };
                state.events.push(Event::Failed(failed));
            }
        }
        self.leave(gate, self.told(&id)?).await
    }
    async fn refund_payment(
        &self,
        request: Request<payments::RefundPaymentRequest>,
    ) -> Answer<payments::RefundPaymentReply> {
        let gate = self.enter("payments", "refund_payment").await?;
        let request = request.into_inner();
        self.state().refund(&request.payment_id, request.amount, &request.reference)?;
        self.leave(gate, payments::RefundPaymentReply { refund_id: String::new(), status: "pending".into() }).await
    }
    async fn providers(&self, _: Request<payments::ProvidersRequest>) -> Answer<payments::ProvidersReply> {
        let gate = self.enter("payments", "providers").await?;
        self.leave(gate, payments::ProvidersReply { names: vec!["sandbox".into(), "manual".into()] }).await
    }
}

#[tonic::async_trait]
impl identity::identity_server::Identity for World {
    async fn jwks(&self, _: Request<identity::JwksRequest>) -> Answer<identity::JwksReply> {
        unused()
    }
    async fn ended_sessions(&self, _: Request<identity::EndedSessionsRequest>) -> Answer<identity::EndedSessionsReply> {
        unused()
    }
    async fn standing(&self, _: Request<identity::StandingRequest>) -> Answer<identity::StandingReply> {
        unused()
    }
    async fn get_sellers(&self, _: Request<identity::GetSellersRequest>) -> Answer<identity::GetSellersReply> {
        unused()
    }
    async fn get_users(&self, _: Request<identity::GetUsersRequest>) -> Answer<identity::GetUsersReply> {
        unused()
    }
    async fn ensure_seller(&self, _: Request<identity::EnsureSellerRequest>) -> Answer<identity::SellerProfile> {
        unused()
    }
}
