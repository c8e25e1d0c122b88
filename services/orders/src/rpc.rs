//! The calls that this service answers.

use souk_contracts::orders::{
    HasReceivedReply, HasReceivedRequest, NextPaymentAttemptReply, NextPaymentAttemptRequest,
    orders_server::{Orders, OrdersServer},
};
use souk_kernel::{OrderId, ProductId, UserId};
use souk_platform::security::token_hash;
use tonic::{Request, Response, Status, service::Routes};

use crate::{
    app::AppState,
    error::Error,
    operations,
    store::{Credentials, received},
};

pub fn routes(app: AppState) -> Routes {
    Routes::new(OrdersServer::new(Calls(app)))
}

struct Calls(AppState);

/// An id from a caller; one that is none belongs to nothing.
fn id<T: std::str::FromStr>(what: &'static str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|_| Error::NotFound(what))
}

#[tonic::async_trait]
impl Orders for Calls {
    async fn has_received(&self, request: Request<HasReceivedRequest>) -> Result<Response<HasReceivedReply>, Status> {
        let request = request.into_inner();
        let (user, product) =
            (id::<UserId>("user", &request.user_id)?, id::<ProductId>("product", &request.product_id)?);
        let received = received::has_received(self.0.db.reader(), user, product).await.map_err(Error::from)?;
        Ok(Response::new(HasReceivedReply { received }))
    }

    async fn next_payment_attempt(
        &self,
        request: Request<NextPaymentAttemptRequest>,
    ) -> Result<Response<NextPaymentAttemptReply>, Status> {
        let request = request.into_inner();
        let order: OrderId = id("order", &request.order_id)?;
        let buyer = Credentials {
            user_id: request.user_id.as_deref().map(|user| id("order", user)).transpose()?,
            token_hash: request.order_token.as_deref().map(|token| token_hash(token).to_vec()),
        };
        let payment_id = operations::next_payment_attempt(&self.0, order, buyer, &request.provider).await?.to_string();
        Ok(Response::new(NextPaymentAttemptReply { payment_id }))
    }
}
