use serde::Serialize;

use super::{Effort, Measured, Quantiles, Watched, Workload};
use crate::{escape, kernel, number};

/// The heading of the [`rows`]: the conditions, and the names of the columns.
pub fn heading(effort: Effort) -> String {
    format!(
        "{}; a step is forward, loss, backward, update\n{:20} {:>8} {:>17} {:>6} {:>6} {:>7} {:>7}\n",
        system(effort),
        "workload",
        "ms/step",
        "10 – 90 %",
        "seq/s",
        "tok/s",
        "GFLOP/s",
        "of peak",
    )
}

/// The heading of the [`watched_row`]s.
pub fn watched_heading(effort: Effort) -> String {
    format!(
        "{}; overhead of monitoring: median, 95 % interval of the median\n{:20} {:>8} {:>19} {:>19} {:>9}\n",
        system(effort),
        "workload",
        "ms/step",
        "instruments, %",
        "screen, %",
        "drawing",
    )
}

/// The version of the program, the threads and the instruction set.
pub(super) fn system(effort: Effort) -> String {
    let Effort { threads, .. } = effort;
    let unit = if threads == 1 { "thread" } else { "threads" };
    format!("unrolled {}, {threads} {unit}, {}", env!("CARGO_PKG_VERSION"), kernel::instruction_set())
}

/// The overhead of monitoring one workload, as a row of a table.
pub fn watched_row(workload: &Workload, watched: &Watched) -> String {
    let cost = |shares: &Quantiles, more: f64| {
        let percent = |share: f64| format!("{:.1}", (share + more) * 100.0);
        let within =
            shares.median_interval().map(|(low, high)| format!(" ({} – {})", percent(low), percent(high)));
        percent(shares.median()) + &within.unwrap_or_default()
    };
    format!(
        "{:20} {:>8} {:>19} {:>19} {:>9}\n",
        escape::foreign(&workload.name),
        number::metric(watched.seconds.median() * 1e3),
        cost(&watched.instruments, watched.infrequent),
        cost(&watched.screen, 0.0),
        number::percent(watched.drawing),
    )
}

/// The measurements of one workload as two lines of text, a row of the table and further numbers, at most 80 columns wide unless the
/// name is long.
pub fn rows(workload: &Workload, measured: &Measured) -> String {
    let Measured { seconds, flops, peak_flops, .. } = measured;
    let median = seconds.median();
    let ms = |seconds: f64| number::metric(seconds * 1e3);
    let per_second = |count: usize| number::rate(count as f64 / median);
    let mut rows = format!(
        "{:20} {:>8} {:>17} {:>6} {:>6} {:>7} {:>7}\n",
        escape::foreign(&workload.name),
        ms(median),
        format!("{} – {}", ms(seconds.at(0.1)), ms(seconds.at(0.9))),
        per_second(workload.sequences()),
        per_second(workload.tokens()),
        number::metric(flops / median / 1e9),
        number::percent(flops / median / peak_flops),
    );
    let mut more = vec![format!("peak {} GFLOP/s", number::count((peak_flops / 1e9).round() as u64))];
    let mut memory = |bytes: u64, what: &str| more.push(format!("{} {what}", number::bytes(bytes)));
    if let Some(allocations) = measured.allocated {
        memory(allocations.bytes.round() as u64, "allocated");
    }
    memory(measured.activation_bytes as u64, "activations");
    if let Some(resident) = measured.resident {
        memory(resident.peak, "resident");
    }
    rows += &format!(" {}\n", more.join(", "));
    rows
}

/// What every JSON line begins with.
#[derive(Debug, Serialize)]
pub(super) struct Head<'a> {
    system: &'static str,
    version: &'static str,
    instructions: &'static str,
    threads: usize,
    workload: &'a str,
    /// The median.
    ms_per_step: f64,
}

impl<'a> Head<'a> {
    pub(super) fn new(workload: &'a Workload, effort: Effort, seconds_per_step: f64) -> Self {
        Self {
            system: "unrolled",
            version: env!("CARGO_PKG_VERSION"),
            instructions: kernel::instruction_set(),
            threads: effort.threads,
            workload: &workload.name,
            ms_per_step: rounded(seconds_per_step * 1e3, 3),
        }
    }
}

/// The measurements of one workload, as a line of JSON. What is not known is null.
#[derive(Debug, Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    ms_p10: f64,
    ms_p90: f64,
    steps: usize,
    sequences_per_s: f64,
    tokens_per_s: f64,
    params: usize,
    gflops: f64,
    peak_gflops: f64,
    peak_share: f64,
    allocations_per_step: Option<f64>,
    allocated_bytes_per_step: Option<f64>,
    activation_bytes: usize,
    resident_bytes: Option<u64>,
    peak_resident_bytes: Option<u64>,
}

/// One JSON object on a line.
///
/// # Errors
/// None that a workload can cause.
pub fn json(workload: &Workload, measured: &Measured, effort: Effort) -> serde_json::Result<String> {
    let Measured { seconds, flops, peak_flops, params, allocated, resident, .. } = measured;
    let median = seconds.median();
    let ms = |q: f64| rounded(seconds.at(q) * 1e3, 3);
    let line = Line {
        head: Head::new(workload, effort, median),
        ms_p10: ms(0.1),
        ms_p90: ms(0.9),
        steps: seconds.count(),
        sequences_per_s: rounded(workload.sequences() as f64 / median, 1),
        tokens_per_s: rounded(workload.tokens() as f64 / median, 1),
        params: *params,
        gflops: rounded(flops / median / 1e9, 3),
        peak_gflops: rounded(peak_flops / 1e9, 3),
        peak_share: rounded(flops / median / peak_flops, 5),
        allocations_per_step: allocated.map(|allocations| rounded(allocations.calls, 1)),
        allocated_bytes_per_step: allocated.map(|allocations| rounded(allocations.bytes, 1)),
        activation_bytes: measured.activation_bytes,
        resident_bytes: resident.map(|resident| resident.now),
        peak_resident_bytes: resident.map(|resident| resident.peak),
    };
    serde_json::to_string(&line).map(|line| line + "\n")
}

/// The overhead of monitoring one workload as JSON: shares of the time of an unmonitored step.
#[derive(Debug, Serialize)]
struct WatchedLine<'a> {
    /// With the median of steps that are not watched.
    #[serde(flatten)]
    head: Head<'a>,
    rounds: usize,
    /// With those of `infrequent_cost`; `low` and `high` are the 95 % interval of the median.
    instruments_cost: f64,
    instruments_cost_low: Option<f64>,
    instruments_cost_high: Option<f64>,
    infrequent_cost: f64,
    /// In addition to that of the instruments.
    screen_cost: f64,
    screen_cost_low: Option<f64>,
    screen_cost_high: Option<f64>,
    drawing_share: f64,
    frames_per_s: f64,
    bytes_per_s: f64,
}

/// One JSON object on a line.
///
/// # Errors
/// None that a workload can cause.
pub fn watched_json(workload: &Workload, watched: &Watched, effort: Effort) -> serde_json::Result<String> {
    let Watched { seconds, instruments, infrequent, screen, drawing, frames_per_s, bytes_per_s } = watched;
    let (read, shown) = (|share: f64| rounded(share + infrequent, 5), |share: f64| rounded(share, 5));
    let (read_within, shown_within) = (instruments.median_interval(), screen.median_interval());
    let line = WatchedLine {
        head: Head::new(workload, effort, seconds.median()),
        rounds: screen.count(),
        instruments_cost: read(instruments.median()),
        instruments_cost_low: read_within.map(|(low, _)| read(low)),
        instruments_cost_high: read_within.map(|(_, high)| read(high)),
        infrequent_cost: rounded(*infrequent, 5),
        screen_cost: shown(screen.median()),
        screen_cost_low: shown_within.map(|(low, _)| shown(low)),
        screen_cost_high: shown_within.map(|(_, high)| shown(high)),
        drawing_share: rounded(*drawing, 5),
        frames_per_s: rounded(*frames_per_s, 1),
        bytes_per_s: rounded(*bytes_per_s, 0),
    };
    serde_json::to_string(&line).map(|line| line + "\n")
}

/// Rounds a measurement to significant digits.
pub(super) fn rounded(x: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (x * scale).round() / scale
}
