//! The section `[catalog]` of the configuration.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How the catalogue behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether an operator looks at new products before they are shown.
    pub moderation: bool,
    /// What is kept in memory.
    pub cache: CacheConfig,
    /// How uploaded images are treated.
    pub images: ImagesConfig,
}

/// What is kept in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// Bytes of encoded products.
    pub product_bytes: u64,
    /// How long an encoded product is served at most; changes in this process end it at once.
    #[serde(with = "humantime_serde")]
    pub product_ttl: Duration,
    /// How long the order of a list is served; changes of products in this process end it at once.
    #[serde(with = "humantime_serde")]
    pub list_ttl: Duration,
    /// Offers kept for carts and checkouts.
    pub offers: u64,
    /// How long an offer is taken for true; changes in this process end it at once.
    #[serde(with = "humantime_serde")]
    pub offer_ttl: Duration,
    /// How long browsers and CDNs may keep public answers.
    #[serde(with = "humantime_serde")]
    pub public_max_age: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            product_bytes: 64 << 20,
            product_ttl: Duration::from_mins(5),
            list_ttl: Duration::from_secs(2),
            offers: 100_000,
            offer_ttl: Duration::from_secs(30),
            public_max_age: Duration::from_secs(2),
        }
    }
}

/// How uploaded images are treated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImagesConfig {
    /// The longer side of a stored image, in pixels.
    pub longest_side: u32,
    /// WebP quality, 1 to 100.
    pub quality: u8,
    /// Images converted at the same time; each takes a core and up to 300 MB while it lasts.
    pub at_once: usize,
}

impl Default for ImagesConfig {
    fn default() -> Self {
        Self { longest_side: 1_600, quality: 80, at_once: 2 }
    }
}
