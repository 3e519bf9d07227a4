use std::time::{Duration, Instant};

use super::{Peak, Quantiles, Resident, Workload, memory};
use crate::data::Batch;
use crate::kernel::{AllocationCount, allocation_count};
use crate::optim::{Adam, OptimizerSpec};
use crate::train::{DivergedError, Stepper};

/// Steps that are not counted: memory is laid out, caches and branches learn.
pub(super) const WARM_UP: usize = 5;
/// Steps that are counted at least, however long they take.
const LEAST: usize = 5;

/// How to measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// How long each workload is trained, after warming up.
    pub time: Duration,
    /// Threads that share a step.
    pub threads: usize,
}

/// What training a workload took.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Seconds of a step.
    pub seconds: Quantiles,
    /// Floating-point operations of a step: see [`training_flops`](super::training_flops).
    pub flops: f64,
    /// Those that the threads could make in a second, measured the best of all tries before, between and after workloads.
    pub peak_flops: f64,
    /// What the later half of the steps allocated, a step: buffers have grown to the largest batch by then. `None` where nobody counts.
    pub allocated: Option<AllocatedPerStep>,
    /// Numbers that are learnt.
    pub params: usize,
    /// Bytes for what the sequences become on their way through the network and back.
    pub activation_bytes: usize,
    /// What the process held in the end, and at most since it took up the workload.
    pub resident: Option<Resident>,
}

/// What a step asks the allocator for, on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AllocatedPerStep {
    /// Times that memory was asked for.
    pub calls: f64,
    /// Bytes asked for.
    pub bytes: f64,
}

impl AllocatedPerStep {
    /// Of the later half of `steps`; `None` where there are none.
    fn of(steps: &[AllocationCount]) -> Option<Self> {
        let later = &steps[steps.len() / 2..];
        let mean = |count: fn(&AllocationCount) -> u64| {
            later.iter().map(count).sum::<u64>() as f64 / later.len() as f64
        };
        let mean = Self { calls: mean(|step| step.calls), bytes: mean(|step| step.bytes) };
        (!later.is_empty()).then_some(mean)
    }
}

/// Why a workload cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The system gave no threads.
    #[error("cannot start the threads")]
    Threads(#[from] std::io::Error),
    /// The network is impossible.
    #[error(transparent)]
    Model(#[from] crate::nn::BuildError),
    /// It cannot be trained on.
    #[error(transparent)]
    Diverged(#[from] DivergedError),
}

/// Trains `workload` for some time, step by step as a run does; `peak` is measured before and after.
///
/// # Errors
/// When there are no threads, or a loss is not finite.
pub fn measure(workload: &Workload, effort: Effort, peak: &mut Peak) -> Result<Measured, MeasureError> {
    memory::begin();
    peak.measure();
    let mut stepper = stepper(workload, effort.threads)?;
    let batches = workload.batches(&workload.data());
    let mut batches = batches.iter().cycle();
    for batch in batches.by_ref().take(WARM_UP) {
        stepper.step(batch, false)?;
    }
    let (mut seconds, mut asked) = (Vec::new(), Vec::new());
    let begin = Instant::now();
    for batch in batches {
        if seconds.len() >= LEAST && begin.elapsed() >= effort.time {
            break;
        }
        let before = allocation_count();
        let took = timed(&mut stepper, batch)?;
        asked.extend(allocation_count().zip(before).map(|(after, before)| after - before));
        seconds.push(took);
    }
    let table = stepper.model().table();
    Ok(Measured {
        flops: super::training_flops(table, stepper.params(), workload.sequences()),
        params: table.params(),
        activation_bytes: stepper.activation_bytes(),
        seconds: Quantiles::new(seconds),
        peak_flops: peak.measure(),
        allocated: AllocatedPerStep::of(&asked),
        resident: memory::resident(),
    })
}

/// The workload's network, ready to learn with Keras's Adam.
pub(super) fn stepper(workload: &Workload, threads: usize) -> Result<Stepper, MeasureError> {
    let adam = OptimizerSpec::Adam(Adam::default());
    Ok(Stepper::new(workload.model()?, &adam, None, 0, threads)?)
}

/// The seconds that one step takes.
fn timed(stepper: &mut Stepper, batch: &Batch) -> Result<f64, DivergedError> {
    let begin = Instant::now();
    stepper.step(batch, false)?;
    Ok(begin.elapsed().as_secs_f64())
}
