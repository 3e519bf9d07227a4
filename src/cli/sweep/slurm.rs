//! The trials of a sweep as an array of jobs.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use super::args::SlurmArgs;
use super::print::say;
use crate::cli::error::{CliError, CliResult};
use crate::escape::shell_word;
use crate::experiment::{SlurmOptions, Sweep, SweepStatus, TrialState};
use crate::number;

/// The default limit of Slurm is 1,001 (MaxArraySize), and numbers begin at 0.
const MAX_JOBS: usize = 1000;
/// The jobs of a sweep whose trials are compared with one another: any job trains any of them.
const COMPARING: usize = 20;
const SCRIPT: &str = "job.sh";
const SUBMITTED: &str = "jobs.txt";

/// What is remembered of the arguments.
pub(super) fn options(args: &SlurmArgs) -> Option<SlurmOptions> {
    let options = args.slurm.clone()?;
    Some(SlurmOptions { options, at_once: args.at_once, per_task: args.per_task })
}

/// Writes the script of the jobs of `sweep`, and submits it unless it is only to be printed. Returns at once.
pub(super) fn submit(sweep: &Sweep, args: &SlurmArgs) -> CliResult {
    sweep.check_separable()?;
    let Some(options) = &sweep.definition.slurm else {
        return Err(CliError::usage("expected --slurm \"OPTIONS\", as in --slurm \"--time=1:00:00 -p cpu\""));
    };
    if options.options.contains(['\n', '\r']) {
        return Err(CliError::usage("--slurm: found several lines; expected options of sbatch in one"));
    }
    let folder = std::path::absolute(&sweep.folder)?;
    let per_task = options.per_task.map_or_else(|| sweep.trials.len().div_ceil(MAX_JOBS), |n| n as usize);
    let status = SweepStatus::read(sweep)?;
    let is_left = |trial: usize| {
        let state = status.trials.get(trial).map(|trial| trial.state);
        !matches!(
            state,
            Some(TrialState::Finished | TrialState::Stopped | TrialState::Diverged | TrialState::Running)
        )
    };
    let mut tasks: Vec<usize> = match sweep.definition.stop_losers {
        Some(_) => {
            let left = (0..sweep.trials.len()).filter(|trial| is_left(*trial)).count();
            let most = options.at_once.map_or(COMPARING, |n| n as usize);
            (0..left.div_ceil(per_task).min(most)).collect()
        }
        None => {
            let tasks = 0..sweep.trials.len().div_ceil(per_task);
            let trials = |task: usize| (task * per_task..(task + 1) * per_task).any(is_left);
            tasks.filter(|task| trials(*task)).collect()
        }
    };
    let is_printed = args.print;
    if !is_printed {
        let queued = queued(&folder);
        tasks.retain(|task| !queued.contains(task));
    }
    if tasks.is_empty() {
        say("nothing is missing: all trials have ended, or their jobs are queued or running");
        return Ok(ExitCode::SUCCESS);
    }
    let logs = folder.join("logs");
    fs::create_dir_all(&logs)?;
    let program = std::env::current_exe()?;
    let script = script(&folder, &program, options, &tasks, per_task);
    let path = folder.join(SCRIPT);
    sweep.write(SCRIPT, &script)?;
    let jobs = number::counted(tasks.len(), "job");
    if is_printed {
        say(&format!("{} has {jobs}; sbatch submits it", shell_word(&path.display().to_string())));
        return Ok(ExitCode::SUCCESS);
    }
    let submitted = Command::new("sbatch").arg("--parsable").arg(&path).stdin(Stdio::null()).output();
    let submitted = submitted.map_err(|error| {
        CliError::failed(format!(
            "sbatch cannot be run: {error}; {} is written, and --print asks for no more",
            path.display()
        ))
    })?;
    if !submitted.status.success() {
        let why = String::from_utf8_lossy(&submitted.stderr).trim().replace('\n', "; ");
        return Err(CliError::failed(format!("sbatch {}: {why}", path.display())));
    }
    // NUMBER or NUMBER;CLUSTER
    let job = String::from_utf8_lossy(&submitted.stdout);
    let job = job.trim().split(';').next().unwrap_or_default().to_owned();
    let before = fs::read_to_string(folder.join(SUBMITTED)).unwrap_or_default();
    sweep.write(SUBMITTED, &format!("{before}{job}\n"))?;
    let shown = shell_word(&sweep.folder.display().to_string());
    say(&format!("submitted {jobs} as {job}; `unrolled sweep status {shown}` shows the trials"));
    Ok(ExitCode::SUCCESS)
}

/// The numbers of the tasks of this sweep that are in the queue: the controller is asked once.
fn queued(folder: &Path) -> Vec<usize> {
    let submitted = fs::read_to_string(folder.join(SUBMITTED)).unwrap_or_default();
    let is_number = |job: &&str| !job.is_empty() && job.bytes().all(|byte| byte.is_ascii_digit());
    let jobs: Vec<&str> = submitted.lines().filter(is_number).collect();
    if jobs.is_empty() {
        return Vec::new();
    }
    let mut squeue = Command::new("squeue");
    squeue.args(["--noheader", "--array", "--format=%K", "--jobs", &jobs.join(",")]);
    // A job that Slurm has forgotten is an error; then none is queued.
    let Ok(output) = squeue.stdin(Stdio::null()).output() else { return Vec::new() };
    String::from_utf8_lossy(&output.stdout).lines().filter_map(|task| task.trim().parse().ok()).collect()
}

/// The script of the jobs `tasks`.
fn script(folder: &Path, program: &Path, options: &SlurmOptions, tasks: &[usize], per_task: usize) -> String {
    let word = |path: &Path| shell_word(&path.display().to_string());
    let at_once = options.at_once.map_or(String::new(), |n| format!("%{n}"));
    let given = match options.options.trim() {
        "" => String::new(),
        options => format!("#SBATCH {options}\n"),
    };
    let log = folder.join("logs").display().to_string().replace('%', "%%");
    format!(
        "#!/bin/bash\n\
         # Jobs of a sweep of unrolled: each trains its trials one after another. One that is preempted, or is near its time limit,\n\
         # saves, is queued again, and goes on from there.\n\
         #SBATCH --job-name=unrolled-sweep\n\
         #SBATCH --array={}{at_once}\n\
         #SBATCH --requeue --open-mode=append\n\
         #SBATCH --signal=B:USR1@120\n\
         #SBATCH --output={}\n\
         {given}\
         # The number of the job in the array: of Slurm, PBS, SGE or LSF; those of the last two begin at 1.\n\
         task=${{SLURM_ARRAY_TASK_ID:-${{PBS_ARRAY_INDEX:-$((${{SGE_TASK_ID:-$LSB_JOBINDEX}} - 1))}}}}\n\
         exec {} sweep run {} --task \"$task\" --per-task {per_task}\n",
        ranges(tasks),
        shell_word(&format!("{log}/%a.log")),
        word(program),
        word(folder),
    )
}

/// Numbers as Slurm writes them: `0-3,7`.
fn ranges(numbers: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let range = |(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_slurm() {
        assert_eq!(ranges(&[0, 1, 2, 5, 7, 8]), "0-2,5,7-8");
        assert_eq!(ranges(&[4]), "4");
    }

    #[test]
    fn the_script_replaces_itself_with_the_program_so_that_signals_come_once() {
        let options =
            SlurmOptions { options: "--time=1:00:00 -p cpu".into(), at_once: Some(20), per_task: Some(8) };
        let program = Path::new("/opt/my tools/unrolled");
        let script = script(Path::new("/data/100% sweep"), program, &options, &[0, 1, 3], 8);
        assert!(script.starts_with("#!/bin/bash\n"));
        for line in [
            "#SBATCH --array=0-1,3%20",
            "#SBATCH --output='/data/100%% sweep/logs/%a.log'",
            "#SBATCH --time=1:00:00 -p cpu",
            "#SBATCH --signal=B:USR1@120",
            "exec '/opt/my tools/unrolled' sweep run '/data/100% sweep' --task \"$task\" --per-task 8",
        ] {
            assert!(script.lines().any(|found| found == line), "{line}\n{script}");
        }
    }
}
