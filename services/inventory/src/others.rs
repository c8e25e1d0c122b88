//! What instances of inventory tell each other, so that none shows what is old.

use serde::{Deserialize, Serialize};
use souk_platform::invalidations::Invalidations;

use crate::{app::App, domain::Totals, levels::Levels, publishers::Publishers};

/// What one of them changed.
#[derive(Serialize, Deserialize)]
enum Change {
    /// These levels are as follows.
    Levels(Vec<Totals>),
    /// A system began or ceased to be told.
    Publishers,
}

/// Passes on what the others tell.
pub fn listen(others: &Invalidations, levels: &Levels, publishers: &Publishers) {
    let (levels, publishers) = (levels.clone(), publishers.clone());
    others.listen(move |change| {
        match change {
            Some(Change::Levels(totals)) => levels.remember(&totals),
            Some(Change::Publishers) => publishers.forget(),
            None => {
                levels.forget();
                publishers.forget();
            }
        }
        std::future::ready(())
    });
}

impl App {
    /// After somebody set the stock: who is answered sees it wherever they ask next.
    pub async fn stock_was_set(&self, totals: &[Totals]) {
        self.levels.remember(totals);
        if !totals.is_empty() {
            self.others.tell(&Change::Levels(totals.to_vec())).await;
        }
    }

    /// After an order took units or gave them back: no checkout waits until the other processes know.
    pub fn stock_moved(&self, totals: &[Totals]) {
        self.levels.remember(totals);
        if !totals.is_empty() {
            self.others.mention(&Change::Levels(totals.to_vec()));
        }
    }

    /// After a system began or ceased to be told what changes.
    pub async fn publishers_changed(&self) {
        self.publishers.forget();
        self.others.tell(&Change::Publishers).await;
    }
}
