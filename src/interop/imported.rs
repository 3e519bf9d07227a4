use std::path::Path;

use super::NetworkDescription;
use super::keras::{ImportError, KerasFile};
use super::torch::{NameMap, TorchFile, TorchImportError};
use crate::nn::{BuildError, Model, Params};
use crate::preset::RunSpec;
use crate::protocol::{DataFacts, Event, RunInfo, RunStatus, Saved};
use crate::run::checkpoint::{self, Checkpoint, NamedTensor};
use crate::run::{Folder, Recorder, RunError};

/// A network of another program with the settings of a run.
#[derive(Debug)]
pub struct ImportedNetwork {
    /// The settings.
    pub spec: RunSpec,
    /// The network.
    pub model: Model,
    /// Its weights.
    pub params: Params,
}

impl ImportedNetwork {
    /// The network of `spec` with the weights of a file of Keras.
    ///
    /// # Errors
    /// If the file has no weights of these shapes.
    pub fn of_keras(file: &KerasFile, spec: RunSpec) -> Result<Self, ImportError> {
        let unfit = |error: BuildError| ImportError::Config(error.to_string());
        Self::of(spec, unfit, |network| file.weights(network))
    }

    /// The network of `spec` with the weights of a state dict of PyTorch; `map` says which tensors they are where names and shapes do not.
    ///
    /// # Errors
    /// With all tensors that are missing, surplus or of another shape.
    pub fn of_torch(file: &TorchFile, spec: RunSpec, map: &NameMap) -> Result<Self, TorchImportError> {
        let unfit = |error: BuildError| TorchImportError::Tensors(vec![error.to_string()]);
        Self::of(spec, unfit, |network| file.weights(network, map))
    }

    /// The network of `spec` with the `weights` of its description, in the order of its layers.
    fn of<E>(
        spec: RunSpec,
        unfit: impl Fn(BuildError) -> E,
        weights: impl FnOnce(&NetworkDescription<'_>) -> Result<Vec<Vec<Vec<f32>>>, E>,
    ) -> Result<Self, E> {
        let model = spec.model().map_err(&unfit)?;
        let mut params = model.params();
        let weights = weights(&NetworkDescription::of_run(&spec, &params).map_err(&unfit)?)?;
        let table = params.table().to_vec();
        for (param, values) in table.into_iter().zip(weights.into_iter().flatten()) {
            params.values_mut()[param.range].copy_from_slice(&values);
        }
        Ok(Self { spec, model, params })
    }

    /// How many classes or labels it has, if any.
    pub fn classes(&self) -> Option<usize> {
        self.model.classes().or(self.model.labels())
    }

    /// Writes checkpoint and recording of a run in which nothing has happened but the import of `file`. `spec.yaml` and the other files on
    /// which predictions depend are written before.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&self, folder: &Folder, file: &Path) -> Result<Saved, RunError> {
        let params = &self.params;
        let tensors = params.table().iter().map(|param| NamedTensor {
            name: param.name.clone(),
            shape: param.shape.clone(),
            data: &params.values()[param.range.clone()],
        });
        let mut recorder = Recorder::start(folder, 0)?;
        let saved = checkpoint::write(
            folder,
            &Checkpoint { model: tensors.collect(), best: true, ..Checkpoint::default() },
        )?;
        for event in [
            Event::Prepared(Box::new(self.info(folder, file))),
            Event::Saved(saved.clone()),
            Event::Status(RunStatus::Stopped { saved: true }),
        ] {
            recorder.record(event)?;
        }
        recorder.finish()?;
        Ok(saved)
    }

    fn info(&self, folder: &Folder, file: &Path) -> RunInfo {
        let spec = &self.spec;
        RunInfo {
            name: spec.name.clone(),
            title: spec.title.clone(),
            about: spec.about.clone(),
            folder: folder.path().to_owned(),
            model: self.model.table().clone(),
            data: DataFacts { source: format!("imported: {}", file.display()), ..DataFacts::default() },
            probes: Vec::new(),
            epochs: spec.train.epochs,
            steps_per_epoch: 0,
            batch_size: spec.train.batch_size,
            watch_every: spec.watch.every,
            pace: None,
            task: spec.task(&self.model),
            loss: spec.train.loss.name().into(),
            optimizer: spec.train.optimizer.name().into(),
            seed: spec.train.seed,
            threads: 1,
            monitor: None,
        }
    }
}
