//! The calls that cart answers.

use souk_contracts::cart::{
    CartLine, FreezeReply, FreezeRequest, GetReply, GetRequest, MergeReply, MergeRequest, Owner as WireOwner,
    ThawReply, ThawRequest, cart_server::Cart as CartCalls,
};
use souk_kernel::{OrderId, ParseIdError, Problem, UserId};
use souk_platform::security::token_hash;
use tonic::{Request, Response, Status, async_trait};

use crate::{
    app::State,
    domain::{Cart, Owner},
    error::Error,
    operations, store,
};

/// Answers calls.
pub struct Calls(pub State);

#[async_trait]
impl CartCalls for Calls {
    async fn merge(&self, request: Request<MergeRequest>) -> Result<Response<MergeReply>, Status> {
        let MergeRequest { user_id, cart_token } = request.into_inner();
        let user_id: UserId = id("user_id", &user_id)?;
        if !cart_token.is_empty() {
            operations::merge(&self.0, user_id, Owner::Guest(token_hash(&cart_token))).await?;
        }
        Ok(Response::new(MergeReply {}))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetReply>, Status> {
        let owner = owner(request.into_inner().owner)?;
        let cart = store::find_for_owner(self.0.db.reader(), &owner).await.map_err(Error::from)?;
        let reply = cart.map(|cart| GetReply { cart_id: cart.id.to_string(), lines: lines(&cart) });
        Ok(Response::new(reply.unwrap_or_default()))
    }

    async fn freeze(&self, request: Request<FreezeRequest>) -> Result<Response<FreezeReply>, Status> {
        let FreezeRequest { owner: wanted, order_id } = request.into_inner();
        let cart = operations::freeze(&self.0, owner(wanted)?, order(&order_id)?).await?;
        Ok(Response::new(FreezeReply { cart_id: cart.id.to_string(), lines: lines(&cart) }))
    }

    async fn thaw(&self, request: Request<ThawRequest>) -> Result<Response<ThawReply>, Status> {
        let ThawRequest { order_id, owner: of } = request.into_inner();
        let of = of.filter(|of| of.user_id.is_some() || of.cart_token_hash.is_some()).map(|of| owner(Some(of)));
        operations::thaw(&self.0, order(&order_id)?, of.transpose()?).await?;
        Ok(Response::new(ThawReply {}))
    }
}

fn owner(owner: Option<WireOwner>) -> Result<Owner, Error> {
    match owner {
        Some(WireOwner { user_id: Some(user_id), .. }) => Ok(Owner::User(id("owner.user_id", &user_id)?)),
        Some(WireOwner { cart_token_hash: Some(hash), .. }) => {
            let hash = hash.try_into().map_err(|_| Problem::invalid("owner.cart_token_hash", "must be 32 bytes"))?;
            Ok(Owner::Guest(hash))
        }
        _ => Err(Problem::invalid("owner", "must name a user or the hash of a guest's token").into()),
    }
}

fn order(text: &str) -> Result<OrderId, Error> {
    id("order_id", text)
}

fn id<I: std::str::FromStr<Err = ParseIdError>>(field: &str, text: &str) -> Result<I, Error> {
    text.parse().map_err(|error: ParseIdError| Problem::invalid(field, error.to_string()).into())
}

fn lines(cart: &Cart) -> Vec<CartLine> {
    let line = |line: &crate::domain::Line| CartLine {
        sku_id: line.sku_id.to_string(),
        quantity: line.quantity,
        unit_price: line.seen.unit_price,
        currency: line.seen.currency.to_string(),
    };
    cart.lines.iter().map(line).collect()
}
