//! Makes a catalogue as large as one likes, and queries for it: the same ones for the same seed.
//!
//! Words are as frequent as in natural language (Zipf, Mandelbrot: the word of rank `r` as often as `1 / (r + 2.7)`), and
//! so are categories, brands and what buyers look for. What is made has no meaning: it is for speed and size, not for quality.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use serde_json::{Value, json};

use crate::{error::Error, options::Options, report::Report};

/// A generated catalogue for `souk import products --mapping souk`, and queries for it
#[derive(Args, Debug)]
pub struct SearchGenerate {
    /// How many products
    #[arg(long, default_value_t = 1_000_000)]
    products: u64,
    /// How many different queries
    #[arg(long, default_value_t = 20_000)]
    queries: u64,
    /// JSON lines; packed if the name ends with .gz
    #[arg(long, value_name = "FILE", default_value = "products.jsonl.gz")]
    out: PathBuf,
    /// Tab-separated `query_id`, `query`
    #[arg(long, value_name = "FILE", default_value = "queries.tsv")]
    queries_out: PathBuf,
}

const WORDS: usize = 60_000;
const BRANDS: usize = 3_000;
const CATEGORIES: usize = 400;
const COLOURS: [&str; 12] =
    ["Black", "White", "Silver", "Grey", "Blue", "Red", "Green", "Beige", "Brown", "Pink", "Yellow", "Multicolour"];
const MATERIALS: [&str; 8] = ["Plastic", "Metal", "Steel", "Aluminium", "Cotton", "Leather", "Wood", "Glass"];

/// Ranks as often as a language uses its words.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new(size: usize) -> Self {
        let mut sum = 0.0;
        let rank = |rank: usize| f64::from(u32::try_from(rank).unwrap_or(u32::MAX));
        let sums = (0..size).map(|at| {
            sum += 1.0 / (rank(at) + 2.7);
            sum
        });
        Self(sums.collect())
    }

    fn pick(&self, random: &mut SmallRng) -> usize {
        let end = self.0.last().copied().unwrap_or_default();
        let place = random.random::<f64>() * end;
        self.0.partition_point(|sum| *sum <= place).min(self.0.len() - 1)
    }
}

/// What texts are made of.
struct Language {
    words: Vec<String>,
    ranks: Zipf,
    brands: Zipf,
    categories: Zipf,
}

impl Language {
    fn new(random: &mut SmallRng) -> Self {
        const HEADS: [&str; 24] = [
            "b", "c", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "st", "tr", "pl", "br",
            "ch", "sh", "gr", "cl",
        ];
        const VOWELS: [&str; 8] = ["a", "e", "i", "o", "u", "ea", "oo", "ai"];
        const TAILS: [&str; 12] = ["", "", "", "n", "r", "l", "t", "s", "m", "ck", "nd", "st"];
        let mut words = Vec::with_capacity(WORDS);
        let mut known = std::collections::HashSet::new();
        while words.len() < WORDS {
            // Frequent words are short.
            let syllables =
                if words.len() < 500 { 1 + random.random_range(0..2) } else { 2 + random.random_range(0..2) };
            let mut word = String::new();
            for _ in 0..syllables {
                for part in [&HEADS[..], &VOWELS[..], &TAILS[..]] {
                    word.push_str(part[random.random_range(0..part.len())]);
                }
            }
            if known.insert(word.clone()) {
                words.push(word);
            }
        }
        Self { words, ranks: Zipf::new(WORDS), brands: Zipf::new(BRANDS), categories: Zipf::new(CATEGORIES) }
    }

    fn word(&self, random: &mut SmallRng) -> &str {
        &self.words[self.ranks.pick(random)]
    }

    /// The names are words that are neither the most frequent nor rare.
    fn category(&self, number: usize) -> &str {
        &self.words[200 + number]
    }

    fn brand(&self, number: usize) -> &str {
        &self.words[2_000 + number]
    }

    fn product(&self, number: u64, random: &mut SmallRng) -> Value {
        let category = self.categories.pick(random);
        let (brand, noun) = (capital(self.brand(self.brands.pick(random))), self.category(category));
        let model = model(random);
        let mut title = format!("{brand} {} {model} {noun}", capital(self.word(random)));
        for _ in 0..random.random_range(1..5) {
            title.push(' ');
            title.push_str(self.word(random));
        }
        let mut description = String::new();
        for _ in 0..random.random_range(2..6) {
            description.push_str(&capital(self.word(random)));
            for _ in 0..random.random_range(5..14) {
                description.push(' ');
                description.push_str(self.word(random));
            }
            description.push_str(". ");
        }
        let pick = |list: &[&'static str], random: &mut SmallRng| list[random.random_range(0..list.len())];
        let mut attributes = json!({
            "brand": brand,
            "model_number": model,
            "ean": format!("4{number:012}"),
            "colour": pick(&COLOURS, random),
            "material": pick(&MATERIALS, random),
            "weight": random.random_range(1..400) * 25,
            "warranty": random.random_range(1..4) * 12,
        });
        let dearest = 10_i64.pow(random.random_range(3..6));
        // What only products of this kind have.
        for place in 0..3 {
            let key = &self.words[5_000 + category * 3 + place];
            attributes[key] = json!(self.words[10_000 + category * 40 + random.random_range(0..40)]);
        }
        json!({
            "external_id": format!("g{number}"),
            "title": title,
            "description": description.trim_end(),
            "price": random.random_range(100..dearest),
            "stock": if random.random_range(0..10) == 0 { 0 } else { random.random_range(1..200) },
            "category": capital(noun),
            "attributes": attributes,
        })
    }

    /// What buyers type: mostly what kind of thing, often with more words, sometimes a model, sometimes with an error.
    fn query(&self, random: &mut SmallRng) -> String {
        let noun = self.category(self.categories.pick(random));
        let mut query = match random.random_range(0..10) {
            0..3 => noun.to_owned(),
            3..6 => format!("{} {noun}", self.word(random)),
            6..8 => format!("{} {noun}", self.brand(self.brands.pick(random))),
            8 => format!("{} {} {noun}", self.word(random), self.word(random)),
            _ => format!("{} {}", self.brand(self.brands.pick(random)), model(random)),
        };
        if random.random_range(0..20) == 0 {
            // The words are of single bytes.
            let at = random.random_range(0..query.len());
            query.remove(at);
        }
        query
    }
}

fn model(random: &mut SmallRng) -> String {
    let letter = |random: &mut SmallRng| char::from(b'A' + random.random_range(0..26u8));
    let (first, second) = (letter(random), letter(random));
    format!("{first}{second}-{}", random.random_range(100..10_000))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

pub fn run(generate: &SearchGenerate, options: &Options) -> Result<Report, Error> {
    let mut random = SmallRng::seed_from_u64(options.seed);
    let language = Language::new(&mut random);
    let mut out = create(&generate.out)?;
    let failed = |path: &Path| Error::io(path.display().to_string());
    for number in 0..generate.products {
        let line = language.product(number, &mut random);
        writeln!(out, "{line}").map_err(failed(&generate.out))?;
    }
    out.flush().map_err(failed(&generate.out))?;
    drop(out);
    let mut out = create(&generate.queries_out)?;
    writeln!(out, "query_id\tquery").map_err(failed(&generate.queries_out))?;
    for number in 0..generate.queries {
        writeln!(out, "{number}\t{}", language.query(&mut random)).map_err(failed(&generate.queries_out))?;
    }
    out.flush().map_err(failed(&generate.queries_out))?;
    let mut report = Report::new("search-generate");
    report.fact("products", &format!("{} in {}", generate.products, generate.out.display()));
    report.fact("queries", &format!("{} in {}", generate.queries, generate.queries_out.display()));
    Ok(report)
}

fn create(path: &Path) -> Result<Box<dyn Write>, Error> {
    let file = BufWriter::new(File::create(path).map_err(Error::io(path.display().to_string()))?);
    if path.extension().is_some_and(|extension| extension == "gz") {
        return Ok(Box::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast())));
    }
    Ok(Box::new(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_products() {
        let make = || {
            let mut random = SmallRng::seed_from_u64(7);
            let language = Language::new(&mut random);
            let products: Vec<Value> = (0..50).map(|number| language.product(number, &mut random)).collect();
            (products, language.query(&mut random))
        };
        assert_eq!(make(), make());
        assert_ne!(make().0[0], make().0[1]);
    }

    #[test]
    fn the_first_words_are_the_most_frequent() {
        let (zipf, mut random) = (Zipf::new(1000), SmallRng::seed_from_u64(1));
        let picked: Vec<usize> = (0..10_000).map(|_| zipf.pick(&mut random)).collect();
        let below = |end| picked.iter().filter(|rank| **rank < end).count();
        assert!(below(10) > 2_000 && below(500) > 8_000 && below(1000) == 10_000);
    }
}
