//! Everything that changes an order, one file for each.

mod cancel_order;
mod change_address;
mod check_out;
mod complete_order;
mod decide_return;
mod deliver_order;
mod expire_order;
mod forget_user;
mod note_payment;
mod open_payment;
mod place_order;
mod price_order;
mod refund_payment;
mod reject_order;
mod request_return;
mod resume_orders;
mod retry_payment;
mod ship_order;
mod undo_order;

pub use cancel_order::{cancel_order, hide_order};
pub use change_address::change_address;
pub use complete_order::{Paid, complete_order};
pub use decide_return::{carry_out_return, decide_return};
pub use deliver_order::{complete_part, deliver_order};
pub use expire_order::expire_order;
pub use forget_user::forget_user;
pub use note_payment::{check_payment, note_failed_payment, note_refund};
pub use open_payment::payment_of;
pub use place_order::{Asked, NewOrder, Placed, Request, join, place_order};
pub use price_order::{Quote, owner as cart_owner, quote};
pub use refund_payment::{abandon_payment, refund_payment};
pub use request_return::{ReturnItem, request_return};
pub use resume_orders::{EVERY as RESUME_EVERY, expire_overdue, inherit_orders, refund_overdue, resume_orders};
pub use retry_payment::next_payment_attempt;
pub use ship_order::{Parcel, ship_order};
pub use undo_order::undo_order;

use std::str::FromStr;

use souk_kernel::Problem;

use crate::error::Error;

/// How often an operation starts over when others changed the order between reading and writing.
const TRIES: usize = 10;

/// Runs `operation` again as long as it lost a race; what it decides is decided anew on what is there then.
async fn until_won<T, Fut>(mut operation: impl FnMut() -> Fut) -> Result<T, Error>
where
    Fut: Future<Output = Result<T, Error>>,
{
    for _ in 1..TRIES {
        match operation().await {
            Err(Error::Lost) => {}
            other => return other,
        }
    }
    operation().await
}

/// An id, an amount's currency, … as a peer wrote it. What can't be read is the peer's fault, not the caller's.
fn read<T: FromStr>(what: &'static str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|_| {
        tracing::error!(what, "a peer answered something that can't be read");
        Problem::internal().into()
    })
}
