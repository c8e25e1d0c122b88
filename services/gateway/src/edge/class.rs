//! What kind of traffic a request is: decides its rate limit, and who is turned away first when there is too much.

use http::Method;

use crate::root_paths::PREFIX;

/// Kinds of traffic, in the order in which they are turned away.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Class {
    /// Reading the catalogue.
    Browse,
    /// Logging in and what else tries passwords.
    Auth,
    /// Everything that is none of the others.
    Other,
    /// Carts, orders, payments.
    Checkout,
    /// Signed messages of other systems; many come from few addresses.
    Webhook,
    /// Asked by whoever watches over the process; never turned away.
    Health,
}

impl Class {
    pub(super) fn of(method: &Method, path: &str) -> Self {
        let Some(path) = path.strip_prefix(PREFIX) else {
            return match first_segment(path) {
                "health" => Self::Health,
                "sandbox" => Self::Checkout,
                _ => Self::Browse,
            };
        };
        let reads = *method == Method::GET || *method == Method::HEAD;
        match first_segment(path) {
            "auth" => Self::Auth,
            "users" if *method == Method::POST => Self::Auth,
            "payments" | "inventory" if !reads && is_webhook(path) => Self::Webhook,
            "cart" | "orders" | "payments" => Self::Checkout,
            "products" | "categories" | "search" | "sellers" | "recommendations" if reads => Self::Browse,
            _ => Self::Other,
        }
    }
}

fn first_segment(path: &str) -> &str {
    path.trim_start_matches('/').split('/').next().unwrap_or_default()
}

fn is_webhook(path: &str) -> bool {
    path.starts_with("/payments/webhooks/") || path.ends_with("/webhook")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fall_into_their_classes() {
        for (method, path, class) in [
            (Method::GET, "/api/v1/products/prod_1", Class::Browse),
            (Method::POST, "/api/v1/products", Class::Other),
            (Method::POST, "/api/v1/auth/login", Class::Auth),
            (Method::POST, "/api/v1/users/user_1/auth", Class::Auth),
            (Method::GET, "/api/v1/users/me", Class::Other),
            (Method::POST, "/api/v1/orders", Class::Checkout),
            (Method::GET, "/api/v1/cart", Class::Checkout),
            (Method::POST, "/api/v1/payments/webhooks/stripe", Class::Webhook),
            (Method::POST, "/api/v1/payments/pay_1/webhook", Class::Webhook),
            (Method::POST, "/api/v1/inventory/sources/erp/webhook", Class::Webhook),
            (Method::POST, "/sandbox/payments/pay_1/pay", Class::Checkout),
            (Method::GET, "/health/ready", Class::Health),
            (Method::GET, "/nothing", Class::Browse),
        ] {
            assert_eq!(Class::of(&method, path), class, "{method} {path}");
        }
    }
}
