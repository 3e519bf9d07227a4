use std::path::{Path, PathBuf};

use crate::cli::error::{CliError, CliResult};
use crate::data::{DataSpec, Scale};
use crate::durable::{self, FileError};
use crate::infer::{InferError, Network};
use crate::interop::NetworkDescription;
use crate::interop::onnx::{self, NumberScaling, OnnxSettings};
use crate::metrics::Task;
use crate::run;

/// The script that runs a model.
const SCRIPT: &str = "predict_onnx.py";

/// The files of the run without which inputs and outputs mean nothing, and the names of their content in the model.
const METADATA: [(&str, &str); 4] = [
    ("unrolled.spec", "spec.yaml"),
    ("unrolled.vocabulary", "vocabulary.json"),
    ("unrolled.labels", "labels.json"),
    ("unrolled.scale", "scale.json"),
];

/// A path of a model.
pub(super) fn file(path: &str) -> Result<PathBuf, String> {
    match Path::new(path).extension().is_some_and(|ending| ending == "onnx") {
        true => Ok(path.into()),
        false => Err("the name must end in .onnx, as in model.onnx".to_owned()),
    }
}

/// The model of the run in `folder`, and the script beside it.
pub(super) fn files(
    folder: &Path,
    network: &Network,
    description: &NetworkDescription<'_>,
    path: &Path,
) -> CliResult<Vec<(PathBuf, Vec<u8>)>> {
    let task = network.spec.task(&network.model);
    let mut metadata = Vec::new();
    for (key, name) in METADATA.into_iter().filter(|(_, name)| folder.join(name).exists()) {
        metadata.push((key, text(&folder.join(name))?));
    }
    let scale = scale(folder, &network.spec.data)?;
    let scaling = match (&network.spec.data, &scale) {
        (DataSpec::Series(series), Some(scale)) => Some(NumberScaling::Series(series, scale)),
        (_, Some(scale)) => Some(NumberScaling::Sequences(scale)),
        (_, None) => None,
    };
    let with_states = task == Task::Language && onnx::goes_on_from_states(description);
    let model = onnx::model(description, &OnnxSettings { metadata, scaling, with_states });
    let model =
        model.map_err(|error| CliError::from(InferError::Task(format!("{}: {error}", folder.display()))))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let script = onnx::example(&network.spec, task, description, &name);
    let beside = path.parent().unwrap_or(Path::new("")).join(SCRIPT);
    Ok(vec![(path.to_owned(), model), (beside, script.into_bytes())])
}

/// The scale of numbers, where the data have one.
fn scale(folder: &Path, data: &DataSpec) -> CliResult<Option<Scale>> {
    let features = match data {
        DataSpec::Series(series) => series.values.len(),
        DataSpec::Sequences(sequences) => sequences.features,
        _ => return Ok(None),
    };
    let scale: Scale = run::read_json(folder, "scale.json")?;
    if !scale.fits(features) {
        let what = format!("no mean and deviation above 0 of {features} features");
        return Err(run::RunError::Damaged { path: folder.join("scale.json"), what }.into());
    }
    Ok(Some(scale))
}

fn text(path: &Path) -> CliResult<String> {
    let bytes = durable::read_regular(path).map_err(FileError::at("read", path))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
