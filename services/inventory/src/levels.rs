//! Stock levels in memory, for those who only look: a cart, a product page.

use moka::{
    ops::compute::Op,
    sync::{Cache, CacheBuilder},
};
use sea_orm::DbErr;
use souk_kernel::SkuId;
use souk_platform::db::Database;

use crate::{config::Config, domain::Totals, store};

/// The newest known levels. What changes is put in as soon as it is durable, also where another process changed it and says so,
/// and numbered: a reader that was overtaken can't put back what it saw.
#[derive(Clone)]
pub struct Levels {
    known: Cache<SkuId, Totals>,
}

impl Levels {
    /// Nothing known yet.
    pub fn new(config: &Config) -> Self {
        Self { known: CacheBuilder::new(config.levels_cached).time_to_live(config.levels_ttl).build() }
    }

    /// Keeps what is newer than what is known.
    pub fn remember(&self, totals: &[Totals]) {
        for new in totals {
            let entry = self.known.entry(new.sku_id);
            let _ = entry.and_compute_with(|known| match known {
                Some(known) if known.value().version >= new.version => Op::Nop,
                _ => Op::Put(*new),
            });
        }
    }

    /// Forgets them all: any may have changed.
    pub fn forget(&self) {
        self.known.invalidate_all();
    }

    /// The levels of SKUs, from memory or else read in one query. Unknown SKUs are left out.
    pub async fn of(&self, db: &Database, sku_ids: &[SkuId]) -> Result<Vec<Totals>, DbErr> {
        let mut found = Vec::with_capacity(sku_ids.len());
        let mut missing = Vec::new();
        for sku_id in sku_ids {
            match self.known.get(sku_id) {
                Some(totals) => found.push(totals),
                None => missing.push(*sku_id),
            }
        }
        if !missing.is_empty() {
            let read: Vec<Totals> =
                store::stock::read(db.reader(), &missing).await?.values().map(crate::domain::Stock::totals).collect();
            self.remember(&read);
            found.extend(read);
        }
        Ok(found)
    }
}
