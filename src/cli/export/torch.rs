//! A network for PyTorch.

use std::path::Path;

use super::{BESIDE, CliResult, OutputFile, read};
use crate::cli::error::CliError;
use crate::data::{DataSpec, Scale, Vocabulary};
use crate::infer::{InferError, Network};
use crate::interop::NetworkDescription;
use crate::interop::torch::{Answers, Preprocessing, TorchNetwork, example};
use crate::metrics::Task;
use crate::run::read_json;

/// The files in the folder `to` with the network of the run in `folder`.
///
/// # Errors
/// If a file of the run cannot be read.
pub(super) fn files(
    to: &Path,
    folder: &Path,
    network: &Network,
    description: &NetworkDescription<'_>,
) -> CliResult<Vec<OutputFile>> {
    let fail = |error: &dyn std::fmt::Display| {
        CliError::from(InferError::Task(format!("{}: {error}", folder.display())))
    };
    let preprocessing = preprocessing(folder, network, description)?;
    let written = TorchNetwork::of(description).map_err(|error| fail(&error))?;
    let task = network.spec.task(&network.model);
    let answers = Answers::record(description, &network.model, &network.params, &preprocessing);
    let mut files = vec![
        ("model.py", written.module.into_bytes()),
        ("model.safetensors", written.weights),
        ("example.py", example(description, &preprocessing, task).into_bytes()),
        ("answers.json", answers.to_json().into_bytes()),
    ];
    for name in BESIDE.into_iter().filter(|name| folder.join(name).exists()) {
        files.push((name, read(&folder.join(name))?));
    }
    Ok(files.into_iter().map(|(name, content)| (to.join(name), content)).collect())
}

/// How the data of a run become inputs.
fn preprocessing(
    folder: &Path,
    network: &Network,
    description: &NetworkDescription<'_>,
) -> CliResult<Preprocessing> {
    let tokens = network.spec.token_spec().filter(|tokens| tokens.channels.is_empty());
    if let Some(tokens) = tokens.filter(|_| folder.join("vocabulary.json").exists()) {
        let vocabulary: Vocabulary = read_json(folder, "vocabulary.json")?;
        return Ok(Preprocessing::Texts(tokens, vocabulary));
    }
    let channels = network.spec.token_spec().filter(|tokens| !tokens.channels.is_empty());
    let is_tagger = network.spec.task(&network.model) == Task::Tags;
    if let Some(tokens) = channels.filter(|_| is_tagger && folder.join("vocabulary.json").exists()) {
        return Ok(Preprocessing::Sentences(tokens));
    }
    let is_generated = matches!(network.spec.data, DataSpec::Generated(_));
    if !is_generated && network.spec.token_spec().is_none() && folder.join("scale.json").exists() {
        let scale: Scale = read_json(folder, "scale.json")?;
        let features = description.inputs[0].shape.keras().last().copied().flatten();
        if features == Some(scale.mean.len()) {
            return Ok(Preprocessing::Numbers(scale));
        }
    }
    Ok(Preprocessing::None)
}
