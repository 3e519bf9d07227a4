use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crossbeam_channel::unbounded;

use super::print::short;
use crate::cli::signals::{SENDER, Signals};
use crate::escape::foreign;
use crate::experiment::{EndState, Sweep, SweepWatcher, Trial, TrialResult};
use crate::number;
use crate::protocol::{Command, CommandSender};

/// Prints a line for each trial that ends, and passes signals on to all trainings.
pub(super) struct Watcher<'s> {
    sweep: &'s Sweep,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The trainings that have not ended, by the numbers of their trials.
    commands: HashMap<usize, CommandSender>,
    is_stopping: bool,
    /// The run that began last.
    last: Option<PathBuf>,
    ended: usize,
    planned: usize,
}

impl<'s> Watcher<'s> {
    /// Of trainings of `sweep`, of which `planned` are to be made.
    ///
    /// # Errors
    /// If signals cannot be handled.
    pub fn start(sweep: &'s Sweep, planned: usize) -> io::Result<(Self, Signals)> {
        let state = Arc::new(Mutex::new(State { planned, ..State::default() }));
        let (sender, requests) = unbounded();
        let signals = Signals::without_screen(CommandSender::new(SENDER, sender))?;
        let shared = Arc::clone(&state);
        let pass_on = move || requests.iter().for_each(|request| stop(&shared, &request.command));
        thread::Builder::new().name("commands".into()).spawn(pass_on)?;
        Ok((Self { sweep, state }, signals))
    }

    /// The run that began last.
    pub fn last_run(&self) -> Option<PathBuf> {
        lock(&self.state).last.clone()
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends `command`, which ends trainings, to all of them, and to those that are being started.
fn stop(state: &Mutex<State>, command: &Command) {
    let mut state = lock(state);
    state.is_stopping = true;
    for commands in state.commands.values() {
        // One that has just ended ignores it.
        let _ = commands.named(SENDER).send(command.clone());
    }
}

impl SweepWatcher for Watcher<'_> {
    fn begins(&self, trial: &Trial, commands: CommandSender) {
        let mut state = lock(&self.state);
        if state.is_stopping {
            // The signal came while it was being started.
            let _ = commands.named(SENDER).send(Command::SaveAndStop);
        }
        state.last = Some(self.sweep.run_folder(trial));
        state.commands.insert(trial.trial, commands);
    }

    fn ended(&self, trial: &Trial, result: &TrialResult) {
        let mut state = lock(&self.state);
        state.commands.remove(&trial.trial);
        let is_end = result.end.is_some();
        state.ended += usize::from(is_end);
        let count = match is_end {
            true => format!("[{}/{}]", state.ended, state.planned),
            false => String::new(),
        };
        let settings: Vec<String> =
            trial.settings().map(|(key, value)| format!("{}={value}", short(key))).collect();
        let end = match (result.end, result.value) {
            (Some(EndState::Finished), Some(value)) | (None, Some(value)) => {
                format!("{} {}", result.metric, number::named(&result.metric, value))
            }
            (Some(EndState::Finished), None) => "finished".to_owned(),
            (Some(EndState::Stopped), _) => format!("stopped: {}", result.reason),
            (Some(EndState::Diverged), _) => format!("diverged: {}", result.reason),
            (Some(EndState::Failed), _) => format!("failed: {}", result.reason),
            (None, None) => String::new(),
        };
        let after = number::counted(result.epochs as usize, "epoch");
        let compared = if is_end { "" } else { ", compared" };
        let line = format!(
            "{count:>9} {}  {}  {end} after {after}, {}{compared}",
            trial.name(),
            settings.join(" "),
            number::duration(result.seconds)
        );
        // Stdout may be closed; the folder has all results.
        let _ = writeln!(io::stdout().lock(), "{}", foreign(line.trim_end()));
    }

    fn broken(&self) {
        stop(&self.state, &Command::SaveAndStop);
    }

    fn is_stopping(&self) -> bool {
        lock(&self.state).is_stopping
    }
}
