//! Who takes which public event. A process has to know it of services that run elsewhere, also while they are down: an event
//! that nobody seems to want would be lost to them.
//!
//! Events that a service publishes for itself (timers, queued work) don't stand here: they never leave their process.

/// The types that a service takes. A service that runs here is asked itself, and must agree.
pub fn of(service: &str) -> &'static [&'static str] {
    match service {
        "identity" => &["review.moderated", "review.posted"],
        "catalog" => &[
            "order.confirmed",
            "product.deleted",
            "product.updated",
            "review.posted",
            "seller.approved",
            "seller.suspended",
            "seller.updated",
            "stock.changed",
            "user.deleted",
        ],
        "inventory" => &["stock.changed"],
        "cart" => &["order.cancelled", "order.confirmed", "user.deleted"],
        "orders" => &["payment.completed", "payment.failed", "payment.refunded", "user.deleted"],
        "payments" => &["order.delivered"],
        "notifications" => &[
            "order.cancelled",
            "order.confirmed",
            "order.delivered",
            "order.returned",
            "order.shipped",
            "password.reset_requested",
            "review.posted",
            "seller.approved",
            "seller.suspended",
            "user.deleted",
        ],
        "search" => &[
            "order.confirmed",
            "product.created",
            "product.deleted",
            "product.updated",
            "review.moderated",
            "review.posted",
            "seller.approved",
            "seller.suspended",
            "seller.updated",
            "stock.changed",
        ],
        _ => &[],
    }
}

/// What is wrong with the table about a service that says itself what it takes.
pub fn difference(service: &str, takes: impl Iterator<Item = &'static str>) -> Option<String> {
    let own = format!("{service}.");
    let mut takes: Vec<_> = takes.filter(|kind| !kind.starts_with(&own)).collect();
    takes.sort_unstable();
    (takes != of(service)).then(|| format!("{service} takes {takes:?}, the table says {:?}", of(service)))
}
