use std::time::{Duration, Instant};

use super::{Peak, Quantiles, Resident, Workload, memory};
use crate::data::Batch;
use crate::kernel::{AllocationCount, allocation_count};
use crate::optim::{Adam, OptimizerSpec};
use crate::step::{DivergedError, Stepper};

/// Warm-up steps, which are not counted.
pub(super) const WARM_UP: usize = 5;
/// The minimum number of measured steps.
const LEAST: usize = 5;

/// Settings of a measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// The time for which each workload is trained, after warming up.
    pub time: Duration,
    /// The number of threads of a step.
    pub threads: usize,
}

/// The measurements of a workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Seconds of a step.
    pub seconds: Quantiles,
    /// Floating-point operations of a step: see [`training_flops`](super::training_flops).
    pub flops: f64,
    /// The maximum per second of the threads, measured before, between and after workloads.
    pub peak_flops: f64,
    /// The allocations of a step, averaged over the second half, when buffers have grown to the largest batch. `None` if not counted.
    pub allocated: Option<AllocatedPerStep>,
    /// The number of trainable parameters.
    pub params: usize,
    /// Bytes of activations and their gradients.
    pub activation_bytes: usize,
    /// The resident memory at the end, and its peak since the start of the workload.
    pub resident: Option<Resident>,
}

/// The average allocations of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AllocatedPerStep {
    /// The number of allocations.
    pub calls: f64,
    /// Bytes allocated.
    pub bytes: f64,
}

impl AllocatedPerStep {
    /// The average over the second half of `steps`; `None` if empty.
    fn of(steps: &[AllocationCount]) -> Option<Self> {
        let later = &steps[steps.len() / 2..];
        let mean = |count: fn(&AllocationCount) -> u64| {
            later.iter().map(count).sum::<u64>() as f64 / later.len() as f64
        };
        let mean = Self { calls: mean(|step| step.calls), bytes: mean(|step| step.bytes) };
        (!later.is_empty()).then_some(mean)
    }
}

/// An error of measuring a workload.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The threads cannot be started.
    #[error("cannot start the threads")]
    Threads(#[from] std::io::Error),
    /// The network is invalid.
    #[error(transparent)]
    Model(#[from] crate::nn::BuildError),
    /// Training diverged.
    #[error(transparent)]
    Diverged(#[from] DivergedError),
}

/// Trains `workload` for some time, step by step like a run; `peak` is measured before and after.
///
/// # Errors
/// When threads cannot be started, or a loss is not finite.
pub fn measure(workload: &Workload, effort: Effort, peak: &mut Peak) -> Result<Measured, MeasureError> {
    memory::begin();
    peak.measure();
    let mut stepper = stepper(workload, effort.threads)?;
    let batches = workload.batches(&workload.data());
    let mut batches = batches.iter().cycle();
    for batch in batches.by_ref().take(WARM_UP) {
        stepper.step(batch, false)?;
    }
    let (mut seconds, mut allocations) = (Vec::new(), Vec::new());
    let begin = Instant::now();
    for batch in batches {
        if seconds.len() >= LEAST && begin.elapsed() >= effort.time {
            break;
        }
        let before = allocation_count();
        let took = timed(&mut stepper, batch)?;
        allocations.extend(allocation_count().zip(before).map(|(after, before)| after - before));
        seconds.push(took);
    }
    let table = stepper.model().table();
    Ok(Measured {
        flops: super::training_flops(table, stepper.params(), workload.sequences()),
        params: table.params(),
        activation_bytes: stepper.activation_bytes(),
        seconds: Quantiles::new(seconds),
        peak_flops: peak.measure(),
        allocated: AllocatedPerStep::of(&allocations),
        resident: memory::resident(),
    })
}

/// The network of a workload with Keras's Adam.
pub(super) fn stepper(workload: &Workload, threads: usize) -> Result<Stepper, MeasureError> {
    let adam = OptimizerSpec::Adam(Adam::default());
    Ok(Stepper::new(workload.model()?, &adam, None, 0, threads)?)
}

/// The seconds of one step.
fn timed(stepper: &mut Stepper, batch: &Batch) -> Result<f64, DivergedError> {
    let begin = Instant::now();
    stepper.step(batch, false)?;
    Ok(begin.elapsed().as_secs_f64())
}
