//! The proof that a run can be repeated to the bit.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::error::{CliError, CliResult};
use super::exit;
use super::follow::drain;
use super::threads::ThreadArgs;
use crate::escape::foreign;
use crate::experiment::{self, Verification};
use crate::number::{count, counted};
use crate::run::{self, owner};

#[derive(Debug, clap::Args)]
pub(super) struct VerifyArgs {
    /// A run folder, the name of one in runs/, or `latest`
    run: PathBuf,
    #[command(flatten)]
    threads: ThreadArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Removes a folder at the end.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Trains a run again and compares its bits.
pub(super) fn verify(args: &VerifyArgs) -> CliResult {
    let folder = run::resolve(Path::new("runs"), &args.run)?;
    if owner::is_live(&folder) {
        let what = format!("{} is in training: it can be verified when it has ended", folder.display());
        return Err(CliError::usage(what));
    }
    let path = std::env::temp_dir().join(format!("unrolled-verify-{}", std::process::id()));
    // One that exists is not removed at the end.
    std::fs::create_dir(&path)?;
    let again = Temporary(path);
    let threads = args.threads.count();
    let verification =
        experiment::verify(&folder, &again.0, threads, &mut |phase| Ok(drain(phase.trainer)?))?;
    let Verification { checkpoints, lines, weights, difference } = verification;
    let mut out = std::io::stdout();
    let written = match args.json {
        true => {
            let same = difference.is_none();
            let (weights, step) = weights.unzip();
            let object = serde_json::json!({
                "same": same, "checkpoints": checkpoints, "lines": lines, "step": step, "weights": weights, "difference": difference,
            });
            writeln!(out, "{object}")
        }
        false => match &difference {
            Some(difference) => writeln!(out, "not the same: {}", foreign(difference)),
            None => {
                let weights = match weights {
                    Some((weights, step)) => format!("weights {weights} after step {}", count(step)),
                    None => "no checkpoint is left whose weights could be compared".to_owned(),
                };
                let (checkpoints, lines) = (counted(checkpoints, "checkpoint"), counted(lines, "line"));
                writeln!(out, "the same bits: {checkpoints} and {lines} of metrics; {weights}")
            }
        },
    };
    written.map_err(CliError::failed)?;
    Ok(ExitCode::from(if difference.is_none() { 0 } else { exit::FAILED }))
}
