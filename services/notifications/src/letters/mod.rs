//! What is written in mails: a subject, a text and an HTML page, from the templates in `templates/`.

mod account;
mod orders;

pub use account::{PasswordReset, ReviewPosted, SellerApproved, SellerSuspended};
pub use orders::{Cancellation, NewOrder, OrderCancelled, OrderConfirmed, OrderReturned, OrderShipped, SaleCancelled};

/// What all letters name: the marketplace and its address.
#[derive(Clone, Debug)]
pub struct Site {
    pub name: String,
    /// Without a slash at the end.
    pub url: String,
}

impl Site {
    /// The address of a page.
    pub fn page(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

/// A letter, ready to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    /// Its template's name.
    pub template: &'static str,
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Something that can be written as a letter.
pub trait Write {
    fn write(&self, site: &Site) -> askama::Result<Letter>;
}

/// A subject stands in one line of at most 200 characters.
fn one_line(subject: &str) -> String {
    subject.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(200).collect()
}

/// Ties a letter to its two templates.
macro_rules! letter {
    ($letter:ident, $template:tt, $text:tt, $html:tt, |$m:ident, $site:ident| $subject:expr) => {
        const _: () = {
            #[derive(askama::Template)]
            #[template(path = $text)]
            struct Text<'a> {
                site: &'a $crate::letters::Site,
                m: &'a $letter,
            }

            #[derive(askama::Template)]
            #[template(path = $html)]
            struct Html<'a> {
                site: &'a $crate::letters::Site,
                subject: &'a str,
                m: &'a $letter,
            }

            impl $crate::letters::Write for $letter {
                fn write(&self, $site: &$crate::letters::Site) -> askama::Result<$crate::letters::Letter> {
                    use askama::Template;
                    let $m = self;
                    let subject = $crate::letters::one_line(&$subject);
                    let text = Text { site: $site, m: self }.render()?;
                    let html = Html { site: $site, subject: &subject, m: self }.render()?;
                    Ok($crate::letters::Letter { template: $template, subject, text, html })
                }
            }
        };
    };
}
use letter;

#[cfg(test)]
mod tests;
