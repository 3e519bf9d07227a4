//! Time to read, tokenise, encode and pad two CSV files: generated ones of IMDB's size, or those named.
//!
//! `cargo bench --bench data` or `cargo bench --bench data -- TRAIN.csv.gz TEST.csv.gz`
#![allow(clippy::print_stdout, reason = "a bench reports")]

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use unrolled::data::{self, DataSpec, GivenValidation, LabelledSpec, Level, Side, TokenSpec, Validation};
use unrolled::number;
use unrolled::rng::Rng;

const REVIEWS: usize = 25_000;
const WORDS_A_REVIEW: usize = 230;
const DISTINCT_WORDS: f64 = 150_000.0;
const REPEATS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let named: Vec<PathBuf> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).map(PathBuf::from).collect();
    let (train, test) = match named.as_slice() {
        [train, test] => (train.clone(), test.clone()),
        _ => (reviews(folder.path(), "train", 1)?, reviews(folder.path(), "test", 2)?),
    };
    let given = GivenValidation { path: test, ..GivenValidation::default() };
    let validation = Some(Validation::Given(given));
    let spec = DataSpec::Labelled(LabelledSpec { path: train, validation, ..LabelledSpec::default() });
    let tokens = TokenSpec {
        level: Level::Word,
        ngrams: 1,
        vocabulary: 10_000,
        length: 200,
        padding: Side::Pre,
        truncating: Side::Pre,
        channels: Vec::new(),
    };
    for _ in 0..REPEATS {
        let start = Instant::now();
        let data = data::load(&spec, Some(&tokens), 1, 1, &mut |_| {})?;
        println!(
            "{} + {} texts in {} ms, unknown {}",
            number::count(data.facts.train as u64),
            number::count(data.facts.validation as u64),
            start.elapsed().as_millis(),
            number::percent(data.facts.unknown),
        );
    }
    Ok(())
}

/// Writes a file of reviews whose word frequencies follow Zipf's law.
fn reviews(folder: &Path, name: &str, seed: u64) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let path = folder.join(format!("{name}.csv.gz"));
    let mut file = BufWriter::new(GzEncoder::new(File::create(&path)?, Compression::default()));
    let mut rng = Rng::new(seed, "bench", 0);
    writeln!(file, "text,label")?;
    for review in 0..REVIEWS {
        write!(file, "\"")?;
        for _ in 0..WORDS_A_REVIEW {
            let rank = DISTINCT_WORDS.powf(rng.uniform()) as u64;
            write!(file, "{}{} ", word(rank), if rank.is_multiple_of(13) { "," } else { "" })?;
        }
        writeln!(file, "\",{}", if review % 2 == 0 { "positive" } else { "negative" })?;
    }
    file.into_inner()?.finish()?;
    Ok(path)
}

fn word(mut rank: u64) -> String {
    let mut word = String::from("W");
    while rank > 0 {
        word.push(char::from(b'a' + (rank % 20) as u8));
        rank /= 20;
    }
    word
}
