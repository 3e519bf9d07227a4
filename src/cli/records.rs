//! The record of a training in the files of other programs: while it trains, and of a run that is recorded.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, UNIX_EPOCH};

use super::error::{CliError, CliResult};
use super::print_error;
use super::runs::{print_json, run_json};
use crate::durable;
use crate::interop::csv_log;
use crate::interop::tensorboard::{self, Exporter, Hyperparameter, Written};
use crate::preset;
use crate::protocol::{EpochMetrics, Event};
use crate::run::{Reader, Tail};
use crate::runs;
use crate::train::RunFolder;

/// How often a record is written on while a run trains.
const EVERY: Duration = Duration::from_secs(1);

/// Where the record of a training goes besides its run folder.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct RecordArgs {
    /// Write event files for TensorBoard while training: scalars, histograms, hidden states as pictures, samples, settings
    #[arg(long, value_name = "DIR")]
    tensorboard: Option<PathBuf>,
    /// Write the metrics of each epoch to a CSV file while training, as Keras's CSVLogger does
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Print the run as a line of JSON at the end, for programs that search for settings: as `unrolled runs --json`
    #[arg(long)]
    json_result: bool,
}

impl RecordArgs {
    /// An option that was given, if one was.
    pub fn option(&self) -> Option<&'static str> {
        let tensorboard = self.tensorboard.as_ref().map(|_| "--tensorboard");
        let csv = self.csv.as_ref().map(|_| "--csv");
        tensorboard.or(csv).or(self.json_result.then_some("--json-result"))
    }

    /// Keeps the CSV file of an earlier training, which a new one would replace, under another name: `log.csv.1`; returns a warning if
    /// there was one.
    ///
    /// # Errors
    /// When it cannot be renamed.
    fn keep_earlier(&self) -> CliResult<Option<String>> {
        let Some(path) = &self.csv else { return Ok(None) };
        let has_lines = path.symlink_metadata().is_ok_and(|file| file.is_file() && file.len() > 0);
        if !has_lines {
            return Ok(None);
        }
        let numbered = |number: u32| {
            let mut name = path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        let Some(other) = (1..).map(numbered).find(|other| other.symlink_metadata().is_err()) else {
            return Ok(None);
        };
        std::fs::rename(path, &other).map_err(|error| {
            let (from, to) = (path.display(), other.display());
            CliError::failed(format!("cannot keep {from}, of an earlier training, as {to}: {error}"))
        })?;
        let (path, other) = (path.display(), other.display());
        Ok(Some(format!("warning: {path} was there already: the earlier file is now {other}")))
    }

    /// Prints the result of the run in the folder `run`, which has ended before, if it is requested.
    pub fn print_result(&self, run: &Path) {
        if self.json_result {
            print_run(run);
        }
    }

    /// Starts to write what is recorded in `folder`, as far as it is requested. A run that goes on has been `resumed` so often before.
    pub fn start(&self, folder: RunFolder, resumed: Option<usize>) -> LiveRecords {
        let result = self.json_result.then(|| RunFolder::clone(&folder));
        if self.tensorboard.is_none() && self.csv.is_none() {
            return LiveRecords { writer: None, result };
        }
        let (args, (stop, stopped)) = (self.clone(), mpsc::channel());
        let thread = thread::Builder::new().name("records".into());
        let thread = thread.spawn(move || args.follow(&folder, resumed, &stopped));
        match thread {
            Ok(thread) => LiveRecords { writer: Some((stop, thread)), result },
            Err(error) => {
                print_error(&format_args!("no record is written for other programs: {error}"));
                LiveRecords { writer: None, result }
            }
        }
    }

    /// Writes until it is stopped; everything that is recorded by then. Returns a warning for the user, whose screen it would disturb before.
    fn follow(
        &self,
        folder: &RunFolder,
        resumed: Option<usize>,
        stop: &Receiver<()>,
    ) -> CliResult<Option<String>> {
        let (mut files, mut warning): (Option<(Files, Tail)>, _) = (None, None);
        loop {
            let is_last = !matches!(stop.recv_timeout(EVERY), Err(RecvTimeoutError::Timeout));
            let Some(run) = folder.get() else {
                if is_last {
                    return Ok(warning);
                }
                continue;
            };
            // At the end at the latest, whatever became of the recording.
            if files.is_none() && (is_last || is_recorded(run, resumed)) {
                if resumed.is_none() {
                    warning = self.keep_earlier()?;
                }
                files = Some((self.open(run, resumed.is_some())?, Tail::new(run, 0, 0)));
            }
            if let Some((files, tail)) = &mut files {
                let mut events = Vec::new();
                tail.read(&mut |event| events.push(event))?;
                events.iter().try_for_each(|event| files.event(event))?;
                files.flush()?;
            }
            if is_last {
                return Ok(warning);
            }
        }
    }

    fn open(&self, run: &Path, is_resumed: bool) -> CliResult<Files> {
        let before = match (&self.tensorboard, is_resumed) {
            (Some(folder), true) => tensorboard::written(folder).map_err(CliError::failed)?,
            _ => None,
        };
        let resumed_at = resumed_steps(run)?.last().copied();
        // What the files have beyond the checkpoint is written again.
        let before = before
            .map(|before| Written { step: before.step.min(resumed_at.unwrap_or(before.step)), ..before });
        let exporter = self.tensorboard.as_ref().map(|folder| exporter(run, folder, before)).transpose()?;
        Ok(Files { exporter, csv: self.csv.clone(), epochs: Vec::new() })
    }
}

/// The thread that writes; it ends with a warning for the user, if there is one.
type Writer = JoinHandle<CliResult<Option<String>>>;

/// Writes in the background, until the training has ended.
pub(super) struct LiveRecords {
    writer: Option<(Sender<()>, Writer)>,
    /// The run that is printed at the end.
    result: Option<RunFolder>,
}

impl LiveRecords {
    /// Writes what is left. What fails is a warning: the training has ended as it has.
    pub fn finish(self) {
        if let Some(run) = self.result.as_ref().and_then(|folder| folder.get()) {
            print_run(run);
        }
        let Some((stop, thread)) = self.writer else { return };
        drop(stop);
        match thread.join() {
            Ok(Ok(warning)) => warning.iter().for_each(|warning| print_error(warning)),
            Ok(Err(error)) => {
                print_error(&format_args!("warning: the record for other programs is incomplete: {error}"))
            }
            Err(_) => print_error(&"warning: the record for other programs is incomplete"),
        }
    }
}

/// Prints the run in the folder `run` as a line of JSON.
fn print_run(run: &Path) {
    let name = run.file_name().unwrap_or(run.as_os_str()).to_string_lossy().into_owned();
    // Stdout may be closed; the run folder has all of it.
    let _ = print_json([run_json(&runs::open(run, &name))].into_iter());
}

/// The files that are written.
struct Files {
    exporter: Option<Exporter>,
    csv: Option<PathBuf>,
    epochs: Vec<EpochMetrics>,
}

impl Files {
    fn event(&mut self, event: &Event) -> CliResult<()> {
        if let Event::Epoch(epoch) = event {
            self.epochs.push((**epoch).clone());
        }
        if let Event::Undone(undone) = event {
            self.epochs.retain(|epoch| epoch.step <= undone.step);
        }
        match &mut self.exporter {
            Some(exporter) => exporter.event(event).map_err(CliError::failed),
            None => Ok(()),
        }
    }

    fn flush(&mut self) -> CliResult<()> {
        if let Some(path) = &self.csv {
            durable::write(path, csv_log(&self.epochs).as_bytes())?;
        }
        match &mut self.exporter {
            Some(exporter) => exporter.flush().map_err(CliError::failed),
            None => Ok(()),
        }
    }
}

/// Whether the recording has begun: of a run that goes on, again.
fn is_recorded(run: &Path, resumed: Option<usize>) -> bool {
    match resumed {
        None => run.join("frames.bin").exists(),
        Some(before) => resumed_steps(run).is_ok_and(|steps| steps.len() > before),
    }
}

/// The steps at which a run was resumed.
pub(super) fn resumed_steps(run: &Path) -> CliResult<Vec<u64>> {
    let reader = Reader::open(run)?;
    let mut steps = Vec::new();
    for event in reader.events()? {
        if let Event::Resumed(resumed) = event? {
            steps.push(resumed.step);
        }
    }
    Ok(steps)
}

/// Event files in `folder` for the run in the folder `run`, with its settings.
fn exporter(run: &Path, folder: &Path, before: Option<Written>) -> CliResult<Exporter> {
    let path = run.join("spec.yaml");
    let started = path.metadata().and_then(|spec| spec.modified()).ok();
    let started = started.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let mut exporter = Exporter::create(folder, started.as_secs_f64(), before).map_err(CliError::failed)?;
    if before.is_none() {
        let text = std::fs::read_to_string(&path)
            .map_err(|error| CliError::failed(format!("cannot read {}: {error}", path.display())))?;
        let settings = preset::settings(&path.to_string_lossy(), &text)?;
        let settings: Vec<Hyperparameter> =
            settings.into_iter().map(|(name, value)| Hyperparameter { name, value }).collect();
        let group = run.file_name().unwrap_or(run.as_os_str()).to_string_lossy();
        exporter.hyperparameters(&group, &settings).map_err(CliError::failed)?;
    }
    Ok(exporter)
}

/// Writes the record of the run in the folder `run` as event files in `folder`.
///
/// # Errors
/// If there are event files in it already: a second set would be drawn on top of the first.
pub(super) fn export_tensorboard(run: &Path, folder: &Path) -> CliResult<()> {
    if tensorboard::written(folder).map_err(CliError::failed)?.is_some() {
        let what = format!("{} has event files; choose another folder", folder.display());
        return Err(CliError::usage(what));
    }
    let mut exporter = exporter(run, folder, None)?;
    let written = write_all(run, &mut exporter);
    if written.is_err() {
        exporter.discard();
    }
    written
}

fn write_all(run: &Path, exporter: &mut Exporter) -> CliResult<()> {
    for event in Reader::open(run)?.events()? {
        exporter.event(&event?).map_err(CliError::failed)?;
    }
    exporter.flush().map_err(CliError::failed)
}

/// The epochs of the run in the folder `run` as Keras's CSVLogger writes them.
///
/// # Errors
/// If the recording cannot be read.
pub(super) fn csv_of(run: &Path) -> CliResult<String> {
    let mut files = Files { exporter: None, csv: None, epochs: Vec::new() };
    for event in Reader::open(run)?.events()? {
        files.event(&event?)?;
    }
    Ok(csv_log(&files.epochs))
}
