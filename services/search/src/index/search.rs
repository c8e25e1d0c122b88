//! One search over a snapshot.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tantivy::{DocId, DocSet, TantivyError, postings::Postings};

use super::{
    facets::{self, Counts, Found, Wish},
    filters::{Checks, Filters, Verdict},
    score::{Desk, Mode, Scored, Scoring},
    snapshot::{Segment, Snapshot},
};
use crate::domain::{
    item::Summary,
    query::Plan,
    ranking::{Signals, Weights},
};

/// The best by words alone, among which the order is refined.
const REFINED: usize = 400;
/// The best of those, whose titles are looked at.
const TITLES: usize = 150;

/// In which order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    #[default]
    Relevance,
    Newest,
    PriceAsc,
    PriceDesc,
    Rating,
    Popular,
}

/// What is asked of the index.
pub struct Request<'a> {
    pub plan: &'a Plan,
    pub filters: &'a Filters,
    pub sort: Sort,
    pub limit: usize,
    pub offset: usize,
    /// Where the page before ended.
    pub after: Option<Position>,
    /// With fewer products that have all words, those with some follow.
    pub relax_below: u64,
    pub weights: &'a Weights,
    /// Seconds since 1970.
    pub now: i64,
    /// `None`: no facets.
    pub facets: Option<Wish<'a>>,
}

/// The place of a hit in the order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Position {
    /// Larger comes first.
    key: u64,
    /// Among equals, larger comes first.
    tie: u64,
    /// Whether it is among the refined, where the key is that of the refined order.
    refined: bool,
    /// Whether products with only some words were let in: the pages of one list go by the same rule.
    relaxed: bool,
}

/// A product that was found.
#[derive(Clone, Debug)]
pub struct Hit {
    pub summary: Summary,
    pub score: f32,
}

/// What a search gives.
#[derive(Clone, Debug, Default)]
pub struct Results {
    pub hits: Vec<Hit>,
    pub total: u64,
    pub counts: Option<Counts>,
    pub next: Option<Position>,
    /// Whether products that have only some of the words are among them.
    pub relaxed: bool,
}

/// A candidate for the page.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    key: u64,
    tie: u64,
    segment: usize,
    doc: DocId,
    score: f32,
}

impl Candidate {
    fn rank(&self) -> (u64, u64) {
        (self.key, self.tie)
    }
}

/// The best so many, in room for twice as many.
struct Best {
    most: usize,
    found: Vec<Candidate>,
    /// What a newcomer must exceed.
    bar: (u64, u64),
}

impl Best {
    fn new(most: usize) -> Self {
        Self { most, found: Vec::new(), bar: (0, 0) }
    }

    fn offer(&mut self, key: u64, candidate: impl FnOnce() -> Candidate) {
        if self.most == 0 || key < self.bar.0 {
            return;
        }
        let candidate = candidate();
        if self.found.len() >= self.most && candidate.rank() <= self.bar {
            return;
        }
        self.found.push(candidate);
        if self.found.len() >= self.most.saturating_mul(2) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if self.found.len() > self.most {
            self.found.select_nth_unstable_by_key(self.most - 1, |candidate| std::cmp::Reverse(candidate.rank()));
            self.found.truncate(self.most);
            self.bar = self.found[self.most - 1].rank();
        }
    }

    fn sorted(mut self) -> Vec<Candidate> {
        self.cut();
        self.found.sort_unstable_by_key(|candidate| std::cmp::Reverse(candidate.rank()));
        self.found
    }
}

/// A score as a number of the same order.
fn score_key(score: f32, whole: bool) -> u64 {
    u64::from(score.max(0.0).to_bits()) | u64::from(whole) << 32
}

/// Runs a search.
pub fn search(snapshot: &Snapshot, request: &Request<'_>) -> Result<Results, TantivyError> {
    let scoring = Scoring::new(request.plan, snapshot, request.weights)?;
    let mut pass = match request.after {
        Some(after) if after.relaxed => Pass::run(snapshot, request, &scoring, Mode::Some)?,
        _ => Pass::run(snapshot, request, &scoring, Mode::All)?,
    };
    let mut relaxed = request.after.is_some_and(|after| after.relaxed);
    if request.after.is_none() && pass.total < request.relax_below && scoring.can_be_relaxed() {
        let more = Pass::run(snapshot, request, &scoring, Mode::Some)?;
        relaxed = more.total > pass.total;
        pass = more;
    }
    let Pass { found, best, total } = pass;
    let counts = request.facets.map(|wish| facets::count(&found, request.filters, wish)).transpose()?;
    drop(found);
    let (page, next) = page(snapshot, request, best, relaxed)?;
    let hits = page.iter().map(|candidate| hit(snapshot, candidate)).collect::<Result<_, _>>()?;
    Ok(Results { hits, total, counts, next, relaxed })
}

/// One way through all documents.
struct Pass<'a> {
    found: Vec<(&'a Segment, Found)>,
    best: Vec<Candidate>,
    total: u64,
}

impl<'a> Pass<'a> {
    fn run(snapshot: &'a Snapshot, request: &Request<'_>, scoring: &Scoring, mode: Mode) -> Result<Self, TantivyError> {
        let refine = refines(request);
        // One more than the page tells whether there is a next one.
        let wanted = request.offset.saturating_add(request.limit).saturating_add(1);
        let mut best = Best::new(if refine { wanted.max(REFINED) } else { wanted });
        let mut desk = Desk::default();
        let mut found_in = Vec::with_capacity(snapshot.segments.len());
        let mut total = 0;
        // Behind the refined ones, the order by words alone begins where the page before ended.
        let from = request.after.filter(|after| !after.refined).map(|after| (after.key, after.tie));
        for (index, segment) in snapshot.segments.iter().enumerate() {
            let segment: &Segment = segment;
            let checks = Checks::new(request.filters, segment)?;
            let mut found = Found::default();
            let mut take = |scored: Scored| match checks.verdict(scored.doc) {
                Verdict::Passes => {
                    total += 1;
                    if request.facets.is_some() {
                        found.hits.push(scored.doc);
                    }
                    let key = key(segment, request, scored);
                    if from.is_none_or(|(last, _)| key <= last) {
                        let tie = || segment.tie.get_val(scored.doc);
                        let is_after = from.is_none_or(|(last, last_tie)| key < last || tie() < last_tie);
                        if is_after {
                            let Scored { doc, score, .. } = scored;
                            best.offer(key, || Candidate { key, tie: tie(), segment: index, doc, score });
                        }
                    }
                }
                Verdict::KeptOutBy(dimension) if request.facets.is_some() => found.put_aside(dimension, scored.doc),
                Verdict::KeptOutBy(_) | Verdict::Fails => {}
            };
            if request.plan.groups.is_empty() {
                for doc in segment.reader.doc_ids_alive() {
                    take(Scored { doc, score: 1.0, whole: true });
                }
            } else {
                scoring.each(segment, mode, &mut desk, take)?;
            }
            found_in.push((segment, found));
        }
        Ok(Self { found: found_in, best: best.sorted(), total })
    }
}

/// Whether the first ones are put into a finer order.
fn refines(request: &Request<'_>) -> bool {
    let begins = request.after.is_none_or(|after| after.refined);
    request.sort == Sort::Relevance && !request.plan.groups.is_empty() && begins
}

fn key(segment: &Segment, request: &Request<'_>, scored: Scored) -> u64 {
    let doc = scored.doc;
    match request.sort {
        Sort::Relevance => {
            let signals = Signals::unpack(segment.signals.get_val(doc));
            let created = i64::try_from(segment.created.get_val(doc)).unwrap_or_default();
            #[expect(clippy::cast_precision_loss, reason = "days")]
            let age = ((request.now - created) / 86_400) as f32;
            score_key(scored.score * request.weights.prior(signals, age), scored.whole)
        }
        Sort::Newest => segment.created.get_val(doc),
        Sort::PriceAsc => u64::MAX - segment.price.get_val(doc),
        Sort::PriceDesc => segment.price.get_val(doc),
        Sort::Rating => {
            let Signals { stars, reviews, .. } = Signals::unpack(segment.signals.get_val(doc));
            u64::from(stars) << 16 | u64::from(reviews)
        }
        Sort::Popular => u64::from(Signals::unpack(segment.signals.get_val(doc)).popularity),
    }
}

/// Cuts the page out of the order, and says where the next one begins.
fn page(
    snapshot: &Snapshot,
    request: &Request<'_>,
    mut best: Vec<Candidate>,
    relaxed: bool,
) -> Result<(Vec<Candidate>, Option<Position>), TantivyError> {
    let mut refined = 0;
    if refines(request) {
        refined = best.len().min(REFINED);
        refine(snapshot, request, &mut best[..refined])?;
    }
    let start = match request.after {
        Some(after) if after.refined => {
            let same = best[..refined].iter().position(|candidate| candidate.rank() == (after.key, after.tie));
            same.map_or_else(
                || best[..refined].partition_point(|candidate| candidate.rank() >= (after.key, after.tie)),
                |at| at + 1,
            )
        }
        Some(_) => 0,
        None => request.offset.min(best.len()),
    };
    // A page that begins among the refined may end behind them.
    let end = (start + request.limit).min(best.len());
    let more = end < best.len() || (start < refined && best.len() >= REFINED && end - start < request.limit);
    let page = best[start..end].to_vec();
    let next = page.last().filter(|_| more).map(|last| Position {
        key: last.key,
        tie: last.tie,
        refined: end <= refined,
        relaxed,
    });
    Ok((page, next))
}

/// Lifts products of the category that the best ones share, and those whose titles have the words close together.
fn refine(snapshot: &Snapshot, request: &Request<'_>, best: &mut [Candidate]) -> Result<(), TantivyError> {
    let whole = |candidate: &Candidate| candidate.key >> 32 & 1 == 1;
    let mut factors: Vec<f32> = vec![1.0; best.len()];
    if request.weights.category > 0.0 {
        let shares = category_shares(snapshot, best)?;
        for (factor, share) in factors.iter_mut().zip(shares) {
            *factor += request.weights.category * share;
        }
    }
    if request.weights.proximity > 0.0 && request.plan.sequence.len() > 1 {
        let titles = best.len().min(TITLES);
        for (at, closeness) in closeness(snapshot, &request.plan.sequence, &best[..titles])? {
            factors[at] += request.weights.proximity * closeness;
        }
    }
    for (candidate, factor) in best.iter_mut().zip(factors) {
        let score = f32::from_bits(u32::try_from(candidate.key & 0xffff_ffff).unwrap_or_default()) * factor;
        candidate.key = score_key(score, whole(candidate));
        candidate.score = score;
    }
    best.sort_unstable_by_key(|candidate| std::cmp::Reverse(candidate.rank()));
    Ok(())
}

/// Products that say what category is meant.
const VOTERS: usize = 40;

/// For each candidate, the share of its category among the best.
fn category_shares(snapshot: &Snapshot, best: &[Candidate]) -> Result<Vec<f32>, TantivyError> {
    let mut names: HashMap<(usize, u64), usize> = HashMap::new();
    let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut of = Vec::with_capacity(best.len());
    for candidate in best {
        let column = snapshot.segments[candidate.segment].category.as_ref();
        let Some((column, ord)) = column.and_then(|column| Some((column, column.term_ords(candidate.doc).next()?)))
        else {
            of.push(None);
            continue;
        };
        let number = match names.get(&(candidate.segment, ord)) {
            Some(number) => *number,
            None => {
                let mut bytes = Vec::new();
                column.ord_to_bytes(ord, &mut bytes)?;
                let next = known.len();
                let number = *known.entry(bytes).or_insert(next);
                names.insert((candidate.segment, ord), number);
                number
            }
        };
        of.push(Some(number));
    }
    let mut votes = vec![0f32; known.len()];
    let mut all = f32::MIN_POSITIVE;
    for (candidate, number) in best.iter().zip(&of).take(VOTERS) {
        all += candidate.score;
        if let Some(number) = number {
            votes[*number] += candidate.score;
        }
    }
    Ok(of.into_iter().map(|number| number.map_or(0.0, |number| votes[number] / all)).collect())
}

/// For candidates whose titles have several of the terms: how close together, 0 to 1.
fn closeness(snapshot: &Snapshot, sequence: &[String], best: &[Candidate]) -> Result<Vec<(usize, f32)>, TantivyError> {
    let mut found = Vec::new();
    for (index, segment) in snapshot.segments.iter().enumerate() {
        let mut here: Vec<(DocId, usize)> =
            best.iter().enumerate().filter(|(_, one)| one.segment == index).map(|(at, one)| (one.doc, at)).collect();
        if here.is_empty() {
            continue;
        }
        here.sort_unstable();
        let mut postings = Vec::with_capacity(sequence.len());
        for term in sequence {
            postings.push(segment.title_positions(term)?);
        }
        let mut places: Vec<(u32, usize)> = Vec::new();
        let mut positions = Vec::new();
        for (doc, at) in here {
            places.clear();
            for (term, postings) in postings.iter_mut().enumerate() {
                let Some(postings) = postings else { continue };
                if postings.doc() < doc {
                    postings.seek(doc);
                }
                if postings.doc() == doc {
                    postings.positions(&mut positions);
                    places.extend(positions.iter().map(|position| (*position, term)));
                }
            }
            found.push((at, window(&mut places, sequence.len())));
        }
    }
    Ok(found)
}

/// The share of the terms that are there, times how much of the shortest stretch that has them all they fill.
fn window(places: &mut [(u32, usize)], terms: usize) -> f32 {
    places.sort_unstable();
    let mut present = vec![0u32; terms];
    for (_, term) in places.iter() {
        present[*term] = 1;
    }
    let there = present.iter().sum::<u32>();
    if there < 2 {
        return 0.0;
    }
    present.fill(0);
    let (mut left, mut inside, mut shortest) = (0, 0, u32::MAX);
    for right in 0..places.len() {
        present[places[right].1] += 1;
        inside += u32::from(present[places[right].1] == 1);
        while inside == there {
            shortest = shortest.min(places[right].0 - places[left].0 + 1);
            present[places[left].1] -= 1;
            inside -= u32::from(present[places[left].1] == 0);
            left += 1;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a title has few words")]
    let (there, shortest, all) = (there as f32, shortest.max(there) as f32, terms as f32);
    (there - 1.0) / (all - 1.0) * (there / shortest)
}

fn hit(snapshot: &Snapshot, candidate: &Candidate) -> Result<Hit, TantivyError> {
    let segment = &snapshot.segments[candidate.segment];
    let summary = segment.summary(candidate.doc, snapshot.layout)?;
    Ok(Hit { summary, score: candidate.score })
}
