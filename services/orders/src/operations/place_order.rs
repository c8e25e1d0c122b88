//! Step 1 of the checkout: accept the order, then place it while the buyer waits, or queue it.

use std::sync::Arc;

use sea_orm::{ActiveValue::Set, EntityTrait, IntoActiveModel};
use sha2::{Digest, Sha256};
use souk_contracts::identity::{GetUsersRequest, UserProfile};
use souk_kernel::{Actor, CartId, ErrorKind, OrderId, Problem, UserId};
use souk_platform::{context, security::token_hash};
use tokio::sync::oneshot;

use super::{
    TRIES,
    check_out::{Mode, Outcome, check_out, resume},
    resume_orders::claimed_until,
    until_won,
};
use crate::{
    app::{AppState, is_duplicate},
    domain::{Fulfilment, OrderStatus, RequestedLine, Step, number},
    error::Error,
    queue::{Placing, Ticket},
    store::{self, Address, Entry, Order, orders},
};

mod join;

pub use join::join;

/// What a buyer asks for.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// Absent for guests.
    pub user_id: Option<UserId>,
    /// Needed of guests; users' own by default.
    pub email: Option<String>,
    pub address: Address,
    pub shipping_method: String,
    pub provider: String,
    /// Absent: the cart.
    pub items: Option<Vec<RequestedLine>>,
    pub expected_total: Option<i64>,
    pub cart_token: Option<String>,
    pub request: Option<Request>,
}

/// The request that the order is made by, when it has an idempotency key.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose key it is.
    pub owner: String,
    pub key: String,
    /// Of method, path and body.
    pub hash: [u8; 32],
}

impl Request {
    fn id(&self) -> Vec<u8> {
        // A key has no spaces, so that the two parts can't be confused.
        Sha256::new().chain_update(&self.key).chain_update(" ").chain_update(&self.owner).finalize().to_vec()
    }
}

/// A placed or queued order, and the token that lets a guest see it.
#[derive(Debug)]
pub struct Placed {
    pub order: Order,
    pub access_token: Option<String>,
}

/// What a request came to.
pub enum Asked {
    First(Result<Placed, Error>),
    /// It made this order before: see [`join`].
    Before(orders::Model),
}

/// Places the order. It is `queued` when there was no turn for it yet, or when a peer that can't be done without is down.
///
/// An order carries the key of its request, and there is one of each at most. So nothing has to be claimed before, and what
/// stands in the way of another order, a full queue for example, does not keep anybody from hearing of a known one.
pub async fn place_order(app: &AppState, new: NewOrder) -> Asked {
    for _ in 0..TRIES {
        let error = match accept(app, &new).await {
            Ok(accepted) => return Asked::First(accepted.place(app).await),
            Err(error) => error,
        };
        let Some(request) = &new.request else { return Asked::First(Err(error)) };
        match join::known(app, request).await {
            // The other order gave the key free meanwhile.
            Ok(None) if is_duplicate(&error) => {}
            Ok(None) => return Asked::First(Err(error)),
            Ok(Some(order)) => return Asked::Before(order),
            Err(error) => return Asked::First(Err(error)),
        }
    }
    Asked::First(Err(Error::Lost))
}

/// An order that is stored, and the place in the queue that was given to it.
struct Accepted {
    order: Order,
    access_token: Option<String>,
    ticket: Ticket,
    placing: Placing,
}

async fn accept(app: &AppState, new: &NewOrder) -> Result<Accepted, Error> {
    if new.items.is_none() && new.user_id.is_none() && new.cart_token.is_none() {
        return Err(Error::Conflict { code: "cart_empty", message: "the cart is empty" });
    }
    let (email, locale) = contact(app, new).await?;
    let ticket = app.queue.admit()?;
    let (id, placing) = loop {
        let id = OrderId::new();
        if let Some(placing) = app.queue.claim(id) {
            break (id, placing);
        }
    };
    let access_token = new.user_id.is_none().then(|| app.guest_tokens.of(id));
    let row = accepted(app, id, new, email, locale, access_token.as_deref());
    let order = store_accepted(app, row).await?;
    Ok(Accepted { order, access_token, ticket, placing })
}

/// Where to write to, and in which language.
async fn contact(app: &AppState, new: &NewOrder) -> Result<(String, String), Error> {
    let Some(user_id) = new.user_id else {
        let Some(email) = new.email.clone() else {
            return Err(Problem::invalid("email", "is needed of guests").into());
        };
        return Ok((email, "en".to_owned()));
    };
    match (profile(app, user_id).await, &new.email) {
        (Ok(profile), email) => Ok((email.clone().unwrap_or_else(|| profile.email.clone()), profile.locale.clone())),
        (Err(_), Some(email)) => Ok((email.clone(), "en".to_owned())),
        (Err(error), None) => Err(error),
    }
}

async fn profile(app: &AppState, user_id: UserId) -> Result<Arc<UserProfile>, Error> {
    let fill = || async {
        let request = GetUsersRequest { user_ids: vec![user_id.to_string()] };
        let reply = app.identity.clone().get_users(request).await.map_err(souk_platform::rpc::problem)?;
        let gone = || Problem::unauthenticated("the account does not exist any more");
        reply.into_inner().users.into_iter().next().map(Arc::new).ok_or_else(gone)
    };
    Ok(app.users.get_or_fill(user_id.to_string(), fill).await?)
}

fn accepted(
    app: &AppState,
    id: OrderId,
    new: &NewOrder,
    email: String,
    locale: String,
    access_token: Option<&str>,
) -> orders::Model {
    let now = app.now();
    orders::Model {
        id,
        number: number::of(id),
        user_id: new.user_id,
        token_hash: access_token.map(|token| token_hash(token).to_vec()),
        email,
        locale,
        address: new.address.clone(),
        shipping_method: new.shipping_method.clone(),
        provider: new.provider.clone(),
        request_key: new.request.as_ref().map(Request::id),
        request_hash: new.request.as_ref().map(|request| request.hash.to_vec()),
        cart_key: new.cart_token.as_ref().map(|token| token_hash(token).to_vec()),
        cart_id: None::<CartId>,
        live_cart_id: None,
        requested: orders::Requested(new.items.clone().unwrap_or_default()),
        expected_total: new.expected_total,
        step: if new.items.is_some() { Step::Price } else { Step::Freeze },
        status: OrderStatus::Queued,
        ending: None,
        fulfilment: Fulfilment::None,
        payment_status: None,
        payment_id: None,
        attempt: 0,
        redirect: None,
        currency: app.currency,
        subtotal: 0,
        discount: 0,
        shipping: 0,
        tax: 0,
        total: 0,
        price_may_have_changed: false,
        reason: None,
        rejection: None,
        hidden: false,
        expires_at: None,
        claimed_until: Some(claimed_until(now)),
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

async fn store_accepted(app: &AppState, row: orders::Model) -> Result<Order, Error> {
    let (id, at) = (row.id, row.created_at);
    let entry = Entry::order(row.status, Actor::Buyer(row.user_id), "");
    let (written, entries) = (row.clone(), [entry.clone()]);
    app.db
        .guarded(move |tx| async move {
            tx.defer(&orders::Entity::insert(written.into_active_model()));
            store::history::write(&tx, id, at, entries);
            Ok::<_, Error>(())
        })
        .await?;
    Ok(Order { row, parts: Vec::new(), lines: Vec::new(), history: vec![entry.at(id, at)] })
}

impl Accepted {
    /// Places it in a task of its own, so that it goes on when the buyer hangs up; gives what the buyer is to be told.
    async fn place(self, app: &AppState) -> Result<Placed, Error> {
        let Self { order, access_token, ticket, placing } = self;
        let (answer, wait) = oneshot::channel();
        let id = order.row.id;
        let task = place(Arc::clone(app), order, ticket, placing, answer);
        tokio::spawn(context::scope(context::current(), task));
        let order = match tokio::time::timeout(app.config.answer_within, wait).await {
            Ok(Ok(outcome)) => match outcome? {
                Outcome::Placed(order) | Outcome::Queued(order) => order,
                Outcome::Rejected(problem) => return Err(problem.into()),
            },
            // The task panicked, which is logged; the order stays queued and is taken up again.
            Ok(Err(_)) => return Err(Problem::internal().into()),
            Err(_) => {
                let row = orders::find(app.db.reader(), id).await?.ok_or(Error::NotFound("order"))?;
                match row.rejection {
                    Some(rejection) => return Err(rejection.0.into()),
                    None => app.complete(row).await?,
                }
            }
        };
        Ok(Placed { order, access_token })
    }
}

type Answer = oneshot::Sender<Result<Outcome, Error>>;

async fn place(app: AppState, order: Order, ticket: Ticket, placing: Placing, answer: Answer) {
    // Held until the end: the resuming job leaves the order alone.
    let _placing = placing;
    let id = order.row.id;
    // A buyer who went away does not want the answer.
    let _ = match ticket {
        Ticket::Now(_permit) => {
            let _turn = app.locks.enter(id).await;
            answer.send(check_out(&app, order, Mode::Direct).await)
        }
        later @ Ticket::Later(_) => {
            let prepared = {
                let _turn = app.locks.enter(id).await;
                check_out(&app, order, Mode::Prepare).await
            };
            let queued = matches!(prepared, Ok(Outcome::Queued(_)));
            let told = answer.send(prepared);
            if queued {
                let _permit = later.turn().await;
                let _turn = app.locks.enter(id).await;
                if let Err(error) = Box::pin(resume(&app, id)).await {
                    tracing::warn!(order_id = %id, %error, "a queued order could not be placed yet");
                }
            }
            told
        }
    };
}

/// The same key came with another request.
fn reused() -> Error {
    let message = "this Idempotency-Key was used for another request";
    Problem::new(ErrorKind::Invalid, "idempotency_key_reused", message).into()
}

/// Gives a guest a new token for an order whose first one, made in another way, was lost with the answer.
async fn renew_token(app: &AppState, id: OrderId) -> Result<String, Error> {
    let token = app.guest_tokens.of(id);
    let hash = token_hash(&token).to_vec();
    until_won(|| async {
        let row = orders::find(app.db.reader(), id).await?.ok_or(Error::NotFound("order"))?;
        let change = orders::ActiveModel { token_hash: Set(Some(hash.clone())), ..Default::default() };
        app.write(id, move |tx| async move { Ok(orders::update(&tx, id, row.version, tx.now(), change).await??) }).await
    })
    .await?;
    Ok(token)
}
