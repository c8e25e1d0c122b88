//! The key that verifies access tokens, where other programs look for it (RFC 8615). Bare, as the standard asks.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;

use crate::app::AppState;

/// The JSON Web Key Set.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "identity",
    responses((status = 200, body = Object, content_type = "application/jwk-set+json")))]
pub async fn jwks(State(app): State<AppState>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/jwk-set+json"), (header::CACHE_CONTROL, "public, max-age=300")];
    (headers, app.signer.jwks().to_owned()).into_response()
}
