//! A service's outbox as the operator sees it, whichever process it is in.

use sea_orm::DbErr;
use souk_contracts::delivery::{BacklogRequest, DeadLettersRequest, ReplayRequest, delivery_client::DeliveryClient};
use souk_kernel::{EventId, Page, PageQuery, Problem};

use super::{Backlog, DeadLetter, DeadLetters};
use crate::{
    db::Database,
    rpc::{Channel, problem},
};

/// The outbox of one service. Cheap to clone.
#[derive(Clone)]
pub enum Outbox {
    /// In this process.
    Here(Database),
    /// In another one.
    Elsewhere {
        /// Whose it is.
        service: &'static str,
        /// The way there.
        client: DeliveryClient<Channel>,
    },
}

impl Outbox {
    /// Whose outbox it is.
    pub fn service(&self) -> &'static str {
        match self {
            Self::Here(db) => db.service(),
            Self::Elsewhere { service, .. } => service,
        }
    }

    /// What it holds at this moment.
    pub async fn backlog(&self) -> Result<Backlog, Problem> {
        match self {
            Self::Here(db) => Backlog::of(db).await.map_err(|error| fault(&error)),
            Self::Elsewhere { service, client } => {
                let request = BacklogRequest { service: (*service).to_owned() };
                let reply = client.clone().backlog(request).await.map_err(problem)?.into_inner();
                Ok(Backlog { due: reply.due, later: reply.later, dead: reply.dead })
            }
        }
    }

    /// A page of the events that were given up, newest first.
    pub async fn dead_letters(&self, page: &PageQuery) -> Result<Page<DeadLetter>, Problem> {
        match self {
            Self::Here(db) => DeadLetters(db).list(page).await.map_err(|error| fault(&error)),
            Self::Elsewhere { .. } => {
                let (items, total) = self.ask(page.limit, page.offset, None).await?;
                Ok(Page { items, limit: page.limit, offset: page.offset, total, next_cursor: None })
            }
        }
    }

    /// The deliveries of one event that were given up.
    pub async fn dead_letters_of(&self, event: EventId) -> Result<Vec<DeadLetter>, Problem> {
        match self {
            Self::Here(db) => DeadLetters(db).of(event).await.map_err(|error| fault(&error)),
            Self::Elsewhere { .. } => Ok(self.ask(0, 0, Some(event)).await?.0),
        }
    }

    /// Puts back what was given up: one event, or all. Gives how many deliveries will be tried again.
    pub async fn replay(&self, event: Option<EventId>) -> Result<usize, Problem> {
        match self {
            Self::Here(db) => DeadLetters(db).replay(event).await.map_err(|error| fault(&error)),
            Self::Elsewhere { service, client } => {
                let event_id = event.map(|event| event.to_string());
                let request = ReplayRequest { service: (*service).to_owned(), event_id };
                let reply = client.clone().replay(request).await.map_err(problem)?.into_inner();
                Ok(usize::try_from(reply.deliveries).unwrap_or(usize::MAX))
            }
        }
    }

    async fn ask(&self, limit: u64, offset: u64, event: Option<EventId>) -> Result<(Vec<DeadLetter>, u64), Problem> {
        let Self::Elsewhere { service, client } = self else { return Ok((Vec::new(), 0)) };
        let event_id = event.map(|event| event.to_string());
        let request = DeadLettersRequest { service: (*service).to_owned(), limit, offset, event_id };
        let reply = client.clone().dead_letters(request).await.map_err(problem)?.into_inner();
        let letters = reply.letters.iter().map(|letter| serde_json::from_str(letter)).collect::<Result<_, _>>();
        let letters = letters.map_err(|error| {
            tracing::error!(%error, service, "dead letters can't be read");
            Problem::internal()
        })?;
        Ok((letters, reply.total))
    }
}

pub(super) fn fault(error: &DbErr) -> Problem {
    tracing::error!(%error, "the events could not be read or put back");
    Problem::internal()
}
