//! Everything that changes stock, one file for each.

mod channels;
mod commit;
mod note_change;
mod open;
mod publish;
mod pull;
mod rebuild;
mod release;
mod reserve;
mod restock;
mod set_stock;
mod sources;
mod sync;

pub use channels::{ChannelDue, Connection, Line, rearm, take_turn};
pub use commit::commit;
pub use note_change::note_change;
pub use open::{Opening, open};
pub use pull::{Pulled, pull_now};
pub use rebuild::{Difference, Report, rebuild};
pub use release::{expire, release};
pub use reserve::{Outcome, ReservationExpired, reserve};
pub use restock::restock;
pub use set_stock::{Change, SetStock, set_stock};
pub use sources::{Connected, NewSource, add_source, change_source, map_skus, remove_source};
pub use sync::{Batch, ItemResult, ResultKind, sync};

use std::collections::BTreeMap;

use souk_kernel::SkuId;

use crate::{
    domain::{Step, Stock},
    error::Error,
};

/// Makes steps of a hold happen on the stock. They were possible when the hold was made, so a refusal means wrong books.
fn apply(stocks: &mut BTreeMap<SkuId, Stock>, steps: Vec<Step>) -> Result<(), Error> {
    for step in steps {
        let stock =
            stocks.get_mut(&step.sku_id).ok_or_else(|| Error::Inconsistent(format!("no row of {}", step.sku_id)))?;
        let moved = stock.record(&step.location, step.movement);
        moved
            .map_err(|refusal| Error::Inconsistent(format!("{} of {}: {refusal}", step.movement.units, step.sku_id)))?;
    }
    Ok(())
}
