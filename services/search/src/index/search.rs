//! One search over a snapshot.

use serde::{Deserialize, Serialize};
use tantivy::{DocId, TantivyError};

use super::{
    facets::{self, Counts, Found, Wish},
    filters::{Checks, Filters, Verdict},
    refine::refine,
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
pub struct Candidate {
    pub key: u64,
    tie: u64,
    pub segment: usize,
    pub doc: DocId,
    pub score: f32,
}

impl Candidate {
    pub fn rank(&self) -> (u64, u64) {
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
pub fn score_key(score: f32, whole: bool) -> u64 {
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

fn hit(snapshot: &Snapshot, candidate: &Candidate) -> Result<Hit, TantivyError> {
    let segment = &snapshot.segments[candidate.segment];
    let summary = segment.summary(candidate.doc, snapshot.layout)?;
    Ok(Hit { summary, score: candidate.score })
}
