//! Somebody is told what happened, by mail, in the inbox, or both, as they chose.

use souk_kernel::{NotificationId, Timestamp};
use souk_platform::events::Receipt;

use super::send_mail::MailQueued;
use crate::{
    app::App,
    domain::{Category, MailStatus, Preferences},
    error::Error,
    letters::{Letter, Write},
    store::{mails, notices, preferences},
    teams::Person,
};

/// Longer titles are cut.
const MAX_TITLE: usize = 200;

/// What stands in the inbox.
#[derive(Clone, Debug)]
pub struct Notice {
    pub title: String,
    pub body: String,
    /// A path.
    pub link: Option<String>,
}

/// What one person is told. The inbox is left out for who has no account, and where nothing is to be shown.
pub struct Message<'a> {
    pub to: Person,
    pub category: Category,
    /// `None` when it is shown in the inbox only.
    pub letter: Option<Box<dyn Write + Send + Sync + 'a>>,
    /// The kind that stands in the inbox, and what is shown there.
    pub notice: Option<(&'static str, Notice)>,
}

/// Tells everybody once: a repeated delivery of the event changes nothing.
pub async fn notify(app: &App, messages: Vec<Message<'_>>, receipt: Receipt) -> Result<(), Error> {
    let users = messages.iter().filter_map(|message| message.to.user_id).collect();
    let choices = preferences::find_many(app.db.reader(), users).await?;
    let now = app.db.clock().now();
    let is_embedded = app.transport.is_embedded();
    let (mut outgoing, mut inbox) = (Vec::new(), Vec::new());
    for message in messages {
        let chosen = message.to.user_id.and_then(|user| choices.get(&user).copied());
        let channels = chosen.unwrap_or_else(Preferences::default).of(message.category);
        if let (true, Some(user_id), Some((kind, notice))) = (channels.in_app, message.to.user_id, message.notice) {
            let Notice { title, body, link } = notice;
            let (id, kind) = (NotificationId::new(), kind.to_owned());
            let title = title.chars().take(MAX_TITLE).collect();
            inbox.push(notices::Model { id, user_id, kind, title, body, link, read_at: None, created_at: now });
        }
        if let (true, Some(letter)) = (channels.email, message.letter) {
            outgoing.push(mail(message.to, letter.write(&app.site)?, is_embedded, now));
        }
    }
    app.db
        .guarded(move |tx| async move {
            if !tx.accept(receipt).await? {
                return Ok(());
            }
            if !is_embedded {
                for mail in &outgoing {
                    tx.publish(MailQueued { mail_id: mail.id });
                }
            }
            mails::insert_many(&tx, outgoing);
            notices::insert_many(&tx, inbox);
            Ok(())
        })
        .await
}

/// The row of a mail. In the embedded mailbox it is delivered by being stored.
fn mail(to: Person, letter: Letter, is_embedded: bool, now: Timestamp) -> mails::Model {
    let Letter { template, subject, text, html } = letter;
    mails::Model {
        id: NotificationId::new(),
        user_id: to.user_id,
        email_key: to.email.to_ascii_lowercase(),
        email: to.email,
        template: template.to_owned(),
        subject,
        text,
        html,
        status: if is_embedded { MailStatus::Sent } else { MailStatus::Queued },
        attempts: 0,
        last_error: None,
        next_at: (!is_embedded).then_some(now),
        sent_at: is_embedded.then_some(now),
        created_at: now,
    }
}
