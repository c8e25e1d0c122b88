//! The finer order of the best: by the category that they share, and by words that stand close together.

use std::collections::HashMap;

use tantivy::{DocId, DocSet, TantivyError, postings::Postings};

use super::{
    search::{Candidate, Request, score_key},
    snapshot::Snapshot,
};

/// The best whose titles are looked at.
const TITLES: usize = 150;

/// Lifts products of the category that the best ones share, and those whose titles have the words close together.
pub fn refine(snapshot: &Snapshot, request: &Request<'_>, best: &mut [Candidate]) -> Result<(), TantivyError> {
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
        let number = if let Some(number) = names.get(&(candidate.segment, ord)) {
            *number
        } else {
            let mut bytes = Vec::new();
            column.ord_to_bytes(ord, &mut bytes)?;
            let next = known.len();
            let number = *known.entry(bytes).or_insert(next);
            names.insert((candidate.segment, ord), number);
            number
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
