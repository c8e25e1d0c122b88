use super::{change, find_or_add};
use crate::{
    app::App,
    domain::{Cart, Owner},
    error::Error,
};

/// The owner's cart; made if there is none, so that its id stays the same from the first look on.
pub async fn open(app: &App, owner: Owner) -> Result<Cart, Error> {
    change(app, move |tx| async move { find_or_add(&tx, &owner).await }).await
}
