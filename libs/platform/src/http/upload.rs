//! Files that are sent as `multipart/form-data`.

use axum::extract::{
    FromRequest, Multipart, Request,
    multipart::{Field, MultipartError},
};
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use souk_kernel::{ErrorKind, Problem};

use super::Failure;

/// A multipart body. 415 when the request has none. The whole is bounded by the route's body limit (413), so a route that
/// takes files raises it with `DefaultBodyLimit::max`.
#[derive(Debug)]
pub struct Upload(Multipart);

/// One file of an [`Upload`].
#[derive(Clone, Debug)]
pub struct UploadedFile {
    /// The form's field.
    pub field: String,
    /// As the client calls the file; never to be trusted as a path.
    pub name: Option<String>,
    /// Its bytes.
    pub bytes: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        Multipart::from_request(request, state).await.map(Self).map_err(|_| {
            let message = "files are sent as multipart/form-data";
            Failure(Problem::new(ErrorKind::UnsupportedType, "unsupported_type", message))
        })
    }
}

impl Upload {
    /// The next file; 413 when it has more than `max` bytes, 400 when the form is broken.
    pub async fn next_file(&mut self, max: usize) -> Result<Option<UploadedFile>, Problem> {
        let Some(field) = self.0.next_field().await.map_err(|error| problem(&error))? else { return Ok(None) };
        let name = field.file_name().map(str::to_owned);
        let form_field = field.name().unwrap_or_default().to_owned();
        let bytes = read(field, max).await?;
        Ok(Some(UploadedFile { field: form_field, name, bytes }))
    }
}

async fn read(mut field: Field<'_>, max: usize) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| problem(&error))? {
        if bytes.len() + chunk.len() > max {
            let message = format!("a file may have at most {max} bytes");
            return Err(Problem::new(ErrorKind::TooLarge, "too_large", message));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

fn problem(error: &MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(ErrorKind::TooLarge, "too_large", "the body is too large")
    } else {
        Problem::new(ErrorKind::Malformed, "malformed", "the form can't be read")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(kind: &str, body: &'static str) -> Request {
        http::Request::post("/").header("content-type", kind).body(body.into()).unwrap()
    }

    const FORM: &str =
        "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\nabc\r\n--x--\r\n";

    #[tokio::test]
    async fn files_are_read_within_their_limit() {
        let form = "multipart/form-data; boundary=x";
        let mut upload = Upload::from_request(request(form, FORM), &()).await.unwrap();
        let file = upload.next_file(3).await.unwrap().unwrap();
        assert_eq!((&*file.field, file.name.as_deref(), &*file.bytes), ("file", Some("a.png"), &b"abc"[..]));
        assert!(upload.next_file(3).await.unwrap().is_none());
        let mut upload = Upload::from_request(request(form, FORM), &()).await.unwrap();
        assert_eq!(upload.next_file(2).await.unwrap_err().kind, ErrorKind::TooLarge);
        let mut broken = Upload::from_request(request(form, "--x\r\nCont"), &()).await.unwrap();
        assert_eq!(broken.next_file(9).await.unwrap_err().kind, ErrorKind::Malformed);
        let refused = Upload::from_request(request("application/json", "{}"), &()).await.unwrap_err();
        assert_eq!(refused.0.kind, ErrorKind::UnsupportedType);
    }
}
