//! Against a mail server that behaves, and ones that do not.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use lettre::message::Mailbox;
use souk_kernel::{Clock, NotificationId};

use super::{Transport, TransportError, responder::Responder, smtp::message};
use crate::{
    config::{Config, SmtpConfig, TransportKind},
    domain::{Attempt, MailStatus},
    store::mails,
};

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
    let written = message(&from, &mail("ann@example.org")).unwrap();
    let text = String::from_utf8(written.formatted()).unwrap();
    let id = format!("Message-ID: <{}@souk.example>", NotificationId::derived("mail"));
    for expected in [id.as_str(), "To: ann@example.org", "multipart/alternative", "plain", "<p>rich</p>"] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    assert!(message(&from, &mail("not an address")).is_err());
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

fn to(url: String) -> Transport {
    within(Duration::from_secs(20), url)
}

/// One that waits so long for the server.
fn within(timeout: Duration, url: String) -> Transport {
    let smtp = SmtpConfig { url: url.into(), timeout, ..SmtpConfig::default() };
    Transport::new(&Config { transport: TransportKind::Smtp, smtp, ..Config::default() }).unwrap()
}

#[tokio::test]
async fn a_server_that_takes_it_has_the_whole_mail() {
    let server = Responder::starts(|_| None).await;
    let dotted = mails::Model { text: ".\r\n.hidden\r\nÜber".to_owned(), ..mail("ann@example.org") };
    let transport = to(server.url());
    for _ in 0..2 {
        assert_eq!(transport.deliver(&dotted).await, Attempt::Delivered);
    }
    let mails = server.mails();
    assert_eq!(mails.len(), 2);
    for expected in ["To: ann@example.org", "From: Souk <souk@localhost>", "multipart/alternative", "Message-ID: <ntf_"]
    {
        assert!(mails[0].contains(expected), "{expected} in {}", mails[0]);
    }
}

#[tokio::test]
async fn not_now_is_tried_again_and_never_is_given_up() {
    for (command, answer, refused) in [
        ("CONNECT", "421 too busy", false),
        ("MAIL", "452 no room", false),
        ("RCPT", "451 come back later", false),
        ("DATA", "451 come back later", false),
        ("MESSAGE", "451 come back later", false),
        ("RCPT", "550 no such mailbox", true),
        ("MESSAGE", "554 no thanks", true),
        // Not about this mail.
        ("MAIL", "530 who are you?", false),
        ("CONNECT", "this is no mail server", false),
    ] {
        let server = Responder::starts(move |asked| (asked == command).then_some(answer)).await;
        let attempt = to(server.url()).deliver(&mail("ann@example.org")).await;
        let expected =
            if refused { matches!(attempt, Attempt::Refused(_)) } else { matches!(attempt, Attempt::Failed(_)) };
        assert!(expected, "{command}: {answer}: {attempt:?}");
        assert!(server.mails().is_empty());
    }
}

#[tokio::test]
async fn a_wrong_password_loses_no_mail() {
    let login = |accepted: &'static str| {
        move |asked: &str| match asked {
            "EHLO" => Some("250-test\r\n250 AUTH PLAIN LOGIN"),
            "AUTH" => Some(accepted),
            _ => None,
        }
    };
    let strict = Responder::starts(login("535 wrong password")).await;
    let attempt = to(strict.url_with_login()).deliver(&mail("ann@example.org")).await;
    assert!(matches!(attempt, Attempt::Failed(_)), "{attempt:?}");
    let friendly = Responder::starts(login("235 welcome")).await;
    assert_eq!(to(friendly.url_with_login()).deliver(&mail("ann@example.org")).await, Attempt::Delivered);
}

#[tokio::test]
async fn a_server_that_hangs_is_left_in_time() {
    for command in ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "MESSAGE"] {
        let server = Responder::starts(move |asked| (asked == command).then_some("")).await;
        let began = Instant::now();
        let attempt = within(Duration::from_millis(500), server.url()).deliver(&mail("ann@example.org")).await;
        assert!(matches!(attempt, Attempt::Failed(_)), "{command}: {attempt:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{command}");
    }
}

#[tokio::test]
async fn a_mail_that_hung_takes_no_other_along() {
    let asked_before = AtomicUsize::new(0);
    let server = Responder::starts(move |asked| {
        // Asked twice for each mail: whether it is taken, and what is said.
        (asked == "MESSAGE" && asked_before.fetch_add(1, Ordering::Relaxed) < 2).then_some("")
    })
    .await;
    let transport = within(Duration::from_secs(2), server.url());
    assert!(matches!(transport.deliver(&mail("ann@example.org")).await, Attempt::Failed(_)));
    assert_eq!(transport.deliver(&mail("bob@example.org")).await, Attempt::Delivered);
    let mails = server.mails();
    assert!(mails.len() == 1 && mails[0].contains("To: bob@example.org"), "{mails:?}");
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, "no certificate").unwrap();
    let config = |url: &str, path: &std::path::Path| Config {
        transport: TransportKind::Smtp,
        smtp: SmtpConfig { url: url.into(), root_certificate: Some(path.to_owned()), ..SmtpConfig::default() },
        ..Config::default()
    };
    for config in [config("smtps://mail.example", &path), config("smtps://mail.example", &folder.path().join("none"))] {
        assert!(matches!(Transport::new(&config), Err(TransportError::Certificate(_))));
    }
}
