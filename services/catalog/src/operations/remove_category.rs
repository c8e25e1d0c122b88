//! An operator removes a category.

use souk_kernel::CategoryId;

use crate::{app::App, domain::category::ParentFault, error::Error, store::categories};

/// Removes the category. What it holds goes to `move_to` (id or slug); without that it must hold nothing.
pub async fn remove_category(app: &App, id: CategoryId, move_to: Option<String>) -> Result<(), Error> {
    app.db
        .transaction(move |tx| async move {
            let tree = categories::tree(&tx).await?;
            if tree.get(id).is_none() {
                return Err(Error::not_found("category"));
            }
            if let Some(target) = move_to {
                let unknown = || Error::invalid("move_to", "is not a category");
                let target = tree.find(&target).ok_or_else(unknown)?.id;
                if tree.with_descendants(id).contains(&target) {
                    return Err(Error::invalid("move_to", "is the category itself or one below it"));
                }
                let too_deep =
                    |child: &CategoryId| tree.check_parent(Some(*child), target) == Err(ParentFault::TooDeep);
                if tree.children(id).iter().any(too_deep) {
                    return Err(Error::invalid("move_to", "lies too deep for the categories that would move there"));
                }
                categories::move_contents(&tx, id, target, tx.now()).await?;
            } else if !tree.children(id).is_empty() || categories::holds_products(&tx, id).await? {
                return Err(Error::CategoryInUse);
            }
            categories::delete(&tx, id).await?;
            Ok(())
        })
        .await?;
    app.caches.everything_changed().await;
    Ok(())
}
