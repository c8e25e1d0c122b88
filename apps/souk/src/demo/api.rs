//! The public interface, called in process: the sample comes in the way that anybody's data would.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode, header},
};
use serde_json::Value;
use tower::ServiceExt;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[error("{method} {path}: {status} {body}")]
pub struct CallError {
    method: Method,
    path: String,
    /// The status.
    pub status: StatusCode,
    body: String,
}

/// A client with or without a login.
#[derive(Clone)]
pub struct Api {
    router: Router,
    token: Option<String>,
}

impl Api {
    pub fn new(router: Router) -> Self {
        Self { router, token: None }
    }

    pub fn with_token(&self, token: &str) -> Self {
        Self { router: self.router.clone(), token: Some(token.to_owned()) }
    }

    pub async fn get(&self, path: &str) -> Result<Value, CallError> {
        self.call(Method::GET, path, "", Vec::new()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        self.call(Method::POST, path, "application/json", body.to_string().into_bytes()).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        self.call(Method::PUT, path, "application/json", body.to_string().into_bytes()).await
    }

    /// Uploads one JPEG as the form field `file`.
    pub async fn upload(&self, path: &str, jpeg: &[u8]) -> Result<Value, CallError> {
        const BOUNDARY: &str = "souk-sample-boundary";
        let mut body = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"picture.jpg\"\r\n\
             Content-Type: image/jpeg\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(jpeg);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        self.call(Method::POST, path, &format!("multipart/form-data; boundary={BOUNDARY}"), body).await
    }

    /// Gives the answer's `data`, or the whole answer where there is none.
    async fn call(&self, method: Method, path: &str, kind: &str, body: Vec<u8>) -> Result<Value, CallError> {
        let at_root = path.starts_with("/sandbox");
        let uri = if at_root { path.to_owned() } else { format!("/api/v1{path}") };
        let mut request = Request::builder().method(method.clone()).uri(&uri).header(header::HOST, "localhost");
        if !kind.is_empty() {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Body::from(body)).expect("method, path and headers are well-formed");
        let answer = match self.router.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        let status = answer.status();
        let bytes = to_bytes(answer.into_body(), 16 << 20).await.unwrap_or_default();
        if status.is_success() || status.is_redirection() {
            let mut value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            return Ok(value.get_mut("data").map(Value::take).unwrap_or(value));
        }
        Err(CallError { method, path: uri, status, body: String::from_utf8_lossy(&bytes).into_owned() })
    }
}
