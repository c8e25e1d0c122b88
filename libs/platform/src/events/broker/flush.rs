//! Waiting until what was handed to the broker has arrived.

use std::time::Duration;

use futures::StreamExt;
use lapin::{
    BasicProperties,
    message::Delivery,
    options::{BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions},
    types::{FieldTable, ShortString},
};

use super::{Broker, line::within};

/// How long consumers may take to store what waits for them.
const LIMIT: Duration = Duration::from_secs(10);
const KIND: &str = "souk.flush";

/// Consumers that are not there, with the events that wait for them.
pub type Left = Vec<(&'static str, u64)>;

/// Where the answer goes to, if this is a question.
pub(super) fn asks(delivery: &Delivery) -> Option<ShortString> {
    let properties = &delivery.properties;
    let is_question = properties.kind().as_ref().is_some_and(|kind| kind.as_str() == KIND);
    is_question.then(|| properties.reply_to().clone()).flatten()
}

impl Broker {
    /// Waits until all that was handed to the broker for these consumers before is handled or stored by them. Gives those that are
    /// not connected, or too slow, and for whom something waits.
    pub async fn flush(&self, consumers: &[&'static str]) -> Result<Left, String> {
        let channel = self.receiving().await?;
        // A question passes through the consumer's queue, behind everything else: once it is answered, they are done with the rest.
        let (answers, asked, mut left) = within(async {
            let own = QueueDeclareOptions::exclusive();
            let answers =
                channel.queue_declare(ShortString::default(), own, FieldTable::default()).await?.name().clone();
            let take = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
            let taken =
                channel.basic_consume(answers.clone(), ShortString::default(), take, FieldTable::default()).await?;
            let (mut asked, mut left) = (Vec::new(), Left::new());
            for consumer in consumers {
                let queue = self.declare(&channel, consumer).await?;
                if queue.consumer_count() == 0 {
                    left.push((*consumer, u64::from(queue.message_count())));
                    continue;
                }
                let question = BasicProperties::default().with_type(KIND.into()).with_reply_to(answers.clone());
                let question = question.with_correlation_id((*consumer).into());
                let plain = BasicPublishOptions::default();
                channel.basic_publish(self.exchange(), (*consumer).into(), plain, &[], question).await?;
                asked.push(*consumer);
            }
            Ok((taken, asked, left))
        })
        .await?;
        let answered = tokio::time::timeout(LIMIT, answers.take(asked.len()).count()).await;
        if answered.is_err() {
            left.extend(asked.into_iter().map(|consumer| (consumer, 1)));
        }
        if let Err(error) = channel.close(200, "done".into()).await {
            tracing::debug!(%error, "closing a channel failed");
        }
        left.retain(|(_, waiting)| *waiting > 0);
        Ok(left)
    }

    /// Answers those who asked.
    pub(super) async fn answer(&self, questions: Vec<ShortString>) {
        for answer_to in questions {
            let sent = async {
                let line = self.sending().await?;
                let (plain, label) = (BasicPublishOptions::default(), BasicProperties::default());
                let sent = line.channel.basic_publish(ShortString::default(), answer_to, plain, &[], label).await;
                sent.map_err(|error| error.to_string())
            };
            if let Err(error) = sent.await {
                tracing::debug!(error, "a question of whether all has arrived is not answered");
            }
        }
    }
}
