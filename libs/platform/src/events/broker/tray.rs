//! From the broker to the handlers of the service that takes the events.

use std::{
    future::pending,
    time::{Duration, Instant},
};

use futures::StreamExt;
use lapin::{
    Consumer,
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
/// Events that the broker sends ahead.
const AHEAD: u16 = 128;
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
                    Ok(consumer) => {
                        tracing::debug!(service, "events are taken from the broker");
                        // What is cut off in the middle is brought again by the broker, and has its effect once.
                        match self.hand_over(consumer, Hands::new(bus.clone(), db.clone()), &stop).await {
                            Ok(()) if stop.is_cancelled() => return,
                            Ok(()) => "the broker has closed the queue".to_owned(),
                            Err(error) => error.to_string(),
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

    async fn consume(&self, service: &'static str) -> Result<Consumer, String> {
        let channel = self.receiving().await?;
        within(async {
            self.declare(&channel, service).await?;
            channel.basic_qos(AHEAD, BasicQosOptions::default()).await?;
            let (queue, tag) = (self.queue(service), ShortString::default());
            channel.basic_consume(queue, tag, BasicConsumeOptions::default(), FieldTable::default()).await
        })
        .await
    }

    async fn hand_over(
        &self,
        consumer: Consumer,
        mut hands: Hands,
        stop: &CancellationToken,
    ) -> Result<(), lapin::Error> {
        let mut batches = consumer.ready_chunks(BATCH);
        loop {
            tokio::select! {
                biased;
                done = async {
                    match hands.done().await {
                        Some(done) => done,
                        None => pending().await,
                    }
                } => self.tell(hands.go_on(done).await).await?,
                () = stop.cancelled() => break,
                batch = batches.next() => match batch {
                    Some(batch) => self.look_at(batch, &mut hands).await?,
                    None => break,
                },
            }
        }
        self.finish(&mut hands).await
    }

    async fn look_at(&self, batch: Vec<Result<Delivery, lapin::Error>>, hands: &mut Hands) -> Result<(), lapin::Error> {
        let (mut parcels, mut questions) = (Vec::new(), Vec::new());
        for delivery in batch {
            let delivery = delivery?;
            if let Some(answer_to) = flush::asks(&delivery) {
                questions.push(answer_to);
                delivery.acker.ack(BasicAckOptions::default()).await?;
                continue;
            }
            let service = hands.service();
            match parcel::unpack(&delivery, service) {
                Ok(row) => parcels.push(Parcel { row, again: delivery.redelivered, acker: delivery.acker }),
                Err(why) => {
                    tracing::error!(service, why, "what the broker brought is no event; it goes to the dead letters");
                    delivery.acker.reject(BasicRejectOptions { requeue: false }).await?;
                }
            }
        }
        self.tell(hands.take(parcels).await).await?;
        if !questions.is_empty() {
            // They ask for what came before them.
            self.finish(hands).await?;
            self.answer(questions).await;
        }
        Ok(())
    }

    /// Waits for all that is in hand.
    async fn finish(&self, hands: &mut Hands) -> Result<(), lapin::Error> {
        while let Some(done) = hands.done().await {
            self.tell(hands.go_on(done).await).await?;
        }
        Ok(())
    }

    /// Tells the broker that it need not keep these any longer.
    async fn tell(&self, done: Done) -> Result<(), lapin::Error> {
        if !done.is_empty() {
            self.moved();
        }
        for acker in done {
            acker.ack(BasicAckOptions::default()).await?;
        }
        Ok(())
    }
}
