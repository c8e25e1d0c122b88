//! A stored mail leaves.

use serde::{Deserialize, Serialize};
use souk_contracts::events::Event;
use souk_kernel::NotificationId;
use souk_platform::events::Receipt;

use crate::{
    app::App,
    domain::{MailStatus, Next, next},
    error::Error,
    store::mails,
};

/// Private: this mail is to be sent, now or when the event is due.
#[derive(Clone, Serialize, Deserialize)]
pub struct MailQueued {
    pub mail_id: NotificationId,
}

impl Event for MailQueued {
    const TYPE: &'static str = "notifications.mail_queued";
    fn key(&self) -> String {
        self.mail_id.to_string()
    }
}

/// Tries to send a mail and notes how it went. A failure is no error of the event: the next attempt has an event of its
/// own, with pauses that are longer than those of the relay.
pub async fn send_mail(app: &App, id: NotificationId, receipt: Receipt) -> Result<(), Error> {
    let found = mails::find(app.db.reader(), id).await?;
    let Some(mail) = found.filter(|mail| mail.status == MailStatus::Queued) else { return Ok(()) };
    let attempt = app.transport.deliver(&mail).await;
    app.db
        .transaction(move |tx| async move {
            if !tx.accept(receipt).await? {
                return Ok(());
            }
            let next = next(attempt, mail.attempts, tx.now());
            mails::note(&tx, id, &next, tx.now()).await?;
            match next {
                Next::Done => {}
                Next::Again { at, .. } => {
                    // Why stands in the delivery log: servers repeat addresses in what they answer.
                    tracing::warn!(mail = %id, "a mail was not sent and is tried again");
                    tx.publish_at(MailQueued { mail_id: id }, at);
                }
                Next::GiveUp { .. } => tracing::error!(mail = %id, "a mail was given up"),
            }
            Ok(())
        })
        .await
}
