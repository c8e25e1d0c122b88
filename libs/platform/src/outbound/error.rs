//! Why there is no answer.

use std::io;

/// Why there is no answer. The texts are fit for whoever chose the URL.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// Its name has no address.
    #[error("the host is unknown")]
    Unknown,
    /// Its name leads only to addresses that are not to be connected to.
    #[error("the host has no public address")]
    Forbidden,
    /// Nobody listens there.
    #[error("the host can't be reached")]
    Unreachable(#[source] io::Error),
    /// It is not who it should be, or speaks no TLS that we do.
    #[error("no encrypted connection could be made")]
    Tls(#[source] io::Error),
    /// It broke off, or what it says is not HTTP.
    #[error("the answer broke off or is not HTTP")]
    Protocol(#[source] hyper::Error),
    /// More bytes than were asked for.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// Connecting, asking and reading took too long.
    #[error("there was no whole answer within {0} s")]
    TooSlow(u64),
    /// More redirects than are followed.
    #[error("it redirects too often")]
    TooManyRedirects,
    /// A redirect to somewhere else than the web, or out of encryption.
    #[error("it redirects to where requests don't go")]
    BadRedirect,
}
