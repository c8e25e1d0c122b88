//! The checkout saga, steps 1 to 5: from an accepted order to one whose payment is open.
//!
//! Where it stands is in the order's `step`. Every call to a peer may be repeated, and nothing outside is called inside a
//! transaction, so a run that breaks off at any line is taken up again by [`super::resume_orders`].

use souk_contracts::{
    cart::{FreezeReply, FreezeRequest},
    inventory::{Line, ReserveRequest},
};
use souk_kernel::{Actor, ErrorKind, OrderId, Problem};

use super::{
    complete_order::{Paid, complete_in_turn},
    open_payment::open_payment,
    price_order::{Quote, cart_lines, owner, price_lines},
    reject_order::reject,
};
use crate::{
    app::{App, is_duplicate},
    config::after,
    domain::{OrderStatus, PaymentStatus, Step},
    error::{Error, Shortage},
    store::{self, Entry, Order, orders, orders::Requested},
};

mod divide;

/// Inventory keeps the units this much longer than the order may be paid, so that a payment of the last second finds them.
const GRACE: std::time::Duration = std::time::Duration::from_mins(1);

/// For whom a run is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// The buyer waits for the answer.
    Direct,
    /// The buyer waits until the order is queued: only the cart is bound.
    Prepare,
    /// Nobody waits.
    Background,
}

/// How a run ended.
pub enum Outcome {
    /// Waits for its payment, or is past that.
    Placed(Order),
    /// To be taken up again.
    Queued(Order),
    Rejected(Problem),
}

/// One run.
pub(super) struct Run<'a> {
    pub app: &'a App,
    pub order: Order,
    pub mode: Mode,
    /// The step in the database; `order` may be ahead of it.
    stored: Step,
    /// Whether the cart may be bound to the order.
    pub frozen: bool,
    /// Whether units may be held for the order.
    pub held: bool,
    reserved: bool,
}

/// Places `order` as far as possible now. The caller has the turn.
pub async fn check_out(app: &App, order: Order, mode: Mode) -> Result<Outcome, Error> {
    let before = mode == Mode::Background;
    let frozen = order.row.cart_id.is_some() || (before && order.row.step == Step::Freeze);
    let stored = order.row.step;
    let mut run = Run { app, order, mode, stored, frozen, held: before, reserved: false };
    loop {
        let step = run.order.row.step;
        if mode == Mode::Prepare && step != Step::Freeze {
            return run.park().await;
        }
        let done = match step {
            Step::Freeze => run.freeze().await,
            Step::Price => run.price().await,
            Step::Pay => run.pay().await,
            Step::Wait | Step::Done => return Ok(Outcome::Placed(run.order)),
        };
        if let Err(error) = done {
            return run.stop(step, error).await;
        }
    }
}

/// Takes up a queued order where it was left. The caller has the turn.
pub async fn resume(app: &App, id: OrderId) -> Result<Option<Outcome>, Error> {
    let Some(row) = orders::find(app.db.reader(), id).await? else { return Ok(None) };
    if row.status != OrderStatus::Queued {
        return Ok(None);
    }
    let order = app.complete(row).await?;
    check_out(app, order, Mode::Background).await.map(Some)
}

impl Run<'_> {
    /// Step 1: bind the cart and learn its lines.
    async fn freeze(&mut self) -> Result<(), Error> {
        let row = &self.order.row;
        let owner = owner(row.user_id, row.cart_key.clone());
        let request = FreezeRequest { owner: Some(owner), order_id: row.id.to_string() };
        let mut answer = self.bind(request.clone()).await;
        if self.mode != Mode::Background && answer.as_ref().is_err_and(Error::is_transient) {
            // What took too long has often been done, and nothing stands in the order's way yet: a buyer who would have to begin
            // again waits once more instead.
            answer = self.bind(request).await;
        }
        let cart = answer?;
        let row = &mut self.order.row;
        row.requested = Requested(cart_lines(&cart.lines)?);
        row.cart_id = Some(super::read("cart_id", &cart.cart_id)?);
        row.live_cart_id = row.cart_id;
        row.step = Step::Price;
        Ok(())
    }

    async fn bind(&mut self, request: FreezeRequest) -> Result<FreezeReply, Error> {
        let answer = self.app.cart.clone().freeze(request).await.map(tonic::Response::into_inner).map_err(Error::from);
        // It may have been, and is to be freed if this ends badly.
        self.frozen |= answer.as_ref().map_or_else(Error::is_transient, |_| true);
        answer
    }

    /// Steps 2 to 4: price, hold, divide; all of it is stored at once.
    async fn price(&mut self) -> Result<(), Error> {
        let row = &self.order.row;
        let quote = price_lines(self.app, &row.requested.0, row.cart_id.is_some(), &row.shipping_method).await?;
        let actual = quote.priced.sums.total;
        if let Some(expected) = row.expected_total.filter(|expected| *expected != actual) {
            return Err(Error::TotalChanged { expected, actual });
        }
        let expires_at = after(self.app.now(), self.app.config.reservation_ttl);
        self.reserve(after(expires_at, GRACE).timestamp_millis()).await?;
        let Quote { priced, price_may_have_changed } = quote;
        let fees = divide::fees(self.app, &priced).await?;
        self.order = divide::divided(&self.order, priced, &fees, self.app.now())?;
        self.order.row.price_may_have_changed = price_may_have_changed;
        self.order.row.expires_at = Some(expires_at);
        self.order.row.step = Step::Pay;
        divide::store(self.app, &mut self.order).await.map_err(cart_taken)?;
        self.stored = Step::Pay;
        Ok(())
    }

    async fn reserve(&mut self, expires_at_ms: i64) -> Result<(), Error> {
        let wanted = &self.order.row.requested.0;
        let lines =
            wanted.iter().map(|line| Line { sku_id: line.sku_id.to_string(), quantity: line.quantity }).collect();
        let request = ReserveRequest { order_id: self.order.row.id.to_string(), lines, expires_at_ms };
        let reply = match self.app.inventory.clone().reserve(request).await {
            Ok(reply) => reply.into_inner(),
            Err(status) => {
                let error = Error::from(status);
                self.held |= error.is_transient();
                return Err(error);
            }
        };
        self.held = reply.reserved;
        self.reserved = reply.reserved;
        if reply.reserved {
            return Ok(());
        }
        let shortages = reply.shortages.iter().filter_map(|short| {
            let place = wanted.iter().position(|line| line.sku_id.to_string() == short.sku_id)?;
            let sku_id = wanted[place].sku_id;
            Some(Shortage { place, sku_id, requested: short.requested, available: short.available })
        });
        Err(Error::OutOfStock(shortages.collect()))
    }

    /// Step 5: open the payment, unless there is nothing to pay.
    async fn pay(&mut self) -> Result<(), Error> {
        self.held = true;
        let id = self.order.row.id;
        if self.order.row.total == 0 {
            complete_in_turn(self.app, &Paid::nothing(id, self.order.row.currency), None).await?;
            return self.reload().await;
        }
        let attempt = self.order.row.attempt + 1;
        let payment = open_payment(self.app, &self.order, attempt, &self.order.row.provider).await?;
        let lifecycle = self.order.lifecycle().await_payment()?;
        let entry = Entry::order(lifecycle.status(), Actor::System, "");
        let row = &mut self.order.row;
        row.status = lifecycle.status();
        row.payment_status = lifecycle.payment;
        row.payment_id = Some(super::read("payment_id", &payment.payment_id)?);
        row.redirect = Some(payment.redirect.clone()).filter(|url| !url.is_empty());
        row.attempt = attempt;
        row.step = Step::Wait;
        self.store_open_payment(entry).await?;
        metrics::counter!("souk_orders_placed_total").increment(1);
        if PaymentStatus::told(&payment.status).was_paid() {
            // An earlier run opened it, and the buyer was faster than this one.
            complete_in_turn(self.app, &Paid::of(&payment)?, None).await?;
            return self.reload().await;
        }
        Ok(())
    }

    async fn store_open_payment(&mut self, entry: Entry) -> Result<(), Error> {
        use sea_orm::ActiveValue::Set;
        let row = &self.order.row;
        let change = orders::ActiveModel {
            provider: Set(row.provider.clone()),
            payment_id: Set(row.payment_id),
            redirect: Set(row.redirect.clone()),
            attempt: Set(row.attempt),
            step: Set(row.step),
            ..orders::change(&self.order.lifecycle())
        };
        let (id, seen) = (row.id, row.version);
        let (placed, written) = (self.app.snapshot(&self.order), entry.clone());
        let now = self
            .app
            .write(id, move |tx| async move {
                orders::update(&tx, id, seen, tx.now(), change).await??;
                store::history::write(&tx, id, tx.now(), [written]);
                tx.publish(souk_contracts::events::OrderPlaced { order: placed });
                Ok(tx.now())
            })
            .await?;
        (self.order.row.version, self.order.row.updated_at) = (seen + 1, now);
        self.order.history.push(entry.at(id, now));
        self.app.remember(self.order.clone()).await;
        Ok(())
    }

    async fn reload(&mut self) -> Result<(), Error> {
        let row = orders::find(self.app.db.reader(), self.order.row.id).await?.ok_or(Error::NotFound("order"))?;
        self.order = self.app.complete(row).await?;
        if self.order.row.status == OrderStatus::Queued {
            return Err(Error::Lost);
        }
        Ok(())
    }

    /// What becomes of an order whose step failed: rejected, or left for a later run.
    async fn stop(self, step: Step, error: Error) -> Result<Outcome, Error> {
        match error {
            Error::Lost => self.overtaken().await,
            Error::Db(error) => Err(error.into()),
            // An earlier run gave the cart back, and could not write why it gave up.
            Error::Problem(problem) if step == Step::Freeze && problem.code == "order_ended" => {
                let message = "the order was given up while it was being placed; try again";
                let problem = Problem::new(ErrorKind::Unavailable, "cart_unavailable", message);
                self.give_up(problem.into()).await
            }
            error if error.is_transient() && self.may_wait(step) => {
                tracing::warn!(%error, order_id = %self.order.row.id, step = step.as_str(), "checkout goes on later");
                self.park().await
            }
            error => self.give_up(error).await,
        }
    }

    async fn give_up(mut self, error: Error) -> Result<Outcome, Error> {
        match reject(&mut self, error.into()).await {
            Err(Error::Lost) => self.overtaken().await,
            other => other,
        }
    }

    /// Whether it is better to try again later than to give up.
    fn may_wait(&self, step: Step) -> bool {
        let row = &self.order.row;
        let (age, ttl) = (self.app.now() - row.created_at, self.app.config.reservation_ttl);
        let young = age.to_std().is_ok_and(|age| age < ttl);
        match step {
            // From here on the order's own timer ends it.
            Step::Pay => true,
            // Held already: only the fees are missing.
            Step::Price if self.reserved => young,
            Step::Freeze if row.user_id.is_none() => {
                self.mode == Mode::Background && age < chrono::TimeDelta::seconds(60)
            }
            _ => self.mode == Mode::Background && young,
        }
    }

    /// Leaves the order queued, with what was learned so far.
    async fn park(mut self) -> Result<Outcome, Error> {
        use sea_orm::ActiveValue::Set;
        let row = &self.order.row;
        if self.stored != Step::Freeze || row.step == Step::Freeze {
            return Ok(Outcome::Queued(self.order));
        }
        let change = orders::ActiveModel {
            requested: Set(row.requested.clone()),
            cart_id: Set(row.cart_id),
            live_cart_id: Set(row.live_cart_id),
            step: Set(Step::Price),
            ..Default::default()
        };
        let (id, seen) = (row.id, row.version);
        let written = self
            .app
            .write(id, move |tx| async move { Ok(orders::update(&tx, id, seen, tx.now(), change).await??) })
            .await
            .map_err(cart_taken);
        match written {
            Ok(()) => {
                self.order.row.version = seen + 1;
                Ok(Outcome::Queued(self.order))
            }
            Err(Error::Lost) => self.overtaken().await,
            Err(error @ Error::Db(_)) => Err(error),
            Err(error) => self.give_up(error).await,
        }
    }

    /// Somebody else changed the order meanwhile: it was cancelled, or another process is placing it.
    pub(super) async fn overtaken(self) -> Result<Outcome, Error> {
        let id = self.order.row.id;
        let row = orders::find(self.app.db.reader(), id).await?.ok_or(Error::NotFound("order"))?;
        if row.ending.is_some() {
            // What it gave back when it ended did not include what this run took since.
            self.app
                .write(id, move |tx| async move {
                    tx.publish(crate::events::Undo { order_id: id });
                    Ok(())
                })
                .await?;
        }
        let order = self.app.complete(row).await?;
        Ok(if order.row.status == OrderStatus::Queued { Outcome::Queued(order) } else { Outcome::Placed(order) })
    }
}

/// One cart makes one order: the database has the last word.
fn cart_taken(error: Error) -> Error {
    if is_duplicate(&error) {
        Error::Conflict { code: "cart_frozen", message: "the cart belongs to another order" }
    } else {
        error
    }
}
