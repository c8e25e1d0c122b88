//! Requests to the cluster.

use std::time::Duration;

use elasticsearch::{
    auth::Credentials,
    http::{
        Method, Url,
        headers::{CONTENT_TYPE, HeaderMap, HeaderValue},
        transport::{SingleNodeConnectionPool, Transport, TransportBuilder},
    },
};
use serde_json::Value;

use crate::error::Error;

/// A cluster that is too busy is left alone for so long at first, then twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Tries before a bulk of changes is given up; the indexer begins it again.
const TRIES: u32 = 8;
/// Bytes of one bulk.
const BULK: usize = 4 << 20;
/// Bulks and new indexes may take longer than searches.
const PATIENT: Duration = Duration::from_mins(1);

/// Speaks to one cluster.
pub struct Wire {
    transport: Transport,
    /// For searches.
    timeout: Duration,
}

/// What a request came to.
struct Reply {
    status: u16,
    body: Value,
}

/// One line or two of a bulk.
#[derive(Clone, Debug)]
pub struct Action {
    pub head: Value,
    pub document: Option<Value>,
}

impl Wire {
    /// The cluster at this address; nothing is sent yet.
    pub fn new(url: &str, timeout: Duration) -> Result<Self, Error> {
        let unusable =
            |cause: &dyn std::fmt::Display| Error::configuration(format!("search.url can't be used: {cause}"));
        let mut url = Url::parse(url).map_err(|error| unusable(&error))?;
        let (user, password) = (url.username().to_owned(), url.password().unwrap_or_default().to_owned());
        // The address goes into messages; the password must not.
        let stripped = url.set_username("").and_then(|()| url.set_password(None));
        stripped.map_err(|()| unusable(&"it has no host"))?;
        let mut transport = TransportBuilder::new(SingleNodeConnectionPool::new(url)).disable_proxy();
        if !user.is_empty() {
            transport = transport.auth(Credentials::Basic(user, password));
        }
        Ok(Self { transport: transport.build().map_err(|error| unusable(&error))?, timeout })
    }

    /// Sends JSON and gives the JSON that comes back; `None` if there is nothing of that name.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Option<Value>, Error> {
        let body = body.map(Value::to_string);
        let reply = self.send(method, path, "application/json", body, self.timeout).await?;
        match reply.status {
            200..300 => Ok(Some(reply.body)),
            404 => Ok(None),
            _ => Err(refused(path, &reply)),
        }
    }

    /// The same for what changes the cluster, and must be there.
    pub async fn tell(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Error> {
        let body = body.map(Value::to_string);
        let reply = self.send(method, path, "application/json", body, PATIENT).await?;
        if (200..300).contains(&reply.status) { Ok(reply.body) } else { Err(refused(path, &reply)) }
    }

    /// Puts documents in and takes them out. What the cluster is too busy for is sent again, later and later; what it has
    /// in a newer version already is left.
    pub async fn bulk(&self, path: &str, actions: Vec<Action>) -> Result<(), Error> {
        let mut waiting = actions.into_iter().peekable();
        while waiting.peek().is_some() {
            let (mut batch, mut size) = (Vec::new(), 0);
            while size < BULK
                && let Some(action) = waiting.next()
            {
                let lines = lines(&action);
                size += lines.len();
                batch.push(lines);
            }
            self.batch(path, batch).await?;
        }
        Ok(())
    }

    async fn batch(&self, path: &str, mut lines: Vec<String>) -> Result<(), Error> {
        let mut pause = FIRST_PAUSE;
        for _ in 0..TRIES {
            let reply = self.send(Method::Post, path, "application/x-ndjson", Some(lines.concat()), PATIENT).await?;
            match reply.status {
                200..300 => lines = left(lines, &reply.body)?,
                429 | 503 => {}
                _ => return Err(refused(path, &reply)),
            }
            if lines.is_empty() {
                return Ok(());
            }
            tracing::warn!(left = lines.len(), "the search cluster is too busy");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Err(Error::Cluster(format!("{path}: too busy for {} changes", lines.len())))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        kind: &'static str,
        body: Option<String>,
        timeout: Duration,
    ) -> Result<Reply, Error> {
        let failed = |error: elasticsearch::Error| Error::Cluster(format!("{path}: {error}"));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let sent = self.transport.send(method, path, headers, None::<&()>, body, Some(timeout));
        let response = sent.await.map_err(failed)?;
        let status = response.status_code().as_u16();
        let text = response.text().await.map_err(failed)?;
        // Proxies in front of a cluster that is down answer in HTML.
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Reply { status, body })
    }
}

fn lines(action: &Action) -> String {
    let mut lines = format!("{}\n", action.head);
    if let Some(document) = &action.document {
        lines.push_str(&document.to_string());
        lines.push('\n');
    }
    lines
}

/// The actions that the cluster was too busy for.
fn left(lines: Vec<String>, reply: &Value) -> Result<Vec<String>, Error> {
    let items = reply["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    if items.len() != lines.len() {
        return Err(Error::Cluster("a bulk was answered for another number of changes".to_owned()));
    }
    let mut left = Vec::new();
    for (lines, item) in lines.into_iter().zip(items) {
        let outcome = item.as_object().and_then(|item| item.values().next()).unwrap_or(&Value::Null);
        match outcome["status"].as_u64().unwrap_or_default() {
            // Removing what isn't there; putting what is there in a newer version.
            200..300 | 404 | 409 => {}
            429 | 503 => left.push(lines),
            status => return Err(Error::Cluster(format!("a change was refused ({status}): {}", outcome["error"]))),
        }
    }
    Ok(left)
}

fn refused(path: &str, reply: &Reply) -> Error {
    let why = reply.body["error"]["reason"].as_str().or(reply.body.as_str()).unwrap_or("no reason was given");
    Error::Cluster(format!("{path}: {} {}", reply.status, why.chars().take(300).collect::<String>()))
}
