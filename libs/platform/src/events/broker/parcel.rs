//! An event as a message of the broker.

use chrono::DateTime;
use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, FieldTable},
};

use super::super::Message;
use crate::{context, db::outbox};

const PERSISTENT: u8 = 2;
const SUBJECT: &str = "subject";
/// Microseconds since 1970: the property of this name has seconds.
const TIME: &str = "time";

/// What is written on the message; the event itself is its body.
pub(super) fn label(message: &Message) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(SUBJECT.into(), AMQPValue::LongString(message.subject.as_str().into()));
    headers.insert(TIME.into(), AMQPValue::LongLongInt(message.time.timestamp_micros()));
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/json".into())
        .with_message_id(message.event_id.to_string().into())
        .with_type(message.kind.as_str().into())
        .with_correlation_id(context::current().request_id.to_string().into())
        .with_timestamp(u64::try_from(message.time.timestamp()).unwrap_or(0))
        .with_headers(headers)
}

/// The row that it becomes, for `consumer` only; an error for what is no event of ours.
pub(super) fn unpack(delivery: &Delivery, consumer: &str) -> Result<outbox::Model, String> {
    let properties = &delivery.properties;
    let missing = |what: &str| format!("it has no {what}");
    let id = properties.message_id().as_ref().ok_or_else(|| missing("message_id"))?;
    let kind = properties.kind().as_ref().ok_or_else(|| missing("type"))?;
    let header = |name: &str| properties.headers().as_ref().and_then(|headers| headers.inner().get(name));
    let Some(AMQPValue::LongString(subject)) = header(SUBJECT) else { return Err(missing("header `subject`")) };
    let Some(AMQPValue::LongLongInt(time)) = header(TIME) else { return Err(missing("header `time`")) };
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| error.to_string());
    let data = text(&delivery.data)?;
    serde_json::from_str::<serde::de::IgnoredAny>(&data).map_err(|error| format!("its body is no JSON: {error}"))?;
    Ok(outbox::Model {
        seq: 0,
        event_id: id.as_str().parse().map_err(|_| format!("`{id}` is not the id of an event"))?,
        kind: kind.to_string(),
        subject: text(subject.as_bytes())?,
        happened_at: DateTime::from_timestamp_micros(*time).ok_or_else(|| "its time can't be read".to_owned())?,
        request_id: properties.correlation_id().as_ref().map(ToString::to_string).unwrap_or_default(),
        data,
        due_at: outbox::AT_ONCE,
        pending: Some(consumer.to_owned()),
        attempts: 0,
        error: None,
    })
}
