//! The trained network that a training starts from.

use std::collections::BTreeSet;
use std::path::Path;

use crate::data::{DataSpec, Known};
use crate::preset::{self, FromSpec, Overrides, RunSpec};
use crate::run::checkpoint::{self, LoadedCheckpoint, Tensor, Which};
use crate::run::{check_run_files, read_json};
use crate::step::Stepper;

/// The weights of a trained network, and what it knows of its data.
#[derive(Debug)]
pub(super) struct InitialNetwork {
    /// What the data are read by.
    pub known: Known,
    /// The weights; `None` where those of a checkpoint of the training itself take their place.
    weights: Option<LoadedCheckpoint>,
    /// A warning for the user if it was trained on some of the validation data.
    pub overlap: Option<String>,
    from: FromSpec,
}

impl InitialNetwork {
    /// The network that the training of `spec` starts from, if it is one. A training that goes on in the folder `resumed` has its own
    /// vocabulary, labels, scale and weights by now.
    ///
    /// # Errors
    /// In words, if the run is missing or damaged, has other weights now, or does not fit `spec`.
    pub fn of(spec: &RunSpec, resumed: Option<&Path>) -> Result<Option<Self>, String> {
        let Some(from) = &spec.from else { return Ok(None) };
        let refuse = |what: String| format!("from.run: {}: {what}", from.run.display());
        let folder = resumed.unwrap_or(&from.run);
        if !folder.join("spec.yaml").is_file() {
            return Err(refuse(
                "not found, or no run folder; name the run whose network is to be trained further".into(),
            ));
        }
        let source = preset::load_run(&folder.join("spec.yaml"), &Overrides::default());
        let source = source.map_err(|error| refuse(error.to_string()))?.spec;
        check_settings(&source, spec).map_err(refuse)?;
        let weights = match resumed {
            Some(_) => None,
            None => Some(weights(from).map_err(refuse)?),
        };
        if let Some(loaded) = &weights {
            check_run_files(folder, &loaded.run_files)
                .map_err(|error| refuse(crate::error::chain(&error)))?;
        }
        let known = known(folder, &source, from, resumed.is_some()).map_err(refuse)?;
        let entries = known.vocabularies.as_ref().map_or(0, |all| all.first().len());
        let size = spec.token_spec().map_or(0, |tokens| tokens.size());
        if spec.tokens.is_some() && entries > size {
            return Err(format!(
                "tokens.vocabulary: found {size}; expected {entries} at least, the entries of the vocabulary of {}",
                from.run.display()
            ));
        }
        let trained = weights.as_ref().is_some_and(|loaded| loaded.step > 0);
        let overlap = overlap(&source, spec, from).filter(|_| trained);
        Ok(Some(Self { known, weights, overlap, from: from.clone() }))
    }

    /// The fingerprint of the weights; `None` where those of a checkpoint of the training itself take their place.
    pub fn fingerprint(&self) -> Option<String> {
        self.weights.as_ref().map(LoadedCheckpoint::fingerprint)
    }

    /// Sets the weights of `stepper`, the network of `spec`; returns a note for the user.
    ///
    /// # Errors
    /// In words, if the network has another shape.
    pub fn apply(&self, spec: &RunSpec, stepper: &mut Stepper) -> Result<Option<String>, String> {
        let Some(loaded) = &self.weights else { return Ok(None) };
        let mut values = stepper.params().values().to_vec();
        let replaced = spec.model.len().checked_sub(1).filter(|_| self.from.new_labels);
        let replaced = replaced.map(|last| format!("{last}."));
        let vocabulary = spec.token_spec().map(|tokens| tokens.vocabulary);
        let (mut taken, mut grown, mut new) = (0, 0, 0);
        for param in stepper.params().table() {
            if replaced.as_ref().is_some_and(|layer| param.name.starts_with(layer)) {
                new += 1;
                continue;
            }
            let found = loaded.model.iter().find(|tensor| tensor.name == param.name);
            let shape = found.map(|tensor| tensor.shape.as_slice());
            let into = &mut values[param.range.clone()];
            match found {
                Some(tensor) if tensor.shape == param.shape => into.copy_from_slice(&tensor.data),
                Some(tensor) if is_grown(tensor, &param.shape, vocabulary) => {
                    copy_block(tensor, &param.shape, into);
                    grown += 1;
                }
                _ => return Err(self.other_shape(&param.name, shape, &param.shape)),
            }
            taken += 1;
        }
        stepper.set_weights(&values);
        let FromSpec { run, .. } = &self.from;
        let mut note = format!(
            "starts from the weights {} of {} (step {}): {taken} tensors",
            loaded.fingerprint(),
            run.display(),
            crate::number::count(loaded.step)
        );
        if grown > 0 {
            note.push_str(&format!(", {grown} of them with rows for new words"));
        }
        if new > 0 {
            note.push_str(&format!("; {new} tensors of the output layer are new"));
        }
        Ok(Some(note))
    }

    fn other_shape(&self, name: &str, theirs: Option<&[usize]>, ours: &[usize]) -> String {
        let (layer, tensor) = name.split_once('.').unwrap_or((name, ""));
        let theirs = theirs.map_or("no such tensor".to_owned(), |shape| format!("the shape {shape:?}"));
        format!(
            "model.{layer}: `{tensor}` has the shape {ours:?} here and {theirs} in {}; expected the layers of that run: omit settings \
             that change them",
            self.from.run.display()
        )
    }
}

/// The checkpoint of a run with the weights that a training starts from.
fn weights(from: &FromSpec) -> Result<LoadedCheckpoint, String> {
    let Some(weights) = &from.weights else {
        return checkpoint::read(&from.run, Which::Last).map_err(|error| crate::error::chain(&error));
    };
    let mut damage = None;
    for (_, path) in checkpoint::by_step(&from.run) {
        match checkpoint::read_from(&path) {
            Ok(loaded) if loaded.fingerprint() == *weights => return Ok(loaded),
            Ok(_) => {}
            Err(error) => damage = damage.or(Some(crate::error::chain(&error))),
        }
    }
    let damage = damage.map_or(String::new(), |damage| format!(" ({damage})"));
    Err(format!(
        "no checkpoint there has the weights {weights} any more, from which this training started{damage}: restore the run as it was"
    ))
}

/// What the run of `source` in `folder` knows of its data.
fn known(folder: &Path, source: &RunSpec, from: &FromSpec, resumed: bool) -> Result<Known, String> {
    let exists = |name: &str| folder.join(name).is_file();
    let damaged = |error: crate::run::RunError| crate::error::chain(&error);
    let reads_texts = source.token_spec().is_some();
    let mut known = Known { name: from.run.display().to_string(), ..Known::default() };
    if reads_texts && !exists("vocabulary.json") {
        return Err(
            "it has no vocabulary.json, without which its inputs mean nothing; import the network with --vocabulary FILE".into(),
        );
    }
    if reads_texts {
        known.vocabularies = Some(read_json(folder, "vocabulary.json").map_err(damaged)?);
        known.new_words = if resumed { 0 } else { from.extend_vocabulary };
    }
    if exists("labels.json") && (resumed || !from.new_labels) {
        known.labels = Some(read_json(folder, "labels.json").map_err(damaged)?);
    }
    let scaled = matches!(source.data, DataSpec::Series(_) | DataSpec::Sequences(_));
    if scaled && !exists("scale.json") {
        return Err(
            "it has no scale.json, the scale of its numbers; import the network with --scale FILE".into()
        );
    }
    if scaled {
        known.scale = Some(read_json(folder, "scale.json").map_err(damaged)?);
    }
    Ok(known)
}

/// Checks the settings that give inputs and outputs their meaning, as far as shapes do not show it.
fn check_settings(source: &RunSpec, spec: &RunSpec) -> Result<(), String> {
    let mut pairs = Vec::new();
    if let [Some(theirs), Some(ours)] = [source, spec].map(|spec| spec.tokens.as_ref()) {
        let both = [theirs, ours];
        pairs.push(("tokens.level", both.map(|tokens| tokens.level.name().to_owned())));
        pairs.push(("tokens.ngrams", both.map(|tokens| tokens.ngrams.to_string())));
        let channels =
            both.map(|tokens| tokens.sizes().into_iter().map(|(name, _)| name).collect::<Vec<_>>());
        pairs.push(("tokens.channels", channels.map(|names| names.join(", "))));
    }
    if let [DataSpec::Series(theirs), DataSpec::Series(ours)] = [&source.data, &spec.data] {
        let both = [theirs, ours];
        pairs.push(("data.log", both.map(|series| series.log.to_string())));
        pairs.push(("data.difference", both.map(|series| series.difference.to_string())));
        // The scale and the weights belong to columns in this order; columns of another table may have other names.
        for (field, columns) in [
            ("data.values", both.map(|series| &series.values)),
            ("data.targets", both.map(|series| &series.targets)),
        ] {
            let names = columns.map(|columns| columns.iter().map(ToString::to_string).collect::<Vec<_>>());
            let [theirs, ours] = names.each_ref().map(|names| names.iter().collect::<BTreeSet<_>>());
            if theirs == ours {
                pairs.push((field, names.map(|names| names.join(", "))));
            }
        }
    }
    match pairs.into_iter().find(|(_, [theirs, ours])| theirs != ours) {
        None => Ok(()),
        Some((field, [theirs, ours])) => {
            Err(format!("{field}: found {ours}; expected {theirs}, as that run was trained with"))
        }
    }
}

/// A warning if the validation data are another part of the data of `source` than there: it was trained on some of them.
fn overlap(source: &RunSpec, spec: &RunSpec, from: &FromSpec) -> Option<String> {
    let [theirs, ours] = [source, spec].map(|spec| serde_json::to_value(&spec.data).unwrap_or_default());
    let path = ours["path"].as_str().filter(|path| theirs["path"].as_str() == Some(path))?;
    let part = |data: &serde_json::Value| {
        Some(data["validation"].clone()).filter(|held_out| !held_out.is_null() && held_out["path"].is_null())
    };
    let (there, here) = (part(&theirs), part(&ours)?);
    let is_other = match &spec.data {
        // The end of the data is held out, by no seed.
        DataSpec::Series(_) | DataSpec::Text(_) => {
            here.as_f64() > there.as_ref().map_or(Some(0.0), serde_json::Value::as_f64)
        }
        _ => there.as_ref() != Some(&here) || source.train.seed != spec.train.seed,
    };
    let same = match &there {
        Some(there) => {
            format!("the same part (data.validation={there}, train.seed={}), or ", source.train.seed)
        }
        None => String::new(),
    };
    is_other.then(|| {
        format!(
            "{} was trained on some of the validation data, which are another part of {path} than there: their metrics are too good; hold out {same}\
             other data",
            from.run.display()
        )
    })
}

/// Whether a tensor has one dimension that is greater in `shape`, where it is the size of the vocabulary.
fn is_grown(tensor: &Tensor, shape: &[usize], vocabulary: Option<usize>) -> bool {
    let same_rank = tensor.shape.len() == shape.len() && (1..=2).contains(&shape.len());
    let grows = |(old, new): (&usize, &usize)| old == new || old < new && Some(*new) == vocabulary;
    same_rank && tensor.shape.iter().zip(shape).all(grows)
}

/// Copies a vector or matrix to the beginning of the rows and columns of a greater one.
fn copy_block(tensor: &Tensor, shape: &[usize], into: &mut [f32]) {
    let width = |shape: &[usize]| shape.last().copied().unwrap_or(1).max(1);
    let rows = tensor.data.chunks(width(&tensor.shape));
    for (row, values) in into.chunks_mut(width(shape)).zip(rows) {
        row.iter_mut().zip(values).for_each(|(to, value)| *to = *value);
    }
}
