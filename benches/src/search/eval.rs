//! Measures the results against grades that people gave.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Deserialize;

use super::{
    Query, encoded,
    measures::{self, Gain, Grades},
    queries, read,
};
use crate::{
    call::Call,
    client::{Connection, Target},
    error::Error,
    report::Report,
};

/// Results of each query that are asked for, and in one page.
const DEPTH: usize = 200;
const PAGE: usize = 100;

/// The quality of search results against grades: a TREC run file, and NDCG, precision and reciprocal rank
///
/// The products must have been brought in with their ids as external ids, for example by
/// `souk import products products.jsonl.gz --mapping icecat`.
#[derive(Args, Debug)]
pub struct SearchEval {
    /// The catalogue: JSON lines with an `id`, plain or .gz
    #[arg(long, value_name = "FILE")]
    products: PathBuf,
    /// Tab-separated `query_id`, `query`, with headings
    #[arg(long, value_name = "FILE")]
    queries: PathBuf,
    /// Tab-separated `query_id`, `product_id`, `grade`, with headings, plain or .gz
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Where the run is written: `query_id product_id rank score`
    #[arg(long, value_name = "FILE", default_value = "search.run")]
    run: PathBuf,
}

#[derive(Deserialize)]
struct Answer {
    hits: Vec<Hit>,
    #[serde(default)]
    degraded: bool,
}

#[derive(Deserialize)]
struct Hit {
    external_id: Option<String>,
}

pub async fn run(eval: &SearchEval, target: &Target) -> Result<Report, Error> {
    let known = products(&eval.products)?;
    let queries = queries(&eval.queries)?;
    let mut connection = Connection::new(target);
    let mut lists: HashMap<String, Vec<String>> = HashMap::new();
    let mut run = String::new();
    let mut strangers = 0u64;
    for query in &queries {
        let list = ask(&mut connection, query).await?;
        strangers += list.iter().filter(|id| !known.contains(*id)).count() as u64;
        for (rank, id) in (1..).zip(&list) {
            // The order is the server's; the score only says so.
            let _ = writeln!(run, "{} {id} {rank} {}", query.id, DEPTH + 1 - rank);
        }
        lists.insert(query.id.clone(), list);
    }
    std::fs::write(&eval.run, run).map_err(Error::io(eval.run.display().to_string()))?;
    let mut report = Report::new("search-eval");
    report.fact("products", &known.len());
    report.fact("queries", &queries.len());
    report.fact("run file", &eval.run.display());
    report.equal("results that are no products of the catalogue", &0, &strangers);
    if let Some(labels) = &eval.labels {
        measure(&mut report, &queries, &lists, &grades(labels)?);
    }
    Ok(report)
}

async fn ask(connection: &mut Connection, query: &Query) -> Result<Vec<String>, Error> {
    let mut list = Vec::new();
    let mut cursor = String::new();
    while list.len() < DEPTH {
        let call = Call::get(format!("/api/v1/search?q={}&limit={PAGE}{cursor}", encoded(&query.text)));
        let answer = connection.send(&call).await?.accepted("search")?;
        let next = answer.next_cursor();
        let Answer { hits, degraded } = answer.data("search")?;
        if degraded {
            return Err(Error::Usage("the index is down: these are no results of search".to_owned()));
        }
        list.extend(hits.into_iter().filter_map(|hit| hit.external_id));
        match next {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    list.truncate(DEPTH);
    Ok(list)
}

fn products(path: &Path) -> Result<HashSet<String>, Error> {
    #[derive(Deserialize)]
    struct Line {
        id: String,
    }
    let text = read(path)?;
    let id = |line: &str| serde_json::from_str::<Line>(line).map(|line| line.id);
    let ids = text.lines().filter(|line| !line.trim().is_empty()).map(id).collect::<Result<_, _>>();
    ids.map_err(|cause| Error::Usage(format!("{}: {cause}", path.display())))
}

fn grades(path: &Path) -> Result<HashMap<String, Grades>, Error> {
    let mut grades: HashMap<String, Grades> = HashMap::new();
    for line in read(path)?.lines().skip(1) {
        let parts: Vec<&str> = line.split('\t').collect();
        let grade = parts.get(2).and_then(|grade| grade.trim().parse().ok());
        let (&[query, product, ..], Some(grade)) = (parts.as_slice(), grade) else {
            return Err(Error::Usage(format!("{}: can't read `{line}`", path.display())));
        };
        grades.entry(query.to_owned()).or_default().insert(product.to_owned(), grade);
    }
    Ok(grades)
}

fn measure(
    report: &mut Report,
    queries: &[Query],
    lists: &HashMap<String, Vec<String>>,
    grades: &HashMap<String, Grades>,
) {
    let graded: Vec<(&Vec<String>, &Grades)> =
        queries.iter().filter_map(|query| Some((lists.get(&query.id)?, grades.get(&query.id)?))).collect();
    let ndcg = |judged_only, gain| {
        mean(graded.iter().filter_map(|(list, grades)| measures::ndcg(list, grades, judged_only, gain)))
    };
    let (judged_only, unjudged_zero) = (ndcg(true, Gain::Linear), ndcg(false, Gain::Linear));
    report.fact("NDCG@10 judged-only", &shown(judged_only));
    report.fact("NDCG@10 unjudged=0", &shown(unjudged_zero));
    report.fact("mean of the two", &shown(f64::midpoint(judged_only, unjudged_zero)));
    report.fact("NDCG@10 judged-only, exponential gain", &shown(ndcg(true, Gain::Exponential)));
    report.fact("NDCG@10 unjudged=0, exponential gain", &shown(ndcg(false, Gain::Exponential)));
    let relevant = || graded.iter().filter(|(_, grades)| measures::has_relevant(grades));
    let over = |measure: fn(&[String], &Grades) -> f64| mean(relevant().map(|(list, grades)| measure(list, grades)));
    report.fact("P@10", &shown(over(measures::precision)));
    report.fact("MRR", &shown(over(measures::reciprocal_rank)));
    let ndcg_queries = graded.iter().filter(|(_, grades)| grades.values().any(|grade| *grade > 0));
    report.fact("judged", &shown(mean(ndcg_queries.map(|(list, grades)| measures::judged(list, grades)))));
}

fn shown(value: f64) -> String {
    format!("{value:.4}")
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count == 0.0 { 0.0 } else { sum / count }
}
