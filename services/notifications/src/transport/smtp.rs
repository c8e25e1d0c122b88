//! Mail to the operator's mail server.

use std::time::Duration;

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, MultiPart},
    transport::smtp::{
        AsyncSmtpTransportBuilder, Error,
        client::{Certificate, Tls, TlsParameters},
    },
};
use url::Url;

use crate::{
    config::{Config, SmtpConfig},
    domain::Attempt,
    store::mails,
};

/// What sending takes at most, whatever is configured: the delivery of its event is given up after 30 s.
const LONGEST: Duration = Duration::from_secs(25);

/// A mail server, and who writes.
#[derive(Clone)]
pub struct Smtp {
    server: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    limit: Duration,
}

/// Why mail can't be sent with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error("notifications.smtp.url: {0}")]
    Url(Error),
    #[error("notifications.smtp.root_certificate: {0}")]
    Certificate(String),
    #[error("notifications.from: {0}")]
    From(lettre::address::AddressError),
}

impl Smtp {
    pub fn new(config: &Config) -> Result<Self, TransportError> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(config.smtp.url.expose());
        let builder = trusting(builder.map_err(TransportError::Url)?, &config.smtp)?;
        let limit = config.smtp.timeout.min(LONGEST);
        let from = config.from.parse().map_err(TransportError::From)?;
        Ok(Self { server: builder.timeout(Some(limit)).build(), from, limit })
    }

    pub async fn deliver(&self, mail: &mails::Model) -> Attempt {
        let message = match message(&self.from, mail) {
            Ok(message) => message,
            Err(error) => return Attempt::Refused(error),
        };
        // The library's own limit is only one for connecting.
        match tokio::time::timeout(self.limit, self.server.send(message)).await {
            Ok(Ok(_)) => Attempt::Delivered,
            Ok(Err(error)) if error.is_permanent() && !is_about_us(&error) => Attempt::Refused(error.to_string()),
            Ok(Err(error)) => Attempt::Failed(error.to_string()),
            Err(_) => Attempt::Failed(format!("the mail server took longer than {:?}", self.limit)),
        }
    }
}

/// Whether the server refuses us and not the mail (RFC 4954, section 6): the operator can mend that.
fn is_about_us(error: &Error) -> bool {
    error.status().is_some_and(|code| [530, 534, 535, 538].contains(&u16::from(code)))
}

/// Also trusts the configured certificate.
fn trusting(
    builder: AsyncSmtpTransportBuilder,
    config: &SmtpConfig,
) -> Result<AsyncSmtpTransportBuilder, TransportError> {
    let Some(path) = &config.root_certificate else { return Ok(builder) };
    let wrong = |error: &dyn std::fmt::Display| TransportError::Certificate(format!("{}: {error}", path.display()));
    let pem = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    // The library takes a file without any for one with nothing to add.
    if !pem.contains("-----BEGIN CERTIFICATE-----") {
        return Err(wrong(&"it holds no certificate"));
    }
    let certificate = Certificate::from_pem(pem.as_bytes()).map_err(|error| wrong(&error))?;
    let url = Url::parse(config.url.expose()).map_err(|error| wrong(&error))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let parameters = TlsParameters::builder(host).add_root_certificate(certificate).build();
    let parameters = parameters.map_err(|error| wrong(&error))?;
    let mode = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, mode)| mode.into_owned());
    let tls = match (url.scheme(), mode.as_deref()) {
        ("smtps", _) => Tls::Wrapper(parameters),
        (_, Some("required")) => Tls::Required(parameters),
        (_, Some("opportunistic")) => Tls::Opportunistic(parameters),
        _ => return Err(wrong(&"the url asks for no encryption")),
    };
    Ok(builder.tls(tls))
}

/// The MIME message. Its id is the mail's own, so that one that is sent twice (a crash right after the server took it) can
/// be recognised as one.
pub(super) fn message(from: &Mailbox, mail: &mails::Model) -> Result<Message, String> {
    let to = mail.email.parse::<Address>().map_err(|error| format!("the address is not valid: {error}"))?;
    Message::builder()
        .message_id(Some(format!("<{}@{}>", mail.id, from.email.domain())))
        .date(mail.created_at.into())
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(mail.subject.clone())
        .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
        .map_err(|error| error.to_string())
}
