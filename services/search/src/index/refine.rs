//! What the finer order of the best goes by.

use std::collections::HashMap;

use tantivy::{DocId, DocSet, TantivyError, postings::Postings};

use super::{search::Request, snapshot::Snapshot};
use crate::{
    domain::refining::{self, TITLES},
    engine::page::Candidate,
};

/// What lifts each of the best: its category's share, and how close together its title has the words.
pub fn lifts(snapshot: &Snapshot, request: &Request<'_>, best: &[Candidate]) -> Result<Vec<f32>, TantivyError> {
    let mut factors: Vec<f32> = vec![1.0; best.len()];
    if request.weights.category > 0.0 {
        for (factor, share) in factors.iter_mut().zip(shares(snapshot, best)?) {
            *factor += request.weights.category * share;
        }
    }
    if request.weights.proximity > 0.0 && request.plan.sequence.len() > 1 {
        let titles = best.len().min(TITLES);
        for (at, closeness) in closeness(snapshot, &request.plan.sequence, &best[..titles])? {
            factors[at] += request.weights.proximity * closeness;
        }
    }
    Ok(factors)
}

/// For each candidate, the share of its category among the best.
fn shares(snapshot: &Snapshot, best: &[Candidate]) -> Result<Vec<f32>, TantivyError> {
    let mut names: HashMap<(usize, u64), usize> = HashMap::new();
    let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut of = Vec::with_capacity(best.len());
    for candidate in best {
        let column = snapshot.segments[candidate.segment].category.as_ref();
        let Some((column, ord)) = column.and_then(|column| Some((column, column.term_ords(candidate.doc).next()?)))
        else {
            of.push((candidate.score, None));
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
        of.push((candidate.score, Some(number)));
    }
    Ok(refining::category_shares(of.into_iter()))
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
            found.push((at, refining::closeness(&mut places, sequence.len())));
        }
    }
    Ok(found)
}
