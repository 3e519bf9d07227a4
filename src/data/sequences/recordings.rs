//! Recordings of words: a folder per class.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{panic, thread};

use super::mel::Mel;
use super::resample::Resampler;
use super::{Sequence, Sequences, SequencesSpec, audio};
use crate::data::{DataError, folder};

/// The recordings in the class folders in `path`, classes and files in the order of their names.
pub(super) fn folder(spec: &SequencesSpec, path: &Path) -> Result<Sequences, DataError> {
    let folders = folder::entries(path, spec.needs.as_deref(), true)?;
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
            return Err(DataError::content(
                &folder,
                None,
                "no recording",
                "WAV files, each a word of this class",
            ));
        }
    }
    if files.is_empty() {
        let expected = "a folder per class with recordings (WAV), such as yes/ and no/";
        return Err(DataError::content(path, None, "no folder of a class", expected));
    }
    let all = files_of(spec, &files)?;
    Ok(Sequences { all, skipped, missing: 0 })
}

/// One recording, which has no label.
pub(super) fn file(spec: &SequencesSpec, path: &Path) -> Result<Sequences, DataError> {
    let all = files_of(spec, &[(String::new(), path.to_owned())])?;
    Ok(Sequences { all, ..Sequences::default() })
}

/// The recordings `files`, each with its label, on all processors; the first that is bad is told.
fn files_of(spec: &SequencesSpec, files: &[(String, PathBuf)]) -> Result<Vec<Sequence>, DataError> {
    let Some(mel) = Mel::new(spec.rate, spec.features) else {
        return Err(DataError::Setting {
            field: "data.features".into(),
            found: spec.features.to_string(),
            expected: format!(
                "fewer mel bands, such as 40: at {} samples a second not all have a bin",
                spec.rate
            ),
        });
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(files.len()).max(1);
    let (next, mel) = (AtomicUsize::new(0), &mel);
    let work = || {
        let (mut done, mut resamplers) = (Vec::new(), BTreeMap::new());
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((label, file)) = files.get(at) else { return done };
            let frames = frames(spec, mel, file, &mut resamplers);
            let bad = frames.is_err();
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
                // Nothing behind it will be told.
                next.store(files.len(), Ordering::Relaxed);
            }
        }
    };
    let mut all = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let done =
            threads.into_iter().map(|t| t.join().unwrap_or_else(|payload| panic::resume_unwind(payload)));
        done.flatten().collect::<Vec<_>>()
    });
    // What each thread began before the first bad one was found, it has finished: whatever comes first is here.
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, sequence)| sequence).collect()
}

/// The spectra of one recording, `[frame, band]`.
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
    let kept = spec.trim.map_or(0..mel.count(sound.len()), |decibels| mel.trim(&sound, decibels));
    let frames = mel.frames(&sound);
    let kept = kept.start * spec.features..kept.end * spec.features;
    Ok(frames.get(kept).unwrap_or_default().to_vec())
}
