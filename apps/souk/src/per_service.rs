//! One value for each service that has data of its own.

use serde::{Deserialize, Serialize};

/// One `T` for each of them, under the service's name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "one for each service")]
pub struct PerService<T> {
    pub identity: T,
    pub catalog: T,
    pub inventory: T,
    pub cart: T,
    pub orders: T,
    pub payments: T,
    pub notifications: T,
    pub search: T,
}

impl<T> PerService<T> {
    /// That of a service; none of the gateway, which has no data, and of names that no service has.
    pub fn of(&self, service: &str) -> Option<&T> {
        Some(match service {
            "identity" => &self.identity,
            "catalog" => &self.catalog,
            "inventory" => &self.inventory,
            "cart" => &self.cart,
            "orders" => &self.orders,
            "payments" => &self.payments,
            "notifications" => &self.notifications,
            "search" => &self.search,
            _ => return None,
        })
    }
}
