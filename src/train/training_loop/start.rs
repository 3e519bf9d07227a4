//! The start of training: at step 0, or from a checkpoint.

use std::collections::VecDeque;
use std::fs;

use super::{Saving, TrainingLoop};
use crate::data::Batch;
use crate::preset::{Difference, RunSpec, differences};
use crate::protocol::{ChangedSetting, Event, Level, Resumed, RunInfo, Saved};
use crate::run::checkpoint::{self, LoadedCheckpoint, Which, undo};
use crate::run::{Folder, Reader, Recorder, ResumePoint, check_run_files};
use crate::train::control::{Clock, Control};
use crate::train::cost::Cost;
use crate::train::divergence::Divergence;
use crate::train::error::TrainError;
use crate::train::options::{Options, Resume};
use crate::train::publisher::Publisher;
use crate::train::restore::{restore, spec_at};
use crate::train::session::Session;
use crate::train::state::{Next, TrainingState};

/// The coverage of the training tokens below which pretrained vectors may be of another language or tokenization.
const FEW_KNOWN: f64 = 0.5;

impl<'a> TrainingLoop<'a> {
    /// A training at step 0.
    pub fn new(session: Session, folder: Folder, publisher: &'a mut Publisher, control: Control) -> Self {
        let state = TrainingState::new(&session);
        Self {
            saving: Saving::new(state.best.clone()),
            divergence: Divergence::new(&session),
            failure: None,
            session,
            folder,
            publisher,
            control,
            clock: Clock::start(),
            state,
            final_metrics: None,
            examples: None,
            script: VecDeque::new(),
            turn: None,
            batch: Batch::default(),
            cost: Cost::default(),
            cost_logged: false,
        }
    }

    /// A training that goes on from the checkpoint of the latest step in `folder`; without any, from step 0.
    ///
    /// # Errors
    /// If the checkpoint cannot be read, or is one of another network or of other data.
    pub fn resume(
        session: Session,
        folder: Folder,
        publisher: &'a mut Publisher,
        control: Control,
        options: &Options,
    ) -> Result<Self, TrainError> {
        let none = Resume::default();
        let resume = options.resume.as_ref().unwrap_or(&none);
        let (loaded, damaged) = latest(&folder)?;
        let mut training = Self::new(session, folder, publisher, control);
        let point = match &loaded {
            Some(loaded) => Some(training.restore(loaded)?),
            None => None,
        };
        if options.watched {
            training.show_history(point.as_ref());
        }
        let budget = training.session.spec.watch.budget.saturating_mul(1 << 20);
        let before = training.warnings(loaded.as_ref());
        let (recorder, damage) = Recorder::resume(&training.folder, budget, point.as_ref())?;
        // The checkpoint may be one of before a change that was undone: whoever reads along knows later numbers.
        training.state.undone = training.state.undone.max(recorder.undone_before());
        training.saving.edits = training.state.edits();
        training.publisher.record_to(recorder);
        before.into_iter().chain(damage).for_each(|text| training.publisher.log(Level::Warning, text));
        for (step, error) in damaged {
            training
                .publisher
                .log(Level::Warning, format!("the checkpoint of step {step} is not used: {error}"));
        }
        training.forget_later_specs();
        let before = loaded.as_ref().and_then(spec_at).map(Box::new).or_else(|| resume.before.clone());
        let (changes, settings) = match &before {
            Some(before) => training.change_spec(before, &resume.changes)?,
            None => Default::default(),
        };
        let yaml = training.spec_yaml().map_err(TrainError::Failed)?;
        training.folder.expect_spec(&yaml);
        checkpoint::update_run_files(&training.folder)?;
        write_files(&training.session, &training.folder, &yaml)?;
        checkpoint::update_run_files(&training.folder)?;
        checkpoint::name_again(&training.folder)?;
        if options.parent.is_some() {
            training.state.undo.clear();
        }
        undo::protect(&training.folder, training.state.undo.iter().map(|change| &change.point))?;
        let TrainingState { step, epoch, .. } = training.state;
        let parent = options.parent.clone();
        training.publisher.publish(Event::Resumed(Resumed { step, epoch, changes, settings, parent }));
        if let Some(loaded) = &loaded {
            // A process that was killed may not have recorded it: a later resume from the same checkpoint looks for it.
            let best = checkpoint::read(training.folder.path(), Which::Best)
                .is_ok_and(|best| best.path == loaded.path);
            let (path, weights) = (loaded.path.clone(), loaded.fingerprint());
            training.publisher.publish(Event::Saved(Saved { step: loaded.step, path, best, weights }));
        }
        Ok(training)
    }

    /// Records that this new run is a branch, if it is one.
    ///
    /// # Errors
    /// If its files cannot be written.
    pub fn branch(&mut self, options: &Options) -> Result<(), TrainError> {
        let (changes, settings) = match &options.branched {
            Some(Resume { before: Some(before), changes }) => self.change_spec(before, changes)?,
            _ => Default::default(),
        };
        let parent = options.parent.clone();
        if parent.is_none() && settings.is_empty() {
            return Ok(());
        }
        self.publisher.publish(Event::Resumed(Resumed { step: 0, epoch: 1, changes, settings, parent }));
        let yaml = self.spec_yaml().map_err(TrainError::Failed)?;
        Ok(self.folder.write_spec(&yaml)?)
    }

    /// Removes the specs of parts of the training that came after the checkpoint, and are trained again; likewise the report of a
    /// divergence, of which there will be another if it diverges again.
    fn forget_later_specs(&self) {
        let _ = fs::remove_file(self.folder.path().join("divergence.json"));
        let files = self.folder.path().read_dir().into_iter().flatten().flatten();
        for path in files.map(|file| file.path()) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let step = name.strip_prefix("spec-until-").and_then(|name| name.strip_suffix(".yaml"));
            if step.and_then(|step| step.parse::<u64>().ok()).is_some_and(|step| step > self.state.step) {
                let _ = fs::remove_file(&path);
            }
        }
    }

    /// Takes over the settings that differ from those of the spec `before`; returns them as `key=value`, which are `changes` if there are
    /// any, and with their values.
    fn change_spec(&mut self, before: &RunSpec, changes: &[String]) -> Result<Changes, TrainError> {
        let differences = differences(before, &self.session.spec).map_err(TrainError::Failed)?;
        // Data that were moved are compared by their content.
        let differences: Vec<Difference> = differences.into_iter().filter(|found| !found.is_path()).collect();
        if differences.is_empty() {
            return Ok(Changes::default());
        }
        self.state.apply_spec(&self.session, before);
        self.saving.best = self.state.best.clone();
        let clip = |spec: &RunSpec| spec.train.optimizer.clip().ok();
        if clip(&self.session.spec) != clip(before) {
            self.session.stepper.set_clip(clip(&self.session.spec).flatten());
        }
        let TrainingState { step, epoch, .. } = self.state;
        let name = format!("spec-until-{step}.yaml");
        self.folder.write_text(&name, &before.to_yaml().map_err(TrainError::Failed)?)?;
        let changes = match changes {
            [] => differences.iter().map(Difference::as_set).collect(),
            given => given.to_vec(),
        };
        // Training goes back to no other settings.
        self.state.undo.clear();
        let of = |Difference { setting, old, new }| ChangedSetting { step, epoch, setting, old, new };
        let settings: Vec<ChangedSetting> = differences.into_iter().map(of).collect();
        self.state.settings.extend(settings.iter().cloned());
        Ok((changes, settings))
    }

    /// What is not as it was when a checkpoint was saved.
    fn warnings(&self, loaded: Option<&LoadedCheckpoint>) -> Vec<String> {
        let Some(loaded) = loaded else { return Vec::new() };
        let mut warnings = Vec::new();
        if let Err(error) = check_run_files(self.folder.path(), &loaded.run_files) {
            warnings.push(format!("{}; training goes on with it as it is", crate::error::chain(&error)));
        }
        warnings
    }

    /// Takes over a checkpoint; returns where the recording goes on.
    fn restore(&mut self, loaded: &LoadedCheckpoint) -> Result<ResumePoint, TrainError> {
        let refused = |what: String| TrainError::Unusable(format!("{}: {what}", loaded.path.display()));
        self.state = restore(&mut self.session, loaded).map_err(refused)?;
        self.state.spec = self.session.spec.to_yaml().ok();
        self.divergence.resume(self.state.losses.clone());
        self.clock = Clock::resume_after(self.state.seconds);
        self.final_metrics.clone_from(&self.state.metrics);
        let saved = Saved { step: loaded.step, path: loaded.path.clone(), ..Saved::default() };
        self.saving = Saving::resume(&self.state, saved.clone());
        let run = self.folder.path();
        self.state.undo.retain(|change| undo::exists(run, &change.point));
        self.restore_settings();
        let TrainingState { epoch, next, metrics_bytes, .. } = self.state;
        let before_validation = next == Next::Validation;
        Ok(ResumePoint { checkpoint: saved, epoch, before_validation, metrics_bytes })
    }

    /// Shows a screen what was recorded before.
    fn show_history(&self, point: Option<&ResumePoint>) {
        let (Some(point), Ok(reader)) = (point, Reader::open(self.folder.path())) else { return };
        let Ok(events) = reader.events() else { return };
        for event in events.map_while(Result::ok) {
            let is_point = matches!(&event, Event::Saved(saved) if point.is_of(saved));
            if !matches!(event, Event::Status(_)) {
                self.publisher.show(event);
            }
            if is_point {
                break;
            }
        }
    }

    /// Publishes the facts of the run, and what the user should know before training.
    pub(in crate::train) fn publish_facts(&mut self, options: &Options) {
        let Self { session, publisher, .. } = self;
        publisher.warn_of(&session.spec.alerts);
        publisher.resume_alerts(self.state.alerts.clone());
        let full_speed = self.state.has_full_speed();
        // A race has a pace of its own.
        let is_paced = options.watched && options.turn.is_none() && !full_speed;
        let pace = session.spec.watch.pace.filter(|_| is_paced);
        let info = RunInfo { pace, ..session.info(self.folder.path()) };
        publisher.publish(Event::Prepared(Box::new(info)));
        options.notes.iter().chain(&session.notes).for_each(|note| publisher.log(Level::Warning, note));
        if let Some(origin) = &session.origin {
            publisher.log(Level::Info, origin);
        }
        if session.spec.train.validate_every.is_some() && session.validation.is_none() {
            let text = "train.validate_every: there are no validation data";
            publisher.log(Level::Warning, text);
        }
        for coverage in &session.coverages {
            let level = if coverage.share() < FEW_KNOWN { Level::Warning } else { Level::Info };
            publisher.log(level, coverage.to_string());
        }
        if session.stepper.model().is_stateful() {
            publisher
                .log(Level::Info, "a layer is stateful: every epoch reads the data in order, unshuffled");
        }
        if let Some(pace) = pace {
            self.control.set_pace(pace);
            publisher.log(
                Level::Info,
                format!("slowed down to {pace} steps a second for the screen; press f for full speed"),
            );
        }
    }
}

/// Writes what a run needs besides its checkpoints.
pub(in crate::train) fn write_files(
    session: &Session,
    folder: &Folder,
    spec: &str,
) -> Result<(), TrainError> {
    folder.write_spec(spec)?;
    if let Some(vocabularies) = &session.vocabularies {
        folder.write_json("vocabulary.json", vocabularies)?;
    }
    if !session.labels.is_empty() {
        folder.write_json("labels.json", &session.labels)?;
    }
    if let Some(scale) = &session.scale {
        folder.write_json("scale.json", scale)?;
    }
    Ok(())
}

/// Changed settings as `key=value`, and with their values.
type Changes = (Vec<String>, Vec<ChangedSetting>);

/// The checkpoint of the latest step that can be read, and the errors of later ones.
type Latest = (Option<LoadedCheckpoint>, Vec<(u64, String)>);

/// Reads the checkpoint of the latest step; one that is damaged is passed over if there is an earlier one.
fn latest(folder: &Folder) -> Result<Latest, TrainError> {
    let mut damaged = Vec::new();
    let mut first = None;
    for (step, path) in checkpoint::by_step(folder.path()) {
        match checkpoint::read_from(&path) {
            Ok(loaded) => return Ok((Some(loaded), damaged)),
            Err(error) => {
                damaged.push((step, crate::error::chain(&error)));
                first.get_or_insert(error);
            }
        }
    }
    first.map_or(Ok((None, Vec::new())), |error| Err(error.into()))
}
