//! The mailbox and the delivery log, for the operator. Mails hold secret links: support does not see them.

use axum::extract::State;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use souk_kernel::NotificationId;
use souk_platform::{
    http::{
        Failure, List, Paging, Params, PathId, Reply,
        openapi::{Envelope, ListEnvelope},
    },
    security::{Admin, Support},
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::AppState,
    domain::MailStatus,
    error::Error,
    operations::retry_mail,
    store::mails::{self, Filter},
};

/// One mail as it was written.
#[derive(Debug, Serialize, ToSchema)]
pub struct Mail {
    id: NotificationId,
    to: String,
    template: String,
    subject: String,
    text: String,
    html: String,
    /// null while it waits, or when it was given up.
    sent_at: Option<DateTime<Utc>>,
}

impl From<mails::Model> for Mail {
    fn from(mail: mails::Model) -> Self {
        let mails::Model { id, email: to, template, subject, text, html, sent_at, .. } = mail;
        Self { id, to, template, subject, text, html, sent_at }
    }
}

/// To whom.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Addressee {
    /// The whole address, in any case.
    #[garde(length(max = 254))]
    to: Option<String>,
    /// For example `order_confirmed`.
    #[garde(length(max = 40))]
    template: Option<String>,
}

/// Mails, newest first.
#[utoipa::path(get, path = "/admin/mail", tag = "notifications", params(Addressee, Paging), security(("bearer" = [])),
    responses((status = 200, body = ListEnvelope<Mail>), Failure))]
pub async fn mailbox(
    State(app): State<AppState>,
    _: Admin,
    Params(Addressee { to, template }): Params<Addressee>,
    Paging(page): Paging,
) -> Result<List<Mail>, Error> {
    let filter = Filter { to, template, status: None };
    Ok(List(mails::list(&app.db.copies().await, filter, page).await?.map(Mail::from)))
}

/// How a mail fared.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryLog {
    id: NotificationId,
    to: String,
    template: String,
    subject: String,
    status: MailStatus,
    /// That failed.
    attempts: i32,
    last_error: Option<String>,
    next_at: Option<DateTime<Utc>>,
    sent_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl From<mails::Model> for DeliveryLog {
    fn from(mail: mails::Model) -> Self {
        Self {
            id: mail.id,
            to: mail.email,
            template: mail.template,
            subject: mail.subject,
            status: mail.status,
            attempts: mail.attempts,
            last_error: mail.last_error,
            next_at: mail.next_at,
            sent_at: mail.sent_at,
            created_at: mail.created_at,
        }
    }
}

/// What to look for.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// The whole address, in any case.
    #[garde(length(max = 254))]
    to: Option<String>,
    /// For example `order_confirmed`.
    #[garde(length(max = 40))]
    template: Option<String>,
    #[garde(skip)]
    #[param(inline)]
    status: Option<MailStatus>,
}

/// The delivery log, newest first.
#[utoipa::path(get, path = "/admin/notifications/deliveries", tag = "notifications", params(Search, Paging),
    security(("bearer" = [])), responses((status = 200, body = ListEnvelope<DeliveryLog>), Failure))]
pub async fn deliveries(
    State(app): State<AppState>,
    _: Support,
    Params(Search { to, template, status }): Params<Search>,
    Paging(page): Paging,
) -> Result<List<DeliveryLog>, Error> {
    let page = mails::list(&app.db.copies().await, Filter { to, template, status }, page).await?;
    Ok(List(page.map(DeliveryLog::from)))
}

/// Has a mail that was given up tried again.
#[utoipa::path(post, path = "/admin/notifications/deliveries/{id}/retry", tag = "notifications",
    params(("id" = NotificationId, Path)), security(("bearer" = [])),
    responses((status = 202, body = Envelope<DeliveryLog>), Failure))]
pub async fn retry(
    State(app): State<AppState>,
    _: Admin,
    PathId(id): PathId<NotificationId>,
) -> Result<Reply<DeliveryLog>, Error> {
    Ok(Reply::accepted(retry_mail(&app.db, id).await?.into()))
}
