//! The tree of categories as catalog told it last.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use souk_contracts::catalog::{CategoriesRequest, Category, catalog_client::CatalogClient};
use souk_kernel::CategoryId;
use souk_platform::rpc::Channel;
use tokio::sync::Mutex;

use crate::error::Error;

/// After this, the tree is asked for again.
const FRESH: Duration = Duration::from_secs(5);
/// An unknown category has it asked for again at most so often.
const AT_MOST: Duration = Duration::from_millis(200);

/// One category.
#[derive(Clone, Debug, Default)]
pub struct Node {
    pub slug: String,
    pub name: String,
    pub parent: Option<CategoryId>,
    pub children: Vec<CategoryId>,
}

/// All categories.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    nodes: HashMap<CategoryId, Node>,
    pub roots: Vec<CategoryId>,
    slugs: HashMap<String, CategoryId>,
    /// Attributes that some category defines: whether one of them offers it as a facet.
    defined: HashMap<String, bool>,
    /// Counts how often it changed.
    pub version: u64,
}

impl Tree {
    fn new(categories: Vec<Category>) -> Result<Self, Error> {
        let mut tree = Self::default();
        for Category { id, slug, name, parent_id, attributes } in categories {
            let unreadable = |error: souk_kernel::ParseIdError| Error::Document(error.to_string());
            let id: CategoryId = id.parse().map_err(unreadable)?;
            let parent = if parent_id.is_empty() { None } else { Some(parent_id.parse().map_err(unreadable)?) };
            for definition in attributes {
                *tree.defined.entry(definition.key).or_default() |= definition.filterable;
            }
            tree.slugs.insert(slug.clone(), id);
            tree.nodes.insert(id, Node { slug, name, parent, children: Vec::new() });
        }
        let links: Vec<(CategoryId, Option<CategoryId>)> =
            tree.nodes.iter().map(|(id, node)| (*id, node.parent)).collect();
        for (id, parent) in links {
            match parent.and_then(|parent| tree.nodes.get_mut(&parent)) {
                Some(parent) => parent.children.push(id),
                None => tree.roots.push(id),
            }
        }
        let names: HashMap<CategoryId, String> = tree.nodes.iter().map(|(id, node)| (*id, node.name.clone())).collect();
        let by_name = |list: &mut Vec<CategoryId>| list.sort_by(|a, b| (&names[a], a).cmp(&(&names[b], b)));
        by_name(&mut tree.roots);
        tree.nodes.values_mut().for_each(|node| by_name(&mut node.children));
        Ok(tree)
    }

    pub fn get(&self, id: CategoryId) -> Option<&Node> {
        self.nodes.get(&id)
    }

    /// By id or slug.
    pub fn find(&self, id_or_slug: &str) -> Option<CategoryId> {
        let id = id_or_slug.parse().ok().or_else(|| self.slugs.get(id_or_slug).copied())?;
        self.nodes.contains_key(&id).then_some(id)
    }

    /// The names from the root down to the category.
    pub fn path(&self, id: CategoryId) -> Vec<&str> {
        let mut path = Vec::new();
        let mut seen = HashSet::new();
        let mut at = Some(id);
        while let Some(id) = at.filter(|id| seen.insert(*id)) {
            let Some(node) = self.nodes.get(&id) else { break };
            path.push(node.name.as_str());
            at = node.parent;
        }
        path.reverse();
        path
    }

    /// The category and everything below it.
    pub fn with_descendants(&self, id: CategoryId) -> Vec<CategoryId> {
        let mut found = vec![id];
        let mut next = 0;
        while let Some(node) = found.get(next).and_then(|id| self.nodes.get(id)) {
            found.extend_from_slice(&node.children);
            next += 1;
        }
        found
    }

    /// Whether an attribute is shown as a facet: unless categories define it without offering it.
    pub fn offers_facet(&self, key: &str) -> bool {
        self.defined.get(key).copied().unwrap_or(true)
    }

    /// Whether any category defines an attribute with this key.
    pub fn defines(&self, key: &str) -> bool {
        self.defined.contains_key(key)
    }
}

/// The tree, asked for again now and then.
pub struct Categories {
    catalog: CatalogClient<Channel>,
    tree: RwLock<Arc<Tree>>,
    asked: Mutex<Option<Instant>>,
}

impl Categories {
    pub fn new(catalog: CatalogClient<Channel>) -> Arc<Self> {
        Arc::new(Self { catalog, tree: RwLock::default(), asked: Mutex::new(None) })
    }

    /// As it was told last.
    fn known(&self) -> Arc<Tree> {
        Arc::clone(&self.tree.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The tree, at most some seconds old. While catalog doesn't answer, what it said last.
    pub async fn tree(self: &Arc<Self>) -> Arc<Tree> {
        let known = self.known();
        if known.version == 0 {
            return self.within(FRESH).await;
        }
        let is_old = self.asked.try_lock().is_ok_and(|asked| asked.is_none_or(|asked| asked.elapsed() > FRESH));
        if is_old {
            // Nobody waits for it.
            let categories = Arc::clone(self);
            tokio::spawn(async move { categories.within(FRESH).await });
        }
        known
    }

    /// The tree with these categories, if they exist.
    pub async fn with(self: &Arc<Self>, ids: impl IntoIterator<Item = CategoryId>) -> Arc<Tree> {
        let tree = self.tree().await;
        if ids.into_iter().all(|id| tree.get(id).is_some()) { tree } else { self.within(AT_MOST).await }
    }

    async fn within(&self, age: Duration) -> Arc<Tree> {
        let is_fresh = |asked: &Option<Instant>| asked.is_some_and(|asked| asked.elapsed() < age);
        // One asks; meanwhile the others go on with what is known, unless nothing is.
        let mut asked = match self.asked.try_lock() {
            Ok(asked) => asked,
            Err(_) if self.known().version > 0 => return self.known(),
            Err(_) => self.asked.lock().await,
        };
        if is_fresh(&asked) {
            return self.known();
        }
        match self.ask().await {
            Ok(tree) => *self.tree.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tree),
            Err(error) => tracing::warn!(%error, "catalog does not tell its categories"),
        }
        *asked = Some(Instant::now());
        self.known()
    }

    async fn ask(&self) -> Result<Tree, Error> {
        let reply = self.catalog.clone().categories(CategoriesRequest {}).await?.into_inner();
        let mut tree = Tree::new(reply.categories)?;
        let known = self.known();
        let same = known.nodes.len() == tree.nodes.len()
            && known.defined == tree.defined
            && known.nodes.iter().all(|(id, node)| {
                tree.nodes.get(id).is_some_and(|other| {
                    (&other.name, &other.slug, other.parent) == (&node.name, &node.slug, node.parent)
                })
            });
        tree.version = if same && known.version > 0 { known.version } else { known.version + 1 };
        Ok(tree)
    }
}
