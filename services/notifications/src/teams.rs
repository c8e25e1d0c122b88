//! Who belongs to a seller's team, as identity says; remembered for a minute.

use std::{sync::Arc, time::Duration};

use souk_contracts::identity::{GetSellersRequest, GetUsersRequest, identity_client::IdentityClient};
use souk_kernel::{SellerId, UserId};
use souk_platform::{cache::Cache, rpc::Channel};

use crate::error::Error;

const REMEMBERED: u64 = 10_000;
const FOR: Duration = Duration::from_mins(1);

/// Somebody to write to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// Guests have none.
    pub user_id: Option<UserId>,
    pub email: String,
    pub name: String,
}

/// Finds the people behind sellers.
pub struct Teams {
    identity: IdentityClient<Channel>,
    known: Cache<SellerId, Arc<[Person]>>,
}

impl Teams {
    pub fn new(identity: IdentityClient<Channel>) -> Self {
        Self { identity, known: Cache::with_entries("notifications.teams", REMEMBERED, FOR) }
    }

    /// Everybody in the team. Nobody for an imported seller.
    pub async fn of(&self, seller: SellerId) -> Result<Arc<[Person]>, Error> {
        self.known.get_or_fill(seller, || self.ask(seller)).await
    }

    async fn ask(&self, seller: SellerId) -> Result<Arc<[Person]>, Error> {
        let request = GetSellersRequest { seller_ids: vec![seller.to_string()] };
        let sellers = self.identity.clone().get_sellers(request).await?.into_inner().sellers;
        let user_ids: Vec<String> = sellers.into_iter().flat_map(|seller| seller.member_user_ids).collect();
        if user_ids.is_empty() {
            return Ok(Arc::default());
        }
        let users = self.identity.clone().get_users(GetUsersRequest { user_ids }).await?.into_inner().users;
        let people = users.into_iter().map(|user| Person {
            user_id: user.user_id.parse().ok(),
            email: user.email,
            name: user.name,
        });
        Ok(people.collect())
    }
}
