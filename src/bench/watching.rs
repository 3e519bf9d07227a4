use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, unbounded};

use super::measure::{WARM_UP, stepper};
use super::offscreen::{FRAME, Offscreen};
use super::{Effort, MeasureError, Quantiles, Workload};
use crate::data::{Batch, Data};
use crate::metrics::Task;
use crate::preset::WatchSpec;
use crate::protocol::{DataFacts, Event, RunInfo, RunStatus, StepMetrics};
use crate::step::{DivergedError, StepResult, Stepper};
use crate::train::{Detail, Watch};

/// What is read at every monitored step.
const USUAL: Detail = Detail::Reading(1);
/// The minimum number of rounds: fewer than six values have no 95 % interval of the median.
const LEAST: usize = 6;

/// The overhead of monitoring a workload, as shares of the time of its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// Seconds of an unmonitored step.
    pub seconds: Quantiles,
    /// The overhead of the instruments at their default rate, without [`Watched::infrequent`].
    pub instruments: Quantiles,
    /// The overhead of those that are not read at every monitored step.
    pub infrequent: f64,
    /// The additional overhead of a screen: events, their folding, thirty frames a second.
    pub screen: Quantiles,
    /// The share of the time in which the screen's thread is busy.
    pub drawing: f64,
    /// Frames a second sent to the screen.
    pub frames_per_s: f64,
    /// Bytes a second sent to the screen.
    pub bytes_per_s: f64,
}

/// Trains `workload` unmonitored, with instruments, and with instruments and a screen: a few steps of each in turn, so that other load
/// of the machine affects all equally.
///
/// The overhead of the instruments is measured on two steps of which the first is monitored, against two unmonitored ones, and divided by
/// the interval of monitored steps. That of a screen is measured on blocks of unmonitored steps of the duration of a frame, with and
/// without a screen: many short blocks close in time see the same load. Readings of instruments are sent as often as in a run.
///
/// # Errors
/// When threads cannot be started, or a loss is not finite.
pub fn watch(workload: &Workload, effort: Effort) -> Result<Watched, MeasureError> {
    let mut training = BlockTraining::new(workload, effort.threads)?;
    let least = training.warm_up()?;
    let steps = (FRAME.min(effort.time).as_secs_f64() / least).round().max(1.0);
    let frames = (steps * least / FRAME.as_secs_f64()).round().max(1.0) as usize;
    let (mut plain, mut instruments, mut shown, mut watched) = (Vec::new(), Vec::new(), Vec::new(), 0.0);
    let (screen, (sender, events), (show, requests)) = (Offscreen::new()?, unbounded(), unbounded());
    let screen = thread::scope(|scope| {
        let follower = thread::Builder::new()
            .name("screen".into())
            .spawn_scoped(scope, move || screen.follow(&events, &requests))
            .map_err(MeasureError::from)?;
        training.send_info(&sender);
        let (read, mut due) = (training.all_readings()?, 0.0);
        let begin = Instant::now();
        while shown.len() < LEAST || begin.elapsed() < effort.time * 3 {
            let mut two = |watched: bool| training.train(watched.then_some(USUAL), 2, &mut |_| {});
            // Each is first equally often.
            let (alone, read_too) = in_turn(plain.len().is_multiple_of(2), &mut two)?;
            plain.push(alone);
            instruments.push(2.0 * (read_too - alone) / alone / training.every as f64);
            let mut block = |seen: bool| {
                if seen {
                    due += steps / training.every as f64;
                    let events = read.iter().cycle().take(read.len() * due as usize);
                    events.for_each(|event| drop(sender.send(event.clone())));
                    due = due.fract();
                    let _ = show.send(frames);
                }
                // The channel is unbounded, as in a run.
                training.train(None, steps as u64, &mut |event| {
                    if seen {
                        drop(sender.send(event));
                    }
                })
            };
            let (unseen, seen) = in_turn(shown.len().is_multiple_of(2), &mut block)?;
            shown.push((seen - unseen) / unseen);
            watched += seen * steps;
        }
        drop((sender, show));
        follower.join().map_err(|_| std::io::Error::other("the thread that draws was lost").into())
    });
    let (screen, seconds) = (screen.map_err(|e: MeasureError| e)?, Quantiles::new(plain));
    Ok(Watched {
        infrequent: training.infrequent()? / seconds.median(),
        seconds,
        instruments: Quantiles::new(instruments),
        screen: Quantiles::new(shown),
        drawing: screen.busy.as_secs_f64() / watched,
        frames_per_s: screen.frames as f64 / watched,
        bytes_per_s: screen.bytes as f64 / watched,
    })
}

/// The results of `measure` for `false` and for `true`, in either order.
fn in_turn<E>(plain_first: bool, measure: &mut dyn FnMut(bool) -> Result<f64, E>) -> Result<(f64, f64), E> {
    let first = measure(!plain_first)?;
    let second = measure(plain_first)?;
    Ok(if plain_first { (first, second) } else { (second, first) })
}

/// A network that is trained in blocks of steps.
struct BlockTraining {
    stepper: Stepper,
    batches: Vec<Batch>,
    watch: Watch,
    every: u64,
    info: RunInfo,
    /// The number of updates.
    step: u64,
}

impl BlockTraining {
    fn new(workload: &Workload, threads: usize) -> Result<Self, MeasureError> {
        let (stepper, train, spec) = (stepper(workload, threads)?, workload.data(), WatchSpec::default());
        let batches = workload.batches(&train);
        let data = Data::of(train, DataFacts::default());
        let watch = Watch::new(&spec, None, (&data, workload.sequences()), &stepper);
        let info = RunInfo {
            name: workload.name.clone(),
            title: String::new(),
            about: String::new(),
            folder: "".into(),
            model: stepper.model().table().clone(),
            data: data.facts,
            probes: watch.probes().to_vec(),
            epochs: 1,
            steps_per_epoch: 1000,
            batch_size: workload.sequences(),
            watch_every: spec.every,
            pace: None,
            task: Task::Classes,
            loss: stepper.model().loss().name().into(),
            optimizer: "Adam".into(),
            seed: 0,
            threads,
            monitor: None,
        };
        Ok(Self { stepper, batches, watch, every: spec.every as u64, info, step: 0 })
    }

    /// Trains warm-up steps, including a monitored one; returns the seconds of the fastest step.
    fn warm_up(&mut self) -> Result<f64, DivergedError> {
        self.train(Some(Detail::All), 1, &mut |_| {})?;
        let mut least = f64::INFINITY;
        for _ in 0..WARM_UP {
            least = least.min(self.train(None, 1, &mut |_| {})?);
        }
        Ok(least)
    }

    /// Sends the facts of the run to a screen.
    fn send_info(&self, sender: &Sender<Event>) {
        let events = [Event::Prepared(Box::new(self.info.clone())), Event::Status(RunStatus::Training)];
        events.into_iter().for_each(|event| drop(sender.send(event)));
    }

    /// Reads the instruments for the last step.
    fn read(&mut self, detail: Detail, publish: &mut dyn FnMut(Event)) {
        self.watch.profile(&mut self.stepper, self.step, detail, publish);
        self.watch.probe(&mut self.stepper, self.step, detail, publish);
    }

    /// All readings of the instruments for a step.
    fn all_readings(&mut self) -> Result<Vec<Event>, DivergedError> {
        let mut events = Vec::new();
        self.train(Some(Detail::All), 1, &mut |event| events.push(event))?;
        events.retain(|event| !matches!(event, Event::Step(_)));
        Ok(events)
    }

    /// Trains `steps` steps, fewer than between two monitored ones, and publishes their events; the first is `monitored` in this detail.
    /// Returns the mean seconds of a step.
    fn train(
        &mut self,
        monitored: Option<Detail>,
        steps: u64,
        publish: &mut dyn FnMut(Event),
    ) -> Result<f64, DivergedError> {
        let begin = Instant::now();
        for i in 0..steps {
            let detail = monitored.filter(|_| i == 0);
            let batch = &self.batches[self.step as usize % self.batches.len()];
            let result = self.stepper.step(batch, detail.is_some())?;
            self.step += 1;
            publish(Event::Step(self.metrics(&result, begin.elapsed())));
            if let Some(detail) = detail {
                self.read(detail, publish);
            }
        }
        Ok(begin.elapsed().as_secs_f64() / steps as f64)
    }

    fn metrics(&self, result: &StepResult, elapsed: Duration) -> StepMetrics {
        StepMetrics {
            step: self.step,
            epoch: 1,
            loss: result.score.mean_loss(),
            accuracy: Some(result.score.accuracy()),
            learning_rate: self.stepper.optimizer().learning_rate,
            grad_norm: result.grad_norm,
            sequences_per_s: result.score.count / elapsed.as_secs_f64(),
            seconds: elapsed.as_secs_f64(),
        }
    }

    /// The overhead of what is not read at every monitored step in seconds, averaged over all steps.
    fn infrequent(&mut self) -> Result<f64, DivergedError> {
        self.train(Some(USUAL), 1, &mut |_| {})?;
        let intervals = self.watch.intervals();
        let mut seconds = |detail| {
            let begin = Instant::now();
            self.read(detail, &mut |_| {});
            begin.elapsed().as_secs_f64()
        };
        let mut costs: Vec<(u64, f64)> = Vec::new();
        for interval in intervals {
            let longer = |_| seconds(Detail::Reading(interval)) - seconds(USUAL);
            let longer = Quantiles::new((0..LEAST).map(longer).collect()).median();
            // What has an interval that divides this one is read as well.
            let others = costs.iter().filter(|(other, _)| interval.is_multiple_of(*other));
            let others: f64 = others.map(|(_, cost)| cost).sum();
            costs.push((interval, (longer - others).max(0.0)));
        }
        let per_reading: f64 = costs.iter().map(|(interval, cost)| cost / *interval as f64).sum();
        Ok(per_reading / self.every as f64)
    }
}
