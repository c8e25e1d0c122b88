//! Letters about accounts and shops.

use super::letter;

/// The link that sets a new password.
pub struct PasswordReset {
    pub name: String,
    pub url: String,
    /// As people read a time.
    pub expires: String,
}

letter!(PasswordReset, "password_reset", "password_reset.txt", "password_reset.html", |_m, site| {
    format!("Set a new password at {}", site.name)
});

/// A shop may sell.
pub struct SellerApproved {
    pub name: String,
    pub seller: String,
    pub url: String,
}

letter!(SellerApproved, "seller_approved", "seller_approved.txt", "seller_approved.html", |m, _site| {
    format!("{} is open", m.seller)
});

/// A shop may not sell for now.
pub struct SellerSuspended {
    pub name: String,
    pub seller: String,
    pub reason: String,
}

letter!(SellerSuspended, "seller_suspended", "seller_suspended.txt", "seller_suspended.html", |m, _site| {
    format!("{} was suspended", m.seller)
});

/// A buyer said what they think of a product.
pub struct ReviewPosted {
    pub name: String,
    pub product: String,
    pub rating: i16,
    pub title: String,
    pub url: String,
}

letter!(ReviewPosted, "review_posted", "review_posted.txt", "review_posted.html", |m, _site| {
    format!("{} of 5 for {}", m.rating, m.product)
});
