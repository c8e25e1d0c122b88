//! Whose cart it is.

use souk_kernel::{TypedId, UserId};

/// Who a cart belongs to. Its key is unique among carts that are in use, and lets no token be read back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// Somebody with an account.
    User(UserId),
    /// Whoever holds the token with this hash.
    Guest([u8; 32]),
}

impl Owner {
    /// What is stored: 16 bytes for a user and 32 for a guest, so that one is never taken for the other.
    pub fn key(&self) -> Vec<u8> {
        match self {
            Self::User(user_id) => user_id.uuid().as_bytes().to_vec(),
            Self::Guest(hash) => hash.to_vec(),
        }
    }

    /// The account, if there is one.
    pub const fn user_id(&self) -> Option<UserId> {
        match self {
            Self::User(user_id) => Some(*user_id),
            Self::Guest(_) => None,
        }
    }
}
