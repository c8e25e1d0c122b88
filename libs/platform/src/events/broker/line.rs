//! Connections to the broker, made again when they are lost.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use lapin::{
    Channel, Connection, ConnectionProperties, DefaultConnectionBuilder, ErrorKind, ExchangeKind, Queue,
    options::{
        ConfirmSelectOptions, ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions,
        QueueDeleteOptions,
    },
    protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError},
    tcp::OwnedTLSConfig,
    types::{AMQPValue, FieldTable, ShortString},
    uri::AMQPUri,
};
use tokio::{sync::Mutex, time::timeout};

use super::EventsConfig;
use crate::config::SettingError;

/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The pause before a connection that could not be made is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// How soon a broker that went away without a word is noticed, in seconds; unless the URL says otherwise.
const HEARTBEAT: u16 = 10;
/// What was brought so many times and neither handled nor stored is put aside. It is a large number because an outage of a
/// consumer's database also counts, about twice an hour.
const DELIVERY_LIMIT: i64 = 1000;

/// A broker. Cheap to clone; nothing is connected until it is used.
#[derive(Clone)]
pub struct Broker {
    shared: Arc<Shared>,
}

struct Shared {
    uri: AMQPUri,
    tls: OwnedTLSConfig,
    name: String,
    /// What goes out and what comes in have connections of their own: a broker that is short of memory stops reading
    /// from those that send.
    sending: Mutex<Sending>,
    receiving: Mutex<Option<Arc<Connection>>>,
    /// Counts events that went out or came in.
    moves: AtomicU64,
}

/// How things stand with the connection for what goes out.
#[derive(Default)]
enum Sending {
    /// Nobody has needed it yet, or it has failed.
    #[default]
    Closed,
    Open(Arc<Line>),
    /// It could not be made a moment ago: whoever else asks is told the same.
    Refused(Instant, String),
}

/// An open way to the broker.
pub(super) struct Line {
    connection: Connection,
    pub channel: Channel,
    /// Consumers whose queues are there.
    declared: Mutex<HashSet<String>>,
}

impl Broker {
    /// The broker of the configuration, if it names one. Fails when it refuses us; one that does not answer is tried again
    /// when it is needed.
    pub async fn open(config: &EventsConfig) -> Result<Option<Self>, SettingError> {
        if config.url.is_empty() {
            return Ok(None);
        }
        let broker = Self::new(config)?;
        match timeout(CONNECT_TIMEOUT, broker.connect("start")).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => match refusal(&error) {
                Some(why) => return Err(SettingError::new("events.url", why)),
                None => warn(&error.to_string()),
            },
            Err(_) => warn("no answer"),
        }
        Ok(Some(broker))
    }

    fn new(config: &EventsConfig) -> Result<Self, SettingError> {
        let wrong = |message: String| SettingError::new("events.url", message);
        let form = "write amqp://USER:PASSWORD@HOST:5672/VHOST";
        // What is wrong is told without the URL, which holds a password.
        let url =
            url::Url::parse(config.url.expose()).map_err(|error| wrong(format!("is no URL ({error}); {form}")))?;
        if !["amqp", "amqps"].contains(&url.scheme()) {
            return Err(wrong(format!("there is no broker engine `{}`; {form}", url.scheme())));
        }
        let mut uri: AMQPUri = config.url.expose().parse().map_err(|_| wrong(format!("can't be read; {form}")))?;
        let host =
            url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong(format!("names no host; {form}")))?;
        // The client's own parser takes an IPv6 address for none.
        uri.authority.host = host.trim_matches(['[', ']']).into();
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        let cert_chain = config.root_certificate.as_ref().map(|path| {
            std::fs::read_to_string(path).map_err(|error| {
                SettingError::new("events.root_certificate", format!("{} can't be read: {error}", path.display()))
            })
        });
        let tls = OwnedTLSConfig { identity: None, cert_chain: cert_chain.transpose()? };
        if config.name.is_empty() || config.name.len() > 100 {
            return Err(SettingError::new("events.name", "must have 1 to 100 bytes"));
        }
        let shared = Shared {
            uri,
            tls,
            name: config.name.clone(),
            sending: Mutex::default(),
            receiving: Mutex::default(),
            moves: AtomicU64::new(0),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Whether it answers.
    pub async fn ping(&self) -> Result<(), String> {
        self.sending().await.map(|_| ())
    }

    /// A number that grows with every event that this process hands to the broker or takes from it.
    pub fn moves(&self) -> u64 {
        self.shared.moves.load(Ordering::SeqCst)
    }

    pub(super) fn moved(&self) {
        self.shared.moves.fetch_add(1, Ordering::SeqCst);
    }

    async fn connect(&self, what_for: &str) -> Result<Connection, lapin::Error> {
        let name = format!("souk {what_for} ({})", std::process::id());
        DefaultConnectionBuilder::new()?
            .with_uri(self.shared.uri.clone())
            .with_tls_config(self.shared.tls.clone())
            .with_properties(ConnectionProperties::default().with_connection_name(name.into()))
            .connect()
            .await
    }

    /// The connection for what goes out.
    pub(super) async fn sending(&self) -> Result<Arc<Line>, String> {
        let mut sending = self.shared.sending.lock().await;
        match &*sending {
            Sending::Open(line) if line.is_open() => return Ok(Arc::clone(line)),
            Sending::Refused(at, cause) if at.elapsed() < RETRY => return Err(cause.clone()),
            _ => *sending = Sending::Closed,
        }
        let open = async {
            let connection = self.connect("events out").await?;
            let channel = connection.create_channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            self.declare_exchanges(&channel).await?;
            Ok(Line { connection, channel, declared: Mutex::default() })
        };
        match within(open).await {
            Ok(line) => {
                let line = Arc::new(line);
                *sending = Sending::Open(Arc::clone(&line));
                Ok(line)
            }
            Err(cause) => {
                *sending = Sending::Refused(Instant::now(), cause.clone());
                Err(cause)
            }
        }
    }

    /// Gives up a connection that does not do what it should.
    pub(super) async fn hang_up(&self, line: &Arc<Line>) {
        let mut sending = self.shared.sending.lock().await;
        if matches!(&*sending, Sending::Open(current) if Arc::ptr_eq(current, line)) {
            *sending = Sending::Closed;
        }
    }

    /// A channel of the connection for what comes in.
    pub(super) async fn receiving(&self) -> Result<Channel, String> {
        let mut receiving = self.shared.receiving.lock().await;
        let connection = match &*receiving {
            Some(connection) if connection.status().connected() => Arc::clone(connection),
            _ => {
                *receiving = None;
                let connection = Arc::new(within(self.connect("events in")).await?);
                *receiving = Some(Arc::clone(&connection));
                connection
            }
        };
        drop(receiving);
        within(async {
            let channel = connection.create_channel().await?;
            self.declare_exchanges(&channel).await?;
            Ok(channel)
        })
        .await
    }

    /// Ends the connection for what comes in, as the death of the process does.
    #[cfg(test)]
    pub(super) async fn die(&self) {
        if let Some(connection) = self.shared.receiving.lock().await.take() {
            // It may have ended by itself.
            let _ = connection.close(200, "gone".into()).await;
        }
    }

    /// What events are published to; the routing key is the consumer.
    pub(super) fn exchange(&self) -> ShortString {
        format!("{}.events", self.shared.name).into()
    }

    /// Where events of a service wait.
    pub(super) fn queue(&self, consumer: &str) -> ShortString {
        format!("{}.{consumer}", self.shared.name).into()
    }

    /// Exchange and queue of what nobody can take.
    fn dead(&self) -> ShortString {
        format!("{}.dead", self.shared.name).into()
    }

    /// Removes everything of this name, with the queues of `consumers`.
    pub(super) async fn remove(&self, consumers: &[&str]) -> Result<(), String> {
        let channel = self.receiving().await?;
        within(async {
            for queue in consumers.iter().map(|consumer| self.queue(consumer)).chain([self.dead()]) {
                channel.queue_delete(queue, QueueDeleteOptions::default()).await?;
            }
            for exchange in [self.exchange(), self.dead()] {
                channel.exchange_delete(exchange, ExchangeDeleteOptions::default()).await?;
            }
            Ok(())
        })
        .await
    }

    async fn declare_exchanges(&self, channel: &Channel) -> Result<(), lapin::Error> {
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let none = FieldTable::default;
        channel.exchange_declare(self.exchange(), ExchangeKind::Direct, durable, none()).await?;
        channel.exchange_declare(self.dead(), ExchangeKind::Fanout, durable, none()).await?;
        channel.queue_declare(self.dead(), QueueDeclareOptions::durable(), quorum()).await?;
        let bind = QueueBindOptions::default();
        channel.queue_bind(self.dead(), self.dead(), ShortString::default(), bind, none()).await
    }

    /// Makes the queue of a consumer, also before its service has ever run.
    pub(super) async fn declare(&self, channel: &Channel, consumer: &str) -> Result<Queue, lapin::Error> {
        let text = |text: &str| AMQPValue::LongString(text.into());
        let mut arguments = quorum();
        // Of several processes one takes the events: otherwise two events of one key could overtake each other.
        arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(DELIVERY_LIMIT));
        arguments.insert("x-dead-letter-exchange".into(), text(self.dead().as_str()));
        arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
        arguments.insert("x-overflow".into(), text("reject-publish"));
        let queue = channel.queue_declare(self.queue(consumer), QueueDeclareOptions::durable(), arguments).await?;
        let (key, bind) = (consumer.into(), QueueBindOptions::default());
        channel.queue_bind(self.queue(consumer), self.exchange(), key, bind, FieldTable::default()).await?;
        Ok(queue)
    }
}

/// Replicated where the broker is a cluster, and on disk before it is confirmed.
fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments
}

impl Line {
    fn is_open(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    /// Makes sure that the consumer's queue is there.
    pub async fn declare(&self, broker: &Broker, consumer: &str) -> Result<(), lapin::Error> {
        let mut declared = self.declared.lock().await;
        if !declared.contains(consumer) {
            broker.declare(&self.channel, consumer).await?;
            declared.insert(consumer.to_owned());
        }
        Ok(())
    }
}

/// Within the time that a connection may take.
pub(super) async fn within<T>(work: impl Future<Output = Result<T, lapin::Error>>) -> Result<T, String> {
    match timeout(CONNECT_TIMEOUT, work).await {
        Ok(result) => result.map_err(|error| format!("the broker of events.url: {error}")),
        Err(_) => Err("the broker of events.url does not answer".to_owned()),
    }
}

fn warn(cause: &str) {
    tracing::warn!(setting = "events.url", cause, "the broker can't be reached; events wait until it can");
}

/// What a refusal means that waiting doesn't cure.
fn refusal(error: &lapin::Error) -> Option<&'static str> {
    let ErrorKind::ProtocolError(error) = error.kind() else { return None };
    match error.kind() {
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => Some("the broker refuses this user and password"),
        AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => {
            Some("the broker has no such virtual host, or this user may not use it")
        }
        _ => None,
    }
}
