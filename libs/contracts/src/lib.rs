//! What services say to each other: gRPC calls (compiled from `proto/`) and events. Nothing else.

pub mod events;

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident = $package:literal;)*) => {$(
        $(#[$doc])*
        pub mod $name {
            #![expect(clippy::pedantic, reason = "generated from the contract by prost and tonic")]
            tonic::include_proto!($package);
        }
    )*};
}

calls! {
    /// Calls that identity answers.
    identity = "souk.identity";
    /// Calls that catalog answers.
    catalog = "souk.catalog";
    /// Calls that inventory answers.
    inventory = "souk.inventory";
    /// Calls that cart answers.
    cart = "souk.cart";
    /// Calls that orders answers.
    orders = "souk.orders";
    /// Calls that payments answers.
    payments = "souk.payments";
    /// Events on their way between processes.
    delivery = "souk.delivery";
}
