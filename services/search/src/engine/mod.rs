//! What stands behind search: the embedded index, or a cluster of Elasticsearch or `OpenSearch`. Both get the same terms and
//! weigh them by the same formula, so that what is found does not depend on who looks.

mod address;
#[cfg(feature = "cluster")]
mod cluster;
mod embedded;
pub mod page;
mod understanding;

use std::{collections::HashMap, path::Path, sync::Arc};

use sea_orm_migration::async_trait::async_trait;
use souk_kernel::ProductId;

use crate::{
    categories::Tree,
    config::Config,
    domain::{item::Item, query::Plan},
    error::Error,
    index::{filters::Filters, suggestions::Vocabulary},
};
use address::Address;
use page::{Position, Results, Sort};
pub use understanding::Understanding;

/// What is asked.
#[derive(Clone)]
pub struct Ask {
    pub query: String,
    /// Whether the last word may be the beginning of one.
    pub as_you_type: bool,
    pub filters: Filters,
    pub sort: Sort,
    pub limit: usize,
    pub offset: usize,
    /// Where the page before ended.
    pub after: Option<Position>,
    /// With fewer products that have all words, those with some follow.
    pub relax_below: u64,
    /// Seconds since 1970.
    pub now: i64,
    /// Which attributes may be facets; `None`: no facets.
    pub facets: Option<Arc<Tree>>,
}

/// What was found, and what was looked for.
pub struct Answer {
    pub results: Results,
    pub plan: Plan,
}

/// The state of an index that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Tells it from the indexes before and after.
    pub name: String,
    /// Another one after every change.
    pub generation: u64,
    /// Products that can be found.
    pub products: u64,
    /// Pieces that it consists of.
    pub segments: usize,
}

/// What becomes of a product.
pub enum Change {
    Put(Box<Item>),
    Remove(ProductId),
}

/// The index.
#[async_trait]
pub trait SearchIndex: Send + Sync {
    /// What answers now, as far as this process knows; `None` when nothing does.
    fn state(&self) -> Option<State>;

    /// Finds products.
    async fn search(&self, ask: Ask) -> Result<Answer, Error>;

    /// The words that products are described by, and what else is given, for completions.
    async fn learn(&self, more: Vec<(String, u32)>) -> Result<Arc<Vocabulary>, Error>;

    /// The last change that the index has; `None` without an index.
    fn applied(&self) -> Option<i64>;

    /// Whether the index is missing or was made in another way than the configuration says.
    fn is_outdated(&self) -> bool;

    /// Looks whether another index has taken over. Whether one has.
    async fn follow(&self) -> Result<bool, Error>;

    /// Makes the changes durable and visible. The last of them has this number.
    async fn apply(&self, changes: Vec<Change>, last: i64) -> Result<(), Error>;

    /// There is nothing to do for now.
    async fn rest(&self) -> Result<(), Error>;

    /// Begins a new index of about so many products beside the one that answers.
    async fn build(&self, products: u64) -> Result<Box<dyn Build>, Error>;

    /// All products with the versions that are in the index.
    async fn versions(&self) -> Result<HashMap<ProductId, i64>, Error>;
}

/// An index that is being built.
#[async_trait]
pub trait Build: Send {
    /// Adds products that are not there yet.
    async fn add(&mut self, items: Vec<Item>) -> Result<(), Error>;

    /// Puts the index in the place of the one before; it has all changes up to this one.
    async fn take_over(self: Box<Self>, applied: i64) -> Result<(), Error>;
}

/// The index that the configuration names. One that doesn't answer is as none, and is looked for again.
pub async fn open(folder: &Path, understanding: &Arc<Understanding>) -> Result<Arc<dyn SearchIndex>, Error> {
    let index = engine(folder, understanding)?;
    if let Err(error) = index.follow().await {
        tracing::error!(%error, "the index can't be opened and will be built anew");
    }
    Ok(index)
}

/// The index, for a look at it: nothing is changed.
pub async fn open_to_read(folder: &Path, config: &Config) -> Result<Arc<dyn SearchIndex>, Error> {
    let understanding = Arc::new(Understanding::new(config.clone())?);
    let index = engine(folder, &understanding)?;
    index.follow().await?;
    Ok(index)
}

fn engine(folder: &Path, understanding: &Arc<Understanding>) -> Result<Arc<dyn SearchIndex>, Error> {
    match Address::parse(understanding.config.url.expose())? {
        Address::Embedded => Ok(Arc::new(embedded::Embedded::new(folder, understanding)?)),
        #[cfg(feature = "cluster")]
        Address::Cluster(url) => Ok(Arc::new(cluster::Cluster::new(&url, understanding)?)),
        #[cfg(not(feature = "cluster"))]
        Address::Cluster(_) => Err(Error::configuration(
            "search.url names Elasticsearch or OpenSearch, which this program was built without (feature `cluster`)",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_chooses_the_engine() {
        let folder = tempfile::tempdir().unwrap();
        let opens = |url: &str| {
            let config = Config { url: url.into(), ..Config::default() };
            let understanding = Arc::new(Understanding::new(config).unwrap());
            engine(folder.path(), &understanding).err().map(|error| error.to_string())
        };
        assert_eq!(opens(""), None);
        assert!(opens("solr://search").is_some_and(|error| error.contains("search.url")));
        let cluster = opens("elasticsearch://search:9200");
        if cfg!(feature = "cluster") {
            assert_eq!(cluster, None, "it may come up later");
        } else {
            assert!(cluster.is_some_and(|error| error.contains("built without")));
        }
    }
}
