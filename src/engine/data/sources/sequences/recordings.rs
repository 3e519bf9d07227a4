//! Reads recordings of words from a folder per class.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::mel::Mel;
use super::resample::Resampler;
use super::{Sequence, SequenceStatistics, Sequences, SequencesSpec, audio};
use crate::data::error::DataError;
use crate::data::scoped::{self, ScopedTask};
use crate::data::sources::labelled::folder;
use crate::sort::SmallSort as _;

/// Reads the recordings in the class folders in `path`, classes and files in order of their names; `data.skip_bad_rows` skips invalid
/// ones.
pub(super) fn folder(spec: &SequencesSpec, path: &Path) -> Result<Sequences, DataError> {
    let (files, skipped) = listed(path, spec.needs.as_deref())?;
    let read = files_of(spec, &files, spec.skip_bad_rows)?;
    let (mut all, mut broken) = (Vec::new(), Vec::new());
    for recording in read {
        match recording {
            Ok(sequence) => all.push(sequence),
            Err(error) => broken.push(error),
        }
    }
    let valid: HashSet<&str> = all.iter().map(|sequence: &Sequence| sequence.label.as_str()).collect();
    if let Some((label, _)) = files.iter().find(|(label, _)| !valid.contains(label.as_str())) {
        // A class without a valid recording is an error.
        let expected =
            "at least one valid recording; without data.skip_bad_rows the error of the first is shown";
        return Err(DataError::content(&path.join(label), None, "no valid recording", expected));
    }
    Ok(Sequences { all, skipped, broken, missing: 0 })
}

/// The recordings in the class folders in `path`, each with its label, and the names of other files.
#[expect(clippy::type_complexity, reason = "two lists")]
fn listed(path: &Path, needs: Option<&str>) -> Result<(Vec<(String, PathBuf)>, Vec<String>), DataError> {
    let folders = folder::entries(path, needs, true)?;
    let (mut files, mut skipped) = (Vec::new(), Vec::new());
    for (label, folder) in folders {
        let before = files.len();
        for (name, file) in folder::entries(&folder, None, false)? {
            match name.to_ascii_lowercase().ends_with(".wav") {
                true => files.push((label.clone(), file)),
                false => skipped.push(format!("{label}/{name}")),
            }
        }
        if files.len() == before {
            let expected = "WAV files, each a word of this class";
            return Err(DataError::content(&folder, None, "no recording", expected));
        }
    }
    if files.is_empty() {
        let expected = "a folder per class with recordings (WAV), such as yes/ and no/";
        return Err(DataError::content(path, None, "no folder of a class", expected));
    }
    Ok((files, skipped))
}

/// Computes statistics of the recordings in the class folders in `path` from their names and the headers of a sample of them.
pub(super) fn statistics(spec: &SequencesSpec, path: &Path) -> Result<SequenceStatistics, DataError> {
    let (files, _) = listed(path, None)?;
    let mut found = SequenceStatistics {
        sequences: files.len(),
        features: spec.features,
        shortest: usize::MAX,
        ..SequenceStatistics::default()
    };
    let mut classes = BTreeMap::<&str, usize>::new();
    files.iter().for_each(|(label, _)| *classes.entry(label).or_default() += 1);
    found.classes = classes.into_iter().map(|(label, count)| (label.to_owned(), count)).collect();
    let mel = mel(spec)?;
    // Evenly spaced, so that every class is sampled.
    for (_, file) in files.iter().step_by(files.len().div_ceil(HEADERS).max(1)) {
        found.measured += 1;
        match audio::length(file) {
            Ok((samples, rate)) => {
                let samples = samples as f64 * f64::from(spec.rate) / f64::from(rate);
                let frames = mel.count(samples.ceil() as usize);
                found.longest = found.longest.max(frames);
                found.shortest = found.shortest.min(frames);
            }
            Err(error @ DataError::Content { .. }) => found.broken.push(error.to_string()),
            Err(error) => return Err(error),
        }
    }
    found.shortest = found.shortest.min(found.longest);
    Ok(found)
}

/// The maximum number of headers read.
const HEADERS: usize = 2_000;

/// Reads one recording without a label.
pub(super) fn file(spec: &SequencesSpec, path: &Path) -> Result<Sequences, DataError> {
    let all = files_of(spec, &[(String::new(), path.to_owned())], false)?;
    Ok(Sequences { all: all.into_iter().collect::<Result<_, _>>()?, ..Sequences::default() })
}

/// The mel filters of `spec`.
fn mel(spec: &SequencesSpec) -> Result<Mel, DataError> {
    Mel::new(spec.rate, spec.features).ok_or_else(|| DataError::Setting {
        field: "data.features".into(),
        found: spec.features.to_string(),
        expected: format!(
            "fewer mel bands, such as 40: at {} samples a second not all have a bin",
            spec.rate
        ),
    })
}

/// Reads the recordings `files`, each with its label, on all processors; the first invalid one is the error, or, with `skipped`, each
/// error is an item.
fn files_of(
    spec: &SequencesSpec,
    files: &[(String, PathBuf)],
    skipped: bool,
) -> Result<Vec<Result<Sequence, DataError>>, DataError> {
    let mel = mel(spec)?;
    let threads = thread::available_parallelism().map_or(1, usize::from).min(files.len()).max(1);
    let (next, mel) = (AtomicUsize::new(0), &mel);
    let work = || {
        let (mut done, mut resamplers) = (Vec::new(), BTreeMap::new());
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((label, file)) = files.get(at) else { return done };
            let frames = frames(spec, mel, file, &mut resamplers);
            let may_be_skipped = skipped && matches!(frames, Err(DataError::Content { .. }));
            let bad = frames.is_err() && !may_be_skipped;
            done.push((
                at,
                frames.map(|values| Sequence {
                    values,
                    label: label.clone(),
                    file: file.clone(),
                    line: None,
                }),
            ));
            if bad {
                // Later recordings need not be read.
                next.store(files.len(), Ordering::Relaxed);
            }
        }
    };
    let mut all = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scoped::spawn(scope, work)).collect();
        threads.into_iter().flat_map(ScopedTask::join).collect::<Vec<_>>()
    });
    // All recordings before the first invalid one have been read.
    all.small_sort_by_key(|(at, _)| *at);
    let mut recordings = Vec::with_capacity(all.len());
    for (_, sequence) in all {
        match sequence {
            Err(error @ DataError::Content { .. }) if skipped => recordings.push(Err(error)),
            Err(DataError::Content { path, line, found, expected }) if files.len() > 1 => {
                let expected = format!("{expected} (skip_bad_rows: true skips such recordings)");
                return Err(DataError::Content { path, line, found, expected });
            }
            Err(error) => return Err(error),
            good => recordings.push(good),
        }
    }
    Ok(recordings)
}

/// Reads one recording as spectra, `[frame, band]`.
fn frames(
    spec: &SequencesSpec,
    mel: &Mel,
    file: &Path,
    resamplers: &mut BTreeMap<u32, Resampler>,
) -> Result<Vec<f32>, DataError> {
    let audio = audio::read(file)?;
    let sound = match audio.rate == spec.rate {
        true => audio.samples,
        false => {
            let resampler =
                resamplers.entry(audio.rate).or_insert_with(|| Resampler::new(audio.rate, spec.rate));
            resampler.apply(&audio.samples)
        }
    };
    let range = spec.trim.map_or(0..mel.count(sound.len()), |decibels| mel.trim(&sound, decibels));
    let frames = mel.frames(&sound);
    let range = range.start * spec.features..range.end * spec.features;
    Ok(frames.get(range).unwrap_or_default().to_vec())
}
