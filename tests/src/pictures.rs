//! Pictures to upload, and what only pretends to be one.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

/// A real picture of this size in this format, with something on it.
pub fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let shade = |place: u32| u8::try_from(place % 256).expect("below 256");
    let pixel = |x: u32, y: u32| Rgb([shade(x), shade(y), shade(x + y)]);
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(RgbImage::from_fn(width, height, pixel)).write_to(&mut bytes, format).expect("memory is enough");
    bytes.into_inner()
}

/// A small PNG.
pub fn png() -> Vec<u8> {
    picture(64, 48, ImageFormat::Png)
}

/// A small JPEG.
pub fn jpeg() -> Vec<u8> {
    picture(64, 48, ImageFormat::Jpeg)
}

/// The first bytes of a PNG and then a script.
pub fn fake_png() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend_from_slice(b"<script>alert(1)</script>");
    bytes
}

/// The head of a PNG that claims to be 60,000 × 60,000 pixels, in a few bytes.
pub fn png_bomb() -> Vec<u8> {
    let mut bytes = png();
    // Width and height stand big-endian at offset 16; the checksum of the head no longer fits, which a decoder may also say.
    bytes[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
    bytes[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
    bytes
}
