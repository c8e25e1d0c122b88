//! All that is known of one SKU's stock while it changes.

use serde::{Deserialize, Serialize};
use souk_kernel::{SellerId, SkuId};

use super::{Level, MAIN, MOST_LOCATIONS, Movement, MovementKind, Refusal};

/// One SKU's stock at all its locations, and what has happened to it since it was loaded.
///
/// Changes of a SKU are numbered through all its locations, without gaps. The number is the ledger's key, so two changes
/// can never be made from the same state.
#[derive(Clone, Debug)]
pub struct Stock {
    sku_id: SkuId,
    seller_id: SellerId,
    version: i64,
    places: Vec<Place>,
    entries: Vec<Entry>,
    available_when_loaded: i64,
}

/// One location of a SKU.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    pub location: String,
    pub level: Level,
    /// The number of the last change here.
    pub version: i64,
}

/// One line of the ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub version: i64,
    pub location: String,
    pub movement: Movement,
}

/// A SKU's stock over all locations.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Totals {
    pub sku_id: SkuId,
    pub seller_id: SellerId,
    pub on_hand: i64,
    pub reserved: i64,
    pub version: i64,
}

impl Totals {
    /// Units that can still be bought.
    pub const fn available(self) -> i64 {
        self.on_hand - self.reserved
    }
}

impl Stock {
    /// The stock of a SKU that has none yet.
    pub const fn new(sku_id: SkuId, seller_id: SellerId) -> Self {
        Self { sku_id, seller_id, version: 0, places: Vec::new(), entries: Vec::new(), available_when_loaded: 0 }
    }

    /// Adds a location as it is stored.
    pub fn load(&mut self, place: Place) {
        self.version = self.version.max(place.version);
        self.available_when_loaded += place.level.available();
        self.insert(place);
    }

    /// Keeps the main location first and the others by name: a fixed order whatever the database's collation.
    fn insert(&mut self, place: Place) {
        let before = self.places.partition_point(|other| {
            (other.location != MAIN, &other.location) < (place.location != MAIN, &place.location)
        });
        self.places.insert(before, place);
    }

    pub const fn sku_id(&self) -> SkuId {
        self.sku_id
    }

    pub const fn seller_id(&self) -> SellerId {
        self.seller_id
    }

    /// The number of its last change.
    pub const fn version(&self) -> i64 {
        self.version
    }

    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// What happened since it was loaded.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The locations that changed since it was loaded.
    pub fn changed(&self) -> impl Iterator<Item = &Place> {
        let loaded = self.entries.first().map_or(i64::MAX, |entry| entry.version - 1);
        self.places.iter().filter(move |place| place.version > loaded)
    }

    /// Whether buyers see another number than when it was loaded.
    pub fn availability_changed(&self) -> bool {
        self.totals().available() != self.available_when_loaded
    }

    /// The sum over all locations.
    pub fn totals(&self) -> Totals {
        let sum = |part: fn(&Level) -> i64| self.places.iter().map(|place| part(&place.level)).sum();
        Totals {
            sku_id: self.sku_id,
            seller_id: self.seller_id,
            on_hand: sum(|level| level.on_hand),
            reserved: sum(|level| level.reserved),
            version: self.version,
        }
    }

    /// Makes `movement` happen at `location`; a location that is new begins empty.
    pub fn record(&mut self, location: &str, movement: Movement) -> Result<(), Refusal> {
        let index = self.places.iter().position(|place| place.location == location);
        let before = index.map_or_else(Level::default, |index| self.places[index].level);
        let level = before.after(movement)?;
        if index.is_none() && self.places.len() >= MOST_LOCATIONS {
            return Err(Refusal::TooMany);
        }
        self.version += 1;
        let place = Place { location: location.to_owned(), level, version: self.version };
        match index {
            Some(index) => self.places[index] = place,
            None => self.insert(place),
        }
        self.entries.push(Entry { version: self.version, location: location.to_owned(), movement });
        Ok(())
    }

    /// Sets what is on hand, at one location or (without a location) over all of them; then the main one takes up the
    /// difference. Nothing is recorded when that is what is there already.
    pub fn set_on_hand(&mut self, location: Option<&str>, on_hand: i64, kind: MovementKind) -> Result<(), Refusal> {
        let there = match location {
            Some(location) => self.at(location).on_hand,
            None => self.totals().on_hand,
        };
        self.shift(location, on_hand.checked_sub(there).ok_or(Refusal::TooMany)?, kind)
    }

    /// Changes what is on hand by `units`, at one location or at the main one.
    pub fn shift(&mut self, location: Option<&str>, units: i64, kind: MovementKind) -> Result<(), Refusal> {
        if units == 0 { Ok(()) } else { self.record(location.unwrap_or(MAIN), Movement::new(kind, units)) }
    }

    /// Holds `units`: at the first location that has them all, else at several, the fullest first. Answers where.
    pub fn reserve(&mut self, units: i64) -> Result<Vec<(String, i64)>, Refusal> {
        let available = self.totals().available();
        if units > available {
            return Err(Refusal::Short { available });
        }
        let mut parts: Vec<(String, i64)> = Vec::new();
        if let Some(place) = self.places.iter().find(|place| place.level.available() >= units) {
            parts.push((place.location.clone(), units));
        } else {
            let mut fullest: Vec<&Place> = self.places.iter().collect();
            fullest.sort_by_key(|place| std::cmp::Reverse(place.level.available()));
            let mut left = units;
            for place in fullest {
                let part = place.level.available().min(left);
                if part > 0 {
                    parts.push((place.location.clone(), part));
                    left -= part;
                }
            }
        }
        for (location, part) in &parts {
            self.record(location, Movement::new(MovementKind::Reserved, *part))?;
        }
        Ok(parts)
    }

    fn at(&self, location: &str) -> Level {
        self.places.iter().find(|place| place.location == location).map_or_else(Level::default, |place| place.level)
    }
}

#[cfg(test)]
mod tests;
