//! Where the time of a training step goes, part by part: the counters behind `unrolled bench --profile`.
//!
//! A [`scope`] gives the time of its thread to a [`Part`] until it ends; a scope inside another takes its time from it, so that no time
//! counts twice. Off, as it is unless a benchmark runs, a scope costs one load of an atomic.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A part of a training step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Copying the sequences and targets of a shard.
    Load,
    /// `x·W + b` of recurrent layers.
    InputProjection,
    /// Weights in the order in which the steps read them.
    Packing,
    /// `h_{t−1}·U`.
    RecurrentForward,
    /// Gates and states forward.
    GatesForward,
    /// `δ_{t+1}·Uᵀ`.
    RecurrentBackward,
    /// Gates and states backward.
    GatesBackward,
    /// ∂L/∂U.
    RecurrentWeights,
    /// ∂L/∂W, ∂L/∂b and ∂L/∂x of recurrent layers.
    InputGradient,
    /// Sums by row of a table, as of an embedding.
    Scatter,
    /// Other layers, the loss, and copies between layers.
    Layers,
    /// The sum of the gradients of all shards.
    GradientSum,
    /// The update of the weights, with clipping and constraints.
    Optimizer,
    /// Everything else on the thread of the training loop.
    Other,
    /// That thread waits for the others.
    Waiting,
    /// What the profile itself repeats to measure it apart; in no total.
    Repeated,
}

impl Part {
    /// All parts, in the order of a step.
    pub const ALL: [Self; PARTS] = [
        Self::Load,
        Self::InputProjection,
        Self::Packing,
        Self::RecurrentForward,
        Self::GatesForward,
        Self::RecurrentBackward,
        Self::GatesBackward,
        Self::RecurrentWeights,
        Self::InputGradient,
        Self::Scatter,
        Self::Layers,
        Self::GradientSum,
        Self::Optimizer,
        Self::Other,
        Self::Waiting,
        Self::Repeated,
    ];
}

/// The number of parts.
const PARTS: usize = Part::Repeated as usize + 1;

/// What one part took, summed over threads.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PartCount {
    /// Of all threads.
    pub seconds: f64,
    /// Scopes.
    pub calls: u64,
    /// Multiply-adds of products.
    pub multiply_adds: u64,
    /// Bytes of the operands of kernels: see [`WorkCount`](super::WorkCount).
    pub bytes: u64,
    /// Multiply-adds that follow one another, each with the result of that before: the longest chain of every recurrent step, summed.
    pub dependent: u64,
}

/// The counters of one thread, read by another.
#[derive(Debug, Default)]
struct Counters([Counter; PARTS]);

#[derive(Debug, Default)]
struct Counter {
    ticks: AtomicU64,
    calls: AtomicU64,
    multiply_adds: AtomicU64,
    bytes: AtomicU64,
    dependent: AtomicU64,
}

impl Counter {
    fn all(&self) -> [&AtomicU64; 5] {
        [&self.ticks, &self.calls, &self.multiply_adds, &self.bytes, &self.dependent]
    }
}

/// Adds to a counter that this thread alone writes.
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

static ON: AtomicBool = AtomicBool::new(false);
static THREADS: Mutex<Vec<Arc<Counters>>> = Mutex::new(Vec::new());

/// The part that a thread works on, and since when.
#[derive(Debug, Clone, Copy)]
struct Current {
    part: Part,
    since: u64,
}

thread_local! {
    static OWN: Arc<Counters> = {
        let own = Arc::<Counters>::default();
        THREADS.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&own));
        own
    };
    static CURRENT: Cell<Option<Current>> = const { Cell::new(None) };
}

/// The time of this thread until it is dropped.
#[derive(Debug)]
#[must_use = "a scope ends when it is dropped"]
pub struct Scope(Option<Option<Part>>);

/// Gives the time of this thread to `part`, until the scope is dropped.
#[inline]
pub fn scope(part: Part) -> Scope {
    if is_on() { Scope(Some(begin(part))) } else { Scope(None) }
}

/// The part that this thread works on, if time is measured.
#[inline]
pub(super) fn current() -> Option<Part> {
    if is_on() { CURRENT.get().map(|current| current.part) } else { None }
}

/// Whether time is measured.
#[inline]
pub(super) fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

impl Drop for Scope {
    #[inline]
    fn drop(&mut self) {
        if let Some(before) = self.0 {
            enter(before);
        }
    }
}

/// Begins a part and counts it; returns the one before.
#[cold]
fn begin(part: Part) -> Option<Part> {
    let before = enter(Some(part));
    OWN.with(|own| add(&own.0[part as usize].calls, 1));
    before
}

/// Ends the current part and goes on with another; returns the part that ended.
fn enter(part: Option<Part>) -> Option<Part> {
    let now = ticks();
    let before = CURRENT.get();
    OWN.with(|own| {
        if let Some(Current { part, since }) = before {
            add(&own.0[part as usize].ticks, now.saturating_sub(since));
        }
    });
    CURRENT.set(part.map(|part| Current { part, since: now }));
    before.map(|current| current.part)
}

/// Adds work of a kernel to the current part.
#[inline]
pub(super) fn count(multiply_adds: u64, bytes: u64) {
    if is_on()
        && let Some(Current { part, .. }) = CURRENT.get()
    {
        count_for(part, multiply_adds, bytes);
    }
}

fn count_for(part: Part, multiply_adds: u64, bytes: u64) {
    OWN.with(|own| {
        add(&own.0[part as usize].multiply_adds, multiply_adds);
        add(&own.0[part as usize].bytes, bytes);
    });
}

/// A product, and what is done with its sums while they are in registers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fused {
    /// The part of the product.
    pub product: Part,
    /// The part of the rest.
    pub rest: Part,
    /// Of the product.
    pub multiply_adds: usize,
    /// The longest chain of them.
    pub dependent: usize,
    /// Of the product's operands.
    pub product_bytes: usize,
    /// Of all other operands.
    pub rest_bytes: usize,
}

/// Runs a fused kernel; where time is measured, also its product alone, whose time is taken as that of the product in the fused one.
#[inline]
pub(super) fn fused(what: Fused, kernel: impl FnOnce(), product: impl FnOnce()) {
    if !is_on() {
        return kernel();
    }
    let outer = begin(what.rest);
    let start = ticks();
    kernel();
    let end = ticks();
    begin(Part::Repeated);
    let product_begin = ticks();
    product();
    let alone = ticks().saturating_sub(product_begin).min(end.saturating_sub(start));
    enter(outer);
    OWN.with(|own| {
        let rest = &own.0[what.rest as usize].ticks;
        rest.store(rest.load(Ordering::Relaxed).saturating_sub(alone), Ordering::Relaxed);
        add(&own.0[what.product as usize].ticks, alone);
        add(&own.0[what.product as usize].calls, 1);
        add(&own.0[what.product as usize].dependent, what.dependent as u64);
    });
    count_for(what.product, what.multiply_adds as u64, what.product_bytes as u64);
    count_for(what.rest, 0, what.rest_bytes as u64);
}

/// A measurement of all threads of the process: one at a time.
#[derive(Debug)]
pub struct Profiling {
    begin: (u64, std::time::Instant),
}

impl Profiling {
    /// Sets all counters to zero and begins to count.
    pub fn start() -> Self {
        for own in THREADS.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            own.0.iter().flat_map(Counter::all).for_each(|counter| counter.store(0, Ordering::Relaxed));
        }
        ON.store(true, Ordering::SeqCst);
        Self { begin: (ticks(), std::time::Instant::now()) }
    }

    /// Stops; returns what each part took since the start, in the order of [`Part::ALL`].
    pub fn stop(self) -> Vec<(Part, PartCount)> {
        ON.store(false, Ordering::SeqCst);
        let (first, begin) = self.begin;
        let elapsed = ticks().saturating_sub(first).max(1);
        let seconds_per_tick = begin.elapsed().as_secs_f64() / elapsed as f64;
        let threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
        let total = |part: Part| {
            let sums = threads.iter().fold([0_u64; 5], |mut sums, own| {
                let counters = own.0[part as usize].all();
                sums.iter_mut().zip(counters).for_each(|(sum, own)| *sum += own.load(Ordering::Relaxed));
                sums
            });
            let [ticks, calls, multiply_adds, bytes, dependent] = sums;
            PartCount { seconds: ticks as f64 * seconds_per_tick, calls, multiply_adds, bytes, dependent }
        };
        Part::ALL.into_iter().map(|part| (part, total(part))).collect()
    }
}

/// A clock of some constant rate that is read in a few nanoseconds.
#[cfg(target_arch = "x86_64")]
fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has the instruction.
    unsafe { std::arch::x86_64::_rdtsc() }
}

/// A clock of some constant rate.
#[cfg(not(target_arch = "x86_64"))]
fn ticks() -> u64 {
    static BEGIN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    BEGIN.elapsed().as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(part: Part) -> [u64; 5] {
        OWN.with(|own| own.0[part as usize].all().map(|counter| counter.load(Ordering::Relaxed)))
    }

    #[test]
    fn the_time_of_a_scope_inside_another_is_its_own_and_work_belongs_to_the_innermost() {
        drop(scope(Part::Load));
        assert_eq!(own(Part::Load)[1..], [0; 4], "off");
        let profiling = Profiling::start();
        let begin = ticks();
        {
            let _outer = scope(Part::Layers);
            count(1, 10);
            {
                let _inner = scope(Part::Scatter);
                count(2, 20);
            }
            count(4, 40);
            let fuse = Fused {
                product: Part::RecurrentForward,
                rest: Part::GatesForward,
                multiply_adds: 7,
                dependent: 3,
                product_bytes: 70,
                rest_bytes: 700,
            };
            let spin = |n: u64| {
                std::hint::black_box((0..n).sum::<u64>());
            };
            fused(fuse, || spin(20_000), || spin(1_000));
        }
        count(100, 100);
        let elapsed = ticks() - begin;
        // Going on after an inner scope is no call.
        assert_eq!(own(Part::Layers)[1..], [1, 5, 50, 0]);
        assert_eq!(own(Part::Scatter)[1..], [1, 2, 20, 0]);
        assert_eq!(own(Part::RecurrentForward)[1..], [1, 7, 70, 3]);
        assert_eq!(own(Part::GatesForward)[1..], [1, 0, 700, 0]);
        // All of the time between is in one part or another, none in two.
        let ticks: u64 = Part::ALL.iter().map(|part| own(*part)[0]).sum();
        assert!(ticks <= elapsed && ticks > 0, "{ticks} of {elapsed}");
        let total = profiling.stop();
        assert_eq!(total.len(), PARTS);
        assert!(total.iter().all(|(part, _)| Part::ALL[*part as usize] == *part));
    }
}
