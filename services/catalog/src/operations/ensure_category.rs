//! An import needs a category.

use souk_kernel::{CategoryId, text};

use crate::{
    app::App,
    domain::{
        attributes::{self, Definition},
        category::Category,
    },
    error::Error,
    store::categories,
};

/// Definitions that imports may gather in one category. Real feeds know thousands of attributes.
const MOST: usize = 10_000;

/// The category with this slug, made if missing, its schema widened by what is wanted. Repeating changes nothing.
pub async fn ensure_category(app: &App, slug: &str, name: &str, wanted: Vec<Definition>) -> Result<CategoryId, Error> {
    if slug.is_empty() || text::slugify(slug) != slug {
        return Err(Error::invalid(
            "slug",
            "must be 1 to 80 lower-case letters and digits with single hyphens between",
        ));
    }
    let name: String = if name.trim().is_empty() { slug } else { name.trim() }.chars().take(100).collect();
    let tree = categories::tree(app.db.reader()).await?;
    if let Some(known) = tree.find(slug)
        && attributes::widened(&known.attributes, wanted.clone()) == known.attributes
    {
        return Ok(known.id);
    }
    let slug = slug.to_owned();
    let id = app
        .db
        .transaction(move |tx| async move {
            let tree = categories::tree(&tx).await?;
            let Some(known) = tree.find(&slug).cloned() else {
                let (id, now) = (CategoryId::new(), tx.now());
                let attributes = attributes::widened(&[], wanted);
                check(&attributes)?;
                let category = Category {
                    id,
                    slug,
                    name,
                    parent_id: None,
                    attributes,
                    version: 1,
                    created_at: now,
                    updated_at: now,
                };
                categories::insert(&tx, category).await?;
                return Ok(id);
            };
            let (id, seen) = (known.id, known.version);
            let attributes = attributes::widened(&known.attributes, wanted);
            check(&attributes)?;
            let wider = Category { attributes, version: seen + 1, updated_at: tx.now(), ..known };
            if categories::update(&tx, wider, seen).await? { Ok(id) } else { Err(Error::VersionLost) }
        })
        .await?;
    app.caches.everything_changed().await;
    Ok(id)
}

fn check(definitions: &[Definition]) -> Result<(), Error> {
    if definitions.len() > MOST {
        return Err(Error::invalid("attributes", format!("at most {MOST} in one category")));
    }
    Ok(())
}
