use souk_kernel::UserId;
use souk_platform::events::Receipt;

use super::{change, give, remove};
use crate::{
    app::App,
    domain::{Owner, Status},
    error::Error,
    store,
};

/// Removes the cart of somebody whose account is gone. One of which an order is being made stays, as nobody's.
pub async fn forget_user(app: &App, user_id: UserId, receipt: Receipt) -> Result<(), Error> {
    change(app, move |tx| async move {
        if !tx.accept(receipt).await? {
            return Ok(());
        }
        match store::find_for_owner(&tx, &Owner::User(user_id)).await? {
            Some(cart) if cart.status == Status::Open => remove(&tx, &cart).await,
            Some(cart) => give(&tx, &cart, None).await,
            None => Ok(()),
        }
    })
    .await
}
