//! How mail leaves: by SMTP, or into the embedded mailbox, where the stored mail is the delivered one.

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, MultiPart},
};

use crate::{
    config::{Config, TransportKind},
    domain::Attempt,
    store::mails,
};

#[derive(Clone)]
pub enum Transport {
    Mailbox,
    Smtp(Box<Smtp>),
}

/// A connection pool to the operator's mail server.
#[derive(Clone)]
pub struct Smtp {
    pool: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// Why mail can't be sent with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error("notifications.smtp.url: {0}")]
    Url(lettre::transport::smtp::Error),
    #[error("notifications.from: {0}")]
    From(lettre::address::AddressError),
}

impl Transport {
    pub fn new(config: &Config) -> Result<Self, TransportError> {
        match config.transport {
            TransportKind::Mailbox => Ok(Self::Mailbox),
            TransportKind::Smtp => {
                let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(config.smtp.url.expose());
                let pool = builder.map_err(TransportError::Url)?.timeout(Some(config.smtp.timeout)).build();
                let from = config.from.parse().map_err(TransportError::From)?;
                Ok(Self::Smtp(Box::new(Smtp { pool, from })))
            }
        }
    }

    /// Whether a stored mail is delivered by being stored.
    pub fn is_embedded(&self) -> bool {
        matches!(self, Self::Mailbox)
    }

    /// Tries once.
    pub async fn deliver(&self, mail: &mails::Model) -> Attempt {
        match self {
            Self::Mailbox => Attempt::Delivered,
            Self::Smtp(smtp) => smtp.deliver(mail).await,
        }
    }
}

impl Smtp {
    async fn deliver(&self, mail: &mails::Model) -> Attempt {
        let message = match message(&self.from, mail) {
            Ok(message) => message,
            Err(error) => return Attempt::Refused(error),
        };
        match self.pool.send(message).await {
            Ok(_) => Attempt::Delivered,
            Err(error) if error.is_permanent() => Attempt::Refused(error.to_string()),
            Err(error) => Attempt::Failed(error.to_string()),
        }
    }
}

/// The MIME message. Its id is the mail's own, so that one that is sent twice (a crash right after the server took it) can
/// be recognised as one.
fn message(from: &Mailbox, mail: &mails::Model) -> Result<Message, String> {
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

#[cfg(test)]
mod tests {
    use souk_kernel::{Clock, NotificationId};

    use super::*;
    use crate::{config::SmtpConfig, domain::MailStatus};

    fn mail(email: &str) -> mails::Model {
        mails::Model {
            id: NotificationId::derived("mail"),
            user_id: None,
            email: email.to_owned(),
            email_key: email.to_owned(),
            template: "password_reset".to_owned(),
            subject: "Grüße".to_owned(),
            text: "plain".to_owned(),
            html: "<p>rich</p>".to_owned(),
            status: MailStatus::Queued,
            attempts: 0,
            last_error: None,
            next_at: None,
            sent_at: None,
            created_at: Clock::system().now(),
        }
    }

    #[test]
    fn a_message_has_both_forms_and_the_mails_own_id() {
        let from: Mailbox = "Souk <shop@souk.example>".parse().unwrap();
        let message = message(&from, &mail("ann@example.org")).unwrap();
        let text = String::from_utf8(message.formatted()).unwrap();
        let id = format!("Message-ID: <{}@souk.example>", NotificationId::derived("mail"));
        for expected in [id.as_str(), "To: ann@example.org", "multipart/alternative", "plain", "<p>rich</p>"] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        assert!(super::message(&from, &mail("not an address")).is_err());
    }

    #[tokio::test]
    async fn an_unreachable_server_is_a_failure_and_a_bad_address_a_refusal() {
        // Nothing listens on the port for discarded bytes.
        let smtp = SmtpConfig { url: "smtp://127.0.0.1:9".into(), ..SmtpConfig::default() };
        let config = Config { transport: TransportKind::Smtp, smtp, ..Config::default() };
        let transport = Transport::new(&config).unwrap();
        assert!(matches!(transport.deliver(&mail("ann@example.org")).await, Attempt::Failed(_)));
        assert!(matches!(transport.deliver(&mail("not an address")).await, Attempt::Refused(_)));
    }

    #[test]
    fn a_configuration_that_cannot_send_is_refused_at_the_start() {
        let smtp = Config { transport: TransportKind::Smtp, ..Config::default() };
        assert!(matches!(Transport::new(&smtp), Err(TransportError::Url(_))));
        assert!(Transport::new(&Config::default()).unwrap().is_embedded());
    }
}
