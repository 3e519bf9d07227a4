//! Training that starts from the network of a run.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::ExperimentError;
use crate::data::{DataSpec, TargetForm, TokenSpec, Vocabulary, train_and_test};
use crate::preset::{self, Overrides, Resolved, RunSpec};
use crate::run::checkpoint::{self, Which};
use crate::run::read_json;

/// How a training starts from the network of a run.
#[derive(Debug, Clone, Copy)]
pub struct FineTuning<'a> {
    /// The folder of the run.
    pub run: &'a Path,
    /// Which of its weights.
    pub weights: Which,
    /// New words that are appended to its vocabulary, at most.
    pub extend_vocabulary: usize,
    /// Whether the output layer is replaced by one for the labels of the data.
    pub new_labels: bool,
}

/// The settings of a training that starts from the network of a run: those of the run with `overrides`, and where it started.
///
/// # Errors
/// If the run or its checkpoint cannot be read, or a setting is wrong.
pub fn plan_fine_tuning(from: FineTuning<'_>, overrides: &Overrides) -> Result<Resolved, ExperimentError> {
    let path = from.run.join("spec.yaml");
    let source = preset::load_run(&path, &Overrides::default())?.spec;
    let weights = checkpoint::read(from.run, from.weights)?.fingerprint();
    let run = std::path::absolute(from.run)?;
    let mut setting = serde_json::json!({"run": run.to_string_lossy(), "weights": weights});
    if from.extend_vocabulary > 0 {
        setting["extend_vocabulary"] = from.extend_vocabulary.into();
    }
    if from.new_labels {
        setting["new_labels"] = true.into();
    }
    let mut set = vec![format!("from={setting}")];
    if from.extend_vocabulary > 0 {
        set.extend(growth(&source, from)?);
    }
    let targets = source.form().targets;
    let has_labels = matches!(targets, TargetForm::Classes(_) | TargetForm::Labels(_) | TargetForm::Steps(_));
    if from.new_labels && !has_labels {
        return Err(ExperimentError::Unchangeable(
            "--new-labels: the run predicts no labels: its data are no labelled texts, sequences or tags"
                .into(),
        ));
    }
    if let Some(last) = source.model.len().checked_sub(1).filter(|_| from.new_labels) {
        set.push(format!("model.{last}.units=classes"));
    }
    let mut notes = Vec::new();
    if let Some(data) = &overrides.data
        && let Some((setting, note)) = validation(&source, data, overrides)
    {
        set.push(setting);
        notes.extend(note);
    }
    set.extend(overrides.set.iter().cloned());
    let mut resolved = preset::load_run(&path, &Overrides { set, ..overrides.clone() })?;
    resolved.notes.append(&mut notes);
    Ok(resolved)
}

/// The settings for a vocabulary with new words: its size, and that of the tables and outputs which have it.
fn growth(source: &RunSpec, from: FineTuning<'_>) -> Result<Vec<String>, ExperimentError> {
    let refuse = |what: &str| Err(ExperimentError::Unchangeable(format!("--extend-vocabulary: {what}")));
    let Some(TokenSpec { vocabulary: size, channels, .. }) = &source.tokens else {
        return refuse("the run reads no words or characters of texts");
    };
    if !channels.is_empty() {
        return refuse("its words have several channels, whose vocabularies stay as they are");
    }
    let known: Vocabulary = read_json(from.run, "vocabulary.json")?;
    let grown = known.len().saturating_add(from.extend_vocabulary);
    if grown <= *size {
        // There are rows that no word has yet.
        return Ok(Vec::new());
    }
    let settings: BTreeMap<String, String> =
        source.settings().map_err(ExperimentError::Unchangeable)?.into_iter().collect();
    let mut set = vec![format!("tokens.vocabulary={grown}")];
    for layer in 0..source.model.len() {
        let number =
            |key: &str| settings.get(&format!("model.{layer}.{key}")).and_then(|n| n.parse::<usize>().ok());
        if number("input_dim").is_some_and(|rows| rows < grown) {
            set.push(format!("model.{layer}.input_dim={grown}"));
        }
        let predicts_words = matches!(source.data, DataSpec::Text(_)) && layer + 1 == source.model.len();
        if predicts_words && number("units") == Some(*size) {
            set.push(format!("model.{layer}.units={grown}"));
        }
    }
    Ok(set)
}

/// The validation data beside other training `data`: those of the run belong to its own. A note if there are none.
fn validation(source: &RunSpec, data: &Path, overrides: &Overrides) -> Option<(String, Option<String>)> {
    let mut own = source.data.clone();
    let own = own.source_mut().validation_path_mut()?.clone();
    let is_given = overrides.set.iter().any(|set| set.starts_with("data.validation"));
    if is_given || train_and_test(data).is_some() {
        return None;
    }
    let beside = data.parent().zip(own.file_name()).map(|(folder, name)| folder.join(name));
    let fits = |path: &Path| path.exists() && path.is_dir() == data.is_dir() && path != data;
    if let Some(beside) = beside.filter(|beside| fits(beside)) {
        let path = serde_json::Value::from(beside.to_string_lossy());
        return Some((format!("data.validation={{path: {path}}}"), None));
    }
    let note = format!(
        "no validation data: {} belongs to the data of the run; name others with --set data.validation.path=…, or hold some back with \
         --set data.validation=0.1",
        own.display()
    );
    Some(("data.validation=null".to_owned(), Some(note)))
}
