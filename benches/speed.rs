//! Did training become slower? The speed of every built-in workload as a share of the machine's peak rate of multiply-adds, which is
//! measured beside each of them, against the shares in `speed.json` for this family of processors.
//!
//! ```sh
//! cargo bench --bench speed                                     # compare; exit code 1 if a workload is more than 3 % slower
//! cargo bench --bench speed -- --save                           # store the shares of this machine
//! cargo bench --bench speed -- --only lstm128 --rounds 20 --threads 1
//! ```
//!
//! Of several rounds the best counts, as other programs only ever take time away. Where the best two rounds are further apart than what
//! is to be found, the machine is too busy to judge the workload, which is printed and is no failure.
#![allow(clippy::print_stdout, missing_docs)]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use unrolled::bench::{Effort, Peak, Workload, measure, workloads};

/// The greatest loss of speed that is none: what the best of five rounds varies by on a quiet machine.
const TOLERANCE: f64 = 0.03;

/// The share of the peak that each workload reaches, by processor and threads.
type Table = BTreeMap<String, BTreeMap<String, f64>>;

#[derive(Debug, Parser)]
struct Args {
    /// Only this workload; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Rounds over all workloads
    #[arg(long, default_value = "5", value_parser = clap::value_parser!(u16).range(2..))]
    rounds: u16,
    /// Seconds of a workload in a round
    #[arg(long, default_value = "1")]
    seconds: f64,
    /// Threads for a training step
    #[arg(long, default_value = "2")]
    threads: usize,
    /// Store the shares that were measured
    #[arg(long)]
    save: bool,
    /// Passed by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// The two best rounds of a workload.
#[derive(Debug, Default, Clone, Copy)]
struct Best {
    first: f64,
    second: f64,
}

impl Best {
    fn add(&mut self, share: f64) {
        if share > self.first {
            *self = Self { first: share, second: self.first };
        } else {
            self.second = self.second.max(share);
        }
    }

    /// How much slower the second best round was.
    fn spread(self) -> f64 {
        1.0 - self.second / self.first
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = Args::parse();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/speed.json");
    let mut table: Table = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
    let machine =
        format!("{}, {}, {} threads", processor(), unrolled::kernel::instruction_set(), args.threads);
    let workloads = workloads(None, &args.only)?;
    let measured = measure_all(&workloads, &args)?;

    if args.save {
        let of_machine = table.entry(machine.clone()).or_default();
        let rounded = |share: f64| (share * 1e4).round() / 1e4;
        of_machine
            .extend(workloads.iter().zip(&measured).map(|(w, best)| (w.name.clone(), rounded(best.first))));
        std::fs::write(&path, serde_json::to_string_pretty(&table)? + "\n")?;
    }
    println!("{machine}");
    println!("{:>20} {:>10} {:>10} {:>8} {:>8}", "% of peak", "stored", "now", "change", "spread");
    let mut is_slower = false;
    for (workload, best) in workloads.iter().zip(&measured) {
        let stored = table.get(&machine).and_then(|shares| shares.get(&workload.name));
        let change = stored.map(|stored| best.first / stored - 1.0);
        let verdict = match change {
            None => "not stored for this processor: add it with --save on the commit before the change",
            Some(_) if best.spread() > TOLERANCE => "too noisy to judge",
            Some(change) if change < -TOLERANCE => "SLOWER",
            Some(change) if change > TOLERANCE => "faster: store it with --save",
            Some(_) => "",
        };
        is_slower |= verdict == "SLOWER";
        println!(
            "{:>20} {:>10} {:>10.2} {:>8} {:>6.1} %  {verdict}",
            workload.name,
            stored.map_or("-".into(), |stored| format!("{:.2}", stored * 100.0)),
            best.first * 100.0,
            change.map_or("-".into(), |change| format!("{:+.1} %", change * 100.0)),
            best.spread() * 100.0,
        );
    }
    Ok(if is_slower { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The best shares of the peak, measured in turn, so that a disturbance hits one round of each workload and not all rounds of one.
fn measure_all(workloads: &[Workload], args: &Args) -> Result<Vec<Best>, Box<dyn Error>> {
    let mut all = vec![Best::default(); workloads.len()];
    let effort = Effort { time: Duration::try_from_secs_f64(args.seconds)?, threads: args.threads };
    for _ in 0..args.rounds {
        for (workload, best) in workloads.iter().zip(&mut all) {
            let measured = measure(workload, effort, &mut Peak::new(args.threads))?;
            best.add(measured.flops / measured.seconds.at(0.1) / measured.peak_flops);
        }
    }
    Ok(all)
}

/// The family of the processor: maker, family and model as the system names them, or only the architecture.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then(|| value.trim().to_owned())
        })
    };
    match (field("vendor_id"), field("cpu family"), field("model")) {
        (Some(vendor), Some(family), Some(model)) => format!("{vendor} family {family} model {model}"),
        _ => std::env::consts::ARCH.to_owned(),
    }
}
