use std::time::{Duration, Instant};

use super::measure::{WARM_UP, stepper};
use super::peak::all_at_once;
use super::{Effort, MeasureError, Peak, Workload};
use crate::kernel::profile::{Part, PartCount, Profiling};
use crate::kernel::{ThreadPool, dependent_multiply_adds, read_in_order};

/// The duration of a try, and the number of tries, the best of which counts.
const TRY: Duration = Duration::from_millis(10);
const TRIES: usize = 3;
/// Dependent multiply-adds between two readings of the clock.
const ROUNDS: u64 = 10_000;
/// Bytes that fit in the first and in the second cache of most processors, and in none.
const SIZES: [usize; 3] = [16 << 10, 384 << 10, 64 << 20];

/// Bytes that a second cache holds, of most processors.
const SECOND_CACHE: usize = 1 << 20;

/// What the machine can do at most, on all threads of a measurement together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Roofs {
    /// Floating-point operations a second, in registers.
    pub flops: f64,
    /// Bytes a second read from the first cache, the second, and memory.
    pub bytes_per_s: [f64; 3],
    /// Seconds from a multiply-add to the next that needs its result.
    pub latency: f64,
    /// Seconds to hand a job to all threads and to wait for them.
    pub barrier: f64,
}

impl Roofs {
    /// Measures them, in about a quarter of a second.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn measure(threads: usize) -> std::io::Result<Self> {
        let best = |once: &dyn Fn() -> f64| (0..TRIES).map(|_| once()).fold(0.0, f64::max);
        let bytes_per_s = SIZES.map(|size| {
            best(&|| {
                all_at_once(threads, || {
                    let values = vec![1.0; size / size_of::<f32>()];
                    read_in_order(&values);
                    let (begin, mut bytes) = (Instant::now(), 0);
                    while begin.elapsed() < TRY {
                        bytes += read_in_order(&values);
                    }
                    bytes as f64 / begin.elapsed().as_secs_f64()
                })
            })
        });
        let latency = 1.0
            / best(&|| {
                let begin = Instant::now();
                dependent_multiply_adds(ROUNDS);
                ROUNDS as f64 / begin.elapsed().as_secs_f64()
            });
        let (mut pool, mut items) = (ThreadPool::new(threads)?, vec![(); threads]);
        let mut jobs_per_s = 0.0_f64;
        for _ in 0..TRIES {
            let (begin, mut jobs) = (Instant::now(), 0.0);
            while begin.elapsed() < TRY {
                pool.run(&mut items, |_, ()| {});
                jobs += 1.0;
            }
            jobs_per_s = jobs_per_s.max(jobs / begin.elapsed().as_secs_f64());
        }
        Ok(Self { flops: Peak::new(threads).measure(), bytes_per_s, latency, barrier: 1.0 / jobs_per_s })
    }
}

/// One part of a step, on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PartTime {
    /// Which.
    pub part: Part,
    /// Per step; seconds of all threads together.
    pub count: PartCount,
    /// The limit that it is nearest to, and the share of its time that this limit explains. `None` without work that is counted.
    pub roof: Option<(&'static str, f64)>,
}

/// Where the time of the steps of a workload goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Seconds of a step, on average, without what the profile repeats.
    pub seconds: f64,
    /// The steps measured.
    pub steps: usize,
    /// The shards of a batch: as many threads can take part in its forward and backward pass.
    pub shards: usize,
    /// The parts that took time, in the order of a step; their seconds add up to those of a step on all threads.
    pub parts: Vec<PartTime>,
}

/// Trains `workload` for some time and measures the parts of its steps.
///
/// # Errors
/// When threads cannot be started, or a loss is not finite.
pub fn profile(workload: &Workload, effort: Effort, roofs: &Roofs) -> Result<Profile, MeasureError> {
    let mut stepper = stepper(workload, effort.threads)?;
    let batches = workload.batches(&workload.data());
    let mut batches = batches.iter().cycle();
    for batch in batches.by_ref().take(WARM_UP) {
        stepper.step(batch, false)?;
    }
    let (profiling, begin, mut steps) = (Profiling::start(), Instant::now(), 0);
    for batch in batches {
        if steps >= WARM_UP && begin.elapsed() >= effort.time {
            break;
        }
        stepper.step(batch, false)?;
        steps += 1;
    }
    let wall = begin.elapsed().as_secs_f64();
    let counts = profiling.stop();
    // What a shard computes forward comes back from memory if it is too much for the second cache.
    let is_cached = stepper.shard_bytes() <= SECOND_CACHE;
    let steps = Steps { seconds: wall, number: steps, shards: stepper.shards() };
    Ok(of_counts(&counts, steps, effort.threads, roofs, is_cached))
}

/// The steps of which the parts were measured.
struct Steps {
    /// Of all together.
    seconds: f64,
    number: usize,
    shards: usize,
}

/// The profile of `steps` on `threads` threads.
fn of_counts(
    counts: &[(Part, PartCount)],
    steps: Steps,
    threads: usize,
    roofs: &Roofs,
    is_cached: bool,
) -> Profile {
    let seconds =
        |which: Part| counts.iter().find(|(part, _)| *part == which).map_or(0.0, |(_, count)| count.seconds);
    let all = threads as f64 * steps.seconds - seconds(Part::Repeated);
    let busy: f64 = counts
        .iter()
        .filter(|(part, _)| !matches!(part, Part::Repeated | Part::Waiting))
        .map(|(_, count)| count.seconds)
        .sum();
    // Of the thread of the training loop it is counted, of the others it is what is left.
    let waiting = (all - busy).max(0.0);
    let n = steps.number.max(1) as f64;
    let parts = counts.iter().filter(|(part, _)| *part != Part::Repeated).map(|(part, count)| {
        let total = if *part == Part::Waiting { waiting } else { count.seconds };
        let per_step = |count: u64| (count as f64 / n).round() as u64;
        let count = PartCount {
            seconds: total / n,
            calls: per_step(count.calls),
            multiply_adds: per_step(count.multiply_adds),
            bytes: per_step(count.bytes),
            dependent: per_step(count.dependent),
        };
        PartTime { part: *part, count, roof: nearest_roof(*part, &count, threads, roofs, is_cached) }
    });
    let parts = parts.filter(|part| part.count.seconds > 0.0).collect();
    Profile { seconds: all / threads as f64 / n, steps: steps.number, shards: steps.shards, parts }
}

/// The limit that explains the largest share of the time of a part. The operands of products with recurrent weights are assumed to come
/// from the second cache, others as well if `is_cached`.
fn nearest_roof(
    part: Part,
    count: &PartCount,
    threads: usize,
    roofs: &Roofs,
    is_cached: bool,
) -> Option<(&'static str, f64)> {
    let threads = threads as f64;
    let is_product = matches!(part, Part::RecurrentForward | Part::RecurrentBackward);
    let [_, second_cache, memory] = roofs.bytes_per_s;
    let (source, bytes_per_s) =
        if is_product || is_cached { ("second cache", second_cache) } else { ("memory", memory) };
    let limits = [
        ("multiply-adds", 2.0 * count.multiply_adds as f64 / (roofs.flops / threads)),
        (source, count.bytes as f64 / (bytes_per_s / threads)),
        ("latency", count.dependent as f64 * roofs.latency),
    ];
    let (name, seconds) = limits.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    (seconds > 0.0 && count.seconds > 0.0).then(|| (name, seconds / count.seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOFS: Roofs = Roofs { flops: 200.0, bytes_per_s: [0.0, 20.0, 4.0], latency: 0.5, barrier: 0.0 };

    fn count(seconds: f64, multiply_adds: u64, bytes: u64, dependent: u64) -> PartCount {
        PartCount { seconds, calls: 4, multiply_adds, bytes, dependent }
    }

    #[test]
    fn the_time_that_no_thread_works_is_waiting_and_repetitions_are_in_no_total() {
        let counts = [
            (Part::Layers, count(6.0, 0, 0, 0)),
            (Part::Optimizer, count(3.0, 0, 0, 0)),
            (Part::Waiting, count(1.0, 0, 0, 0)),
            (Part::Repeated, count(2.0, 0, 0, 0)),
        ];
        let profile = of_counts(&counts, Steps { seconds: 10.0, number: 2, shards: 8 }, 2, &ROOFS, true);
        assert_eq!((profile.seconds, profile.steps), (4.5, 2));
        let parts: Vec<_> = profile.parts.iter().map(|part| (part.part, part.count.seconds)).collect();
        assert_eq!(parts, [(Part::Layers, 3.0), (Part::Optimizer, 1.5), (Part::Waiting, 4.5)]);
        assert_eq!(parts.iter().map(|(_, seconds)| seconds).sum::<f64>(), 2.0 * profile.seconds);
    }

    #[test]
    fn the_nearest_roof_explains_the_largest_share() {
        // On two threads: 100 operations and 10 bytes a second each.
        let on = |part, (multiply_adds, bytes, dependent), is_cached| {
            nearest_roof(part, &count(4.0, multiply_adds, bytes, dependent), 2, &ROOFS, is_cached)
        };
        let of = |multiply_adds, bytes, dependent| on(Part::Layers, (multiply_adds, bytes, dependent), true);
        assert_eq!(of(100, 10, 2), Some(("multiply-adds", 0.5)));
        assert_eq!(of(50, 30, 2), Some(("second cache", 0.75)));
        assert_eq!(of(50, 10, 6), Some(("latency", 0.75)));
        assert_eq!(of(0, 0, 0), None);
        // Of a shard that is too large, what has passed comes from memory, and the weights do not.
        assert_eq!(on(Part::GatesBackward, (0, 4, 0), false), Some(("memory", 0.5)));
        assert_eq!(on(Part::RecurrentBackward, (0, 10, 0), false), Some(("second cache", 0.25)));
    }
}
