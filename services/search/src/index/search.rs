//! One search over a snapshot.

use std::sync::Arc;

use tantivy::TantivyError;

use super::{
    facets::{self, Found, Wish},
    filters::{Checks, Filters, Verdict},
    refine::lifts,
    score::{Mode, Scored, Scoring},
    snapshot::{Segment, Snapshot},
};
use crate::{
    domain::{
        query::Plan,
        ranking::{Signals, Weights},
    },
    engine::page::{Candidate, Hit, Paging, Position, Results, Sort, score_key},
};

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

impl Request<'_> {
    fn paging(&self) -> Paging {
        let Self { sort, limit, offset, after, .. } = *self;
        Paging { sort, by_words: !self.plan.groups.is_empty(), limit, offset, after }
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
    let paging = request.paging();
    let refined = paging.refined(best.len());
    let factors = if refined > 0 { lifts(snapshot, request, &best[..refined])? } else { Vec::new() };
    let (page, next) = paging.cut(best, &factors, relaxed);
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
        let mut best = Best::new(request.paging().wanted());
        let mut found_in = Vec::with_capacity(snapshot.segments.len());
        let mut total = 0;
        let from = request.paging().from();
        for (index, segment) in snapshot.segments.iter().enumerate() {
            let segment: &Segment = segment;
            let checks = Checks::new(request.filters, &request.plan.phrases, segment)?;
            let keys = Keys::new(segment, request);
            let mut found = Found::default();
            let mut take = |scored: Scored| match checks.verdict(scored.doc) {
                Verdict::Passes => {
                    total += 1;
                    if request.facets.is_some() {
                        found.hits.push(scored.doc);
                    }
                    let key = keys.of(scored);
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
                scoring.each(segment, mode, take)?;
            }
            found_in.push((segment, found));
        }
        Ok(Self { found: found_in, best: best.sorted(), total })
    }
}

/// What documents of a segment are ordered by.
struct Keys<'a> {
    segment: &'a Segment,
    sort: Sort,
    priors: Arc<[f32]>,
}

impl<'a> Keys<'a> {
    fn new(segment: &'a Segment, request: &Request<'_>) -> Self {
        let by_score = request.sort == Sort::Relevance;
        let priors = if by_score { segment.priors(request.weights, request.now) } else { Arc::default() };
        Self { segment, sort: request.sort, priors }
    }

    fn of(&self, scored: Scored) -> u64 {
        let Self { segment, sort, priors } = self;
        let doc = scored.doc;
        match sort {
            Sort::Relevance => {
                let prior = priors.get(doc as usize).copied().unwrap_or(1.0);
                score_key(scored.score * prior, scored.whole)
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
}

fn hit(snapshot: &Snapshot, candidate: &Candidate) -> Result<Hit, TantivyError> {
    let segment = &snapshot.segments[candidate.segment];
    let summary = segment.summary(candidate.doc, snapshot.layout)?;
    Ok(Hit { summary, score: candidate.score })
}
