//! The tokens with which guests open their orders.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use souk_kernel::OrderId;
use souk_platform::{config::Secret, security::token_hash};

use crate::store::orders;

/// Makes the tokens. They follow from the order's id, so that mails can hold them although only their hash is stored, and
/// a request that is repeated gets the same one.
pub struct GuestTokens(Secret);

impl GuestTokens {
    pub fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// The token of an order. Only for its guest.
    pub fn of(&self, id: OrderId) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.0.expose().as_bytes()).expect("HMAC takes keys of any length");
        mac.update(b"order token ");
        mac.update(id.to_string().as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    /// The token that opens this order; nothing for users, and for a guest who was given another one.
    pub fn opening(&self, row: &orders::Model) -> Option<String> {
        let given = row.token_hash.as_deref().filter(|_| row.user_id.is_none())?;
        let token = self.of(row.id);
        (token_hash(&token).as_slice() == given).then_some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_follows_from_the_order_and_the_secret() {
        let tokens = GuestTokens::new(Secret::from("one"));
        let id = OrderId::new();
        assert_eq!((tokens.of(id), tokens.of(id).len()), (tokens.of(id), 64));
        assert_ne!(tokens.of(id), tokens.of(OrderId::new()));
        assert_ne!(tokens.of(id), GuestTokens::new(Secret::from("two")).of(id));
    }
}
