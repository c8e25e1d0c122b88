//! The tree of categories.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use souk_kernel::{CategoryId, Timestamp};

use super::attributes::{Definition, Schema};

/// A deeper tree helps nobody, and every walk up or down stays short.
pub const MAX_DEPTH: usize = 8;

/// One category.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Category {
    pub id: CategoryId,
    pub slug: String,
    pub name: String,
    pub parent_id: Option<CategoryId>,
    /// Its own definitions; those of its ancestors hold as well.
    pub attributes: Vec<Definition>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

struct Node {
    category: Category,
    children: Vec<CategoryId>,
    /// Itself, then its ancestors up to the root.
    lineage: Vec<CategoryId>,
    schema: Arc<Schema>,
}

/// All categories at one moment.
#[derive(Default)]
pub struct CategoryTree {
    nodes: HashMap<CategoryId, Node>,
    slugs: HashMap<String, CategoryId>,
    roots: Vec<CategoryId>,
}

/// Why a category can't stand below another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParentFault {
    Unknown,
    /// It would stand below itself.
    Cycle,
    TooDeep,
}

impl CategoryTree {
    /// The tree of these categories. Siblings are ordered by name.
    pub fn new(mut categories: Vec<Category>) -> Self {
        categories.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.id.cmp(&b.id)));
        let known: HashSet<CategoryId> = categories.iter().map(|category| category.id).collect();
        let mut children: HashMap<Option<CategoryId>, Vec<Category>> = HashMap::new();
        for category in categories {
            children.entry(category.parent_id.filter(|parent| known.contains(parent))).or_default().push(category);
        }
        let mut tree = Self::default();
        let mut waiting: Vec<(Category, Vec<CategoryId>, Arc<Schema>)> = Vec::new();
        for root in children.remove(&None).unwrap_or_default() {
            tree.roots.push(root.id);
            waiting.push((root, Vec::new(), Arc::default()));
        }
        while let Some((category, ancestors, inherited)) = waiting.pop() {
            let lineage: Vec<CategoryId> = std::iter::once(category.id).chain(ancestors).collect();
            let schema = narrowed(inherited, &category.attributes);
            let below = children.remove(&Some(category.id)).unwrap_or_default();
            let ids = below.iter().map(|child| child.id).collect();
            waiting.extend(below.into_iter().map(|child| (child, lineage.clone(), Arc::clone(&schema))));
            tree.slugs.insert(category.slug.clone(), category.id);
            tree.nodes.insert(category.id, Node { category, children: ids, lineage, schema });
        }
        tree
    }

    pub fn get(&self, id: CategoryId) -> Option<&Category> {
        self.nodes.get(&id).map(|node| &node.category)
    }

    /// By id or slug.
    pub fn find(&self, id_or_slug: &str) -> Option<&Category> {
        let id = id_or_slug.parse().ok().or_else(|| self.slugs.get(id_or_slug).copied())?;
        self.get(id)
    }

    pub fn has_slug(&self, slug: &str) -> bool {
        self.slugs.contains_key(slug)
    }

    /// The roots, by name.
    pub fn roots(&self) -> &[CategoryId] {
        &self.roots
    }

    /// The categories directly below, by name.
    pub fn children(&self, id: CategoryId) -> &[CategoryId] {
        self.nodes.get(&id).map_or(&[], |node| &node.children)
    }

    /// The category itself, then its ancestors up to the root.
    pub fn lineage(&self, id: CategoryId) -> &[CategoryId] {
        self.nodes.get(&id).map_or(&[], |node| &node.lineage)
    }

    /// The names from the root down to the category.
    pub fn path(&self, id: CategoryId) -> Vec<&str> {
        self.lineage(id).iter().rev().filter_map(|id| self.get(*id)).map(|category| category.name.as_str()).collect()
    }

    /// The category and everything below it.
    pub fn with_descendants(&self, id: CategoryId) -> Vec<CategoryId> {
        let mut found = Vec::from_iter(self.nodes.contains_key(&id).then_some(id));
        let mut next = 0;
        while let Some(id) = found.get(next) {
            found.extend_from_slice(self.children(*id));
            next += 1;
        }
        found
    }

    /// The definitions that hold for products of the category.
    pub fn schema(&self, id: CategoryId) -> Arc<Schema> {
        self.nodes.get(&id).map(|node| Arc::clone(&node.schema)).unwrap_or_default()
    }

    /// Whether any category defines an attribute with this key.
    pub fn defines(&self, key: &str) -> bool {
        self.nodes.values().any(|node| node.category.attributes.iter().any(|definition| definition.key == key))
    }

    /// Whether `child` (absent: a new category) may stand below `parent`.
    pub fn check_parent(&self, child: Option<CategoryId>, parent: CategoryId) -> Result<(), ParentFault> {
        let lineage = self.lineage(parent);
        if lineage.is_empty() {
            return Err(ParentFault::Unknown);
        }
        if child.is_some_and(|child| lineage.contains(&child)) {
            return Err(ParentFault::Cycle);
        }
        let height = child.map_or(1, |child| self.height(child));
        if lineage.len() + height > MAX_DEPTH { Err(ParentFault::TooDeep) } else { Ok(()) }
    }

    fn height(&self, id: CategoryId) -> usize {
        let top = self.lineage(id).len();
        let deepest = self.with_descendants(id).iter().map(|id| self.lineage(*id).len()).max();
        deepest.map_or(1, |deepest| deepest - top + 1)
    }

    /// A slug that no category has, `wanted` if possible.
    pub fn free_slug(&self, wanted: &str) -> String {
        let wanted = if wanted.is_empty() { "category" } else { wanted };
        let numbered = (2..).map(|n: u32| format!("{wanted}-{n}"));
        std::iter::once(wanted.to_owned())
            .chain(numbered)
            .find(|slug| !self.has_slug(slug))
            .expect("there are more numbers than categories")
    }
}

fn narrowed(inherited: Arc<Schema>, own: &[Definition]) -> Arc<Schema> {
    if own.is_empty() {
        return inherited;
    }
    let mut schema = Arc::unwrap_or_clone(inherited);
    schema.extend(own.iter().map(|definition| (definition.key.clone(), Arc::new(definition.clone()))));
    Arc::new(schema)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::attributes::Kind;

    fn id(n: usize) -> CategoryId {
        CategoryId::derived(&n.to_string())
    }

    fn category(n: usize, parent: Option<usize>) -> Category {
        Category {
            id: id(n),
            slug: format!("c{n}"),
            name: format!("C{n}"),
            parent_id: parent.map(id),
            attributes: vec![Definition {
                key: format!("k{n}"),
                label: String::new(),
                kind: Kind::Text,
                unit: None,
                options: Vec::new(),
                required: false,
                filterable: false,
            }],
            version: 1,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        }
    }

    #[test]
    fn paths_descendants_and_schemas_follow_the_tree() {
        let tree =
            CategoryTree::new(vec![category(1, None), category(2, Some(1)), category(3, Some(2)), category(4, None)]);
        assert_eq!(tree.path(id(3)), ["C1", "C2", "C3"]);
        assert_eq!(tree.with_descendants(id(1)), [id(1), id(2), id(3)]);
        assert_eq!(tree.schema(id(3)).keys().collect::<Vec<_>>(), ["k1", "k2", "k3"]);
        assert_eq!(tree.find("c4").unwrap().id, tree.find(&id(4).to_string()).unwrap().id);
        assert_eq!(tree.roots(), [id(1), id(4)]);
        assert_eq!(tree.check_parent(Some(id(1)), id(3)), Err(ParentFault::Cycle));
        assert_eq!(tree.check_parent(Some(id(1)), id(1)), Err(ParentFault::Cycle));
        assert_eq!(tree.check_parent(Some(id(3)), id(4)), Ok(()));
        assert_eq!(tree.check_parent(None, id(9)), Err(ParentFault::Unknown));
        assert_eq!((tree.free_slug("c1"), tree.free_slug("new")), ("c1-2".to_owned(), "new".to_owned()));
    }

    #[test]
    fn the_tree_stays_shallow() {
        let chain =
            (0..MAX_DEPTH).map(|n| category(n, n.checked_sub(1))).chain([category(90, None), category(91, Some(90))]);
        let tree = CategoryTree::new(chain.collect());
        assert_eq!(tree.check_parent(None, id(MAX_DEPTH - 1)), Err(ParentFault::TooDeep));
        assert_eq!(tree.check_parent(None, id(MAX_DEPTH - 2)), Ok(()));
        assert_eq!(tree.check_parent(Some(id(90)), id(MAX_DEPTH - 2)), Err(ParentFault::TooDeep));
    }

    proptest! {
        #[test]
        fn moves_that_are_allowed_keep_every_category_in_the_tree(moves in prop::collection::vec((0_usize..10, 0_usize..10), 0..40)) {
            let mut categories: Vec<Category> = (0..10).map(|n| category(n, None)).collect();
            for (child, parent) in moves {
                if CategoryTree::new(categories.clone()).check_parent(Some(id(child)), id(parent)).is_ok() {
                    categories[child].parent_id = Some(id(parent));
                }
            }
            let tree = CategoryTree::new(categories);
            let reached: usize = tree.roots().iter().map(|root| tree.with_descendants(*root).len()).sum();
            prop_assert_eq!(reached, 10);
            prop_assert!((0..10).all(|n| tree.lineage(id(n)).len() <= MAX_DEPTH));
        }
    }
}
