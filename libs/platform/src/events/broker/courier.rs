//! From an outbox to the broker.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use lapin::{Confirmation, options::BasicPublishOptions};

use super::{
    super::{Courier, Message, Refusal, Undelivered},
    Broker, parcel,
};

/// How long the broker may take to confirm one event.
const CONFIRM_LIMIT: Duration = Duration::from_secs(10);
/// The largest event, in bytes: what brokers take that are set up as usual.
const LARGEST: usize = 16 << 20;

impl Broker {
    /// The way to the consumers of other processes.
    pub fn courier(&self) -> Arc<dyn Courier> {
        Arc::new(self.clone())
    }

    async fn send(&self, consumer: &str, message: &Message) -> Result<(), String> {
        let line = self.sending().await?;
        let confirmed = async {
            line.declare(self, consumer).await?;
            // One that would reach no queue comes back instead of being dropped.
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            let body = message.data.as_bytes();
            let label = parcel::label(message);
            line.channel.basic_publish(self.exchange(), consumer.into(), options, body, label).await?.await
        };
        let fault = match tokio::time::timeout(CONFIRM_LIMIT, confirmed).await {
            Ok(Ok(Confirmation::Ack(None))) => {
                self.moved();
                return Ok(());
            }
            Ok(Ok(Confirmation::Ack(Some(_)))) => "its queue has disappeared".to_owned(),
            Ok(Ok(Confirmation::Nack(_))) => "the broker could not store it".to_owned(),
            Ok(Ok(Confirmation::NotRequested)) => "the broker does not confirm".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the broker did not confirm in time".to_owned(),
        };
        // On another connection queues are declared again, and what was sent here is not confirmed late.
        self.hang_up(&line).await;
        Err(format!("the broker of events.url: {fault}"))
    }
}

impl Courier for Broker {
    fn deliver<'a>(&'a self, consumer: &'a str, message: &'a Message) -> BoxFuture<'a, Result<(), Undelivered>> {
        Box::pin(async move {
            if message.data.len() > LARGEST {
                let why = format!("{} bytes are more than the {LARGEST} that brokers take", message.data.len());
                return Err(Undelivered::Refused(Refusal::of(why)));
            }
            self.send(consumer, message).await.map_err(Undelivered::Unreachable)
        })
    }
}
