//! From the broker into the outbox of the service that takes the events.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use futures::StreamExt;
use lapin::{
    Consumer,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions},
    types::{FieldTable, ShortString},
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use souk_kernel::EventId;
use tokio_util::sync::CancellationToken;

use super::{Broker, flush, line::within, parcel};
use crate::db::{Database, Tx, dead_letter, inbox, outbox};

/// Events that are stored together.
const BATCH: usize = 128;
/// Events that the broker sends ahead.
const AHEAD: u16 = 128;
/// The pause before the broker, or the database, is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(5);

impl Broker {
    /// Takes what comes for `service` and stores it in `db`, until `stop` is cancelled.
    pub async fn take(self, service: &'static str, db: Database, stop: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        let mut told = false;
        loop {
            let began = Instant::now();
            // What is cut off in the middle is stored, and dropped when the broker sends it again.
            let cause = tokio::select! {
                () = stop.cancelled() => return,
                cause = self.take_until_lost(service, &db) => cause,
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

    /// Ends with the reason why it can't go on.
    async fn take_until_lost(&self, service: &'static str, db: &Database) -> String {
        match self.consume(service).await {
            Ok(consumer) => {
                tracing::debug!(service, "events are taken from the broker");
                match self.store_all(consumer, service, db).await {
                    Ok(()) => "the broker has closed the queue".to_owned(),
                    Err(error) => error.to_string(),
                }
            }
            Err(cause) => cause,
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

    async fn store_all(&self, consumer: Consumer, service: &'static str, db: &Database) -> Result<(), lapin::Error> {
        let mut batches = consumer.ready_chunks(BATCH);
        while let Some(batch) = batches.next().await {
            let batch: Vec<Delivery> = batch.into_iter().collect::<Result<_, _>>()?;
            let (mut rows, mut last, mut flushes) = (Vec::new(), None, Vec::new());
            for delivery in batch {
                if let Some(answer_to) = flush::asks(&delivery) {
                    flushes.push(answer_to);
                    last = Some(delivery.acker);
                    continue;
                }
                match parcel::unpack(&delivery, service) {
                    Ok(row) => {
                        rows.push(row);
                        last = Some(delivery.acker);
                    }
                    Err(why) => {
                        tracing::error!(
                            service,
                            why,
                            "what the broker brought is no event; it goes to the dead letters"
                        );
                        delivery.acker.reject(BasicRejectOptions { requeue: false }).await?;
                    }
                }
            }
            if !rows.is_empty() {
                keep(db, service, rows).await;
                self.moved();
            }
            if let Some(acker) = last {
                acker.ack(BasicAckOptions { multiple: true }).await?;
            }
            self.answer(flushes).await;
        }
        Ok(())
    }
}

/// Stores events, however long the database is away.
async fn keep(db: &Database, service: &'static str, rows: Vec<outbox::Model>) {
    metrics::counter!("souk_broker_events_taken_total", "consumer" => service).increment(rows.len() as u64);
    let mut pause = FIRST_PAUSE;
    while let Err(error) = db
        .guarded({
            let rows = rows.clone();
            move |tx| store(tx, service, rows)
        })
        .await
    {
        tracing::error!(service, %error, "storing events from the broker failed; it is tried again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// Stores those that are new.
async fn store(tx: Tx, service: &'static str, rows: Vec<outbox::Model>) -> Result<(), DbErr> {
    // Two processes that were sent the same events see each other's.
    tx.in_turn(service).await?;
    let ids = || rows.iter().map(|row| row.event_id);
    let taken: Vec<EventId> = inbox::Entity::find()
        .select_only()
        .column(inbox::Column::EventId)
        .filter(inbox::Column::EventId.is_in(ids()))
        .filter(inbox::Column::Consumer.eq(service))
        .into_tuple()
        .all(&tx)
        .await?;
    let given_up: Vec<EventId> = dead_letter::Entity::find()
        .select_only()
        .column(dead_letter::Column::EventId)
        .filter(dead_letter::Column::EventId.is_in(ids()))
        .filter(dead_letter::Column::Consumer.eq(service))
        .into_tuple()
        .all(&tx)
        .await?;
    let waiting: Vec<EventId> = outbox::Entity::find()
        .select_only()
        .column(outbox::Column::EventId)
        .filter(outbox::Column::EventId.is_in(ids()))
        .filter(outbox::Column::Pending.eq(service))
        .into_tuple()
        .all(&tx)
        .await?;
    let mut known: HashSet<EventId> = taken.into_iter().chain(given_up).chain(waiting).collect();
    for row in rows {
        if known.insert(row.event_id) {
            tx.forward(row);
        }
    }
    Ok(())
}
