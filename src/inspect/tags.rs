//! Sentences with a tag at every word.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::measure::{coverage, lengths};
use super::start::Start;
use super::{DetectedData, ENOUGH, Inspection, test_beside};
use crate::data::error::DataError;
use crate::data::files::encoding::Encoding;
use crate::data::sources::tags::{TagsSpec, TagsValidation};
use crate::data::sources::tags::{Token, sentences};
use crate::data::text::interner::Words;
use crate::number;
use crate::protocol::{ClassCount, Findings};

/// The maximum number of sentences that are proposed as probes, and of words of each.
const EXAMPLES: usize = 2;
const EXAMPLE: usize = 12;

/// Whether these are a word and its tag a line, with empty lines between sentences.
pub(super) fn is_tagged(path: &Path, start: &Start) -> bool {
    let Ok(text) = str::from_utf8(whole_sentences(&start.head.bytes, start.head.more)) else { return false };
    sentences(path, text).is_ok_and(|found| {
        let words = found.iter().flatten();
        let mut tags: Vec<&str> = words.clone().map(|token| token.tag).collect();
        let count = tags.len();
        tags.sort_unstable();
        tags.dedup();
        found.len() > 1 && tags.len() > 1 && tags.len() * 2 <= count
    })
}

/// Up to the last empty line, where more follows.
fn whole_sentences(bytes: &[u8], more: bool) -> &[u8] {
    let ends = bytes.windows(2).rposition(|two| two == b"\n\n");
    let windows = bytes.windows(4).rposition(|four| four == b"\r\n\r\n").map(|at| at + 1);
    let end = ends.max(windows).filter(|_| more).map_or(bytes.len(), |at| at + 1);
    bytes.get(..end).unwrap_or_default()
}

/// Looks at a file of tagged sentences.
pub(super) fn inspect(path: &Path) -> Result<Inspection, DataError> {
    let mut start = Start::read(path, ENOUGH)?;
    let (more, size) = (start.head.more, start.size);
    let whole = whole_sentences(&start.head.bytes, more).len();
    start.head.bytes.truncate(whole);
    let text = start.text(path, Encoding::Utf8)?;
    let found = sentences(path, &text)?;
    let mut tags = BTreeMap::<&str, usize>::new();
    let mut words = Words::default();
    for token in found.iter().flatten() {
        *tags.entry(token.tag).or_default() += 1;
        words.count(token.word);
    }
    let columns = if text.contains('\t') && !text.lines().any(|line| line.split('\t').count() == 10) {
        "a word and its tag a line, between a tab"
    } else if text.contains('\t') {
        "CoNLL-U: the universal part of speech"
    } else {
        "a word and its tag a line, between blanks"
    };
    let beside = validation(path);
    let mut facts = vec![("format".to_owned(), columns.to_owned()), ("encoding".into(), "UTF-8".into())];
    facts.extend(size.map(|size| ("size".to_owned(), number::bytes(size))));
    let running = found.iter().flatten().count() as u64;
    facts.push(("words".into(), number::count(running)));
    if let Some(beside) = &beside {
        let name = beside.file_name().unwrap_or_default().to_string_lossy().into_owned();
        facts.push(("validation".into(), format!("{name}, beside it")));
    }
    let mut notes = Vec::new();
    if beside.is_none() {
        notes.push(
            "no validation file was found beside it (train, dev and test in their names): metrics are those of the training data".into(),
        );
    }
    let findings = Findings {
        path: path.into(),
        kind: "sentences with a tag at every word".into(),
        rows: found.len(),
        unit: "sentences".into(),
        more,
        facts,
        classes: tags.iter().map(|(tag, count)| ClassCount { label: (*tag).into(), count: *count }).collect(),
        lengths: lengths(found.iter().map(Vec::len).collect(), "words"),
        vocabulary: Some(coverage(words.iter().map(|(_, _, count)| count).collect(), "words")),
        notes,
        ..Findings::default()
    };
    if let [only] = tags.keys().collect::<Vec<_>>().as_slice() {
        let doubt = format!("a single tag, {}: at least two are needed", crate::data::error::quoted(only));
        return Ok(Inspection { findings, detected: Err(doubt) });
    }
    let sentence =
        |words: &Vec<Token<'_>>| words.iter().map(|token| token.word).collect::<Vec<_>>().join(" ");
    let short = |words: &&Vec<Token<'_>>| (3..=EXAMPLE).contains(&words.len());
    let examples = found.iter().filter(short).take(EXAMPLES).map(sentence).collect();
    let validation = beside.map(|path| TagsValidation { path });
    let spec = TagsSpec { path: path.into(), validation, needs: None };
    Ok(Inspection { findings, detected: Ok(DetectedData::Tags { spec, examples }) })
}

/// The file to validate on that lies beside one to train on; beside a `dev` file, the test file.
fn validation(path: &Path) -> Option<PathBuf> {
    test_beside(path).or_else(|| {
        let name = path.file_name()?.to_str()?;
        let (before, rest) = name.rsplit_once("dev")?;
        Some(path.with_file_name(format!("{before}test{rest}"))).filter(|test| test.is_file())
    })
}
