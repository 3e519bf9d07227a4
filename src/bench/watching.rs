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
use crate::train::{DivergedError, StepResult, Stepper, Watch};

/// Rounds at least: of fewer than six values no two hold the median with 95 % confidence.
const LEAST: usize = 6;

/// What watching a workload costs, as shares of the time of its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// Seconds of a step that nobody watches.
    pub seconds: Quantiles,
    /// What the instruments add, read as often as presets do by default; without [`Watched::radii`].
    pub instruments: Quantiles,
    /// What the spectral radii of large layers add, which are measured far more seldom.
    pub radii: f64,
    /// What a screen adds to the instruments: events, their folding, thirty frames a second.
    pub screen: Quantiles,
    /// The share of the time in which the screen's thread folded or drew.
    pub drawing: f64,
    /// Frames a second that a terminal would have been sent while a screen watched, and their bytes.
    pub frames_per_s: f64,
    /// See `frames_per_s`.
    pub bytes_per_s: f64,
}

/// Trains `workload` unwatched, with instruments, and with instruments and a screen: a few steps of each in turn, so that whatever
/// else the machine does hits all alike.
///
/// What the instruments take is seen on two steps of which the first is watched, against two that are not; it is paid once in so many
/// steps. What a screen takes is seen on blocks of unwatched steps as long as a frame lasts, with a screen and without: what is so short
/// and so near in time finds the machine alike, and there are many of them. What instruments say is told with them as often as in a run.
///
/// # Errors
/// When there are no threads, or a loss is not finite.
pub fn watch(workload: &Workload, effort: Effort) -> Result<Watched, MeasureError> {
    let mut course = Course::new(workload, effort.threads)?;
    let least = course.warm_up()?;
    let steps = (FRAME.min(effort.time).as_secs_f64() / least).round().max(1.0);
    let frames = (steps * least / FRAME.as_secs_f64()).round().max(1.0) as usize;
    let (mut plain, mut instruments, mut shown, mut watched) = (Vec::new(), Vec::new(), Vec::new(), 0.0);
    let (screen, (told, events), (show, asked)) = (Offscreen::new()?, unbounded(), unbounded());
    let screen = thread::scope(|scope| {
        let follower = thread::Builder::new()
            .name("screen".into())
            .spawn_scoped(scope, move || screen.follow(&events, &asked))
            .map_err(MeasureError::from)?;
        course.introduce(&told);
        let (read, mut due) = (course.read()?, 0.0);
        let begin = Instant::now();
        while shown.len() < LEAST || begin.elapsed() < effort.time * 3 {
            let mut two = |watched: bool| course.learn(watched, 2, &mut |_| {});
            // Each is the first as often as the other.
            let (alone, read_too) = in_turn(plain.len().is_multiple_of(2), &mut two)?;
            plain.push(alone);
            instruments.push(2.0 * (read_too - alone) / alone / course.every as f64);
            let mut block = |seen: bool| {
                if seen {
                    due += steps / course.every as f64;
                    let events = read.iter().cycle().take(read.len() * due as usize);
                    events.for_each(|event| drop(told.send(event.clone())));
                    due = due.fract();
                    let _ = show.send(frames);
                }
                // A screen never makes the trainer wait.
                course.learn(false, steps as u64, &mut |event| {
                    if seen {
                        drop(told.send(event));
                    }
                })
            };
            let (unseen, seen) = in_turn(shown.len().is_multiple_of(2), &mut block)?;
            shown.push((seen - unseen) / unseen);
            watched += seen * steps;
        }
        drop((told, show));
        follower.join().map_err(|_| std::io::Error::other("the thread that draws was lost").into())
    });
    let (screen, seconds) = (screen.map_err(|e: MeasureError| e)?, Quantiles::new(plain));
    Ok(Watched {
        radii: course.radii()? / seconds.median(),
        seconds,
        instruments: Quantiles::new(instruments),
        screen: Quantiles::new(shown),
        drawing: screen.busy.as_secs_f64() / watched,
        frames_per_s: screen.frames as f64 / watched,
        bytes_per_s: screen.bytes as f64 / watched,
    })
}

/// What `measure` gives for `false` and for `true`, the one or the other first.
fn in_turn<E>(plain_first: bool, measure: &mut dyn FnMut(bool) -> Result<f64, E>) -> Result<(f64, f64), E> {
    let first = measure(!plain_first)?;
    let second = measure(plain_first)?;
    Ok(if plain_first { (first, second) } else { (second, first) })
}

/// A network that is trained in blocks.
struct Course {
    stepper: Stepper,
    batches: Vec<Batch>,
    watch: Watch,
    every: u64,
    info: RunInfo,
    /// Updates made.
    step: u64,
}

impl Course {
    fn new(workload: &Workload, threads: usize) -> Result<Self, MeasureError> {
        let (stepper, train, spec) = (stepper(workload, threads)?, workload.data(), WatchSpec::default());
        let batches = workload.batches(&train);
        let data = Data::of(train, DataFacts::default());
        let watch = Watch::new(&spec, None, &data, &stepper);
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
            task: Task::Classes,
            loss: stepper.model().loss().name().into(),
            optimizer: "Adam".into(),
            seed: 0,
            threads,
        };
        Ok(Self { stepper, batches, watch, every: spec.every as u64, info, step: 0 })
    }

    /// Trains until memory is laid out, a watched step included; the seconds of the fastest step.
    fn warm_up(&mut self) -> Result<f64, DivergedError> {
        self.learn(true, 1, &mut |_| {})?;
        let mut least = f64::INFINITY;
        for _ in 0..WARM_UP {
            least = least.min(self.learn(false, 1, &mut |_| {})?);
        }
        Ok(least)
    }

    /// Tells a screen what is to be seen.
    fn introduce(&self, told: &Sender<Event>) {
        let events = [Event::Prepared(Box::new(self.info.clone())), Event::Status(RunStatus::Training)];
        events.into_iter().for_each(|event| drop(told.send(event)));
    }

    /// What the instruments say of a step.
    fn read(&mut self) -> Result<Vec<Event>, DivergedError> {
        let mut events = Vec::new();
        self.learn(true, 1, &mut |event| events.push(event))?;
        events.retain(|event| !matches!(event, Event::Step(_)));
        Ok(events)
    }

    /// Makes so many steps, telling all of them and reading the instruments as often as a run does if somebody is `watching`; the mean
    /// seconds of one.
    fn learn(
        &mut self,
        watching: bool,
        steps: u64,
        tell: &mut dyn FnMut(Event),
    ) -> Result<f64, DivergedError> {
        let begin = Instant::now();
        for i in 0..steps {
            let due = watching && self.watch.is_due(i, None);
            let batch = &self.batches[self.step as usize % self.batches.len()];
            let taken = self.stepper.step(batch, due)?;
            self.step += 1;
            tell(Event::Step(self.metrics(&taken, begin.elapsed())));
            if due {
                self.watch.profile(&mut self.stepper, self.step, false, tell);
                self.watch.probe(&self.stepper, self.step, tell);
            }
        }
        Ok(begin.elapsed().as_secs_f64() / steps as f64)
    }

    fn metrics(&self, taken: &StepResult, gone: Duration) -> StepMetrics {
        StepMetrics {
            step: self.step,
            epoch: 1,
            loss: taken.score.mean_loss(),
            accuracy: Some(taken.score.accuracy()),
            learning_rate: self.stepper.optimizer().learning_rate,
            grad_norm: taken.grad_norm,
            sequences_per_s: taken.score.count / gone.as_secs_f64(),
            seconds: gone.as_secs_f64(),
        }
    }

    /// What the spectral radii of large layers take, as seconds of each step.
    fn radii(&mut self) -> Result<f64, DivergedError> {
        self.learn(true, 1, &mut |_| {})?;
        let mut read = |all: bool| {
            let begin = Instant::now();
            self.watch.profile(&mut self.stepper, self.step, all, &mut |_| {});
            begin.elapsed().as_secs_f64()
        };
        let longer = Quantiles::new((0..LEAST).map(|_| read(true) - read(false)).collect());
        let apart = (1..).take_while(|step| !self.watch.measures_all_radii(*step, None)).count() + 1;
        Ok(longer.median().max(0.0) / apart as f64)
    }
}
