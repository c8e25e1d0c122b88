//! `/products/{id}/images` for uploads, `/images/{name}` for what was uploaded.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use souk_kernel::ProductId;
use souk_platform::http::{Failure, PathId, PathText, Reply, Upload, openapi::Envelope};
use utoipa::ToSchema;

use super::viewer::Editor;
use crate::{
    app::AppState,
    domain::image,
    error::Error,
    operations::{
        add_images::{add_images, check_room, store_image},
        owned,
    },
};

/// Bytes of one file.
const FILE: usize = 10 << 20;
/// The form's field.
const FIELD: &str = "file";

/// An upload.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the multipart form")]
pub struct UploadForm {
    /// PNG, JPEG or WebP of at most 10 MB; the field may be repeated.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// A product's images after an upload.
#[derive(Serialize, ToSchema)]
pub struct ProductImages {
    images: Vec<String>,
}

/// Uploads images.
#[utoipa::path(post, path = "/products/{id}/images", tag = "catalog", security(("bearer" = [])),
    params(("id" = ProductId, Path)), request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 201, body = Envelope<ProductImages>), Failure))]
pub async fn upload(
    State(app): State<AppState>,
    PathId(id): PathId<ProductId>,
    editor: Editor,
    mut upload: Upload,
) -> Result<Reply<ProductImages>, Error> {
    let found = owned::find_live(app.db.reader(), id, editor.scope).await?;
    let mut addresses = Vec::new();
    while let Some(file) = upload.next_file(FILE).await? {
        if file.field != FIELD {
            return Err(Error::invalid(
                file.field.chars().take(64).collect::<String>(),
                "files go into the field file",
            ));
        }
        check_room(found.product.images.0.len() + addresses.len() + 1)?;
        let field = format!("{FIELD}[{}]", addresses.len());
        // One file at a time, so that an upload holds no more memory than its largest.
        addresses.push(store_image(&app, &field, file.bytes).await?);
    }
    if addresses.is_empty() {
        return Err(Error::invalid(FIELD, "is required"));
    }
    let changed = add_images(&app, id, editor.scope, addresses).await?;
    let images = changed.product.images.0.iter().map(|address| image::shown(address, &app.public_url)).collect();
    Ok(Reply::created(ProductImages { images }))
}

/// An uploaded image. Its address holds the hash of its content, so it may be kept for ever.
#[utoipa::path(get, path = "/images/{name}", tag = "catalog", params(("name" = String, Path)),
    responses((status = 200, content_type = "image/webp"), Failure))]
pub async fn file(State(app): State<AppState>, PathText(name): PathText) -> Result<Response, Error> {
    let unknown = || Error::not_found("image");
    if !image::is_file_name(&name) {
        return Err(unknown());
    }
    let bytes = app.files.get(&format!("images/{name}")).await?.ok_or_else(unknown)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("image/webp")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Ok((headers, bytes).into_response())
}
