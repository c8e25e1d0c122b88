//! An operator changes a category.

use serde::{Deserialize, Deserializer};
use souk_kernel::CategoryId;
use utoipa::ToSchema;

use super::store_category::{NewDefinition, check_name, check_parent, check_slug, definitions};
use crate::{
    app::App,
    domain::{attributes::Definition, category::Category, faults::Faults},
    error::Error,
    store::categories,
};

/// What is to change; absent fields stay as they are.
#[derive(Clone, Debug, Deserialize, ToSchema, garde::Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields)]
pub struct CategoryUpdate {
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    #[schema(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", max_length = 80)]
    pub slug: Option<String>,
    /// Id or slug; null makes it a root.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub parent_id: Place,
    /// Replaces the schema. Products keep their attributes; they are checked when they are changed next.
    pub attributes: Option<Vec<NewDefinition>>,
    /// The version that you saw; 412 when it is no longer the current one.
    pub version: Option<i64>,
}

/// Where the category is to stand.
#[derive(Clone, Debug, Default)]
pub enum Place {
    /// Where it is.
    #[default]
    Same,
    Root,
    /// Below the category with this id or slug.
    Below(String),
}

/// Present means a change: null is not the same as absent.
impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Root, Self::Below))
    }
}

impl Place {
    fn parent(&self) -> Option<&str> {
        if let Self::Below(parent) = self { Some(parent) } else { None }
    }
}

/// Changes the category.
pub async fn change_category(app: &App, id: CategoryId, seen: Option<i64>, wish: CategoryUpdate) -> Result<(), Error> {
    let seen = seen.or(wish.version);
    let mut faults = Faults::default();
    if let Some(name) = &wish.name {
        check_name(&mut faults, name);
    }
    check_slug(&mut faults, wish.slug.as_deref());
    let attributes = wish.attributes.as_ref().map(|given| definitions(&mut faults, given));
    let tree = categories::tree(app.db.reader()).await?;
    if tree.get(id).is_none() {
        return Err(Error::not_found("category"));
    }
    check_parent(&mut faults, &tree, Some(id), wish.parent_id.parent());
    faults.into_result()?;
    app.db
        .transaction(move |tx| async move {
            let tree = categories::tree(&tx).await?;
            let category = tree.get(id).cloned().ok_or_else(|| Error::not_found("category"))?;
            let version = category.version;
            if seen.is_some_and(|seen| seen != version) {
                return Err(Error::VersionLost);
            }
            let mut faults = Faults::default();
            let parent_id = match &wish.parent_id {
                Place::Same => category.parent_id,
                place => check_parent(&mut faults, &tree, Some(id), place.parent()),
            };
            faults.into_result()?;
            if let Some(slug) = wish.slug.as_ref().filter(|slug| **slug != category.slug && tree.has_slug(slug)) {
                return Err(Error::SlugTaken(slug.clone()));
            }
            let changed = apply(category, wish, attributes);
            let changed = Category { parent_id, version: version + 1, updated_at: tx.now(), ..changed };
            if categories::update(&tx, changed, version).await? { Ok(()) } else { Err(Error::VersionLost) }
        })
        .await?;
    app.caches.everything_changed().await;
    Ok(())
}

fn apply(category: Category, wish: CategoryUpdate, attributes: Option<Vec<Definition>>) -> Category {
    Category {
        name: wish.name.map_or(category.name, |name| name.trim().to_owned()),
        slug: wish.slug.unwrap_or(category.slug),
        attributes: attributes.unwrap_or(category.attributes),
        ..category
    }
}
