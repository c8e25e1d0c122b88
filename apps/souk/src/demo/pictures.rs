//! Generated product pictures: a soft background, a plinth, and a few shapes, all from the product's hue and number.

use image::{ImageBuffer, Rgb, codecs::jpeg::JpegEncoder};
use rand::{RngExt, SeedableRng, rngs::SmallRng};

/// Width and height in pixels.
const SIZE: u32 = 480;

/// The JPEG of product `number`.
pub fn picture(hue: u16, number: usize) -> Vec<u8> {
    let mut random = SmallRng::seed_from_u64(number as u64);
    let hue = f32::from(hue) + random.random_range(-14.0..14.0);
    let (top, bottom) = (colour(hue, 0.25, 0.96), colour(hue + 20.0, 0.35, 0.84));
    let shapes: Vec<Shape> =
        (0..random.random_range(2..=4)).map(|place| Shape::random(hue, place, &mut random)).collect();
    let picture = ImageBuffer::from_fn(SIZE, SIZE, |x, y| {
        #[expect(clippy::cast_precision_loss, reason = "coordinates are small")]
        let (x, y) = (x as f32 / SIZE as f32, y as f32 / SIZE as f32);
        let mut pixel = mix(top, bottom, y);
        // A shadow on the ground.
        let shadow = ((x - 0.5) / 0.34).powi(2) + ((y - 0.84) / 0.05).powi(2);
        if shadow < 1.0 {
            pixel = mix(pixel, [0.1, 0.1, 0.12], 0.25 * (1.0 - shadow));
        }
        for shape in &shapes {
            if let Some(light) = shape.hit(x, y) {
                pixel = mix(shape.dark, shape.bright, light);
            }
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
        let byte = |part: f32| (part * 255.0).clamp(0.0, 255.0) as u8;
        Rgb(pixel.map(byte))
    });
    let mut bytes = Vec::with_capacity(32 << 10);
    JpegEncoder::new_with_quality(&mut bytes, 88).encode_image(&picture).expect("encoding into memory does not fail");
    bytes
}

struct Shape {
    round: bool,
    centre: [f32; 2],
    radius: [f32; 2],
    bright: [f32; 3],
    dark: [f32; 3],
}

impl Shape {
    fn random(hue: f32, place: u8, random: &mut SmallRng) -> Self {
        let hue = hue + f32::from(place) * 32.0;
        let radius = [random.random_range(0.09..0.24), random.random_range(0.12..0.3)];
        // Everything stands on the ground.
        let centre = [random.random_range(0.34..0.66), 0.84 - radius[1]];
        Self {
            round: random.random_bool(0.5),
            centre,
            radius,
            bright: colour(hue, 0.55, 0.88),
            dark: colour(hue, 0.7, 0.45),
        }
    }

    /// How bright the shape is at a point, if it covers it.
    fn hit(&self, x: f32, y: f32) -> Option<f32> {
        let (u, v) = ((x - self.centre[0]) / self.radius[0], (y - self.centre[1]) / self.radius[1]);
        let inside = if self.round { u * u + v * v < 1.0 } else { u.powi(6) + v.powi(6) < 1.0 };
        inside.then(|| (0.75 - 0.45 * u - 0.3 * v).clamp(0.0, 1.0))
    }
}

fn mix(from: [f32; 3], to: [f32; 3], share: f32) -> [f32; 3] {
    std::array::from_fn(|part| from[part] + (to[part] - from[part]) * share)
}

/// From hue in degrees, saturation and value (0 to 1) to red, green, blue.
fn colour(hue: f32, saturation: f32, value: f32) -> [f32; 3] {
    [5.0, 3.0, 1.0].map(|offset: f32| {
        let k = (offset + hue / 60.0).rem_euclid(6.0);
        value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0)
    })
}
