//! The server-sent events of one order, as a browser's order page listens to them.

use http::header;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use crate::{
    call::{Answer, Call, ORDER_TOKEN},
    client::{Connection, Target},
    error::Error,
};

/// An open stream on a connection of its own.
pub struct StatusStream {
    _connection: Connection,
    body: Incoming,
    unread: Vec<u8>,
}

#[derive(Deserialize)]
struct StatusEvent {
    status: String,
}

impl StatusStream {
    pub async fn open(target: &Target, order_id: &str, token: &str) -> Result<Self, Error> {
        let mut connection = Connection::new(target);
        let call = Call::get(format!("/api/v1/orders/{order_id}/stream"))
            .header(ORDER_TOKEN, token)
            .header(header::ACCEPT, "text/event-stream");
        let (parts, body) = connection.start(&call).await?.into_parts();
        let head = Answer { status: parts.status, headers: parts.headers, body: bytes::Bytes::new() };
        head.accepted("listen to the order")?;
        Ok(Self { _connection: connection, body, unread: Vec::new() })
    }

    /// Listens until the order has a status that is wanted; `None` if the stream ends before.
    pub async fn wait(&mut self, wanted: impl Fn(&str) -> bool, until: Instant) -> Result<Option<String>, Error> {
        loop {
            while let Some(event) = next_event(&mut self.unread) {
                if let Some(status) = status_of(&event)
                    && wanted(&status)
                {
                    return Ok(Some(status));
                }
            }
            let frame = timeout_at(until, self.body.frame()).await.map_err(|_| Error::TooLate {
                step: "listen to the order",
                what: "the wanted status did not come".to_owned(),
            })?;
            match frame {
                Some(Ok(frame)) => self.unread.extend(frame.into_data().unwrap_or_default()),
                Some(Err(_)) | None => return Ok(None),
            }
        }
    }
}

/// Takes the first whole event (up to its blank line) off the bytes read so far.
fn next_event(unread: &mut Vec<u8>) -> Option<String> {
    let end = unread.windows(2).position(|pair| pair == b"\n\n")?;
    let event = unread.drain(..end + 2).collect::<Vec<u8>>();
    Some(String::from_utf8_lossy(&event).into_owned())
}

/// The order's status, if the event tells it.
fn status_of(event: &str) -> Option<String> {
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if field("event:") != Some("status") {
        return None;
    }
    serde_json::from_str::<StatusEvent>(field("data:")?).ok().map(|event| event.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_at_blank_lines_and_comments_skipped() {
        let mut unread =
            b": hello\n\nevent: status\ndata: {\"id\":\"ord_1\",\"status\":\"confirmed\"}\n\nevent: st".to_vec();
        assert_eq!(status_of(&next_event(&mut unread).unwrap()), None);
        assert_eq!(status_of(&next_event(&mut unread).unwrap()).as_deref(), Some("confirmed"));
        assert_eq!(next_event(&mut unread), None);
        assert_eq!(unread, b"event: st");
    }
}
