//! Sentences with a tag at every word.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use super::measure::{coverage, lengths};
use super::start::Start;
use super::{DetectedData, ENOUGH, InspectOptions, Inspection, encoding_fact};
use crate::data::beside::Beside;
use crate::data::error::DataError;
use crate::data::files::encoding::Encoding;
use crate::data::sources::labelled::{GivenValidation, Validation};
use crate::data::sources::tags::{TagsSpec, fingerprints};
use crate::data::text::conll::{self, Sentences, Token, sentences};
use crate::data::text::interner::Words;
use crate::data::text::notes::{cased_note, overlap_note};
use crate::data::text::unseen::{Unseen, unseen_note};
use crate::metrics::ChunkScheme;
use crate::number;
use crate::protocol::{ClassCount, Findings};

/// The maximum number of sentences that are proposed as probes, and of words of each.
const EXAMPLES: usize = 2;
const EXAMPLE: usize = 12;
/// Sentences from which on a part is held out where no validation file is found.
const FEWEST: usize = 20;

/// Whether these are words with their tags, a word a line, with empty lines between sentences.
pub(super) fn is_tagged(path: &Path, start: &Start, options: &InspectOptions) -> bool {
    let whole = whole_sentences(&start.head.bytes, start.head.more);
    conll::is_tagged(path, &start.encoding(options.encoding).lossy(whole))
}

/// Up to the last empty line, where more follows.
fn whole_sentences(bytes: &[u8], more: bool) -> &[u8] {
    let ends = bytes.windows(2).rposition(|two| two == b"\n\n");
    let windows = bytes.windows(4).rposition(|four| four == b"\r\n\r\n").map(|at| at + 1);
    let lines = bytes.iter().rposition(|byte| *byte == b'\n');
    let end = ends.max(windows).or(lines).filter(|_| more).map_or(bytes.len(), |at| at + 1);
    bytes.get(..end).unwrap_or_default()
}

/// Looks at a file of tagged sentences.
pub(super) fn inspect(path: &Path, options: &InspectOptions) -> Result<Inspection, DataError> {
    let Read { text, encoding, more, size } = read(path, options.encoding)?;
    let found = sentences(path, &text, options.tag.as_ref()).map_err(as_flag)?;
    let mut tags = BTreeMap::<&str, usize>::new();
    let mut words = Words::default();
    for token in found.all.iter().flatten() {
        *tags.entry(token.tag).or_default() += 1;
        words.count(token.word);
    }
    let beside = Beside::of_any(path);
    let mut facts =
        vec![("format".to_owned(), format_fact(&found, &text)), ("encoding".into(), encoding_fact(encoding))];
    facts.extend(size.map(|size| ("size".to_owned(), number::bytes(size))));
    let running = found.all.iter().flatten().count() as u64;
    facts.push(("words".into(), number::count(running)));
    if found.documents > 0 {
        facts.push(("documents".into(), number::count(found.documents as u64)));
    }
    let scheme = ChunkScheme::of(tags.keys().copied());
    if scheme.is_some() {
        facts.push(("metrics".into(), "entity F1, as conlleval counts, beside that of the tags".into()));
    }
    let mut notes: Vec<String> = found.note().into_iter().collect();
    notes.extend(cased_note(tags.iter().map(|(tag, count)| (*tag, *count)), "tags"));
    let (validation, fact) = validation(&beside, &found, options, &mut notes);
    facts.push(("validation".into(), fact));
    let findings = Findings {
        path: path.into(),
        kind: "sentences with a tag at every word".into(),
        rows: found.all.len(),
        unit: "sentences".into(),
        more,
        facts,
        classes: tags.iter().map(|(tag, count)| ClassCount { label: (*tag).into(), count: *count }).collect(),
        lengths: lengths(found.all.iter().map(Vec::len).collect(), "words"),
        vocabulary: Some(coverage(words.iter().map(|(_, _, count)| count).collect(), "words")),
        notes,
        ..Findings::default()
    };
    if let [only] = tags.keys().collect::<Vec<_>>().as_slice() {
        let doubt = format!(
            "a single tag, {}: at least two are needed; --tag COLUMN names another column",
            crate::data::error::quoted(only)
        );
        return Ok(Inspection { findings, detected: Err(doubt) });
    }
    let sentence =
        |words: &Vec<Token<'_>>| words.iter().map(|token| token.word).collect::<Vec<_>>().join(" ");
    let short = |words: &&Vec<Token<'_>>| (3..=EXAMPLE).contains(&words.len());
    let examples = found.all.iter().filter(short).take(EXAMPLES).map(sentence).collect();
    let tag = options.tag.clone();
    let spec = TagsSpec { path: path.into(), tag, encoding, validation, needs: None };
    Ok(Inspection { findings, detected: Ok(DetectedData::Tags { spec, examples }) })
}

/// The text of a file, or of its beginning.
struct Read {
    text: String,
    encoding: Encoding,
    more: bool,
    size: Option<u64>,
}

fn read(path: &Path, given: Option<Encoding>) -> Result<Read, DataError> {
    let mut start = Start::read(path, ENOUGH)?;
    let (more, size) = (start.head.more, start.size);
    let whole = whole_sentences(&start.head.bytes, more).len();
    start.head.bytes.truncate(whole);
    let encoding = start.encoding(given);
    Ok(Read { text: start.text(path, encoding)?, encoding, more, size })
}

/// The error with the flag of the command in place of the setting of a preset.
fn as_flag(error: DataError) -> DataError {
    match error {
        DataError::Content { path, line, found, expected } => {
            let flag = |text: String| text.replace("data.tag", "--tag");
            DataError::Content { path, line, found: flag(found), expected: flag(expected) }
        }
        other => other,
    }
}

/// The columns of the file for people.
fn format_fact(found: &Sentences<'_>, text: &str) -> String {
    let layout = &found.layout;
    let between = if text.contains('\t') { "tabs" } else { "blanks" };
    match layout.columns {
        2 if between == "tabs" => "a word and its tag a line, between a tab".into(),
        2 => "a word and its tag a line, between blanks".into(),
        10 if layout.has_ids && layout.tag == 3 => "CoNLL-U: the universal part of speech".into(),
        columns => format!(
            "{columns} columns between {between}: the word is in column {}, the tag in column {}; --tag N selects another",
            layout.word + 1,
            layout.tag + 1
        ),
    }
}

/// What validates: a file beside the training file, or else a tenth of the sentences; and a fact about it.
fn validation(
    beside: &Beside,
    train: &Sentences<'_>,
    options: &InspectOptions,
    notes: &mut Vec<String>,
) -> (Option<Validation>, String) {
    let Some(path) = beside.held_out() else {
        if train.all.len() < FEWEST {
            notes.push("no validation file was found beside it (train, dev and test in their names), and there are too few sentences to hold some out: metrics are those of the training data".into());
            return (None, "none".into());
        }
        return (Some(Validation::Share(0.1)), "a tenth of the sentences, chosen by the seed".into());
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let given = GivenValidation { path: path.clone(), ..GivenValidation::default() };
    let known: HashSet<u64> = fingerprints(&train.all).map(|(print, _)| print).collect();
    let labels: BTreeSet<&str> = train.all.iter().flatten().map(|token| token.tag).collect();
    let labels: Vec<String> = labels.into_iter().map(str::to_owned).collect();
    let refused = |error: DataError| crate::error::chain(&error);
    let read = read(path, options.encoding).map_err(refused);
    let found = read.and_then(|Read { text, .. }| {
        let found = sentences(path, &text, options.tag.as_ref()).map_err(refused)?;
        let shared = fingerprints(&found.all).filter(|(print, _)| known.contains(print)).count();
        let mut said: Vec<String> =
            overlap_note(shared, found.all.len(), &format!("sentences of {name}")).into_iter().collect();
        said.extend(found.note().map(|note| format!("{name}: {note}")));
        let mut unseen = Unseen::default();
        found.all.iter().flatten().for_each(|token| {
            unseen.class(token.tag, &labels);
        });
        said.extend(unseen_note(&unseen.counts(), "tag", "word"));
        Ok(said)
    });
    match found {
        Ok(said) => {
            notes.extend(said);
            (Some(Validation::Given(given)), format!("{name}, beside it"))
        }
        Err(why) => {
            notes.push(format!("{why}; a tenth of the training sentences is used for validation instead"));
            (Some(Validation::Share(0.1)), "a tenth of the sentences, chosen by the seed".into())
        }
    }
}
