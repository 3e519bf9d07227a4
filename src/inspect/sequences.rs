//! Labelled sequences of numbers: tables of an archive, `.ts` files, recordings.

use std::path::{Path, PathBuf};

use super::{DetectedData, Inspection};
use crate::data::beside::test_beside;
use crate::data::error::DataError;
use crate::data::error::quoted;
use crate::data::sources::labelled::{GivenValidation, Validation};
use crate::data::sources::sequences::{SequencesSpec, archive, sequence_statistics};
use crate::number;
use crate::protocol::{ClassCount, Findings};

/// Whether the folder has recordings in class folders, one below each; looks at the first of each.
pub(super) fn has_recordings(folder: &Path) -> bool {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let read = folder.read_dir().into_iter().flatten();
        read.filter_map(|entry| Some(entry.ok()?.path())).collect()
    };
    let is_wav = |path: &PathBuf| path.extension().is_some_and(|end| end.eq_ignore_ascii_case("wav"));
    entries(folder)
        .iter()
        .filter(|path| path.is_dir())
        .any(|class| entries(class).iter().take(20).any(is_wav))
}

/// The training and the test data, where `path` is known to have sequences by its names.
pub(super) fn by_name(path: &Path) -> Option<(PathBuf, Option<PathBuf>)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match archive(path) {
        Some((train, test)) => Some((train, Some(test))),
        None if path.is_file() && name.ends_with(".ts") => Some((path.to_owned(), test_beside(path))),
        None => None,
    }
}

/// Looks at the sequences at `path`: files are read as a whole, of recordings the headers.
pub(super) fn inspect(path: &Path, test: Option<PathBuf>) -> Result<Inspection, DataError> {
    let found = sequence_statistics(path)?;
    let steps = match found.shortest == found.longest {
        true => number::count(found.longest as u64),
        false => format!(
            "from {} to {}",
            number::count(found.shortest as u64),
            number::count(found.longest as u64)
        ),
    };
    let recordings = path.is_dir();
    let kind = if recordings { "recordings, a folder a class" } else { "labelled sequences of numbers" };
    let mut facts = vec![
        (if recordings { "frames (10 ms)" } else { "steps" }.to_owned(), steps),
        ("numbers a step".to_owned(), found.features.to_string()),
    ];
    if let Some(test) = &test {
        let name = test.file_name().unwrap_or_default().to_string_lossy().into_owned();
        facts.push(("validation".into(), format!("{name}, beside it")));
    }
    if found.measured < found.sequences {
        let measured = number::count(found.measured as u64);
        facts.push(("inspected".into(), format!("the headers of {measured}, spread evenly")));
    }
    let mut notes = Vec::new();
    if let Some(first) = found.broken.first() {
        if found.broken.len() * BROKEN > found.measured {
            let count = number::count(found.broken.len() as u64);
            let all = number::count(found.measured as u64);
            let (found, expected) =
                (format!("{count} of {all} recordings broken, the first {first}"), "most of them whole");
            return Err(DataError::content(path, None, found, expected));
        }
        let count = number::count(found.broken.len() as u64);
        notes.push(format!("{count} broken recordings are left out, the first: {first}"));
    }
    let spec = SequencesSpec {
        skip_bad_rows: !found.broken.is_empty(),
        length: found.longest.clamp(1, LONGEST),
        features: found.features,
        validation: Some(match test {
            Some(path) => Validation::Given(GivenValidation { path, ..GivenValidation::default() }),
            None => Validation::Share(0.2),
        }),
        ..SequencesSpec::at(path)
    };
    let findings = Findings {
        path: path.into(),
        kind: kind.into(),
        rows: found.sequences,
        unit: "sequences".into(),
        facts,
        notes,
        classes: found.classes.into_iter().map(|(label, count)| ClassCount { label, count }).collect(),
        ..Findings::default()
    };
    let detected = match findings.classes.as_slice() {
        [only] => Err(format!("a single label, {}: at least two classes are needed", quoted(&only.label))),
        _ => Ok(DetectedData::Sequences(spec)),
    };
    Ok(Inspection { findings, detected })
}

/// Of so many recordings one may be broken; where there are more, something else is wrong.
const BROKEN: usize = 10;

/// Steps of a sequence that a network reads, at most: longer ones are cut off.
const LONGEST: usize = 1_000;
