//! How a service answers HTTP: the envelope around every answer, strict extractors that name every fault, paging,
//! versions and idempotency keys.
//!
//! A handler takes extractors from here and from [`crate::security`], and gives back `Result<Reply<T>, Error>`, `List<T>`
//! or `NoContent`. Nothing of axum's own plain-text rejections leaves: the extractors here reject with [`Failure`], and
//! [`dress`] catches what layers make.

mod body;
mod conditional;
mod envelope;
mod failure;
pub mod idempotency;
mod json;
pub mod openapi;
mod paging;
mod params;
mod path;
mod reply;
mod survey;
mod upload;

#[cfg(test)]
pub(crate) mod testing;

pub use body::{Body, Hashed, OptionalBody, RawBody};
pub use conditional::{IfMatch, IfNoneMatch, NotModified, etag};
pub use failure::{ErrorCode, Failure, dress, method_not_allowed, not_found, panicked, status_of};
pub use idempotency::{IdempotencyKey, Served, idempotent, idempotent_by_itself};
pub use json::parse as parse_json;
pub use paging::{Paging, decode_cursor, encode_cursor};
pub use params::Params;
pub(crate) use params::single_header;
pub use path::{PathId, PathIds, PathText};
pub use reply::{Encoded, List, NoContent, Payload, Reply};
pub use upload::{Upload, UploadedFile};
