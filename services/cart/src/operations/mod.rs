//! Everything that changes carts, one file for each.

mod add_item;
mod close;
mod forget_user;
mod freeze;
mod merge;
mod open;
mod purge;
mod set_item;
mod thaw;

pub use add_item::{NewItem, add_item};
pub use close::close;
pub use forget_user::forget_user;
pub use freeze::freeze;
pub use merge::merge;
pub use open::open;
pub use purge::purge;
pub use set_item::{clear, remove_item, set_item};
pub use thaw::{thaw, thaw_cancelled};

use souk_kernel::CartId;
use souk_platform::db::Tx;

use crate::{
    app::App,
    domain::{Cart, Owner},
    error::Error,
    store,
};

/// How often a change is tried that others keep overtaking.
const TRIES: u32 = 5;

/// Runs a change in a transaction, and again when the cart was changed by somebody else between its reading and its
/// writing.
async fn change<F, Fut>(app: &App, work: F) -> Result<Cart, Error>
where
    F: FnOnce(Tx) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<Cart, Error>> + Send + 'static,
{
    for _ in 1..TRIES {
        match app.db.transaction(work.clone()).await {
            Err(Error::Overtaken) => {}
            ended => return ended,
        }
    }
    app.db.transaction(work).await
}

/// The owner's cart, or a new one that is stored already.
async fn find_or_add(tx: &Tx, owner: &Owner) -> Result<Cart, Error> {
    if let Some(cart) = store::find_for_owner(tx, owner).await? {
        return Ok(cart);
    }
    let cart = Cart::new(CartId::new());
    if store::add(tx, owner, &cart).await? { Ok(cart) } else { Err(Error::Overtaken) }
}

/// Puts the cart one version on.
async fn advance(tx: &Tx, cart: &mut Cart) -> Result<(), Error> {
    if store::advance(tx, cart).await? { Ok(()) } else { Err(Error::Overtaken) }
}
