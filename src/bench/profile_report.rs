use serde::Serialize;

use super::report::{Head, rounded, system};
use super::{Effort, PartTime, Profile, Roofs, Workload};
use crate::kernel::profile::Part;
use crate::{escape, number};

/// The heading of the [`profile_rows`]: what the machine can do at most, and the names of the columns.
pub fn profile_heading(effort: Effort, roofs: &Roofs) -> String {
    let giga = |x: f64| number::metric(x / 1e9);
    let [first, second, memory] = roofs.bytes_per_s.map(giga);
    format!(
        "{}\npeak {} GFLOP/s; reads {first}, {second} and {memory} GB/s (first cache, second, memory)\n\
         {} ns from one multiply-add to the next that needs it; {} µs to wait for all threads\n\
         {:20} {:>8} {:>6} {:>7} {:>8} {:>7} {:>6}  {}\n",
        system(effort),
        giga(roofs.flops),
        number::metric(roofs.latency * 1e9),
        number::metric(roofs.barrier * 1e6),
        "part of a step",
        "ms",
        "share",
        "calls",
        "µs each",
        "GFLOP/s",
        "GB/s",
        "nearest limit",
    )
}

/// The profile of one workload: a line for it, and one for each part; the milliseconds of the parts add up to those of the step.
pub fn profile_rows(workload: &Workload, profile: &Profile, effort: Effort) -> String {
    let threads = effort.threads as f64;
    let steps = number::counted(profile.steps, "step");
    let shards = number::counted(profile.shards, "shard");
    let name = escape::foreign(&workload.name);
    let mut rows =
        format!("{name:20} {:>8} {:>6}  {steps}, {shards}\n", number::metric(profile.seconds * 1e3), "100 %");
    for PartTime { part, count, roof } in &profile.parts {
        let share = number::percent(count.seconds / threads / profile.seconds);
        let rate = |work: f64| {
            if work > 0.0 { number::metric(work / count.seconds * threads / 1e9) } else { "–".into() }
        };
        let (calls, each) = match count.calls {
            0 => ("–".into(), "–".into()),
            calls => (number::count(calls), number::metric(count.seconds / calls as f64 * 1e6)),
        };
        let roof = roof.map_or(String::new(), |(name, share)| format!("{name} {}", number::percent(share)));
        let row = format!(
            "  {:18} {:>8} {share:>6} {calls:>7} {each:>8} {:>7} {:>6}  {roof}",
            title(*part),
            number::metric(count.seconds / threads * 1e3),
            rate(2.0 * count.multiply_adds as f64),
            rate(count.bytes as f64),
        );
        rows += row.trim_end();
        rows.push('\n');
    }
    rows
}

/// The name of a part in a table.
fn title(part: Part) -> &'static str {
    match part {
        Part::Load => "load the batch",
        Part::InputProjection => "input projection",
        Part::Packing => "pack weights",
        Part::RecurrentForward => "h·U forward",
        Part::GatesForward => "gates forward",
        Part::RecurrentBackward => "δ·Uᵀ backward",
        Part::GatesBackward => "gates backward",
        Part::RecurrentWeights => "gradient of U",
        Part::InputGradient => "gradient of W, x",
        Part::Scatter => "scatter by row",
        Part::Layers => "other layers, loss",
        Part::GradientSum => "sum of gradients",
        Part::Optimizer => "optimizer",
        Part::Other => "other",
        Part::Waiting => "waiting for threads",
        Part::Repeated => "repeated",
    }
}

/// The profile of one workload, as a line of JSON.
#[derive(Debug, Serialize)]
struct ProfileLine<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    steps: usize,
    shards: usize,
    peak_gflops: f64,
    first_cache_gb_per_s: f64,
    second_cache_gb_per_s: f64,
    memory_gb_per_s: f64,
    latency_ns: f64,
    barrier_us: f64,
    parts: Vec<PartLine>,
}

#[derive(Debug, Serialize)]
struct PartLine {
    part: Part,
    ms_per_step: f64,
    calls: u64,
    multiply_adds: u64,
    bytes: u64,
    limit: Option<&'static str>,
    limit_share: Option<f64>,
}

/// One JSON object on a line.
///
/// # Errors
/// None that a workload can cause.
pub fn profile_json(
    workload: &Workload,
    profile: &Profile,
    effort: Effort,
    roofs: &Roofs,
) -> serde_json::Result<String> {
    let [first, second, memory] = roofs.bytes_per_s.map(|rate| rounded(rate / 1e9, 3));
    let part = |part: &PartTime| PartLine {
        part: part.part,
        ms_per_step: rounded(part.count.seconds / effort.threads as f64 * 1e3, 5),
        calls: part.count.calls,
        multiply_adds: part.count.multiply_adds,
        bytes: part.count.bytes,
        limit: part.roof.map(|(name, _)| name),
        limit_share: part.roof.map(|(_, share)| rounded(share, 5)),
    };
    let line = ProfileLine {
        head: Head::new(workload, effort, profile.seconds),
        steps: profile.steps,
        shards: profile.shards,
        peak_gflops: rounded(roofs.flops / 1e9, 3),
        first_cache_gb_per_s: first,
        second_cache_gb_per_s: second,
        memory_gb_per_s: memory,
        latency_ns: rounded(roofs.latency * 1e9, 3),
        barrier_us: rounded(roofs.barrier * 1e6, 3),
        parts: profile.parts.iter().map(part).collect(),
    };
    serde_json::to_string(&line).map(|line| line + "\n")
}
