//! An order could not be placed: everything it took is given back.

use sea_orm::ActiveValue::Set;
use souk_contracts::{cart::ThawRequest, events::OrderCancelled};
use souk_kernel::{Actor, Problem};

use super::{
    check_out::{Mode, Outcome, Run},
    price_order::owner,
};
use crate::{
    app::App,
    domain::{PartStatus, Step},
    error::Error,
    events::Undo,
    store::{self, Entry, Order, orders, orders::Rejection, parts},
};

/// Rejects the order of a run. A buyer who waited for the answer is told now and never saw the order, so it is hidden;
/// one who was told that it is queued finds it rejected, with the reason.
pub async fn reject(run: &mut Run<'_>, problem: Problem) -> Result<Outcome, Error> {
    let app = run.app;
    let row = &run.order.row;
    let (id, seen, unseen) = (row.id, row.version, run.mode != Mode::Background);
    // The buyer may go on with the cart at once. Should this fail, the event below does it.
    let bound = run.frozen && thaw(app, &run.order).await.is_err();
    // Only an order that changed under the run is not queued any more.
    let Ok(lifecycle) = run.order.lifecycle().reject() else { return Err(Error::Lost) };
    let transient = Error::Problem(problem.clone()).is_transient();
    let change = orders::ActiveModel {
        step: Set(Step::Done),
        reason: Set(Some(problem.code.chars().take(100).collect())),
        rejection: Set(Some(Rejection(problem.clone()))),
        hidden: Set(unseen),
        live_cart_id: Set(None),
        expires_at: Set(None),
        // The same request may be sent again when it was not to blame.
        request_key: if transient { Set(None) } else { sea_orm::ActiveValue::NotSet },
        ..orders::change(&lifecycle)
    };
    let undo = run.held || bound;
    let divided = !run.order.parts.is_empty();
    let entry = Entry::order(lifecycle.status(), Actor::System, reason(&problem));
    let mut order = app.snapshot(&run.order);
    order.cart_id = run.order.row.cart_id;
    let code = problem.code.to_string();
    let written = app
        .write(id, move |tx| async move {
            orders::update(&tx, id, seen, tx.now(), change).await??;
            if divided {
                parts::set_all(&tx, id, PartStatus::Cancelled);
            }
            store::history::write(&tx, id, tx.now(), [entry]);
            if !unseen {
                let status = lifecycle.status().as_str().to_owned();
                tx.publish(OrderCancelled { order, status, reason: code, refund: false });
            }
            if undo {
                tx.publish(Undo { order_id: id });
            }
            Ok(())
        })
        .await;
    metrics::counter!("souk_orders_rejected_total", "reason" => problem.code.to_string()).increment(1);
    match written {
        Ok(()) => Ok(Outcome::Rejected(problem)),
        Err(error) => Err(error),
    }
}

/// For the history: the code, and what is said about each line.
fn reason(problem: &Problem) -> String {
    let details = problem.details.iter().take(20).map(|detail| format!("{}: {}", detail.field, detail.message));
    std::iter::once(problem.code.to_string()).chain(details).collect::<Vec<_>>().join("; ")
}

/// Frees the cart.
pub async fn thaw(app: &App, Order { row, .. }: &Order) -> Result<(), Error> {
    // An order of items that were named in the request has nothing to do with its owner's cart.
    let of_cart = row.cart_id.is_some() || row.requested.0.is_empty();
    let owner = of_cart.then(|| owner(row.user_id, row.cart_key.clone()));
    app.cart.clone().thaw(ThawRequest { order_id: row.id.to_string(), owner }).await?;
    Ok(())
}
