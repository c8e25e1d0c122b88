//! A buyer wants to send delivered units back.

use sea_orm::{ActiveValue::Set, EntityTrait, IntoActiveModel};
use souk_kernel::{Actor, OrderId, Problem, ReturnId, SellerOrderId, SkuId};

use super::until_won;
use crate::{
    app::App,
    domain::{PartEvent, PartStatus, Refusal, RequestedLine, ReturnStatus, merged},
    error::Error,
    store::{self, Entry, Order, Scope, orders, parts, returns},
};

/// Units of a line.
#[derive(Clone, Copy, Debug)]
pub struct ReturnItem {
    pub sku_id: SkuId,
    pub quantity: i64,
}

/// Asks the seller to take the units back. All of them are of one delivered part; a return for another seller's lines is
/// another return.
pub async fn request_return(
    app: &App,
    id: OrderId,
    scope: &Scope,
    by: Actor,
    items: &[ReturnItem],
    reason: &str,
) -> Result<returns::Model, Error> {
    let lines = items.iter().map(|item| RequestedLine { sku_id: item.sku_id, quantity: item.quantity });
    let lines = merged(lines).map_err(|_| Problem::invalid("items", "a line has too many units"))?;
    let _turn = app.locks.enter(id).await;
    until_won(|| async {
        let order = store::load_in(app.db.reader(), id, scope).await?.ok_or(Error::NotFound("order"))?;
        let part = part_of(&order, &lines)?;
        let place = order.place_of(part).ok_or(Error::NotFound("seller order"))?;
        let lifecycle =
            order.lifecycle().part(place, PartEvent::RequestReturn).map_err(|_| not_returnable(&order, place))?;
        let made = returns::Model {
            id: ReturnId::new(),
            order_id: id,
            seller_order_id: part,
            seller_id: order.parts[place].seller_id,
            status: ReturnStatus::Requested,
            amount: amount_of(&order, part, &lines)?,
            items: returns::Items(lines.clone()),
            reason: reason.to_owned(),
            created_at: app.now(),
            decided_at: None,
        };
        let entry = Entry::part(part, lifecycle.parts[place], by, reason.chars().take(500).collect::<String>());
        let (seen, change, row) = (order.row.version, orders::change(&lifecycle), made.clone());
        app.write(id, move |tx| async move {
            orders::update(&tx, id, seen, tx.now(), change).await??;
            let requested = parts::ActiveModel { status: Set(PartStatus::ReturnRequested), ..Default::default() };
            parts::update(&tx, part, requested);
            returns::Entity::insert(row.into_active_model()).exec_without_returning(&tx).await?;
            store::history::write(&tx, id, tx.now(), [entry]);
            Ok(())
        })
        .await?;
        Ok(made)
    })
    .await
}

/// The part that all the lines are of; errors name every line that the order doesn't have.
fn part_of(order: &Order, lines: &[RequestedLine]) -> Result<SellerOrderId, Error> {
    let mut problem = Problem::new(souk_kernel::ErrorKind::Invalid, "invalid", "some fields are not acceptable");
    let mut part = None;
    for (place, wanted) in lines.iter().enumerate() {
        match order.lines.iter().find(|line| line.sku_id == wanted.sku_id) {
            None => problem = problem.detail(format!("items[{place}].sku_id"), "is not in this order"),
            Some(line) if part.is_some_and(|part| part != line.seller_order_id) => {
                let message = "is of another seller; return it separately";
                problem = problem.detail(format!("items[{place}].sku_id"), message);
            }
            Some(line) => part = Some(line.seller_order_id),
        }
    }
    match part {
        Some(part) if problem.details.is_empty() => Ok(part),
        _ => Err(problem.into()),
    }
}

fn not_returnable(order: &Order, place: usize) -> Error {
    match order.parts[place].status {
        PartStatus::ReturnRequested => {
            Error::Conflict { code: "return_open", message: "another return waits for the seller's decision" }
        }
        PartStatus::Completed => Error::Conflict { code: "return_window_over", message: "the time to return is over" },
        _ => Refusal::PartState.into(),
    }
}

/// What goes back for the lines; an error names every line of which more would come back than was bought.
pub fn amount_of(order: &Order, part: SellerOrderId, lines: &[RequestedLine]) -> Result<i64, Error> {
    let mut problem = Problem::new(souk_kernel::ErrorKind::Invalid, "invalid", "some fields are not acceptable");
    let mut amount = 0;
    for (place, wanted) in lines.iter().enumerate() {
        let line = order.lines_of(part).find(|line| line.sku_id == wanted.sku_id);
        match line.map(|line| (line, line.sold().refund_for(wanted.quantity))) {
            Some((_, Some(share))) => amount += share,
            Some((line, None)) => {
                let message = format!("must be 1 to {}", line.quantity - line.returned);
                problem = problem.detail(format!("items[{place}].quantity"), message);
            }
            None => problem = problem.detail(format!("items[{place}].sku_id"), "is not in this order"),
        }
    }
    if problem.details.is_empty() { Ok(amount) } else { Err(problem.into()) }
}
