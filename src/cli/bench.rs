use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::threads::processors;
use crate::bench::{self, Effort, Peak, Roofs, Workload};
use crate::cli::error::CliResult;

#[derive(Debug, clap::Args)]
pub(super) struct BenchArgs {
    /// A JSON file of workloads instead of the built-in ones
    #[arg(long, value_name = "FILE")]
    workloads: Option<PathBuf>,
    /// Only the workload of this name; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Seconds of measuring for each workload
    #[arg(long, value_name = "N", default_value = "5", value_parser = seconds)]
    seconds: Duration,
    /// Threads for a training step
    #[arg(long, value_name = "N", default_value_t = processors(), value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Print one JSON object per line and workload
    #[arg(long)]
    json: bool,
    /// Measure the overhead of monitoring instead: instruments at their default rate, and a screen, each against unmonitored steps
    #[arg(long)]
    watch: bool,
    /// Print instead where the time of a step goes: products, gates, gradients, optimizer, waiting, each beside its limit on this machine
    #[arg(long, conflicts_with = "watch")]
    profile: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|time| time.as_secs() <= 86_400).ok_or("expected seconds, from 0 to 86400".into())
}

/// Measures one workload after the other and prints each result as soon as it is available.
pub(super) fn bench(args: &BenchArgs) -> CliResult {
    let workloads = bench::workloads(args.workloads.as_deref(), &args.only)?;
    let effort = Effort { time: args.seconds, threads: args.threads.into() };
    let mut out = std::io::stdout().lock();
    if args.profile {
        return profile(args, &workloads, effort, &mut out);
    }
    let mut peak = Peak::new(effort.threads);
    if !args.json {
        let heading = if args.watch { bench::watched_heading(effort) } else { bench::heading(effort) };
        if !print(&mut out, &heading)? {
            return Ok(ExitCode::SUCCESS);
        }
    }
    for workload in &workloads {
        let text = if args.watch {
            watched(workload, effort, args.json)?
        } else {
            measured(workload, effort, &mut peak, args.json)?
        };
        if !print(&mut out, &text)? {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints where the time of each workload's steps goes.
fn profile(args: &BenchArgs, workloads: &[Workload], effort: Effort, out: &mut impl Write) -> CliResult {
    let roofs = Roofs::measure(effort.threads)?;
    if !args.json && !print(out, &bench::profile_heading(effort, &roofs))? {
        return Ok(ExitCode::SUCCESS);
    }
    for workload in workloads {
        let profile = bench::profile(workload, effort, &roofs)?;
        let text = match args.json {
            true => bench::profile_json(workload, &profile, effort, &roofs)?,
            false => bench::profile_rows(workload, &profile, effort),
        };
        if !print(out, &text)? {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn measured(workload: &Workload, effort: Effort, peak: &mut Peak, json: bool) -> CliResult<String> {
    let measured = bench::measure(workload, effort, peak)?;
    Ok(if json { bench::json(workload, &measured, effort)? } else { bench::rows(workload, &measured) })
}

fn watched(workload: &Workload, effort: Effort, json: bool) -> CliResult<String> {
    let watched = bench::watch(workload, effort)?;
    Ok(if json {
        bench::watched_json(workload, &watched, effort)?
    } else {
        bench::watched_row(workload, &watched)
    })
}

/// Prints `text`; returns whether stdout is still open, as closing it (`| head`) is not an error.
fn print(out: &mut impl Write, text: &str) -> std::io::Result<bool> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true),
    }
}
