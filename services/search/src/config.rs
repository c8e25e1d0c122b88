//! The section `search` of the configuration.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use souk_platform::config::Secret;

use crate::domain::{Language, item::Roles, ranking::Weights, texts::Fields};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the index is: empty for the one in the data directory, else the address of Elasticsearch or `OpenSearch`
    /// (`elasticsearch://host:9200`, `https://user:password@host:9200`).
    pub url: Secret,
    /// Whose stems and stop words are used.
    pub language: Language,
    /// A file of synonyms; empty means those that come with the program.
    pub synonyms: PathBuf,
    /// How long a change may wait for others, so that they are written together.
    #[serde(with = "humantime_serde")]
    pub gather: Duration,
    /// Bytes that a writing thread may fill before it writes; at least 15 MB.
    pub writer_memory: usize,
    /// With fewer products that have all words, those that have some follow.
    pub relax_below: u64,
    /// Attributes that are counted in an answer.
    pub facet_attributes: usize,
    /// Values of an attribute that are counted in an answer.
    pub facet_values: usize,
    /// Bytes of answers that are kept until the index changes.
    pub cache_bytes: u64,
    /// How long the counts of queries are kept.
    #[serde(with = "humantime_serde")]
    pub statistics: Duration,
    /// How a cluster is used.
    pub cluster: Cluster,
    pub weights: Weights,
    pub fields: Fields,
    pub attributes: Roles,
}

/// What is kept in a cluster, and how.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cluster {
    /// The name that the index answers by; the names of what else is kept begin with it.
    pub index: String,
    /// Parts that a new index is cut into.
    pub shards: u32,
    /// Copies of each.
    pub replicas: u32,
    /// How long a search may take before titles are matched instead.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl Default for Cluster {
    fn default() -> Self {
        Self { index: "souk-products".to_owned(), shards: 1, replicas: 1, timeout: Duration::from_secs(2) }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: Secret::default(),
            language: Language::English,
            synonyms: PathBuf::new(),
            gather: Duration::from_millis(100),
            writer_memory: 15_000_000,
            relax_below: 10,
            facet_attributes: 20,
            facet_values: 10,
            cache_bytes: 8 << 20,
            statistics: Duration::from_hours(90 * 24),
            cluster: Cluster::default(),
            weights: Weights::default(),
            fields: Fields::default(),
            attributes: Roles::default(),
        }
    }
}
