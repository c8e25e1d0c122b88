//! An operator makes a category.

use serde::Deserialize;
use souk_kernel::{CategoryId, text};
use utoipa::ToSchema;

use crate::{
    app::App,
    domain::{
        attributes::{Definition, Kind},
        category::{Category, CategoryTree, ParentFault},
        faults::Faults,
    },
    error::Error,
    store::categories,
};

const NAME: std::ops::RangeInclusive<usize> = 1..=100;
const KEY: std::ops::RangeInclusive<usize> = 1..=64;
const OPTION: std::ops::RangeInclusive<usize> = 1..=100;
const UNIT: std::ops::RangeInclusive<usize> = 0..=20;
const ATTRIBUTES: std::ops::RangeInclusive<usize> = 0..=100;
const OPTIONS: std::ops::RangeInclusive<usize> = 1..=200;

/// A new category.
#[derive(Debug, Deserialize, ToSchema, garde::Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields)]
pub struct NewCategory {
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Lower-case letters, digits and hyphens; made from the name when absent.
    #[schema(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", max_length = 80)]
    pub slug: Option<String>,
    /// Id or slug of the category above; absent for a root.
    pub parent_id: Option<String>,
    /// What products of the category and of those below it are described by.
    #[serde(default)]
    pub attributes: Vec<NewDefinition>,
}

/// One attribute of a category's schema.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDefinition {
    #[schema(min_length = 1, max_length = 64)]
    pub key: String,
    /// For people; the key when absent.
    #[schema(max_length = 100)]
    pub label: Option<String>,
    /// `text`, `number`, `bool` or `enum`.
    #[serde(rename = "type")]
    pub kind: String,
    #[schema(max_length = 20)]
    pub unit: Option<String>,
    /// The values of an `enum`.
    #[serde(default)]
    pub options: Vec<String>,
    #[serde(default)]
    pub required: bool,
    /// Whether lists and searches offer it as a facet.
    #[serde(default)]
    pub filterable: bool,
}

/// Stores the category.
pub async fn create_category(app: &App, new: NewCategory) -> Result<CategoryId, Error> {
    let mut faults = Faults::default();
    check_name(&mut faults, &new.name);
    check_slug(&mut faults, new.slug.as_deref());
    let definitions = definitions(&mut faults, &new.attributes);
    let tree = categories::tree(app.db.reader()).await?;
    check_parent(&mut faults, &tree, None, new.parent_id.as_deref());
    faults.into_result()?;
    let (id, now) = (CategoryId::new(), app.now());
    let NewCategory { name, slug, parent_id, .. } = new;
    app.db
        .transaction(move |tx| async move {
            let tree = categories::tree(&tx).await?;
            let mut faults = Faults::default();
            let parent_id = check_parent(&mut faults, &tree, None, parent_id.as_deref());
            faults.into_result()?;
            let slug = match slug {
                Some(slug) if tree.has_slug(&slug) => return Err(Error::SlugTaken(slug)),
                Some(slug) => slug,
                None => tree.free_slug(&text::slugify(&name)),
            };
            let name = name.trim().to_owned();
            let category = Category {
                id,
                slug,
                name,
                parent_id,
                attributes: definitions,
                version: 1,
                created_at: now,
                updated_at: now,
            };
            categories::insert(&tx, category).await?;
            Ok(())
        })
        .await?;
    app.caches.everything_changed().await;
    Ok(id)
}

pub fn check_name(faults: &mut Faults, name: &str) {
    faults.text("name", name, &NAME);
}

pub fn check_slug(faults: &mut Faults, slug: Option<&str>) {
    if slug.is_some_and(|slug| slug.is_empty() || text::slugify(slug) != slug) {
        faults.add("slug", "must be 1 to 80 lower-case letters and digits with single hyphens between");
    }
}

/// The parent by id or slug, if `child` may stand below it.
pub fn check_parent(
    faults: &mut Faults,
    tree: &CategoryTree,
    child: Option<CategoryId>,
    parent: Option<&str>,
) -> Option<CategoryId> {
    let found = tree.find(parent?).map(|parent| parent.id);
    match found.map_or(Err(ParentFault::Unknown), |parent| tree.check_parent(child, parent)) {
        Ok(()) => return found,
        Err(ParentFault::Unknown) => faults.add("parent_id", "is not a category"),
        Err(ParentFault::Cycle) => faults.add("parent_id", "can't be the category itself or one below it"),
        Err(ParentFault::TooDeep) => faults.add("parent_id", "lies too deep; at most 8 levels"),
    }
    None
}

/// The definitions, with every fault among them.
pub fn definitions(faults: &mut Faults, given: &[NewDefinition]) -> Vec<Definition> {
    faults.count("attributes", given.len(), &ATTRIBUTES);
    let mut definitions: Vec<Definition> = Vec::new();
    for (index, new) in given.iter().enumerate().take(*ATTRIBUTES.end()) {
        let field = |part: &str| format!("attributes[{index}].{part}");
        faults.text(field("key"), &new.key, &KEY);
        if definitions.iter().any(|known| known.key == new.key) {
            faults.add(field("key"), "is given twice");
        }
        faults.text(field("label"), new.label.as_deref().unwrap_or(&new.key), &NAME);
        faults.text(field("unit"), new.unit.as_deref().unwrap_or_default(), &UNIT);
        let kind = Kind::named(&new.kind).unwrap_or_else(|| {
            faults.add(field("type"), "must be text, number, bool or enum");
            Kind::Text
        });
        if kind == Kind::Enum {
            faults.count(field("options"), new.options.len(), &OPTIONS);
        } else if !new.options.is_empty() {
            faults.add(field("options"), "go with the type enum only");
        }
        for (number, option) in new.options.iter().enumerate().take(*OPTIONS.end()) {
            faults.text(format!("attributes[{index}].options[{number}]"), option, &OPTION);
            if new.options[..number].contains(option) {
                faults.add(format!("attributes[{index}].options[{number}]"), "is given twice");
            }
        }
        definitions.push(Definition {
            key: new.key.clone(),
            label: new.label.clone().unwrap_or_else(|| new.key.clone()),
            kind,
            unit: new.unit.clone().filter(|unit| !unit.is_empty()),
            options: new.options.clone(),
            required: new.required,
            filterable: new.filterable,
        });
    }
    definitions
}
