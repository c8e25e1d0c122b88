//! POST /orders.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;
use souk_kernel::Problem;
use souk_platform::{
    http::{Body, Failure, Hashed, IdempotencyKey, Reply, Served, idempotent_by_itself, openapi::Envelope},
    security::{CartToken, MaybeUser},
};

use super::{
    caller::Viewer,
    requests::OrderRequest,
    views::{self, OrderView},
};
use crate::{
    app::AppState,
    domain::OrderStatus,
    error::Error,
    operations::{self, Asked, NewOrder, Placed, Request},
};

/// Places an order, of `items` or of the caller's cart. 201 with the address to pay at; 202 when many are placing orders
/// or a part of the marketplace is slow: the order is then `queued` and goes on by itself.
#[utoipa::path(post, path = "/orders", tag = "orders", request_body = OrderRequest, params(CartToken, IdempotencyKey),
    responses((status = 201, body = Envelope<OrderView>), (status = 202, body = Envelope<OrderView>), Failure),
    security((), ("bearer" = [])))]
pub async fn place(
    State(app): State<AppState>,
    MaybeUser(user): MaybeUser,
    CartToken(cart_token): CartToken,
    key: IdempotencyKey,
    Hashed { body: Body(request), hash }: Hashed<Body<OrderRequest>>,
) -> Response {
    let user_id = user.map(|principal| principal.user_id);
    // A key belongs to who sends it.
    let owner = match (user_id, &cart_token, &request.email) {
        (Some(user), ..) => user.to_string(),
        (None, Some(token), _) => format!("cart {token}"),
        (None, None, Some(email)) => format!("guest {email}"),
        (None, None, None) => return Failure(Problem::invalid("email", "is needed of guests")).into_response(),
    };
    let given = key.0.clone().map(|key| Request { owner: owner.clone(), key, hash });
    let db = app.db.clone();
    let serve = async move {
        let asked = match new_order(&app, request, user_id, cart_token, given).await {
            Ok(new) => operations::place_order(&app, new).await,
            Err(error) => Asked::First(Err(error)),
        };
        match asked {
            Asked::First(placed) => Served::First(answer(placed)),
            Asked::Before(order) => Served::Before(async move { answer(operations::join(&app, user_id, order).await) }),
        }
    };
    idempotent_by_itself(&db, &owner, &key, hash, Box::pin(serve)).await
}

async fn new_order(
    app: &AppState,
    request: OrderRequest,
    user_id: Option<souk_kernel::UserId>,
    cart_token: Option<String>,
    given: Option<Request>,
) -> Result<NewOrder, Error> {
    if user_id.is_none() && request.email.is_none() {
        return Err(Problem::invalid("email", "is needed of guests").into());
    }
    Ok(NewOrder {
        user_id,
        shipping_method: request.method(app)?,
        provider: request.provider(app).await?,
        items: request.lines()?,
        email: request.email,
        address: request.shipping_address,
        expected_total: request.expected_total,
        cart_token,
        request: given,
    })
}

fn answer(placed: Result<Placed, Error>) -> Response {
    let Placed { order, access_token } = match placed {
        Ok(placed) => placed,
        Err(error) => return error.into_response(),
    };
    let view = OrderView { access_token, ..views::order(&order, Viewer::Buyer) };
    let (location, version) = (format!("/api/v1/orders/{}", view.id), view.version);
    let reply = if view.status == OrderStatus::Queued { Reply::accepted(view) } else { Reply::created(view) };
    reply.header(header::LOCATION, location).etag(version).into_response()
}
