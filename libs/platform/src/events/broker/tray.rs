//! From the broker to the handlers of the service that takes the events.

use std::{
    future::pending,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream::ReadyChunks};
use lapin::{
    Acker, Channel, Consumer,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions},
    types::{FieldTable, ShortString},
};
use tokio_util::sync::CancellationToken;

use super::{
    Broker, flush,
    hands::{Done, Hands, Parcel},
    line::within,
    parcel,
};
use crate::{db::Database, events::Bus};

/// Events that are looked at together.
const BATCH: usize = 128;
/// Events that the broker sends ahead: more than one busy key has, for which the others would wait.
const AHEAD: u16 = 1024;
/// The pause before the broker, or the database, is tried again.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(100);
pub(super) const LAST_PAUSE: Duration = Duration::from_secs(5);

impl Broker {
    /// Takes what comes for the service of `db` and hands it to its handlers on `bus`, until `stop` is cancelled and what is
    /// in hand has been handled.
    pub async fn take(self, bus: Bus, db: Database, stop: CancellationToken) {
        let service = db.service();
        let mut pause = FIRST_PAUSE;
        let mut told = false;
        loop {
            let began = Instant::now();
            let cause = tokio::select! {
                () = stop.cancelled() => return,
                opened = self.consume(service) => match opened {
                    Ok((channel, consumer)) => {
                        tracing::debug!(service, "events are taken from the broker");
                        // What is cut off in the middle is brought again by the broker, and has its effect once.
                        let hands = Hands::new(bus.clone(), db.clone(), stop.clone());
                        match self.hand_over(channel, consumer, hands, &stop).await {
                            Ok(()) if stop.is_cancelled() => return,
                            Ok(()) => "the broker has closed the queue".to_owned(),
                            Err(cause) => cause,
                        }
                    }
                    Err(cause) => cause,
                },
            };
            if began.elapsed() > LAST_PAUSE {
                (pause, told) = (FIRST_PAUSE, false);
            }
            if !told {
                tracing::warn!(service, cause, "no events are taken from the broker; it is tried again");
                told = true;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    async fn consume(&self, service: &'static str) -> Result<(Channel, Consumer), String> {
        let channel = self.receiving().await?;
        within(async {
            self.declare(&channel, service).await?;
            channel.basic_qos(AHEAD, BasicQosOptions::default()).await?;
            let (queue, tag) = (self.queue(service), ShortString::default());
            let consumer =
                channel.basic_consume(queue, tag, BasicConsumeOptions::default(), FieldTable::default()).await?;
            Ok((channel, consumer))
        })
        .await
    }

    async fn hand_over(
        &self,
        channel: Channel,
        consumer: Consumer,
        mut hands: Hands,
        stop: &CancellationToken,
    ) -> Result<(), String> {
        let mut batches = consumer.ready_chunks(BATCH);
        let handed = self.hand_over_all(&mut batches, &mut hands, stop).await;
        // With the channel, and before the consumer: otherwise another process would be given what comes after that which is
        // ours still, and that only then.
        if let Ok(Err(error)) = tokio::time::timeout(LAST_PAUSE, channel.close(200, "done".into())).await {
            tracing::debug!(%error, "closing a channel failed");
        }
        handed
    }

    async fn hand_over_all(
        &self,
        batches: &mut ReadyChunks<Consumer>,
        hands: &mut Hands,
        stop: &CancellationToken,
    ) -> Result<(), String> {
        loop {
            tokio::select! {
                biased;
                done = async {
                    match hands.done().await {
                        Some(done) => done,
                        None => pending().await,
                    }
                } => self.tell(hands.go_on(done?).await).await?,
                () = stop.cancelled() => break,
                batch = batches.next() => match batch {
                    Some(batch) => self.look_at(batch, hands).await?,
                    None => break,
                },
            }
        }
        self.finish(hands).await
    }

    async fn look_at(&self, batch: Vec<Result<Delivery, lapin::Error>>, hands: &mut Hands) -> Result<(), String> {
        let (mut parcels, mut questions) = (Vec::new(), Vec::new());
        for delivery in batch {
            let delivery = delivery.map_err(told)?;
            if let Some(answer_to) = flush::asks(&delivery) {
                questions.push((answer_to, delivery.acker));
                continue;
            }
            let service = hands.service();
            match parcel::unpack(&delivery, service) {
                Ok(row) => parcels.push(Parcel { row, again: delivery.redelivered, acker: delivery.acker }),
                Err(why) => {
                    tracing::error!(service, why, "what the broker brought is no event; it goes to the dead letters");
                    delivery.acker.reject(BasicRejectOptions { requeue: false }).await.map_err(told)?;
                }
            }
        }
        self.tell(hands.take(parcels).await).await?;
        if !questions.is_empty() {
            // They ask for what came before them.
            self.finish(hands).await?;
            let (answers_to, ackers) = questions.into_iter().unzip();
            self.answer(answers_to).await;
            acknowledge(ackers).await?;
        }
        Ok(())
    }

    /// Waits for all that is in hand.
    async fn finish(&self, hands: &mut Hands) -> Result<(), String> {
        while let Some(done) = hands.done().await {
            self.tell(hands.go_on(done?).await).await?;
        }
        Ok(())
    }

    /// Tells the broker that it need not keep these events any longer.
    async fn tell(&self, done: Done) -> Result<(), String> {
        if !done.is_empty() {
            self.moved();
        }
        acknowledge(done).await
    }
}

async fn acknowledge(taken: Vec<Acker>) -> Result<(), String> {
    for acker in taken {
        acker.ack(BasicAckOptions::default()).await.map_err(told)?;
    }
    Ok(())
}

fn told(error: lapin::Error) -> String {
    error.to_string()
}
