//! A seller uploads images. They are decoded within limits, turned upright, made smaller and stored as WebP by the hash of
//! their bytes, so that the same image is stored once and an address never changes its content.

use std::io::Cursor;

use bytes::Bytes;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, imageops::FilterType};
use sha2::{Digest, Sha256};
use souk_kernel::{ErrorKind, Problem, ProductId};

use super::{create_product::sku_ids, owned, update_product};
use crate::{
    app::App,
    config::ImagesConfig,
    domain::image as address,
    error::Error,
    store::{Scope, products::Aggregate},
};

/// Pixels of an image that is taken: 40 megapixels are a good camera's.
const PIXELS: u64 = 40_000_000;
/// The longest side that is taken.
const SIDE: u32 = 20_000;
/// Bytes that a decoder may ask for: 40 megapixels in RGBA with 16 bits, and room to work.
const MEMORY: u64 = 512 << 20;

/// Converts and stores one uploaded file; gives its address. `field` names it in errors.
pub async fn store_image(app: &App, field: &str, bytes: Bytes) -> Result<String, Error> {
    let Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP)) = image::guess_format(&bytes) else {
        let message = "only PNG, JPEG and WebP images are taken";
        let problem = Problem::new(ErrorKind::UnsupportedType, "unsupported_type", message);
        return Err(problem.detail(field, message).into());
    };
    let _permit = app.conversions.acquire().await.map_err(|_| Problem::internal())?;
    let config = app.config.images.clone();
    let converted = tokio::task::spawn_blocking(move || convert(&bytes, format, &config)).await;
    let converted = converted.map_err(|error| {
        tracing::error!(%error, "converting an image failed");
        Problem::internal()
    })?;
    let webp = converted.map_err(|fault| Error::invalid(field, fault))?;
    let address = address::path(&address::hex(&Sha256::digest(&webp)));
    app.files.put(address.trim_start_matches('/'), webp.into()).await?;
    Ok(address)
}

fn convert(bytes: &[u8], format: ImageFormat, config: &ImagesConfig) -> Result<Vec<u8>, String> {
    let unreadable = |error: ImageError| match error {
        ImageError::Limits(_) => too_large(),
        _ => "is not a readable image".to_owned(),
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE);
    limits.max_image_height = Some(SIDE);
    limits.max_alloc = Some(MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(unreadable)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PIXELS {
        return Err(too_large());
    }
    // A camera that was held sideways says so beside the pixels; what it says is lost in WebP.
    let orientation = decoder.orientation().map_err(unreadable)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    image.apply_orientation(orientation);
    let longest = config.longest_side.clamp(16, 16_000);
    if image.width().max(image.height()) > longest {
        image = image.resize(longest, longest, FilterType::CatmullRom);
    }
    let pixels = image.into_rgba8();
    let encoder = webp::Encoder::from_rgba(&pixels, pixels.width(), pixels.height());
    let quality = f32::from(config.quality.clamp(1, 100));
    let webp = encoder.encode_simple(false, quality).map_err(|_| "can't be stored as WebP".to_owned())?;
    Ok(webp.to_vec())
}

fn too_large() -> String {
    "has more than 40 megapixels".to_owned()
}

/// Puts stored images behind those that the product has; gives all of them.
pub async fn add_images(app: &App, id: ProductId, scope: Scope, addresses: Vec<String>) -> Result<Aggregate, Error> {
    let tree = app.categories().await?;
    let changed = app
        .db
        .transaction(move |tx| async move {
            let mut found = owned::find_live(&tx, id, scope).await?;
            let images = &mut found.product.images.0;
            for address in addresses {
                if !images.contains(&address) {
                    images.push(address);
                }
            }
            check_room(images.len())?;
            update_product::store(&tx, &mut found, &tree).await?;
            Ok::<_, Error>(found)
        })
        .await?;
    app.caches.product_changed(id, sku_ids(&changed)).await;
    Ok(changed)
}

/// 422 when a product would have more images than it may.
pub fn check_room(images: usize) -> Result<(), Error> {
    if images > address::MOST {
        return Err(Error::invalid("file", format!("a product has at most {} images", address::MOST)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let image = RgbImage::from_fn(width, height, |x, y| image::Rgb([x.to_le_bytes()[0], y.to_le_bytes()[0], 7]));
        DynamicImage::ImageRgb8(image).write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    fn converted(bytes: &[u8]) -> Result<Vec<u8>, String> {
        convert(bytes, ImageFormat::Png, &ImagesConfig { longest_side: 100, ..ImagesConfig::default() })
    }

    #[test]
    fn a_large_image_becomes_a_small_webp() {
        let webp = converted(&png(300, 150)).unwrap();
        assert_eq!(image::guess_format(&webp).unwrap(), ImageFormat::WebP);
        let small = image::load_from_memory(&webp).unwrap();
        assert_eq!((small.width(), small.height()), (100, 50));
        assert_eq!(converted(&png(300, 150)).unwrap(), webp, "the same image has the same name");
    }

    #[test]
    fn broken_and_enormous_images_are_refused() {
        let whole = png(50, 50);
        assert!(converted(&whole[..whole.len() / 2]).is_err());
        // A header that claims 19,999 × 19,999 pixels: refused before anything is decoded.
        let mut bomb = whole;
        bomb[16..24].copy_from_slice(&[0, 0, 0x4e, 0x1f, 0, 0, 0x4e, 0x1f]);
        assert!(converted(&bomb).is_err());
    }
}
