//! People who act in a marketplace.

mod admin;
mod buyer;
mod seller;

pub use admin::Admin;
pub use buyer::{Buyer, address};
pub use seller::Seller;

use serde_json::json;
use souk_kernel::text::slugify;

use crate::{Client, Thing};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

/// Makes an account for somebody of this name; their address is `<name>@example.com`.
pub(crate) async fn register(client: &Client, name: &str) -> Thing {
    let account = json!({"email": format!("{}@example.com", slugify(name)), "password": PASSWORD, "name": name});
    client.post("/auth/register", &account).await.created()
}
