//! Counts the values of the attributes that most hits have.
//!
//! A catalogue has thousands of attributes and tens of thousands of their values, of which an answer shows a few: nothing
//! here is done for each attribute or value that there is, only for those that the hits have.

use std::{
    cell::RefCell,
    collections::{BinaryHeap, HashMap},
    hash::{BuildHasherDefault, Hasher},
    mem,
    ops::Range,
    sync::Arc,
};

use tantivy::TantivyError;

use super::{
    facets::{Attribute, Found, Wish},
    filters::{Dimension, Filters},
    snapshot::Segment,
};

/// Hits that are looked at to choose the attributes that are shown.
const SAMPLE: usize = 512;

/// Values of this attribute are not counted.
const NOWHERE: i64 = i64::MAX;

thread_local! {
    /// Each thread has one; all numbers are 0 whenever a search ends.
    static ROOM: RefCell<Room> = RefCell::default();
}

/// Room to count in.
#[derive(Default)]
struct Room {
    /// By attribute of the segment at hand.
    keys: Vec<u32>,
    /// By attribute of the segment at hand: what is added to a term to get the place of its count, or [`NOWHERE`].
    places: Vec<i64>,
    /// By value, those of all wanted attributes of all segments one after the other.
    values: Vec<u32>,
}

/// The attributes that are shown with their most frequent values.
pub fn attributes(
    segments: &[(&Segment, Found)],
    filters: &Filters,
    wish: Wish<'_>,
) -> Result<Vec<Attribute>, TantivyError> {
    // A search that failed may have left numbers behind, so the room is given back only after one that did not.
    let mut room = ROOM.take();
    let names = chosen(segments, filters, wish, &mut room);
    let (places, size) = places(segments, &names);
    room.values.resize(room.values.len().max(size), 0);
    for ((segment, found), places) in segments.iter().zip(&places) {
        count(segment, found, filters, places, &mut room);
    }
    let mut shown: Vec<(Arc<str>, Vec<Value>)> = Vec::with_capacity(names.len());
    for (index, name) in names.into_iter().enumerate() {
        let values = most_frequent(segments, &places, index, &room.values, wish.values);
        if !values.is_empty() {
            shown.push((name, values));
        }
    }
    room.values[..size].fill(0);
    ROOM.set(room);
    spelled(segments, &shown)
}

/// The attributes that are filtered by, then those that most of a sample of the hits have.
fn chosen(segments: &[(&Segment, Found)], filters: &Filters, wish: Wish<'_>, room: &mut Room) -> Vec<Arc<str>> {
    let total: usize = segments.iter().map(|(_, found)| found.hits.len()).sum();
    let step = total.div_ceil(SAMPLE).max(1);
    // By the hash of the name: how many have it, and the name.
    let mut seen: HashMap<u64, (u32, &Arc<str>), BuildHasherDefault<Ready>> = HashMap::default();
    for (segment, found) in segments {
        let keys = &segment.keys;
        room.keys.resize(room.keys.len().max(keys.names.len()), 0);
        let mut had = Vec::new();
        for doc in found.hits.iter().step_by(step) {
            let mut last = None;
            for term in segment.columns.facets.of(*doc) {
                let key = keys.of(*term);
                // Values of one attribute follow each other.
                if key != last
                    && let Some(key) = key
                {
                    if room.keys[key] == 0 {
                        had.push(key);
                    }
                    room.keys[key] += 1;
                }
                last = key;
            }
        }
        for key in had {
            let count = mem::take(&mut room.keys[key]);
            seen.entry(keys.name_hashes[key]).or_insert((0, &keys.names[key])).0 += count;
        }
    }
    let mut names: Vec<Arc<str>> =
        filters.attributes.keys().filter(|name| (wish.facetable)(name)).map(|name| name.as_str().into()).collect();
    let mut most: BinaryHeap<_> = seen.into_values().map(|(count, name)| (count, std::cmp::Reverse(name))).collect();
    while names.len() < wish.attributes
        && let Some((_, std::cmp::Reverse(name))) = most.pop()
    {
        if (wish.facetable)(name) && !filters.attributes.contains_key(&**name) {
            names.push(Arc::clone(name));
        }
    }
    names
}

/// Where the values of a wanted attribute of a segment are counted.
struct Place {
    /// Its number in the segment.
    key: usize,
    /// Its first value.
    first: u32,
    counts: Range<usize>,
}

/// Where a segment is counted.
struct Places {
    /// Of the wanted attributes.
    wanted: Vec<Option<Place>>,
    /// All values are counted, from here on: with many hits that takes less time than to look which are wanted.
    all: Option<usize>,
}

/// Values for each hit from which on all are counted.
const FEW_VALUES: usize = 4;

/// For each segment, the places of the wanted attributes; and how many places there are.
fn places(segments: &[(&Segment, Found)], names: &[Arc<str>]) -> (Vec<Places>, usize) {
    let mut end = 0;
    let mut of_segment = |(segment, found): &(&Segment, Found)| {
        let keys = &segment.keys;
        let is_empty = found.hits.is_empty() && found.aside.is_empty();
        let all = (keys.hashes.len() < found.hits.len() * FEW_VALUES).then_some(end);
        let mut place = |name: &Arc<str>| {
            let key = if is_empty { None } else { keys.names.binary_search(name).ok() }?;
            let (first, next) = (keys.starts[key], keys.starts[key + 1]);
            let start = all.map_or(end, |all| all + first as usize);
            let counts = start..start + (next - first) as usize;
            end = end.max(counts.end);
            Some(Place { key, first, counts })
        };
        let wanted = names.iter().map(&mut place).collect();
        if let Some(all) = all {
            end = all + keys.hashes.len();
        }
        Places { wanted, all }
    };
    let places = segments.iter().map(&mut of_segment).collect();
    (places, end)
}

/// Counts the values of one segment.
fn count(segment: &Segment, found: &Found, filters: &Filters, places: &Places, room: &mut Room) {
    let (keys, facets) = (&segment.keys, &segment.columns.facets);
    let Room { places: added, values, .. } = room;
    let Places { wanted, all } = places;
    if wanted.iter().all(Option::is_none) {
        return;
    }
    added.clear();
    added.resize(keys.names.len(), NOWHERE);
    // Terms of attributes beyond these are not told apart.
    for place in wanted.iter().flatten().filter(|place| place.key < usize::from(u16::MAX)) {
        added[place.key] = i64::try_from(place.counts.start).unwrap_or_default() - i64::from(place.first);
    }
    let at = |term: u32, added: i64| usize::try_from(i64::from(term) + added).unwrap_or(usize::MAX);
    if let Some(all) = *all {
        let values = &mut values[all..all + keys.hashes.len()];
        for term in found.hits.iter().flat_map(|doc| facets.of(*doc)) {
            values[*term as usize] += 1;
        }
    } else {
        for term in found.hits.iter().flat_map(|doc| facets.of(*doc)) {
            let place = added.get(usize::from(keys.of_term[*term as usize])).copied().unwrap_or(NOWHERE);
            if place != NOWHERE {
                values[at(*term, place)] += 1;
            }
        }
    }
    for (dimension, docs) in &found.aside {
        let Dimension::Attribute(index) = dimension else { continue };
        let name = filters.attributes.keys().nth(*index);
        let key = name.and_then(|name| keys.names.binary_search_by(|known| (**known).cmp(name)).ok());
        let Some(key) = key.filter(|key| added[*key] != NOWHERE) else { continue };
        for term in docs.iter().flat_map(|doc| facets.of(*doc)).filter(|term| keys.of(**term) == Some(key)) {
            values[at(*term, added[key])] += 1;
        }
    }
}

/// A value and where it is spelled.
#[derive(Clone, Copy)]
struct Value {
    count: u32,
    /// Names it in all segments.
    hash: u64,
    segment: usize,
    term: u32,
}

impl Value {
    fn rank(&self) -> (std::cmp::Reverse<u32>, u64) {
        (std::cmp::Reverse(self.count), self.hash)
    }
}

/// The hashes are ready-made and well mixed.
#[derive(Default)]
struct Ready(u64);

impl Hasher for Ready {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// The most frequent values of an attribute in all segments.
fn most_frequent(
    segments: &[(&Segment, Found)],
    places: &[Places],
    index: usize,
    counts: &[u32],
    most: usize,
) -> Vec<Value> {
    let of_segment = |at: usize| {
        let place = places[at].wanted[index].as_ref();
        let range = place.map(|place| (place.first, place.counts.clone())).unwrap_or_default();
        let counted = (range.0..).zip(&counts[range.1]).filter(|(_, count)| **count > 0);
        let hashes = &segments[at].0.keys.hashes;
        counted.map(move |(term, count)| Value { count: *count, hash: hashes[term as usize], segment: at, term })
    };
    let size = |at: &usize| places[*at].wanted[index].as_ref().map_or(0, |place| place.counts.len());
    let largest = (0..segments.len()).max_by_key(size).unwrap_or_default();
    // What the other segments have is added to the largest one's; often there is nothing.
    let mut others: HashMap<u64, Value, BuildHasherDefault<Ready>> = HashMap::default();
    for value in (0..segments.len()).filter(|at| *at != largest).flat_map(of_segment) {
        others.entry(value.hash).and_modify(|known| known.count += value.count).or_insert(value);
    }
    let mut best = Vec::with_capacity(most * 4);
    let mut bar = 0;
    let mut offer = |value: Value| {
        if value.count < bar || most == 0 {
            return;
        }
        best.push(value);
        if best.len() >= most * 4 {
            best.select_nth_unstable_by_key(most - 1, Value::rank);
            best.truncate(most);
            bar = best[most - 1].count;
        }
    };
    if !segments.is_empty() {
        for mut value in of_segment(largest) {
            if !others.is_empty() {
                value.count += others.remove(&value.hash).map_or(0, |other| other.count);
            }
            offer(value);
        }
    }
    others.into_values().for_each(offer);
    best.sort_unstable_by_key(Value::rank);
    best.truncate(most);
    best
}

/// Reads the texts of the values, each segment's in one go.
fn spelled(segments: &[(&Segment, Found)], shown: &[(Arc<str>, Vec<Value>)]) -> Result<Vec<Attribute>, TantivyError> {
    let mut texts: Vec<((usize, u32), Arc<str>)> = Vec::new();
    for (at, (segment, _)) in segments.iter().enumerate() {
        let Some(column) = &segment.facets else { continue };
        let values = shown.iter().flat_map(|(_, values)| values).filter(|value| value.segment == at);
        let mut terms: Vec<u64> = values.map(|value| u64::from(value.term)).collect();
        terms.sort_unstable();
        segment.keys.spell(column, &terms, |term, text| {
            texts.push(((at, u32::try_from(term).unwrap_or_default()), text));
        })?;
    }
    texts.sort_unstable_by_key(|(place, _)| *place);
    let attribute = |(name, values): &(Arc<str>, Vec<Value>)| {
        let text = |value: &Value| {
            let at = texts.binary_search_by_key(&(value.segment, value.term), |(place, _)| *place);
            at.map(|at| Arc::clone(&texts[at].1)).unwrap_or_default()
        };
        let mut values: Vec<(Arc<str>, u64)> =
            values.iter().map(|value| (text(value), u64::from(value.count))).collect();
        values.sort_unstable_by(|(a, more), (b, less)| less.cmp(more).then_with(|| a.cmp(b)));
        (Arc::clone(name), values)
    };
    Ok(shown.iter().map(attribute).collect())
}
