//! Who is asking and what they may do.
//!
//! Every service verifies access tokens itself, by the keys that identity publishes, so that the gateway is not the only
//! lock. A handler says whom it serves by the extractor that it takes: [`User`], [`Seller`], [`Admin`], … A token proves
//! who somebody is; roles that can be given or taken while it lives (seller, support, admin) are asked of identity.

mod authority;
mod claims;
mod ended;
mod extractors;
mod keyring;
mod roles;
mod secrets;

#[cfg(test)]
mod tests;

pub use authority::{Authority, SellerStanding, Standing};
pub use claims::{AUDIENCE, Claims, ISSUER, Principal};
pub use ended::{EVERY as ENDED_SESSIONS_EVERY, EndedSessions};
pub use extractors::{
    Admin, CART_TOKEN_HEADER, CartToken, MaybeUser, ORDER_TOKEN_HEADER, OrderToken, Seller, SellerMember, Support, User,
};
pub use roles::{Permission, Role, SellerStatus, TeamRole, UnknownWord};
pub use secrets::{secret_token, token_hash};
