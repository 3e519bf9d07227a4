//! One long text.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;

use super::measure::coverage;
use super::prose::not_prose;
use super::start::Start;
use super::{DetectedData, ENOUGH, Inspection, encoding_fact};
use crate::data::beside::Beside;
use crate::data::error::DataError;
use crate::data::files::encoding::Encoding;
use crate::data::sources::labelled::{GivenValidation, Validation};
use crate::data::sources::language::TextSpec;
use crate::data::text::interner::Words;
use crate::data::text::tokenizer::for_each_word;
use crate::number;
use crate::protocol::Findings;

/// Ends of names that are kinds of files and no classes.
const NO_CLASSES: [&str; 14] =
    ["txt", "text", "md", "labels", "csv", "tsv", "json", "jsonl", "gz", "zip", "yaml", "html", "bak", "pdf"];
/// The number of characters that the sample after each epoch starts with.
const PRIME: usize = 24;

/// Looks at a file of text, which must look like one to continue if `check`.
pub(super) fn inspect(path: &Path, given: Option<Encoding>, check: bool) -> Result<Inspection, DataError> {
    let start = Start::read(path, ENOUGH)?;
    let (more, size) = (start.head.more, start.size);
    let encoding = start.encoding(given);
    let text = start.text(path, encoding)?;
    let mut characters = HashMap::<char, u64>::new();
    text.chars().for_each(|c| *characters.entry(c).or_default() += 1);
    let mut words = Words::default();
    for_each_word(&text, &mut String::new(), |word| {
        words.count(word);
    });
    let words = coverage(words.iter().map(|(_, _, count)| count).collect(), "words");
    let found = coverage(characters.into_values().collect(), "characters");
    let count = |n: u64| number::count(n);
    let mut facts = vec![("encoding".to_owned(), encoding_fact(encoding))];
    facts.extend(size.map(|size| ("size".to_owned(), number::bytes(size))));
    facts.push(("lines".into(), count(text.lines().count() as u64)));
    facts.push((
        "words".into(),
        format!("{}, {} different", count(words.running), count(words.distinct as u64)),
    ));
    let beside = Beside::of_any(path);
    if let Some(validation) = &beside.validation {
        let name = validation.file_name().unwrap_or_default().to_string_lossy().into_owned();
        facts.push(("validation".into(), format!("{name}, beside it")));
    }
    let mut notes = Vec::new();
    if encoding != Encoding::Utf8 && given.is_none() {
        notes.push(format!(
            "it is not UTF-8: read as {encoding}, the most likely encoding; --encoding names another"
        ));
    }
    notes.extend(classes_beside(path));
    let doubt = Some(&text).filter(|_| check).and_then(|text| not_prose(text)).map(|why| {
        format!(
            "{why}, so it hardly is a text to continue: --task language trains a language model on it, --task tag reads a word and its \
             tag a line, --task classify a label and a text"
        )
    });
    let findings = Findings {
        path: path.into(),
        kind: if doubt.is_some() { "an unknown file" } else { "one long text" }.into(),
        rows: usize::try_from(found.running).unwrap_or(usize::MAX),
        unit: "characters".into(),
        more,
        facts,
        notes,
        vocabulary: Some(found),
        ..Findings::default()
    };
    if let Some(doubt) = doubt {
        return Ok(Inspection { findings, detected: Err(doubt) });
    }
    let first = text.trim_start().lines().next().unwrap_or_default();
    let mut prime: String = first.chars().take(PRIME).collect();
    if let Some((whole, _)) = prime.rsplit_once(' ').filter(|_| first.chars().count() > PRIME) {
        prime = format!("{whole} ");
    } else if prime.chars().count() < PRIME && text.contains('\n') {
        prime.push('\n');
    }
    let given = beside.validation.map(|path| GivenValidation { path, ..GivenValidation::default() });
    let validation = given.map_or(Validation::Share(0.1), Validation::Given);
    let spec = TextSpec { path: path.into(), validation, encoding, needs: None };
    Ok(Inspection { findings, detected: Ok(DetectedData::Text { spec, prime }) })
}

/// A hint at files that differ from `path` in the end of their names alone, as `reviews.pos` from `reviews.neg`.
fn classes_beside(path: &Path) -> Option<String> {
    let (stem, end) = (path.file_stem()?, path.extension()?);
    let is_class =
        |end: &OsStr| end.to_str().is_some_and(|end| !NO_CLASSES.contains(&end.to_lowercase().as_str()));
    let entries = path.parent()?.read_dir().ok()?.filter_map(Result::ok).map(|entry| entry.path());
    let others = entries.filter(|other| {
        other.file_stem() == Some(stem)
            && other.extension().is_some_and(|other| other != end && is_class(other))
            && other.is_file()
    });
    let mut names: Vec<String> =
        others.filter_map(|other| Some(other.file_name()?.to_string_lossy().into_owned())).collect();
    names.sort();
    let first = names.first().filter(|_| is_class(end))?;
    let more = if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
    let lies = if names.len() > 1 { "lie" } else { "lies" };
    Some(format!(
        "{first}{more} {lies} beside it: if these files are classes, name a folder that has them alone"
    ))
}
