//! From inventory.

use serde::{Deserialize, Serialize};
use souk_kernel::{SellerId, SkuId};

use super::event;

/// How many units can be bought changed. Levels of a SKU are numbered by `version`: an older one is ignored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StockChanged {
    pub sku_id: SkuId,
    pub seller_id: SellerId,
    pub on_hand: i64,
    pub reserved: i64,
    pub available: i64,
    pub version: i64,
}
event!(StockChanged, "stock.changed", |event| event.sku_id);
