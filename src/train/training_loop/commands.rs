//! Commands, between two steps.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::TrainingLoop;
use crate::error::chain;
use crate::number;
use crate::optim::Clip;
use crate::protocol::{
    AppliedCommand, ChangedSetting, Command, CommandRequest, Event, LayerUnit, Level, LogLine, RunStatus,
};
use crate::run::checkpoint;
use crate::sort::SmallSort as _;
use crate::train::control::{Origin, PendingCommand, Stop};
use crate::train::cost::Cost;
use crate::train::neighbours::neighbours;
use crate::train::session::Session;
use crate::train::state::TrainingState;
use crate::train::turns::Permit;
use crate::train::unit_response::unit_response;

/// How often a training that waits for its turn looks for commands.
const COMMANDS: Duration = Duration::from_millis(50);

impl TrainingLoop<'_> {
    /// Waits until other trainings let this one make a step, applying commands meanwhile; the clock stands still.
    pub(super) fn await_turn(&mut self) -> Permit {
        let Some(turn) = self.turn.clone() else { return Permit::Step };
        let permit = turn.wait(Duration::ZERO);
        if permit != Permit::Wait {
            return permit;
        }
        let begin = Instant::now();
        self.clock.pause();
        let permit = loop {
            match turn.wait(COMMANDS) {
                Permit::Wait => {}
                permit => break permit,
            }
            self.control.poll();
            self.apply_pending();
            if self.control.stop.is_some() {
                break Permit::Step;
            }
        };
        self.clock.resume();
        self.cost.idle(begin.elapsed());
        permit
    }

    /// Applies pending commands, and waits while training is paused or slowed down; returns whether to stop.
    pub(super) fn poll_commands(&mut self) -> Option<Stop> {
        self.schedule_script();
        let (begin, paced) = (Instant::now(), self.control.pace().is_some());
        self.control.throttle();
        self.cost.idle(begin.elapsed());
        self.control.poll();
        if paced && self.control.pace().is_none() {
            // At full speed the overhead of monitoring differs.
            self.cost = Cost::default();
        }
        self.apply_pending();
        if self.control.must_wait() && self.control.stop.is_none() {
            self.clock.pause();
            self.publisher.publish(Event::Status(RunStatus::Paused));
            loop {
                self.control.wait();
                self.apply_pending();
                if self.control.stop.is_some() || !self.control.must_wait() {
                    break;
                }
            }
            self.clock.resume();
            self.publisher.publish(Event::Status(RunStatus::Training));
        }
        self.control.stop
    }

    /// Receives the commands that are scheduled for the current step.
    fn schedule_script(&mut self) {
        while self.script.front().is_some_and(|(step, _)| *step <= self.state.step) {
            if let Some((_, request)) = self.script.pop_front() {
                self.control.receive(PendingCommand { request, origin: Origin::Script });
            }
        }
    }

    /// Applies the settings that commands have made before a checkpoint, when training goes on from it: those that are no part of its state.
    pub(in crate::train) fn restore_settings(&mut self) {
        self.restore_training_settings();
        let Self { session, control, .. } = self;
        for change in &self.state.changes {
            match &change.request.command {
                Command::FullSpeed => control.set_full_speed(),
                Command::AddProbe { text } => {
                    let _ = session.add_probe(text);
                }
                Command::VaryProbe { probe, change } => {
                    let _ = session.vary_probe(*probe, change);
                }
                Command::SetSample { prime, temperature } => {
                    let (prime, temperature) = (prime.as_deref(), *temperature);
                    // Only a command after the last step has its sample still to come.
                    match change.step == self.state.step {
                        true => session.watch.set_sample(prime, temperature),
                        false => session.watch.restore_sample(prime, temperature),
                    };
                }
                Command::ExtendSample { token } => {
                    let prime = session.watch.extended(token);
                    match prime {
                        Ok(prime) if change.step == self.state.step => {
                            session.watch.set_sample(Some(&prime), None)
                        }
                        Ok(prime) => session.watch.restore_sample(Some(&prime), None),
                        // It was possible before.
                        Err(_) => false,
                    };
                }
                _ => {}
            }
        }
    }

    /// The same for those on which the weights depend.
    pub(super) fn restore_training_settings(&mut self) {
        self.session.train.set_batch_size(self.batch_size());
        let Session { stepper, .. } = &mut self.session;
        for change in &self.state.changes {
            match &change.request.command {
                Command::SetClipnorm { global_clipnorm } => {
                    stepper.set_clip(global_clipnorm.map(Clip::GlobalNorm));
                }
                Command::SetDropout { rate } => {
                    stepper.set_dropout(*rate);
                }
                _ => {}
            }
        }
    }

    /// Applies and publishes the pending commands, in order.
    pub(super) fn apply_pending(&mut self) {
        for PendingCommand { request, origin } in std::mem::take(&mut self.control.pending) {
            let applied = self.apply(request);
            match (origin, applied) {
                // A client that is gone needs no answer.
                (Origin::Client(answer), applied) => drop(answer.send(applied)),
                (_, Ok(_)) => {}
                (Origin::Script, Err(why)) => self.publisher.log(Level::Warning, why),
                // It answers a key: the run itself has nothing to warn of.
                (Origin::Screen, Err(why)) => {
                    self.publisher.show(Event::Log(LogLine { level: Level::Info, text: why }));
                }
            }
        }
    }

    /// Applies and publishes a command; returns what it has done, in words, where there is more to say than the command itself.
    ///
    /// # Errors
    /// Why that is not possible.
    pub(super) fn apply(&mut self, request: CommandRequest) -> Result<Option<String>, String> {
        if request.command == Command::Undo {
            return self.undo(request.by).map(Some);
        }
        let rate = self.state.learning_rate.at(self.state.step, self.state.epoch);
        let before = request.command.changes_training().then(|| self.before_change());
        let is_save = request.command == Command::Save;
        // What a command asks for is no training.
        let begin = Instant::now();
        let text = self.set(&request.command);
        self.cost.idle(begin.elapsed());
        let TrainingState { step, epoch, batch, .. } = self.state;
        let from = match request.command {
            Command::SetBatchSize { .. } if batch > 0 => format!("from epoch {} on", epoch + 1),
            _ => format!("from step {} on", step + 1),
        };
        let applied =
            AppliedCommand { step, epoch, request, learning_rate: self.state.learning_rate.at(step, epoch) };
        let text = text?.map(|text| format!("{text} {from}"));
        before.into_iter().for_each(|before| self.save_before_change(before));
        text.iter().for_each(|text| self.publisher.log(Level::Info, text.as_str()));
        let done = match &applied.request.command {
            Command::ScaleLearningRate { .. } | Command::SetLearningRate { .. } => {
                let [old, new] = [rate, applied.learning_rate].map(number::setting);
                Some(format!("learning rate {old} → {new} {from}"))
            }
            Command::AddProbe { .. } | Command::VaryProbe { .. } => {
                Some(format!("example {} is added", self.session.watch.probes().len()))
            }
            Command::WatchUnit { unit: Some(LayerUnit { unit, layer, .. }) } => {
                Some(format!("unit {unit} of layer {layer} is watched"))
            }
            Command::WatchUnit { unit: None } => Some("no unit is watched any more".into()),
            Command::ShowNeighbours { word: Some(word) } => Some(self.about_neighbours(word)),
            Command::ShowNeighbours { word: None } => {
                Some("neighbours of the most frequent words are shown".into())
            }
            Command::FullSpeed => Some("full speed".into()),
            _ => text,
        };
        self.publisher.publish(Event::Command(applied.clone()));
        if matches!(applied.request.command, Command::AddProbe { .. } | Command::VaryProbe { .. }) {
            // Its prediction is shown at once, also while training is paused; the recording has those of monitored steps.
            self.show_probes();
        }
        let is_sample =
            matches!(applied.request.command, Command::SetSample { .. } | Command::ExtendSample { .. });
        if is_sample && self.control.is_paused() {
            // The next step, which has its sample, may be far.
            self.show_sample();
        }
        if applied.request.command.is_setting() {
            let changes_training = applied.request.command.changes_training();
            self.state.changes.push(applied);
            if changes_training {
                self.note_changes();
            }
        }
        match is_save && !self.save(false) {
            true => Err("no checkpoint is written; the log says why".into()),
            false => Ok(done),
        }
    }

    /// Changes what a command is about; returns what has changed, in words.
    ///
    /// # Errors
    /// Why it cannot be changed.
    fn set(&mut self, command: &Command) -> Result<Option<String>, String> {
        let TrainingState { step, epoch, learning_rate, early_stopping, .. } = &mut self.state;
        let Session { stepper, .. } = &mut self.session;
        let scaled = match command {
            Command::ScaleLearningRate { factor } => Some(*factor),
            Command::SetLearningRate { value } => Some(*value / learning_rate.at(*step, *epoch)),
            _ => None,
        };
        if let Some(factor) = scaled {
            if !learning_rate.scale(factor) {
                return Err(format!("the learning rate is not multiplied by {factor}: out of range"));
            }
            let rate = learning_rate.at(*step, *epoch);
            return Ok(Some(format!("learning rate {}", number::setting(rate))));
        }
        match command {
            Command::SetClipnorm { global_clipnorm } => {
                stepper.set_clip(global_clipnorm.map(Clip::GlobalNorm));
                Ok(Some(match global_clipnorm {
                    Some(norm) => format!("gradients are clipped to a norm of {}", number::setting(*norm)),
                    None => "gradients are not clipped".into(),
                }))
            }
            Command::SetDropout { rate } => match stepper.set_dropout(*rate) {
                0 => Err("no layer is a Dropout or SpatialDropout1D: the rate is not changed".into()),
                layers => Ok(Some(format!("dropout {rate} in {}", number::counted(layers, "layer")))),
            },
            Command::SetPatience { patience } => match early_stopping.set_patience(*patience) {
                true => Ok(Some(format!("patience of {}", number::counted(*patience, "epoch")))),
                false => Err("the preset has no train.early_stopping: patience is not changed".into()),
            },
            Command::SetBatchSize { batch_size } => {
                self.session.check_batch_size(*batch_size)?;
                Ok(Some(format!("batches of {}", number::counted(*batch_size, "sequence"))))
            }
            Command::AddProbe { text } => match self.session.add_probe(text) {
                // The screen shows it.
                Ok(probe) => {
                    self.publisher.publish(Event::ProbeAdded(probe));
                    Ok(None)
                }
                Err(why) => Err(format!("no text is added: {why}")),
            },
            Command::VaryProbe { probe, change } => match self.session.vary_probe(*probe, change) {
                Ok(probe) => {
                    self.publisher.publish(Event::ProbeAdded(probe));
                    Ok(None)
                }
                Err(why) => Err(format!("the example is not changed: {why}")),
            },
            Command::SetSample { prime, temperature } => {
                match self.session.watch.set_sample(prime.as_deref(), *temperature) {
                    true => {
                        let prime = prime.as_ref().map(|prime| format!("after {prime:?}"));
                        let temperature =
                            temperature.map(|temperature| format!("at temperature {temperature}"));
                        let words: Vec<String> = prime.into_iter().chain(temperature).collect();
                        Ok(Some(format!("samples {}", words.join(" "))))
                    }
                    false => Err("the preset has no watch.sample: nothing is sampled".into()),
                }
            }
            Command::ExtendSample { token } => {
                let prime = self.session.watch.extended(token)?;
                self.session.watch.set_sample(Some(&prime), None);
                Ok(Some(format!("samples after {prime:?}")))
            }
            Command::WatchUnit { unit } => {
                if let Some(unit) = unit {
                    let response = unit_response(&mut self.session, unit, *step)
                        .map_err(|why| format!("no unit is watched: {why}"))?;
                    self.publisher.publish(Event::UnitResponse(Box::new(response)));
                }
                self.session.watch.unit.clone_from(unit);
                Ok(None)
            }
            Command::ShowNeighbours { word } => {
                let near = neighbours(&self.session, word.as_deref(), *step)
                    .map_err(|why| format!("no neighbours are shown: {why}"))?;
                self.publisher.publish(Event::Neighbours(Box::new(near)));
                self.session.watch.neighbours_of = Some(word.clone());
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// Says whether there are neighbours of a word.
    fn about_neighbours(&self, word: &str) -> String {
        match neighbours(&self.session, Some(word), self.state.step) {
            Ok(near) if near.words.is_empty() => {
                let similar = near.spellings.join(", ");
                let similar = if similar.is_empty() { similar } else { format!("; similar: {similar}") };
                format!("{word:?} is not in the vocabulary, so that it has no neighbours{similar}")
            }
            Ok(_) => format!("neighbours of {word:?} are shown"),
            Err(why) => format!("no neighbours are shown: {why}"),
        }
    }

    /// The text of `spec.yaml`: the spec, after comments with the commands and the settings that changed the training.
    ///
    /// # Errors
    /// When a path is not Unicode, which YAML cannot represent.
    pub(super) fn spec_yaml(&self) -> Result<String, String> {
        let TrainingState { changes, settings, .. } = &self.state;
        let commands = changes.iter().filter(|change| change.request.command.changes_training());
        let commands = commands.map(|AppliedCommand { step, request, learning_rate, .. }| {
            let command = serde_json::to_string(request).unwrap_or_default();
            (*step, format!("#   after step {step}: {command}; learning rate {learning_rate}\n"))
        });
        let settings = settings.iter().map(|ChangedSetting { step, setting, old, new, .. }| {
            let value = |value: &Option<Value>| value.as_ref().map_or("absent".into(), Value::to_string);
            let (old, new) = (value(old), value(new));
            (
                *step,
                format!(
                    "#   after step {step}: {setting} {old} → {new}; until then spec-until-{step}.yaml\n"
                ),
            )
        });
        let mut lines: Vec<(u64, String)> = settings.chain(commands).collect();
        // Stable: changes of one step stay in their order.
        lines.small_sort_by_key(|(step, _)| *step);
        let spec = self.session.spec.to_yaml()?;
        if lines.is_empty() {
            return Ok(spec);
        }
        let first = "# This file alone does not reproduce the run: the training was changed on its way.\n";
        let lines: String = lines.into_iter().map(|(_, line)| line).collect();
        Ok(format!("{first}{lines}{spec}"))
    }

    /// Writes `spec.yaml` again, with the commands that changed training as comments.
    pub(super) fn note_changes(&mut self) {
        let Ok(yaml) = self.spec_yaml() else { return };
        let written = self.folder.write_spec(&yaml);
        // Checkpoints list its checksum.
        if let Err(error) = written.and_then(|()| checkpoint::update_run_files(&self.folder)) {
            self.publisher.log(Level::Error, chain(&error));
        }
    }

    /// Says at the end of training that commands have changed it.
    pub(in crate::train) fn log_changes(&mut self) {
        let changes = self.state.changes.iter();
        let changes = changes.filter(|change| change.request.command.changes_training()).count();
        if changes > 0 {
            let text = format!(
                "commands changed the training {}: spec.yaml alone does not reproduce this run; its first lines and the lines of kind \
                 command in metrics.jsonl have the changes",
                number::counted(changes, "time"),
            );
            self.publisher.log(Level::Warning, text);
        }
    }
}
