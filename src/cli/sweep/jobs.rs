//! How many trainings at a time are fastest.

use std::thread;

use super::args::CoreArgs;
use crate::bench::estimate;
use crate::cli::threads::processors;
use crate::memory;
use crate::number;
use crate::preset::RunSpec;

/// A smaller gain than this is noise: then fewer trainings at a time, which need less memory.
const GAIN: f64 = 1.05;

/// Returns the number of trainings at a time, the threads of each, and a sentence about them. What is not given is measured: as many
/// trainings of `spec` as the processors allow run for half a second.
pub(in crate::cli) fn choose(spec: &RunSpec, trials: usize, args: CoreArgs) -> (usize, usize, String) {
    let cores = usize::from(processors());
    let (jobs, threads, why) = match (args.jobs.map(usize::from), args.threads.map(usize::from)) {
        (Some(jobs), Some(threads)) => (jobs, threads, String::new()),
        (Some(jobs), None) => (jobs, (cores / jobs.max(1)).max(1), String::new()),
        (None, Some(threads)) => ((cores / threads.max(1)).max(1), threads, String::new()),
        (None, None) => measured(spec, cores, trials),
    };
    let jobs = jobs.min(trials.max(1));
    let at_a_time = match jobs {
        1 => "one training at a time".to_owned(),
        n => format!("{n} trainings at a time"),
    };
    (jobs, threads, format!("{at_a_time} with {} each{why}", number::counted(threads, "thread")))
}

fn measured(spec: &RunSpec, cores: usize, trials: usize) -> (usize, usize, String) {
    let most = cores.min(trials);
    let mut candidates: Vec<usize> = (0..16).map(|power| 1 << power).filter(|jobs| *jobs < most).collect();
    candidates.push(most.max(1));
    if candidates.len() < 2 {
        return (1, cores, String::new());
    }
    let rates: Vec<(usize, f64)> =
        candidates.into_iter().filter_map(|jobs| Some((jobs, together(spec, jobs, cores / jobs)?))).collect();
    let Some((first, rest)) = rates.split_first() else { return (1, cores, String::new()) };
    let best = rest.iter().fold(*first, |best, next| if next.1 > best.1 * GAIN { *next } else { best });
    let rate = |(jobs, rate): &(usize, f64)| format!("{} with {jobs}", number::count(rate.round() as u64));
    let rates: Vec<String> = rates.iter().map(rate).collect();
    (
        best.0,
        (cores / best.0).max(1),
        format!(", which is fastest here: in all {} at a time (steps a second)", rates.join(", ")),
    )
}

/// The steps a second of `jobs` trainings at a time; `None` if they cannot be trained, or need too much memory.
fn together(spec: &RunSpec, jobs: usize, threads: usize) -> Option<f64> {
    let threads = threads.max(1);
    let costs: Vec<_> = thread::scope(|scope| {
        let start = |_| thread::Builder::new().spawn_scoped(scope, || estimate(spec, threads)).ok();
        let started: Vec<_> = (0..jobs).map(start).collect();
        started.into_iter().map(|thread| thread?.join().ok()?.ok()).collect::<Option<_>>()
    })?;
    let needed: u64 = costs.iter().map(|cost| cost.bytes).sum();
    let fits = memory::available(jobs * threads).is_none_or(|available| needed < available.bytes);
    fits.then(|| costs.iter().map(|cost| 1.0 / cost.step.max(f64::MIN_POSITIVE)).sum())
}
