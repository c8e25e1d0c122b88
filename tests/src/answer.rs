//! An answer, checked as every answer is, and what tests ask of it.

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::Thing;

/// An answer of the marketplace, read to its end.
///
/// Whatever it answers: it names the request, it is no server error (503 only with `Retry-After`), and if it is JSON of the
/// interface it has the envelope.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What was asked, for messages.
    pub asked: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub bytes: Vec<u8>,
    /// The body as JSON; null when it isn't.
    pub json: Value,
}

#[expect(clippy::return_self_not_must_use, reason = "asserting is use enough; the answer is handed on to ask it more")]
impl Answer {
    pub(crate) fn new(asked: String, status: StatusCode, headers: HeaderMap, bytes: Vec<u8>) -> Self {
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        Self { asked, status, headers, bytes, json }
    }

    /// What no answer may ever be; each finding is a sentence.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let status = self.status.as_u16();
        if status == 503 && !self.headers.contains_key(header::RETRY_AFTER) {
            faults.push("503 without Retry-After".to_owned());
        }
        if status >= 500 && status != 503 {
            faults.push("a server error".to_owned());
        }
        let request_id = self.text_header("x-request-id");
        if request_id.is_empty() {
            faults.push("no X-Request-Id".to_owned());
        }
        if status >= 400 {
            faults.extend(self.faults_of_error());
        } else if self.json.get("status").is_some()
            && self.json.get("data").is_some()
            && self.json["status"] != "success"
        {
            faults.push("the envelope of a success does not say so".to_owned());
        }
        if let Some(meta) = self.json.get("meta") {
            // An answer that is given again names the request that it answered first.
            if meta["request_id"] != request_id && !self.headers.contains_key("idempotency-replayed") {
                faults.push("meta.request_id is not X-Request-Id".to_owned());
            }
            let timestamp = meta["timestamp"].as_str().unwrap_or_default();
            if chrono::DateTime::parse_from_rfc3339(timestamp).is_err() {
                faults.push(format!("meta.timestamp is {timestamp:?}"));
            }
        }
        faults
    }

    fn faults_of_error(&self) -> Vec<String> {
        // A page for people (the sandbox's) may be HTML; a HEAD request has no body.
        if self.bytes.is_empty() && self.asked.starts_with("HEAD ")
            || self.text_header("content-type").starts_with("text/html")
        {
            return Vec::new();
        }
        let error = &self.json["error"];
        let code = error["code"].as_str().unwrap_or_default();
        let word = !code.is_empty()
            && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        let details_fit = error["details"].as_array().is_some_and(|details| {
            details.iter().all(|detail| detail["field"].is_string() && detail["message"].is_string())
        });
        let fits = self.json["status"] == "error" && self.json["meta"].is_object() && error["message"].is_string();
        if fits && word && details_fit { Vec::new() } else { vec!["an error without the envelope".to_owned()] }
    }

    #[track_caller]
    pub(crate) fn checked(self) -> Self {
        let faults = self.faults();
        assert!(faults.is_empty(), "{faults:?}: {self}");
        self
    }

    /// The answer, if it has this status.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self}");
        self
    }

    /// The data of a 200.
    #[track_caller]
    pub fn ok(self) -> Thing {
        self.is(200).data()
    }

    /// The data of a 201.
    #[track_caller]
    pub fn created(self) -> Thing {
        self.is(201).data()
    }

    /// A 204 without a body.
    #[track_caller]
    pub fn no_content(self) -> Self {
        let answer = self.is(204);
        assert!(answer.bytes.is_empty(), "{answer}");
        answer
    }

    /// What is in the envelope of a success.
    #[track_caller]
    pub fn data(&self) -> Thing {
        assert!(self.status.is_success() && self.json["status"] == "success", "{self}");
        Thing(self.json["data"].clone())
    }

    /// The rows of a list: `data` is an array and `meta.page` is complete.
    #[track_caller]
    pub fn rows(self) -> Vec<Thing> {
        let answer = self.is(200);
        let page = answer.page();
        assert!(page["limit"].is_u64() && page["offset"].is_u64() && page["total"].is_u64(), "{answer}");
        assert!(page.get("next_cursor").is_some(), "next_cursor is null on the last page, not absent: {answer}");
        let rows = answer.json["data"].as_array().unwrap_or_else(|| panic!("no list: {answer}"));
        rows.iter().cloned().map(Thing).collect()
    }

    /// `meta.page` of a list.
    #[track_caller]
    pub fn page(&self) -> Thing {
        assert!(self.json["meta"]["page"].is_object(), "no meta.page: {self}");
        Thing(self.json["meta"]["page"].clone())
    }

    /// A refusal with this status and code.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        let answer = self.is(status);
        assert_eq!(answer.json["error"]["code"], code, "{answer}");
        answer
    }

    /// A 404 that says no more than that.
    #[track_caller]
    pub fn not_found(self) -> Self {
        self.refused(404, "not_found")
    }

    /// A 422 that names exactly these fields.
    #[track_caller]
    pub fn invalid(self, fields: &[&str]) -> Self {
        let answer = self.is(422);
        answer.names(fields);
        answer
    }

    /// A 400 that names exactly these fields or parameters.
    #[track_caller]
    pub fn malformed(self, fields: &[&str]) -> Self {
        let answer = self.is(400);
        answer.names(fields);
        answer
    }

    #[track_caller]
    fn names(&self, fields: &[&str]) {
        let (mut named, mut wanted) = (self.fields(), fields.to_vec());
        named.sort_unstable();
        named.dedup();
        wanted.sort_unstable();
        assert_eq!(named, wanted, "{self}");
    }

    /// The fields that an error names.
    pub fn fields(&self) -> Vec<&str> {
        let details = self.json["error"]["details"].as_array();
        details.into_iter().flatten().filter_map(|detail| detail["field"].as_str()).collect()
    }

    /// What an error says about a field.
    #[track_caller]
    pub fn detail(&self, field: &str) -> &str {
        let details = self.json["error"]["details"].as_array();
        let detail = details.into_iter().flatten().find(|detail| detail["field"] == field);
        detail.and_then(|detail| detail["message"].as_str()).unwrap_or_else(|| panic!("nothing about {field}: {self}"))
    }

    /// A header as text; empty when it is absent.
    pub fn text_header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = String::from_utf8_lossy(&self.bytes);
        let shown: String = text.chars().take(2000).collect();
        write!(out, "{}\n  → {} {shown}", self.asked, self.status)
    }
}
