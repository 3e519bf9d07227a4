//! Parsing of `data:`.

use std::path::{Path, PathBuf};

use serde_yaml::Value;

use super::steps;
use crate::data::{
    DataSpec, Format, GeneratedSpec, PathSetting, SequenceStatistics, archive, sequence_statistics,
    test_beside, train_and_test,
};
use crate::preset::document::Document;
use crate::preset::error::PresetError;

/// Applies `--data PATH` to `document`.
pub(super) fn lay_over(document: &mut Document, path: &Path) -> Result<(), PresetError> {
    let source = format!("--data {}", path.display());
    let refuse = |message: String| PresetError { place: source.clone(), field: String::new(), message };
    let kind = document.get(&["data", "source"]).and_then(Value::as_str).unwrap_or_default().to_owned();
    if kind == "generated" {
        return Err(refuse("this preset generates its data; --data is for presets that read files".into()));
    }
    // Labelled texts may be of another format than those of the preset, which is detected.
    let labelled = ["labelled", ""].into_iter().chain(Format::NAMES).any(|name| name == kind);
    let sequences = kind == "sequences";
    let divided = labelled || sequences || ["tags", "text"].contains(&kind.as_str());
    let both = train_and_test(path).filter(|_| divided);
    let both = both.or_else(|| archive(path).filter(|_| sequences));
    if both.is_some() && document.get(&["data", "validation", "path"]).is_none() {
        document.remove(&["data", "validation"]);
    }
    let like = Format::of(&kind).or_else(|| {
        Format::of(document.get(&["data", "format"]).and_then(Value::as_str).unwrap_or_default())
    });
    let is_inline = like.is_some_and(|like| ["fasttext", "label-first", "label-last"].contains(&like.name()));
    let has_columns = ["text", "label"].iter().any(|column| document.get(&["data", column]).is_some());
    let lines = if labelled && path.is_file() && (is_inline || !has_columns) {
        Format::of_lines(path, like)
    } else {
        None
    };
    if labelled {
        document.remove(&["data", "format"]);
        let no_columns = both.as_ref().map_or(path, |(train, _)| train).is_dir();
        for column in ["text", "label"].iter().filter(|_| no_columns) {
            document.remove(&["data", column]);
            document.remove(&["data", "validation", column]);
        }
    }
    let mut put = |steps: &[&str], value: Value| {
        let steps = steps.iter().map(|s| (*s).to_owned()).collect();
        document.put(steps, value, source.clone()).map_err(&refuse)
    };
    let text = |path: &Path| Value::String(path.to_string_lossy().into_owned());
    if labelled {
        put(&["data", "source"], lines.map_or("labelled", Format::name).into())?;
    }
    let train = both.as_ref().map_or(path, |(train, _)| train.as_path());
    put(&["data", "path"], text(train))?;
    if let Some((_, test)) = &both {
        put(&["data", "validation", "path"], text(test))?;
    }
    // The sizes of sequences are those of the file, but the spectra of recordings are the preset's. Errors are reported on loading.
    let files = both.iter().map(|(_, test)| test.as_path()).chain([train]).filter(|path| path.is_file());
    let found: Vec<SequenceStatistics> =
        files.filter(|_| sequences).filter_map(|path| sequence_statistics(path).ok()).collect();
    if let (Some(longest), Some(train)) = (found.iter().map(|found| found.longest).max(), found.last()) {
        put(&["data", "features"], train.features.into())?;
        put(&["data", "length"], longest.into())?;
    }
    Ok(())
}

/// `{source: generated, task: word-order, …}`.
fn generated(document: &Document, mut value: Value) -> Result<GeneratedSpec, PresetError> {
    if let Some(map) = value.as_mapping_mut() {
        map.remove("source");
    }
    document.read_tagged(&steps(["data"]), value, "task", GeneratedSpec::NAMES, |name, rest| {
        GeneratedSpec::read(name, rest)
    })
}

/// Parses `data:`, with absolute paths; `moved` is the path of `--data`.
pub(super) fn read(
    document: &Document,
    value: Value,
    base: &Path,
    moved: Option<&Path>,
    notes: &mut Vec<String>,
) -> Result<DataSpec, PresetError> {
    let mut spec = if value.get("source").and_then(Value::as_str) == Some("generated") {
        DataSpec::Generated(generated(document, value)?)
    } else {
        document.read_tagged(&steps(["data"]), value, "source", &DataSpec::NAMES, |name, rest| {
            DataSpec::read(name, rest)
        })?
    };
    let source = spec.source_mut();
    let mut is_folder = false;
    for PathSetting { key, path } in source.paths_mut() {
        *path = document.absolute(key, path, base);
        is_folder |= path.is_dir();
    }
    if let Some(path) = source.validation_path_mut() {
        // Validation data of the same kind: a folder for a folder, a file for a file.
        let fits = |path: &Path| path.exists() && path.is_dir() == is_folder;
        match beside(document, path, base, moved, fits, notes) {
            Some(absolute) => *path = absolute,
            None => source.remove_validation(),
        }
    }
    Ok(spec)
}

/// The absolute path of the validation data `given`. If `--data` `moved` the training data, those of the preset are expected
/// beside them, if the file there `fits`.
fn beside(
    document: &Document,
    given: &Path,
    base: &Path,
    moved: Option<&Path>,
    fits: impl Fn(&Path) -> bool,
    notes: &mut Vec<String>,
) -> Option<PathBuf> {
    let own = ["data", "validation", "path"];
    let data = moved;
    let Some(folder) = moved.and_then(Path::parent).filter(|_| !document.is_overridden(&own)) else {
        return Some(document.absolute(&own, given, base));
    };
    let moved = folder.join(given);
    let moved = std::path::absolute(&moved).unwrap_or(moved);
    if fits(&moved) {
        return Some(moved);
    }
    // Or a file of the same name with `test` in place of `train`.
    if let Some(test) = data.and_then(test_beside).filter(|test| fits(test)) {
        return Some(std::path::absolute(&test).unwrap_or(test));
    }
    notes.push(format!(
        "no validation data: {} is none; name others with --set data.validation.path=…, or hold some back with \
         --set data.validation=0.1",
        moved.display()
    ));
    None
}
