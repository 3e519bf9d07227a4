//! A run that had ended before the race went on.

use std::path::Path;

use crate::experiment::ExperimentError;
use crate::preset::RunSpec;
use crate::protocol::{Event, RunStatus};
use crate::run::{Reader, checkpoint};
use crate::train::Progress;

/// Passes on the events of the run of `spec` in the folder `run`, which has ended, with its last status alone; returns the tokens and the
/// seconds of its steps. Where no checkpoint has these, as in earlier versions, they are those of its training.
///
/// # Errors
/// If its recording cannot be read.
pub(super) fn replay(
    run: &Path,
    spec: &RunSpec,
    publish: &mut dyn FnMut(Event),
) -> Result<(u64, f64), ExperimentError> {
    let reader = Reader::open(run)?;
    let (mut status, mut steps, mut seconds) = (RunStatus::Finished, 0, 0.0);
    let (mut steps_per_epoch, mut batch, mut train, mut length) = (1, 0, 0, 1);
    for event in reader.events()? {
        match event? {
            Event::Status(of) => status = of,
            event => {
                match &event {
                    Event::Prepared(info) => {
                        (steps_per_epoch, batch) = (info.steps_per_epoch.max(1), info.batch_size);
                        (train, length) = (info.data.train, info.data.length.max(1));
                    }
                    Event::Step(step) => (steps, seconds) = (step.step, step.seconds),
                    _ => {}
                }
                publish(event);
            }
        }
    }
    publish(Event::Status(status));
    let (epochs, more) = (steps / steps_per_epoch as u64, steps % steps_per_epoch as u64);
    let sequences = epochs * train as u64 + more * batch as u64;
    let seconds = step_seconds(run, spec, steps).unwrap_or(seconds);
    Ok((sequences * length as u64, if f64::is_finite(seconds) { seconds } else { 0.0 }))
}

/// The seconds of the `steps` steps of a run: those of its last checkpoint, and as much for each step after it, which one that has diverged
/// has.
fn step_seconds(run: &Path, spec: &RunSpec, steps: u64) -> Option<f64> {
    let progress =
        checkpoint::by_step(run).into_iter().find_map(|(_, path)| Progress::at(&path, spec).ok())?;
    let saved = progress.step_time?.as_secs_f64();
    (progress.step > 0).then(|| saved * steps.max(progress.step) as f64 / progress.step as f64)
}
