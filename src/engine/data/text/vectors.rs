//! Pretrained word vectors from a text file: GloVe, fastText, word2vec.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use ndarray::ArrayView2;

use crate::data::error::DataError;
use crate::data::error::{quoted, shown};
use crate::data::files::encoding::Encoding;
use crate::data::files::open::Lines;
use crate::data::text::vocabulary::Vocabulary;
use crate::number;
use crate::sort::SmallSort as _;

/// The separators of the fields of a line.
const BLANK: [char; 2] = [' ', '\t'];
/// The number of vectors between two progress messages.
const PROGRESS_INTERVAL: u64 = 100_000;
/// The number of words without a vector that are listed.
const NAMED: usize = 5;
/// No vector yet: worse than the rank of any match.
const NO_RANK: u8 = u8::MAX;

/// The vectors of a vocabulary's words, from a text file (plain or gzip) with a word and its numbers a line, separated by
/// blanks or tabs. fastText and word2vec begin with a line of count and dimension (`400000 100`), GloVe does not. A word may contain
/// blanks: the numbers are the last fields.
///
/// A word of the vocabulary gets the vector of the same word, or else of the word in lower case, or else of one that differs in case
/// only; the first of several. The file is read line by line and only vectors of the vocabulary are parsed and stored, so it may
/// be larger than memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    path: PathBuf,
    width: usize,
    values: Vec<f32>,
    /// The index of each word's vector, by id.
    places: Vec<Option<usize>>,
}

/// The header of a file, as read from its first line.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Header {
    /// The number of vectors, if specified.
    count: Option<u64>,
    /// The dimension.
    width: usize,
}

impl Vectors {
    /// The dimension of the vectors at `path`; `needs` is the advice in the error if the file does not exist.
    ///
    /// # Errors
    /// When there is no such file, or its first line is not that of a file of vectors.
    pub fn width(path: &Path, needs: Option<&str>) -> Result<usize, DataError> {
        head(path, needs).map(|head| head.width)
    }

    /// Reads the vectors of the words of `vocabulary`.
    ///
    /// # Errors
    /// With file and line: a line of another length, an invalid or not finite number, text that is not UTF-8, fewer or more
    /// vectors than the first line specifies, a gzip file that is cut short.
    pub fn read(
        path: &Path,
        needs: Option<&str>,
        vocabulary: &Vocabulary,
        progress: &mut dyn FnMut(String),
    ) -> Result<Self, DataError> {
        let head = head(path, needs)?;
        let mut wanted = HashMap::<String, Vec<u32>>::new();
        for id in Vocabulary::FIRST..vocabulary.len() as u32 {
            wanted.entry(vocabulary.word(id).to_lowercase()).or_default().push(id);
        }
        let mut found = Self {
            path: path.to_owned(),
            width: head.width,
            values: Vec::new(),
            places: vec![None; vocabulary.len()],
        };
        let mut ranks = vec![NO_RANK; vocabulary.len()];
        let (mut row, mut count) = (Vec::new(), 0);
        let mut lines = Lines::open(path, needs, Encoding::Utf8)?;
        if head.count.is_some() {
            lines.next()?;
        }
        loop {
            let number = lines.number + 1;
            let wrong = |bad: LineError| DataError::content(path, Some(number), bad.found, bad.expected);
            let Some(line) = lines.next()? else { break };
            let line =
                line.map_err(|bad| wrong(LineError { found: bad.found, expected: "text in UTF-8".into() }))?;
            let (word, numbers) = cut(&line, head.width).map_err(wrong)?;
            let lower = lower(word);
            row.clear();
            for id in wanted.get(lower.as_ref()).into_iter().flatten() {
                let rank = match vocabulary.word(*id) {
                    exact if exact == word => 0,
                    _ if lower == word => 1,
                    _ => 2,
                };
                let Some(best) = ranks.get_mut(*id as usize).filter(|best| rank < **best) else { continue };
                *best = rank;
                if row.is_empty() {
                    parse(numbers, &mut row).map_err(wrong)?;
                }
                found.put(*id, &row);
            }
            count += 1;
            if count % PROGRESS_INTERVAL == 0 {
                progress(format!("reading {}: {} vectors", path.display(), number::count(count)));
            }
        }
        match head.count.filter(|expected| *expected != count) {
            Some(expected) => Err(DataError::content(
                path,
                None,
                format!("{} vectors", number::count(count)),
                format!("{}, as specified in its first line", number::count(expected)),
            )),
            None => Ok(found),
        }
    }

    fn put(&mut self, id: u32, row: &[f32]) {
        let Some(place) = self.places.get_mut(id as usize) else { return };
        match *place {
            Some(place) => {
                let old = self.values.iter_mut().skip(place * self.width);
                old.zip(row).for_each(|(old, new)| *old = *new);
            }
            None => {
                *place = Some(self.values.len() / self.width);
                self.values.extend_from_slice(row);
            }
        }
    }

    /// The vectors found, each with the id of its word.
    pub fn rows(&self) -> impl Iterator<Item = (u32, &[f32])> {
        let row = |(id, place): (u32, &Option<usize>)| {
            let start = place.as_ref()? * self.width;
            Some((id, self.values.get(start..start + self.width)?))
        };
        (0..).zip(&self.places).filter_map(row)
    }

    /// The coverage of `vocabulary` and of the training sequences `rows` `[sequence, time]`.
    pub fn coverage(&self, vocabulary: &Vocabulary, rows: ArrayView2<'_, u32>) -> Coverage {
        let mut counts = vec![0_u64; vocabulary.len()];
        for id in rows {
            if let Some(count) = counts.get_mut(*id as usize) {
                *count += 1;
            }
        }
        let has = |id: &u32| self.places.get(*id as usize).is_some_and(Option::is_some);
        let count = |id: &u32| counts.get(*id as usize).copied().unwrap_or(0);
        let words = Vocabulary::FIRST..vocabulary.len() as u32;
        let (found, mut missing): (Vec<u32>, Vec<u32>) = words.clone().partition(has);
        // Ids are ordered by frequency in the whole texts; these counts are of the truncated rows.
        missing.small_sort_by_key(|id| std::cmp::Reverse(count(id)));
        Coverage {
            path: self.path.clone(),
            words: words.len(),
            found: found.len(),
            sequences: rows.nrows(),
            running: (Vocabulary::UNKNOWN..vocabulary.len() as u32).map(|id| count(&id)).sum(),
            running_found: found.iter().map(count).sum(),
            missing: missing.iter().take(NAMED).map(|id| vocabulary.word(*id).to_owned()).collect(),
        }
    }
}

/// The coverage of a vocabulary by vectors. Displays as a sentence with words of the data escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The file of vectors.
    pub path: PathBuf,
    /// Words of the vocabulary, without padding and unknown.
    pub words: usize,
    /// Those that have a vector.
    pub found: usize,
    /// The number of sequences whose tokens were counted; of streamed texts only the first.
    pub sequences: usize,
    /// Their tokens, including unknown ones.
    pub running: u64,
    /// Those whose word has a vector.
    pub running_found: u64,
    /// The most frequent words without a vector.
    pub missing: Vec<String>,
}

impl Coverage {
    /// The share of the tokens of the training sequences whose word has a vector, 0 to 1.
    pub fn share(&self) -> f64 {
        self.running_found as f64 / self.running.max(1) as f64
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, words, found, missing, .. } = self;
        let file = path.file_name().map(Path::new).unwrap_or(path);
        let count = |n: usize| number::count(n as u64);
        write!(f, "{}: vectors for {} of {} words", shown(file), count(*found), count(*words))?;
        let sequences = count(self.sequences);
        write!(f, ", {} of the tokens of {sequences} training sequences", number::percent(self.share()))?;
        match missing.is_empty() {
            true => Ok(()),
            false => write!(
                f,
                "; none for {}",
                missing.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", ")
            ),
        }
    }
}

/// Reads the first line of a file of vectors.
fn head(path: &Path, needs: Option<&str>) -> Result<Header, DataError> {
    let mut lines = Lines::open(path, needs, Encoding::Utf8)?;
    let refuse = |found: String, expected: &str| Err(DataError::content(path, Some(1), found, expected));
    let line = match lines.next()? {
        Some(Ok(line)) => line,
        Some(Err(bad)) => return refuse(bad.found, "text in UTF-8"),
        None => return refuse("an empty file".into(), "a word and its numbers a line"),
    };
    let fields: Vec<&str> = line.split(BLANK).filter(|field| !field.is_empty()).collect();
    if let [count, width] = fields.as_slice()
        && let (Ok(count), Ok(width)) = (count.parse(), width.parse())
    {
        let head = Header { count: Some(count), width };
        return if width > 0 { Ok(head) } else { refuse("vectors of 0 numbers".into(), "at least 1") };
    }
    let numbers = fields.iter().rev().take_while(|field| field.parse::<f32>().is_ok()).count();
    // The word may itself be a number.
    match numbers.min(fields.len().saturating_sub(1)) {
        0 => refuse(
            format!("{} without a number at the end", number::counted(fields.len(), "field")),
            "a word and its numbers",
        ),
        width => Ok(Header { count: None, width }),
    }
}

/// The error of a line.
struct LineError {
    found: String,
    expected: String,
}

/// The word of a line, and its `width` numbers: the last fields.
fn cut(line: &str, width: usize) -> Result<(&str, &str), LineError> {
    let line = line.trim_end_matches(BLANK);
    let mut word = line;
    for _ in 0..width {
        // The width comes from the file and may be any number.
        if word.is_empty() {
            break;
        }
        let blank = word.bytes().rposition(|byte| byte == b' ' || byte == b'\t').unwrap_or(0);
        word = word.get(..blank).unwrap_or_default().trim_end_matches(BLANK);
    }
    let numbers = line.get(word.len()..).unwrap_or_default();
    // A word with blanks does not end with a number.
    let one_more = word.rsplit_once(BLANK).is_some_and(|(_, last)| last.parse::<f32>().is_ok());
    if word.is_empty() || one_more {
        let fields = line.split(BLANK).filter(|field| !field.is_empty()).count();
        let found = number::counted(fields, "field");
        return Err(LineError {
            found,
            expected: format!("{}: a word and {width} numbers", width.saturating_add(1)),
        });
    }
    Ok((word, numbers))
}

/// Parses `numbers` into `row`.
fn parse(numbers: &str, row: &mut Vec<f32>) -> Result<(), LineError> {
    for field in numbers.split(BLANK).filter(|field| !field.is_empty()) {
        match field.parse::<f32>() {
            Ok(number) if number.is_finite() => row.push(number),
            _ => return Err(LineError { found: quoted(field), expected: "a finite number".into() }),
        }
    }
    Ok(())
}

/// A word in lower case.
fn lower(word: &str) -> Cow<'_, str> {
    match word.is_ascii() && !word.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Borrowed(word),
        false => Cow::Owned(word.to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use ndarray::array;
    use proptest::prelude::*;

    use super::*;

    fn vocabulary() -> Vocabulary {
        Vocabulary::of_symbols(&["good", "Paris", "paris", "new york", "rare"])
    }

    fn read(bytes: &[u8]) -> Result<Vectors, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.txt");
        std::fs::write(&path, bytes).unwrap();
        Vectors::read(&path, None, &vocabulary(), &mut |_| {})
    }

    fn found(bytes: &[u8]) -> Vec<(u32, Vec<f32>)> {
        read(bytes).unwrap().rows().map(|(id, row)| (id, row.to_vec())).collect()
    }

    fn message(bytes: &[u8]) -> String {
        let error = read(bytes).unwrap_err().to_string();
        error.split_once("v.txt").unwrap().1.to_owned()
    }

    #[test]
    fn glove_fasttext_and_word2vec_are_read_plain_or_gzip() {
        let expected = [(2, vec![1.0, -0.5]), (5, vec![1e-3, 2.0])];
        let glove = "other 0 0\ngood 1 -0.5\nnew york 1e-3 2\n";
        assert_eq!(found(glove.as_bytes()), expected);
        assert_eq!(found(format!("3 2\n{glove}").as_bytes()), expected);
        // word2vec ends lines with a blank; others have tabs and Windows's line ends.
        assert_eq!(found(b"2 2 \ngood 1 -0.5 \nnew york 1e-3 2 \n"), expected);
        assert_eq!(found(b"good\t1\t-0.5\r\nnew york\t1e-3  2"), expected);
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(glove.as_bytes()).unwrap();
        assert_eq!(found(&packed.finish().unwrap()), expected);
    }

    #[test]
    fn exact_matches_precede_lower_case_and_other_case() {
        assert_eq!(found(b"PARIS 3\nparis 2\nParis 1\nparis 9"), [(3, vec![1.0]), (4, vec![2.0])]);
        assert_eq!(found(b"PARIS 3\nparis 2\n"), [(3, vec![2.0]), (4, vec![2.0])]);
        assert_eq!(found(b"PARIS 3\nPAris 2\n"), [(3, vec![3.0]), (4, vec![3.0])]);
        // Padding and unknown are no words.
        assert_eq!(found(b"[UNK] 1\n[unk] 1\n"), []);
    }

    #[test]
    fn errors_name_the_line() {
        let mut cut = GzEncoder::new(Vec::new(), Compression::fast());
        (0..2000).for_each(|i: u32| writeln!(cut, "word{i} {} {i}", i * i).unwrap());
        let cut = cut.finish().unwrap();
        let cases: [&[u8]; 13] = [
            b"",
            b"\n",
            b"just some words\n",
            b"3 0\n",
            b"a 1 2\nb 1\n",
            b"a 1 2\nb 1 2 3\n",
            b"a 1 2\n\nb 1 2\n",
            b"a 1 2\n 1 2\n",
            b"a 1 2\ngood nan 2\n",
            b"a 1 2\ngood 1 1e99\n",
            b"a 1 2\ngood 1 x\x1b[2J\n",
            b"a 1 2\nb\xff 1 2\n",
            b"3 2\na 1 2\nb 1 2\n",
        ];
        let entries = cases.map(|bytes| (format!("{:?}", String::from_utf8_lossy(bytes)), message(bytes)));
        // The line at which a truncated file ends depends on the compressor.
        let cut = message(&cut[..cut.len() / 2]);
        let cut = cut.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit()).to_owned();
        let cut = ("half a gzip file".to_owned(), cut);
        crate::messages::assert_messages("vectors_files", entries.into_iter().chain([cut]));
    }

    #[test]
    fn only_vectors_of_the_vocabulary_are_parsed() {
        assert_eq!(found(b"good 1 2\nother x y\n"), [(2, vec![1.0, 2.0])]);
    }

    #[test]
    fn coverage_counts_words_and_tokens_and_names_the_most_frequent_without() {
        let vectors = read(b"good 1\nParis 2\n").unwrap();
        // Twice padding, once unknown.
        let rows = array![[0, 0, 1, 2], [6, 6, 5, 2], [2, 3, 4, 2]];
        let coverage = vectors.coverage(&vocabulary(), rows.view());
        assert_eq!((coverage.words, coverage.found), (5, 3));
        assert_eq!((coverage.running, coverage.running_found), (10, 6));
        assert_eq!(coverage.missing, ["rare", "new york"]);
        assert_eq!(
            coverage.to_string(),
            "v.txt: vectors for 3 of 5 words, 60.0 % of the tokens of 3 training sequences; none for \"rare\", \"new york\""
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(
            bytes in proptest::collection::vec(
                prop_oneof![Just(b' '), Just(b'\n'), Just(b'1'), Just(b'-'), Just(b'.'), Just(b'g'), any::<u8>()], 0..60,
            ),
            head in prop::sample::select(vec![
                "", "good 1 2\n", "2 2\n", "9 99999999999999999999\n", "1 18446744073709551615\n",
            ]),
        ) {
            if let Ok(vectors) = read(&[head.as_bytes(), &bytes].concat()) {
                for (id, row) in vectors.rows() {
                    prop_assert!(id >= Vocabulary::FIRST && row.len() == vectors.width);
                    prop_assert!(row.iter().all(|number| number.is_finite()));
                }
            }
        }
    }
}
