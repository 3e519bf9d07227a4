use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread;

use ndarray::{Array3, Axis};

use super::InferError;
use super::evaluator::Evaluator;
use crate::data::{Forecasts, Inputs, Targets, scoped};
use crate::nn::{Mode, Model, Params, Score, Shard, TargetsView};
use crate::number;
use crate::preset::{self, Overrides, RunSpec};
use crate::run::checkpoint::{self, Which};
use crate::run::{Checksum, RunError, check_run_files, read_json};
use crate::step::{network_input, network_targets};

/// The batch size.
const BATCH: usize = 64;
/// The number of processors. The system reads files for it, which takes longer than predicting one text.
pub(super) static PROCESSORS: LazyLock<usize> =
    LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));

/// The network of a run, with its last or best weights.
#[derive(Debug)]
pub(crate) struct Network {
    folder: PathBuf,
    /// The files of the folder on which predictions depend.
    run_files: Vec<Checksum>,
    /// The spec of the run.
    pub spec: RunSpec,
    pub model: Model,
    pub params: Params,
    /// The number of updates of the weights.
    pub step: u64,
    fingerprint: String,
}

impl Network {
    /// Reads `spec.yaml` in the run folder, with the overrides `set` and `moved` data.
    pub fn spec(run: &Path, moved: Option<&Path>, set: &[String]) -> Result<RunSpec, InferError> {
        let overrides = Overrides { set: set.to_vec(), data: moved.map(Path::to_owned), seed: None };
        Ok(preset::load_run(&run.join("spec.yaml"), &overrides)?.spec)
    }

    /// The network of `spec`, its weights from a checkpoint in the folder of the run.
    pub fn open(run: &Path, spec: RunSpec, which: Which) -> Result<Self, InferError> {
        let model = spec.model().map_err(|e| InferError::Task(e.to_string()))?;
        let loaded = checkpoint::read(run, which)?;
        let (mut params, fingerprint) = (model.params(), loaded.fingerprint());
        for param in params.table().to_vec() {
            let tensor = loaded.model.iter().find(|tensor| tensor.name == param.name);
            match tensor.filter(|tensor| tensor.shape == param.shape) {
                Some(tensor) => params.values_mut()[param.range].copy_from_slice(&tensor.data),
                None => {
                    let what =
                        format!("no tensor {} of shape {:?}, as in spec.yaml", param.name, param.shape);
                    return Err(damaged(&loaded.path, "model.safetensors", what));
                }
            }
        }
        Ok(Self {
            folder: run.to_owned(),
            run_files: loaded.run_files,
            spec,
            model,
            params,
            step: loaded.step,
            fingerprint,
        })
    }

    /// The run folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The fingerprint of the weights, 16 hexadecimal digits: equal for equal bits.
    pub fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    /// Checks that the files of the run folder are those of the training; done after they are read, whose errors say more.
    pub fn check_files(&self) -> Result<(), InferError> {
        Ok(check_run_files(&self.folder, &self.run_files)?)
    }

    /// Whether it was never trained on the data of its run, as an imported network: without validation data it is evaluated on all of them.
    pub fn is_untrained(&self) -> bool {
        self.step == 0
    }

    /// The run's spec with the overrides `set` and `moved` data.
    pub fn spec_with(&self, moved: Option<&Path>, set: &[String]) -> Result<RunSpec, InferError> {
        Self::spec(&self.folder, moved, set)
    }

    /// An evaluator for this network; `forecasts` transform outputs to the units of a series.
    pub fn evaluator(&self, forecasts: Option<&Forecasts>) -> Evaluator {
        Evaluator::new(self.spec.task(&self.model), &self.model, usize::MAX, forecasts)
    }

    /// The classes or labels of the run folder, in order.
    pub fn labels(&self, run: &Path) -> Result<Vec<String>, InferError> {
        let labels: Vec<String> = read_json(run, "labels.json")?;
        let classes = self.model.classes().or(self.model.labels()).unwrap_or(0);
        if labels.len() != classes {
            let what = format!("{} labels; the network of spec.yaml has {classes} classes", labels.len());
            return Err(damaged(run, "labels.json", what));
        }
        Ok(labels)
    }

    /// The outputs for `rows` of the `inputs`, `[sequence, time, features]` (time 1 for one vector a sequence), computed on all
    /// processors; with `targets`, also loss and accuracy.
    ///
    /// # Errors
    /// When one of the numbers is not finite.
    pub fn run(
        &self,
        inputs: &Inputs,
        rows: Range<usize>,
        targets: Option<&Targets>,
    ) -> Result<(Array3<f32>, Score), InferError> {
        let (mut output, mut score) = (Vec::new(), Score::default());
        let mut shape = (0, 0);
        let mut add = |(numbers, dim, more): (Vec<f32>, (usize, usize), Score)| {
            output.extend(numbers);
            shape = dim;
            score.add(more);
        };
        if rows.len() <= BATCH {
            // Starting a thread takes longer than predicting one text.
            add(self.part(inputs, rows.clone(), targets));
        } else {
            let part = rows.len().div_ceil(*PROCESSORS).max(BATCH);
            let parts = rows.clone().step_by(part).map(|start| start..(start + part).min(rows.end));
            thread::scope(|scope| {
                let start = |rows| scoped::spawn(scope, move || self.part(inputs, rows, targets));
                let started: Vec<_> = parts.map(start).collect();
                started.into_iter().for_each(|thread| add(thread.join()));
            });
        }
        if output.iter().any(|x: &f32| !x.is_finite()) {
            return Err(self.not_finite());
        }
        let output = Array3::from_shape_vec((rows.len(), shape.0, shape.1), output);
        Ok((output.unwrap_or_else(|_| unreachable!("the outputs of all sequences")), score))
    }

    /// The error for outputs that are not finite.
    pub fn not_finite(&self) -> InferError {
        InferError::Task(format!(
            "{}: the output with the weights of step {} is not finite: training diverged, or the data are far from the training data; \
             use the best weights (--best), or train with a lower learning rate",
            self.folder.display(),
            number::count(self.step)
        ))
    }

    /// [`run`](Self::run) on this thread: the outputs, and steps and features of each sequence.
    fn part(
        &self,
        inputs: &Inputs,
        rows: Range<usize>,
        targets: Option<&Targets>,
    ) -> (Vec<f32>, (usize, usize), Score) {
        let (mut shard, mut score) = (Shard::new(&self.model, &self.params), Score::default());
        let (mut numbers, mut shape) = (Vec::new(), (0, 0));
        for start in rows.clone().step_by(BATCH) {
            let batch = start..(start + BATCH).min(rows.end);
            let targets_of_batch =
                targets.map_or(TargetsView::None, |all| network_targets(all, batch.clone()));
            shard.reset_states();
            shard.load(network_input(inputs).part(batch), targets_of_batch);
            shard.forward(&self.model, &self.params, Mode::Evaluate);
            if targets.is_some() {
                score.add(shard.score(&self.model));
            }
            let output = shard.output(&self.model);
            shape = (output.len_of(Axis(1)), output.len_of(Axis(2)));
            numbers.extend(output.iter());
        }
        (numbers, shape, score)
    }
}

/// The error for a file of a run with unexpected content.
pub(super) fn damaged(folder: &Path, name: &str, what: String) -> InferError {
    RunError::Damaged { path: folder.join(name), what }.into()
}
