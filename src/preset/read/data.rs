//! What a preset has under `data:`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde_yaml::Value;

use super::steps;
use crate::data::{
    DataSpec, Format, GeneratedSpec, LabelledSpec, SequencesSpec, SeriesSpec, Survey, TagsSpec, TextSpec,
    Validation, archive, survey, test_beside, train_and_test,
};
use crate::preset::document::Document;
use crate::preset::error::PresetError;

/// Has `document` read the data at `path`: what `--data` asks for.
pub(super) fn lay_over(document: &mut Document, path: &Path) -> Result<(), PresetError> {
    let source = format!("--data {}", path.display());
    let refuse = |message: String| PresetError { place: source.clone(), field: String::new(), message };
    let kind = document.get(&["data", "source"]).and_then(Value::as_str).unwrap_or_default().to_owned();
    if kind == "generated" {
        return Err(refuse("this preset makes its own data; --data is for presets that read files".into()));
    }
    // Another source of labelled texts may take the place of the preset's: what it is, is found from the data.
    let labelled = ["labelled", ""].into_iter().chain(Format::NAMES).any(|name| name == kind);
    let sequences = kind == "sequences";
    let both = train_and_test(path).filter(|_| labelled || sequences);
    let both = both.or_else(|| archive(path).filter(|_| sequences));
    if both.is_some() && document.get(&["data", "validation", "path"]).is_none() {
        document.remove(&["data", "validation"]);
    }
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
        put(&["data", "source"], "labelled".into())?;
    }
    let train = both.as_ref().map_or(path, |(train, _)| train.as_path());
    put(&["data", "path"], text(train))?;
    if let Some((_, test)) = &both {
        put(&["data", "validation", "path"], text(test))?;
    }
    // A file tells its own size; what a recording becomes is the preset's choice. What cannot be read is told when it is loaded.
    let files = both.iter().map(|(_, test)| test.as_path()).chain([train]).filter(|path| path.is_file());
    let found: Vec<Survey> = files.filter(|_| sequences).filter_map(|path| survey(path).ok()).collect();
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

/// What stands under `data:`, with absolute paths; `moved` is where `--data` moved the training data.
pub(super) fn read(
    document: &Document,
    value: Value,
    base: &Path,
    moved: Option<&Path>,
    notes: &mut Vec<String>,
) -> Result<DataSpec, PresetError> {
    let own = ["text", "series", "sequences", "tags", "generated"];
    let known: Vec<&str> = ["labelled"].into_iter().chain(Format::NAMES).chain(own).collect();
    if value.get("source").and_then(Value::as_str) == Some("generated") {
        return generated(document, value).map(DataSpec::Generated);
    }
    let spec = document.read_tagged(&steps(["data"]), value, "source", &known, |name, rest| {
        let short = Format::deserialize(StrDeserializer::<serde_yaml::Error>::new(name)).ok();
        let labelled =
            |spec: LabelledSpec| DataSpec::Labelled(LabelledSpec { format: short.or(spec.format), ..spec });
        Some(match name {
            "text" => TextSpec::deserialize(rest).map(DataSpec::Text),
            "series" => SeriesSpec::deserialize(rest).map(DataSpec::Series),
            "sequences" => SequencesSpec::deserialize(rest).map(DataSpec::Sequences),
            "tags" => TagsSpec::deserialize(rest).map(DataSpec::Tags),
            _ => LabelledSpec::deserialize(rest).map(labelled),
        })
    })?;
    let absolute = |path: &Path| document.absolute(&["data", "path"], path, base);
    Ok(match spec {
        DataSpec::Labelled(spec) => DataSpec::Labelled(placed(document, spec, base, moved, notes)),
        DataSpec::Text(spec) => DataSpec::Text(TextSpec { path: absolute(&spec.path), ..spec }),
        DataSpec::Series(spec) => DataSpec::Series(SeriesSpec { path: absolute(&spec.path), ..spec }),
        DataSpec::Sequences(mut spec) => {
            spec.path = absolute(&spec.path);
            if let Some(Validation::Given(given)) = &mut spec.validation {
                let fits = |path: &Path| path.is_dir() == spec.path.is_dir() && path.exists();
                match beside(document, &given.path, base, moved, fits, notes) {
                    Some(path) => given.path = path,
                    None => spec.validation = None,
                }
            }
            DataSpec::Sequences(spec)
        }
        DataSpec::Tags(mut spec) => {
            spec.path = absolute(&spec.path);
            spec.validation = spec.validation.take().and_then(|mut given| {
                given.path = beside(document, &given.path, base, moved, Path::is_file, notes)?;
                Some(given)
            });
            DataSpec::Tags(spec)
        }
        generated @ DataSpec::Generated(_) => generated,
    })
}

/// Where the validation data `given` are, as an absolute path. Where `--data` `moved` the training data, those that the preset names
/// lie beside them, if what lies there `fits`.
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
    // Or what is called as they are, with `test` in place of `train`.
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

/// The same with absolute paths.
fn placed(
    document: &Document,
    mut spec: LabelledSpec,
    base: &Path,
    moved: Option<&Path>,
    notes: &mut Vec<String>,
) -> LabelledSpec {
    spec.path = document.absolute(&["data", "path"], &spec.path, base);
    spec.labels = spec.labels.map(|labels| document.absolute(&["data", "labels"], &labels, base));
    let Some(Validation::Given(given)) = &mut spec.validation else { return spec };
    let labels = ["data", "validation", "labels"];
    given.labels = given.labels.take().map(|path| document.absolute(&labels, &path, base));
    let folder = spec.path.is_dir();
    let fits = |path: &Path| if folder { path.is_dir() } else { path.is_file() };
    match beside(document, &given.path, base, moved, fits, notes) {
        Some(path) => given.path = path,
        None => spec.validation = None,
    }
    spec
}
