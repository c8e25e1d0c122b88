//! Server-sent events, as a browser reads them (HTML standard, section 9.2).

use serde_json::Value;

use crate::PATIENCE;

/// A stream of server-sent events.
pub struct Stream {
    asked: String,
    response: reqwest::Response,
    unread: String,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamEvent {
    /// Its name.
    pub name: String,
    /// Its data, which is JSON.
    pub data: Value,
}

impl Stream {
    pub(crate) fn new(asked: String, response: reqwest::Response) -> Self {
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        assert!(
            response.status() == 200 && kind.starts_with("text/event-stream"),
            "{asked}: {} {kind}",
            response.status()
        );
        Self { asked, response, unread: String::new() }
    }

    /// The next event; comments that keep the line open are passed over. `None` when the stream has ended.
    pub async fn next(&mut self) -> Option<StreamEvent> {
        loop {
            while let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (event, rest) = (parse(block), rest.to_owned());
                self.unread = rest;
                if event.is_some() {
                    return event;
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
            let chunk = chunk.unwrap_or_else(|_| panic!("{}: nothing came for {PATIENCE:?}", self.asked));
            let chunk = chunk.unwrap_or_else(|error| panic!("{}: broke off: {error}", self.asked))?;
            self.unread.push_str(&String::from_utf8_lossy(&chunk).replace("\r\n", "\n"));
        }
    }

    /// The events up to the first one of this status.
    pub async fn until(&mut self, status: &str) -> Vec<StreamEvent> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
            if events.last().is_some_and(|event| event.data["status"] == status) {
                return events;
            }
        }
        panic!("{}: ended before {status}: {events:?}", self.asked);
    }
}

fn parse(block: &str) -> Option<StreamEvent> {
    let (mut name, mut data) = ("message".to_owned(), Vec::new());
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut name),
            "data" => data.push(value),
            _ => {}
        }
    }
    let data = data.join("\n");
    (!data.is_empty()).then(|| StreamEvent { name, data: serde_json::from_str(&data).unwrap_or(Value::String(data)) })
}
