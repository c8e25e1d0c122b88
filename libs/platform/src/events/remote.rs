//! Events from one process to another by gRPC.

use std::sync::Arc;

use chrono::DateTime;
use futures::future::BoxFuture;
use souk_contracts::delivery::{
    BacklogReply, BacklogRequest, DeadLettersReply, DeadLettersRequest, DeliverReply, DeliverRequest, ReplayReply,
    ReplayRequest,
    delivery_client::DeliveryClient,
    delivery_server::{Delivery, DeliveryServer},
};
use souk_kernel::{EventId, PageQuery, Problem};
use tonic::{Code, Request, Response, Status, service::Routes};

use super::{Bus, Courier, HANDLER_LIMIT, Message, Outbox, Refusal, Undelivered};
use crate::{
    db::Database,
    rpc::{BreakerPolicy, Channel, Directory, Policy, status},
};

/// An event may be as large as what it tells of: a product with all its attributes.
const LARGEST: usize = 64 << 20;

/// A courier to the consumers of one service in another process.
pub struct RemoteConsumer {
    client: DeliveryClient<Channel>,
}

impl RemoteConsumer {
    /// To the consumers of `service`, wherever `directory` knows it to be.
    pub fn courier(directory: &Directory, service: &'static str) -> Arc<dyn Courier> {
        let policy = Policy {
            // The handler has its own limit: whoever keeps to it can say what was wrong.
            deadline: HANDLER_LIMIT + HANDLER_LIMIT / 6,
            retries: 0,
            idempotent: &[],
            concurrency: 128,
            // Relays wait on their own: they should know soon when the consumer is back.
            breaker: BreakerPolicy {
                longest_cool_down: std::time::Duration::from_secs(1),
                ..Policy::default().breaker
            },
        };
        let channel = directory.channel("events", service, policy);
        Arc::new(Self { client: client(channel) })
    }
}

/// The way to the outbox of `service` in another process.
pub(crate) fn client(channel: Channel) -> DeliveryClient<Channel> {
    DeliveryClient::new(channel).max_decoding_message_size(LARGEST).max_encoding_message_size(LARGEST)
}

impl Outbox {
    /// The outbox of `service`, wherever `directory` knows it to be.
    pub fn elsewhere(directory: &Directory, service: &'static str) -> Self {
        let policy = Policy::default().idempotent(&["Backlog", "DeadLetters", "Replay"]);
        Self::Elsewhere { service, client: client(directory.channel("gateway", service, policy)) }
    }
}

impl Courier for RemoteConsumer {
    fn deliver<'a>(&'a self, consumer: &'a str, message: &'a Message) -> BoxFuture<'a, Result<(), Undelivered>> {
        let request = DeliverRequest {
            consumer: consumer.to_owned(),
            id: message.event_id.to_string(),
            r#type: message.kind.clone(),
            subject: message.subject.clone(),
            time: message.time.timestamp_micros(),
            data: message.data.clone(),
            attempt: message.attempt,
        };
        let mut client = self.client.clone();
        Box::pin(async move {
            match client.deliver(request).await {
                Ok(reply) => {
                    let DeliverReply { refused, outage } = reply.into_inner();
                    refused.map_or(Ok(()), |error| Err(Undelivered::Refused(Refusal { error, outage })))
                }
                Err(status) => {
                    let cause = status.message().to_owned();
                    Err(match status.code() {
                        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Undelivered::Unreachable(cause),
                        // Too large, say: it would be so for ever.
                        _ => Undelivered::Refused(Refusal::of(cause)),
                    })
                }
            }
        })
    }
}

/// What a process answers to the relays of others, and to the operator, for the services that run in it.
pub fn routes(bus: Bus, databases: impl IntoIterator<Item = Database>) -> Routes {
    let outboxes = databases.into_iter().map(Outbox::Here).collect();
    let server = DeliveryServer::new(Answers { bus, outboxes });
    Routes::new(server.max_decoding_message_size(LARGEST).max_encoding_message_size(LARGEST))
}

struct Answers {
    bus: Bus,
    outboxes: Vec<Outbox>,
}

impl Answers {
    fn outbox(&self, service: &str) -> Result<&Outbox, Status> {
        let found = self.outboxes.iter().find(|outbox| outbox.service() == service);
        found.ok_or_else(|| Status::unavailable(format!("{service} is not in this process")))
    }
}

#[tonic::async_trait]
impl Delivery for Answers {
    async fn deliver(&self, request: Request<DeliverRequest>) -> Result<Response<DeliverReply>, Status> {
        let DeliverRequest { consumer, id, r#type, subject, time, data, attempt } = request.into_inner();
        let invalid = |what: &str| status(Problem::invalid(what, "can't be read"));
        let message = Message {
            event_id: event_id(&id)?,
            kind: r#type,
            subject,
            time: DateTime::from_timestamp_micros(time).ok_or_else(|| invalid("time"))?,
            data,
            attempt,
        };
        match self.bus.deliver_here(&consumer, &message).await {
            Some(result) => {
                let outage = result.as_ref().is_err_and(|refusal| refusal.outage);
                Ok(Response::new(DeliverReply { refused: result.err().map(|refusal| refusal.error), outage }))
            }
            None => Err(Status::unavailable(format!("{consumer} is not in this process"))),
        }
    }

    async fn backlog(&self, request: Request<BacklogRequest>) -> Result<Response<BacklogReply>, Status> {
        let outbox = self.outbox(&request.get_ref().service)?;
        let backlog = outbox.backlog().await.map_err(status)?;
        Ok(Response::new(BacklogReply { due: backlog.due, later: backlog.later, dead: backlog.dead }))
    }

    async fn dead_letters(&self, request: Request<DeadLettersRequest>) -> Result<Response<DeadLettersReply>, Status> {
        let DeadLettersRequest { service, limit, offset, event_id: event } = request.into_inner();
        let outbox = self.outbox(&service)?;
        let (letters, total) = if let Some(event) = event {
            let letters = outbox.dead_letters_of(event_id(&event)?).await.map_err(status)?;
            let total = letters.len() as u64;
            (letters, total)
        } else {
            let page = PageQuery { limit, offset, cursor: None };
            let page = outbox.dead_letters(&page).await.map_err(status)?;
            (page.items, page.total)
        };
        let letters = letters.iter().map(|letter| serde_json::to_string(letter).expect("a letter is plain data"));
        Ok(Response::new(DeadLettersReply { letters: letters.collect(), total }))
    }

    async fn replay(&self, request: Request<ReplayRequest>) -> Result<Response<ReplayReply>, Status> {
        let ReplayRequest { service, event_id: event } = request.into_inner();
        let event = event.map(|event| event_id(&event)).transpose()?;
        let deliveries = self.outbox(&service)?.replay(event).await.map_err(status)?;
        Ok(Response::new(ReplayReply { deliveries: deliveries as u64 }))
    }
}

fn event_id(text: &str) -> Result<EventId, Status> {
    text.parse().map_err(|_| status(Problem::invalid("id", "is not the id of an event")))
}
