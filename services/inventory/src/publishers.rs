//! Which sellers have external systems that are told what changes: most have none, and every sale asks.

use std::{collections::HashMap, sync::Arc};

use moka::sync::{Cache, CacheBuilder};
use sea_orm::DbErr;
use souk_kernel::SellerId;
use souk_platform::db::Database;

use crate::{config::Config, store::channels};

/// The systems, by seller. What this process changes shows at once, and what another one does where it says so.
#[derive(Clone)]
pub struct Publishers {
    known: Cache<(), Arc<HashMap<SellerId, Vec<String>>>>,
}

impl Publishers {
    /// Nothing known yet.
    pub fn new(config: &Config) -> Self {
        Self { known: CacheBuilder::new(1).time_to_live(config.levels_ttl).build() }
    }

    /// The seller's systems that are told what changes.
    pub async fn of(&self, db: &Database, seller_id: SellerId) -> Result<Vec<String>, DbErr> {
        if let Some(known) = self.known.get(&()) {
            return Ok(known.get(&seller_id).cloned().unwrap_or_default());
        }
        let read = channels::published(db.reader()).await?;
        let of_seller = read.get(&seller_id).cloned().unwrap_or_default();
        self.known.insert((), Arc::new(read));
        Ok(of_seller)
    }

    /// Forgets them: some may have changed.
    pub fn forget(&self) {
        self.known.invalidate_all();
    }
}
