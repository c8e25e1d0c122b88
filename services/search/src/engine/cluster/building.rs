//! A new index on its way into the place of the one before.

use std::sync::Arc;

use elasticsearch::http::Method;
use sea_orm_migration::async_trait::async_trait;
use serde_json::{Value, json};

use super::Shared;
use crate::{domain::item::Item, engine::Build, error::Error};

/// A new index, which no alias names yet.
pub struct Building {
    pub shared: Arc<Shared>,
    pub name: String,
}

#[async_trait]
impl Build for Building {
    async fn add(&mut self, items: Vec<Item>) -> Result<(), Error> {
        let actions = items.iter().map(|item| self.shared.put(item, 0)).collect();
        self.shared.wire.bulk(&format!("/{}/_bulk", self.name), actions).await
    }

    async fn take_over(self: Box<Self>, applied: i64) -> Result<(), Error> {
        let Self { shared, name } = *self;
        let Shared { wire, alias, .. } = &*shared;
        wire.tell(Method::Post, &format!("/{name}/_refresh"), None).await?;
        shared.note(&name, applied).await?;
        let all = wire.ask(Method::Get, &format!("/{alias}-*/_alias"), None).await?.unwrap_or_default();
        let all = all.as_object().cloned().unwrap_or_default();
        let is_named = |aliases: &Value| aliases["aliases"].as_object().is_some_and(|named| named.contains_key(alias));
        let named = all.iter().filter(|(_, aliases)| is_named(aliases)).map(|(index, _)| index);
        let mut actions: Vec<Value> = named
            .filter(|index| **index != name)
            .map(|index| json!({"remove": {"index": index, "alias": alias}}))
            .collect();
        actions.push(json!({"add": {"index": name, "alias": alias}}));
        wire.tell(Method::Post, "/_aliases", Some(&json!({"actions": actions}))).await?;
        // A later one may just be built by another process.
        for old in all.keys().filter(|index| **index < name) {
            if let Err(error) = wire.tell(Method::Delete, &format!("/{old}"), None).await {
                tracing::warn!(%error, "an index from before can't be removed");
            }
        }
        Ok(())
    }
}
