//! Labelled texts.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use std::thread;

use super::measure::{coverage, lengths};
use super::start::Start;
use super::{DetectedData, ENOUGH, Inspection, encoding_fact};
use crate::data::beside::Beside;
use crate::data::error::DataError;
use crate::data::error::{listed, quoted};
use crate::data::files::encoding::Encoding;
use crate::data::progress::ProgressSender;
use crate::data::scoped;
use crate::data::sources::labelled::folder;
use crate::data::sources::labelled::{Format, GivenValidation, LabelledSpec, Validation};
use crate::data::text::interner::{Words, fingerprint};
use crate::data::text::label_set;
use crate::data::text::notes::{cased_note, empty_note, overlap_note};
use crate::data::text::text_sink::Sink;
use crate::data::text::tokenizer::Level;
use crate::data::text::tokenizer::for_each_token;
use crate::number;
use crate::protocol::{ClassCount, ColumnFound, Findings};

/// The maximum number of characters of a text that is proposed as a probe.
const EXAMPLE: usize = 60;
/// The median number of words up to which texts may be names.
const SHORT: usize = 2;
/// The median number of words up to which texts may be read by characters as their words have many forms.
const SENTENCE: usize = 40;
/// Words that occur once, over the square root of the number of running words, from which on words have many forms: 24 and 26 for English
/// film reviews and tweets of many authors; Russian ones have about twice as many.
const MANY_FORMS: f64 = 40.0;
/// Classes of which one is shown.
const EXAMPLES: usize = 3;
/// Of so many bad rows one may be skipped; where there are more, the table is read wrongly.
const BAD: usize = 10;

/// Texts, measured as they go by.
struct Measured {
    level: Level,
    words: Words,
    /// The words of texts that did not stand before.
    different: Words,
    /// Tokens of each text.
    lengths: Vec<usize>,
    characters: u64,
    labels: BTreeMap<String, usize>,
    /// The print of each different text, with its label's place of first appearance.
    prints: HashMap<u64, String>,
    /// Texts that stood before, and those of them that had another label there.
    twice: usize,
    torn: usize,
    /// Texts without a token.
    empty: usize,
    examples: BTreeMap<String, String>,
    word: String,
    skipped: usize,
    /// Bytes of text still to be read.
    remaining: usize,
    more: bool,
}

impl Measured {
    fn new(level: Level) -> Self {
        Self {
            level,
            words: Words::default(),
            different: Words::default(),
            lengths: Vec::new(),
            characters: 0,
            labels: BTreeMap::new(),
            prints: HashMap::new(),
            twice: 0,
            torn: 0,
            empty: 0,
            examples: BTreeMap::new(),
            word: String::new(),
            skipped: 0,
            remaining: 0,
            more: false,
        }
    }

    /// Reads the texts of `spec` up to the limit of bytes; of a folder the same amount of each class.
    fn read(level: Level, spec: &LabelledSpec) -> Result<Self, DataError> {
        let mut found = Self::new(level);
        // Nobody listens.
        let report = ProgressSender::disconnected();
        let end = |found: &mut Self, read: Result<(), DataError>| match read {
            Err(_) if found.remaining == 0 => {
                found.more = true;
                Ok(())
            }
            other => other,
        };
        if spec.detect_format()? != Format::Folder {
            found.remaining = ENOUGH;
            let read = spec.read_into(&mut found, &report);
            end(&mut found, read)?;
            return Ok(found);
        }
        let classes = folder::classes(spec)?;
        for class in &classes {
            found.remaining = (ENOUGH / classes.len().max(1)).max(1);
            let read = class.read(spec, &mut found, &report);
            end(&mut found, read)?;
        }
        Ok(found)
    }
}

impl Measured {
    /// Whether short texts are phrases: they have several words, most of which occur in other texts as well. Names have one, or words that do
    /// not recur.
    fn are_phrases(&self) -> bool {
        let (mut all, mut recurring) = (0, 0);
        for (_, _, count) in self.different.iter() {
            all += count;
            recurring += if count > 1 { count } else { 0 };
        }
        all * 10 >= self.prints.len() as u64 * 12 && recurring * 2 >= all
    }

    /// How many words occur only once, and how many words there are, if so many do that parts of words tell more than words, as in languages
    /// in which a word has many forms. The measure hardly depends on the number of texts (Guiraud 1954, of different words).
    fn many_forms(&self) -> Option<(u64, u64)> {
        let (mut all, mut once) = (0, 0);
        for (_, _, count) in self.different.iter() {
            all += count;
            once += u64::from(count == 1);
        }
        (once as f64 > MANY_FORMS * (all as f64).sqrt()).then_some((once, all))
    }

    /// The classes with their numbers of texts, or the labels if `spec` is multi-label.
    fn classes(&self, spec: &LabelledSpec) -> BTreeMap<String, usize> {
        if !spec.is_multi_label() {
            return self.labels.clone();
        }
        let mut counts = BTreeMap::new();
        // A column without a 1 is a label too.
        for column in &spec.label_columns {
            counts.insert(column.to_string(), 0);
        }
        let sets = label_set::split(self.labels.keys().map(String::as_str), spec.separator);
        for (set, count) in sets.into_iter().zip(self.labels.values()) {
            set.into_iter().for_each(|label| *counts.entry(label).or_default() += count);
        }
        counts
    }
}

impl Sink for Measured {
    fn push(&mut self, text: &str, label: &str, path: &Path, line: Option<u64>) -> Result<(), DataError> {
        let before = self.lengths.len();
        let mut tokens = 0;
        let print = fingerprint(text);
        let is_new = !self.prints.contains_key(&print);
        for_each_token(text, self.level, &mut self.word, |token| {
            self.words.count(token);
            if is_new {
                self.different.count(token);
            }
            tokens += 1;
        });
        self.lengths.push(tokens);
        self.empty += usize::from(tokens == 0);
        let characters = text.chars().count();
        self.characters += characters as u64;
        match self.labels.get_mut(label) {
            Some(count) => *count += 1,
            None => drop(self.labels.insert(label.to_owned(), 1)),
        }
        match self.prints.get(&print) {
            Some(first) => {
                self.twice += 1;
                self.torn += usize::from(first != label);
            }
            None => drop(self.prints.insert(print, label.to_owned())),
        }
        if !self.examples.contains_key(label) && (1..=EXAMPLE).contains(&characters) && tokens > 0 {
            self.examples.insert(label.to_owned(), text.trim().to_owned());
        }
        // A text of a few letters costs more than its letters.
        self.remaining = self.remaining.saturating_sub(text.len() + 100);
        match self.remaining {
            // Nobody sees it: it only ends the reading.
            0 => Err(DataError::content(path, line, number::count(before as u64), "fewer texts")),
            _ => Ok(()),
        }
    }

    fn skip(&mut self) {
        self.skipped += 1;
    }

    fn texts(&self) -> usize {
        self.lengths.len()
    }

    fn skipped(&self) -> usize {
        self.skipped
    }
}

/// The spec with the data to validate on among those `beside` its own, if there are any.
pub(super) fn validated(spec: LabelledSpec, beside: &Beside) -> LabelledSpec {
    let Some(path) = beside.held_out().cloned() else { return spec };
    let given = GivenValidation { path, ..GivenValidation::default() };
    LabelledSpec { validation: Some(Validation::Given(given)), ..spec }
}

/// Looks at the texts of `spec`, of which `kind`, `facts` and `columns` are known.
pub(super) fn inspect(
    mut spec: LabelledSpec,
    kind: &str,
    mut facts: Vec<(String, String)>,
    columns: Vec<ColumnFound>,
    size: Option<u64>,
) -> Result<Inspection, DataError> {
    let mut notes = Vec::new();
    let as_given = spec.clone();
    // Both files are read at a time: a person waits.
    let (found, given) = thread::scope(|scope| {
        let given = scoped::spawn(scope, || {
            as_given.of_validation().map(|given| Measured::read(Level::Word, &given))
        });
        let found = lenient(&mut spec, Level::Word, &mut notes);
        (found, given.join())
    });
    let mut found = found?;
    // What the training data had to be read with, the others are read with again.
    let again = (spec.encoding, spec.skip_bad_rows) != (as_given.encoding, as_given.skip_bad_rows);
    let given =
        if again { spec.of_validation().map(|given| Measured::read(Level::Word, &given)) } else { given };
    // A name, or a sentence of a language without blanks, is read letter by letter; a phrase word by word.
    let mut sorted = found.lengths.clone();
    sorted.sort_unstable();
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
    let forms = found.many_forms().filter(|_| (SHORT + 1..=SENTENCE).contains(&median));
    if let Some((once, all)) = forms {
        notes.push(format!(
            "{} of {} words occur only once: the texts are read by characters, which tell more of words with many forms",
            number::count(once),
            number::count(all)
        ));
    }
    if forms.is_some() || median <= SHORT && !found.are_phrases() {
        found = Measured::read(Level::Character, &spec)?;
    }
    facts.push(("encoding".into(), encoding_fact(spec.encoding)));
    facts.extend(size.map(|size| ("size".to_owned(), number::bytes(size))));
    if found.twice > 0 {
        let advice = match found.torn {
            0 => ": all copies of a text are in training or all in validation, nothing needs to be done"
                .to_owned(),
            torn => format!(
                ", {} of them with another label: what has two labels cannot be learned, correct it or remove it",
                number::count(torn as u64)
            ),
        };
        let appear = if found.twice == 1 { "appears" } else { "appear" };
        let texts = number::counted(found.twice, "text");
        notes.push(format!("{texts} {appear} more than once{advice}"));
    }
    if let Some(given) = given {
        validation(&mut spec, &found, given, &mut facts, &mut notes);
    }
    notes.extend(empty_note(found.empty, found.lengths.len()));
    let mut labels = found.classes(&spec);
    notes.extend(cased_note(labels.iter().map(|(label, count)| (label.as_str(), *count)), "labels"));
    let unused: Vec<String> = labels
        .iter()
        .filter(|(_, count)| **count == 0 && !found.more)
        .map(|(label, _)| label.clone())
        .collect();
    if !unused.is_empty() {
        labels.retain(|label, _| !unused.contains(label));
        spec.label_columns.retain(|column| !unused.contains(&column.to_string()));
        notes.push(format!("no text has {}: left out", listed(unused.iter().map(String::as_str))));
    }
    match spec.is_multi_label() {
        true => facts.push(("labels".into(), several(&labels, &found, &spec))),
        false => balance(&labels, &mut notes),
    }
    let unit = if found.level == Level::Character { "characters" } else { "words" };
    let findings = Findings {
        path: spec.path.clone(),
        kind: kind.into(),
        rows: found.lengths.len(),
        unit: "texts".into(),
        more: found.more,
        facts,
        columns,
        classes: labels.into_iter().map(|(label, count)| ClassCount { label, count }).collect(),
        several: spec.is_multi_label(),
        lengths: lengths(found.lengths, unit),
        vocabulary: Some(coverage(found.words.iter().map(|(_, _, count)| count).collect(), unit)),
        notes,
        ..Findings::default()
    };
    if let [class] = findings.classes.as_slice() {
        let what = if spec.is_multi_label() { "labels" } else { "classes" };
        let doubt = format!("a single label, {}: at least two {what} are needed", quoted(&class.label));
        return Ok(Inspection { findings, detected: Err(doubt) });
    }
    let mut different = BTreeMap::<&str, usize>::new();
    found.prints.values().for_each(|label| *different.entry(label).or_default() += 1);
    let most = different.values().copied().max().unwrap_or(0);
    // As many as validation needs of a class, which keeps copies on one side.
    if found.prints.len() < 2 || found.twice > 0 && most < 3 {
        let (rows, prints) = (number::count(findings.rows as u64), number::count(found.prints.len() as u64));
        let doubt = match found.prints.len() {
            1 => format!("all {rows} texts are the same: there is nothing to tell apart"),
            _ => format!("of {rows} texts only {prints} differ: too few for training and validation"),
        };
        return Ok(Inspection { findings, detected: Err(doubt) });
    }
    let examples = found.examples.into_values().take(EXAMPLES).collect();
    let level = found.level;
    Ok(Inspection { findings, detected: Ok(DetectedData::Texts { spec, level, examples }) })
}

/// Reads the texts; where they are not UTF-8 as what they are likely to be, and without bad rows where there are few. What had to be done is set in `spec` and
/// reported in `notes`.
fn lenient(spec: &mut LabelledSpec, level: Level, notes: &mut Vec<String>) -> Result<Measured, DataError> {
    let error = match Measured::read(level, spec) {
        Ok(found) => return Ok(found),
        Err(error) => error,
    };
    let first = crate::error::chain(&error);
    let reason = first.split("; expected").next().unwrap_or_default();
    if let Some(encoding) = other_encoding(spec, &error)? {
        let other = LabelledSpec { encoding, ..spec.clone() };
        // Where it cannot be read so either, something else is wrong.
        if let Ok(found) = Measured::read(level, &other) {
            let why = if reason.ends_with("not UTF-8") { "" } else { ", which is not UTF-8" };
            notes.push(format!(
                "{reason}{why}: read as {encoding}, the most likely encoding; --encoding names another"
            ));
            spec.encoding = encoding;
            return Ok(found);
        }
    }
    let lenient = LabelledSpec { skip_bad_rows: true, ..spec.clone() };
    match Measured::read(level, &lenient) {
        Ok(found) if found.skipped * BAD <= found.lengths.len() => {
            notes.push(format!(
                "{} bad rows are left out, the first: {reason}",
                number::count(found.skipped as u64)
            ));
            spec.skip_bad_rows = true;
            Ok(found)
        }
        _ => Err(error),
    }
}

/// The likely encoding of the file of `error`, if it is not UTF-8 and no encoding is set.
///
/// # Errors
/// When the file cannot be read.
fn other_encoding(spec: &LabelledSpec, error: &DataError) -> Result<Option<Encoding>, DataError> {
    let DataError::Content { path, .. } = error else { return Ok(None) };
    if spec.encoding != Encoding::Utf8 || !path.is_file() {
        return Ok(None);
    }
    let found = Start::read(path, ENOUGH)?.encoding(None);
    Ok((found != Encoding::Utf8).then_some(found))
}

/// Tells of the data to validate on, and does without them where training would refuse them.
fn validation(
    spec: &mut LabelledSpec,
    train: &Measured,
    given: Result<Measured, DataError>,
    facts: &mut Vec<(String, String)>,
    notes: &mut Vec<String>,
) {
    let Some(Validation::Given(GivenValidation { path, .. })) = &spec.validation else { return };
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let refused = match given {
        Err(error) => Some(crate::error::chain(&error)),
        Ok(found) => {
            let texts = number::count(found.lengths.len() as u64);
            let more = if found.more { " and more" } else { "" };
            facts.push(("validation".into(), format!("{texts} texts{more} in {name}, beside it")));
            let shared = found.prints.keys().filter(|print| train.prints.contains_key(print)).count();
            notes.extend(overlap_note(shared, found.prints.len(), &format!("texts of {name}")));
            let (known, theirs) = (train.classes(spec), found.classes(spec));
            let known: Vec<String> = known.into_keys().collect();
            let is_known = |label: &str| label_set::position(&known, label).is_some();
            let strangers: Vec<&str> =
                theirs.keys().map(String::as_str).filter(|label| !is_known(label)).collect();
            let texts: usize = strangers.iter().filter_map(|label| theirs.get(*label)).sum();
            let none_known = strangers.len() == theirs.len();
            if none_known && !train.more {
                Some(format!(
                    "{name} has only labels that the training data have not: {}",
                    listed(strangers.into_iter())
                ))
            } else if !strangers.is_empty() && !train.more {
                let fate = if spec.is_multi_label() { "are in no metric" } else { "count as wrong" };
                notes.push(format!(
                    "{} of {name} have labels that the training data have not, and {fate}: {}",
                    number::counted(texts, "text"),
                    listed(strangers.into_iter())
                ));
                None
            } else {
                None
            }
        }
    };
    if let Some(why) = refused {
        facts.retain(|(name, _)| name != "validation");
        notes.push(format!("{why}; a part of the training data is used for validation instead"));
        spec.validation = None;
    }
}

/// How many labels a text has, where it may have several.
fn several(labels: &BTreeMap<String, usize>, found: &Measured, spec: &LabelledSpec) -> String {
    let texts = found.lengths.len().max(1) as f64;
    let between = match spec.separator {
        Some(separator) => format!(", “{separator}” between them"),
        None if spec.label_columns.is_empty() => ", in lists".to_owned(),
        None => ", in columns of 0 and 1".to_owned(),
    };
    let mean = labels.values().sum::<usize>() as f64 / texts;
    let none = found.labels.get("").copied().unwrap_or(0) as f64 / texts;
    format!("several at once{between}: {mean:.1} a text; {} have none", number::percent(none))
}

/// Says when one class is many times as frequent as another.
fn balance(labels: &BTreeMap<String, usize>, notes: &mut Vec<String>) {
    let by_count = |(_, count): &(&String, &usize)| **count;
    let (Some((rare, few)), Some((often, many))) =
        (labels.iter().min_by_key(by_count), labels.iter().max_by_key(by_count))
    else {
        return;
    };
    let all: usize = labels.values().sum();
    if *many > *few * 3 {
        notes.push(format!(
            "the classes are uneven: {} is {} times as frequent as {}; always predicting {} is right in {}",
            quoted(often),
            many / few.max(&1),
            quoted(rare),
            quoted(often),
            number::percent(*many as f64 / all.max(1) as f64),
        ));
    }
}
