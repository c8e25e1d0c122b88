//! The operator.

use serde_json::json;

use crate::{Client, PASSWORD, Thing};

/// The operator, logged in.
pub struct Admin {
    /// Calls with the operator's token.
    pub client: Client,
}

impl Admin {
    pub(crate) const EMAIL: &str = "operator@example.com";

    pub(crate) async fn logs_in(client: &Client) -> Self {
        let login = client.post("/auth/login", &json!({"email": Self::EMAIL, "password": PASSWORD})).await.ok();
        Self { client: client.with_token(login.text("access_token")) }
    }

    /// Lets a seller sell.
    pub async fn approves(&self, seller_id: &str) {
        self.client.post(&format!("/admin/sellers/{seller_id}/approve"), &json!({})).await.data();
    }

    /// Stops a seller.
    pub async fn suspends(&self, seller_id: &str) {
        self.client.post(&format!("/admin/sellers/{seller_id}/suspend"), &json!({"reason": "complaints"})).await.data();
    }

    /// The mail that was sent to this address, newest first.
    pub async fn mail_to(&self, email: &str) -> Vec<Thing> {
        let address = email.replace('+', "%2B");
        self.client.get(&format!("/admin/mail?to={address}&limit=100")).await.rows()
    }
}
