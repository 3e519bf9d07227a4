//! Jobs of a Slurm cluster of this machine alone: preempted, near their time limit, cancelled, and tasks of arrays.
//!
//! ```sh
//! cargo test --release --test slurm -- --ignored --test-threads 1
//! ```
//! Debian's packages of Slurm are unpacked into a temporary folder; where they are not to be had, or this is not root, the test says so and
//! passes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use unrolled::run::{RunState, owner};

/// Far longer than anything takes; reached only by a test that fails.
const LONG: Duration = Duration::from_secs(120);
const CLUSTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/slurm/cluster.sh");

struct Cluster(TempDir);

impl Cluster {
    /// `None` where there can be none.
    fn start() -> Option<Self> {
        if !rustix::process::getuid().is_root() {
            eprintln!("skipped: a cluster needs root");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let status = Command::new("bash").arg(CLUSTER).arg(dir.path()).arg("start").status().unwrap();
        if status.code() == Some(77) {
            eprintln!("skipped: the packages of Slurm are not to be had");
            return None;
        }
        assert!(status.success());
        Some(Self(dir))
    }

    fn run(&self, command: &str) -> String {
        let script =
            format!(". {}/env.sh; cd {}; {command}", self.0.path().display(), self.0.path().display());
        let Output { status, stdout, stderr } = Command::new("bash").arg("-c").arg(script).output().unwrap();
        assert!(status.success(), "{command}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }

    /// Submits a job that trains in the folder `run`, and returns its number.
    fn submit(&self, options: &str, run: &str, epochs: usize) -> String {
        let program = env!("CARGO_BIN_EXE_unrolled");
        let job = format!(
            "#!/bin/bash\n{options}\n#SBATCH --open-mode=append --output=log-%a-%j\nexec {program} train word-order --headless --run {run} \
             --resume-or-start --set data.train=2000 --set data.validation=100 --set train.epochs={epochs} --set train.checkpoint.every_seconds=1\n"
        );
        fs::write(self.0.path().join("job.sh"), job).unwrap();
        self.run("sbatch --parsable job.sh").trim().to_owned()
    }

    fn folder(&self, run: &str) -> std::path::PathBuf {
        self.0.path().join(run)
    }

    /// Waits until `is_so`.
    fn wait(&self, what: &str, is_so: impl Fn() -> bool) {
        self.wait_within(LONG, what, is_so);
    }

    fn wait_within(&self, limit: Duration, what: &str, is_so: impl Fn() -> bool) {
        let begin = Instant::now();
        while !is_so() {
            let queue = || self.run("squeue --all; cat log-* 2>/dev/null | tail -20");
            assert!(begin.elapsed() < limit, "{what}\n{}", queue());
            sleep(Duration::from_millis(200));
        }
    }

    fn field(&self, job: &str, name: &str) -> Option<String> {
        let job = self.run(&format!("scontrol show job --oneliner {job} || true"));
        let field = job.split_whitespace().find_map(|field| field.strip_prefix(&format!("{name}=")))?;
        Some(field.to_owned())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = Command::new("bash").arg(CLUSTER).arg(self.0.path()).arg("stop").status();
        sleep(Duration::from_secs(1));
    }
}

fn steps(run: &Path) -> Vec<u64> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["kind"] == "step").map(|line| line["step"].as_u64().unwrap()).collect()
}

fn is_finished(run: &Path) -> bool {
    owner::state(run).is_ok_and(|state| state == RunState::Finished)
}

/// Every step once, up to the last.
fn assert_whole(run: &Path, epochs: u64) {
    let steps = steps(run);
    let per_epoch = 2000_u64.div_ceil(32);
    assert_eq!(steps, (1..=epochs * per_epoch).collect::<Vec<_>>());
}

#[test]
#[ignore = "starts a Slurm cluster"]
fn jobs_that_are_preempted_requeued_and_cancelled() {
    let Some(cluster) = Cluster::start() else { return };
    // Preempted: SIGTERM to the program, and Slurm requeues by itself. The job goes on and ends.
    let job = cluster.submit("#SBATCH --requeue --exclusive", "preempted", 300);
    cluster.wait("the first steps", || steps(&cluster.folder("preempted")).len() > 20);
    cluster.run("sbatch --parsable --partition=urgent --exclusive --wrap 'sleep 3' --output=/dev/null");
    cluster.wait("the restart", || cluster.field(&job, "Restarts").is_some_and(|restarts| restarts == "1"));
    // A requeued job waits for two minutes by default.
    cluster.run(&format!("scontrol update jobid={job} starttime=now || true"));
    cluster.wait("the end after preemption", || is_finished(&cluster.folder("preempted")));
    assert_whole(&cluster.folder("preempted"), 300);

    // Near its time limit: SIGUSR1, and the program requeues its job.
    let job = cluster.submit("#SBATCH --requeue --signal=B:USR1@55 --time=1", "limited", 20_000);
    cluster.wait("the requeue", || cluster.field(&job, "Restarts").is_some_and(|restarts| restarts == "1"));
    let before = steps(&cluster.folder("limited")).len();
    assert!(before > 0);
    cluster.run(&format!("scontrol update jobid={job} starttime=now || true"));
    cluster.wait("further steps", || steps(&cluster.folder("limited")).len() > before);

    // Cancelled: it stays dead, and is saved.
    cluster.run(&format!("scancel {job}"));
    let state = || owner::state(&cluster.folder("limited")).ok();
    cluster.wait("the end", || state() == Some(RunState::Stopped));
    sleep(Duration::from_secs(3));
    assert_eq!(cluster.field(&job, "JobState").unwrap_or_else(|| "CANCELLED".into()), "CANCELLED");

    // An array of which one task is requeued: the other is not.
    let job =
        cluster.submit("#SBATCH --requeue --array=0-1 --cpus-per-task=1", "task-$SLURM_ARRAY_TASK_ID", 500);
    cluster
        .wait("both tasks", || (0..2).all(|task| steps(&cluster.folder(&format!("task-{task}"))).len() > 20));
    cluster.run(&format!("scancel --batch --signal=USR1 {job}_1"));
    cluster.wait("the requeue", || {
        cluster.field(&format!("{job}_1"), "Restarts").is_some_and(|count| count == "1")
    });
    assert_eq!(cluster.field(&format!("{job}_0"), "Restarts").as_deref(), Some("0"));
    cluster.run(&format!("scontrol update jobid={job}_1 starttime=now || true"));
    for task in 0..2 {
        cluster.wait("the end of a task", || is_finished(&cluster.folder(&format!("task-{task}"))));
        assert_whole(&cluster.folder(&format!("task-{task}")), 500);
    }
}

/// The table of a sweep without the times.
fn table(cluster: &Cluster, sweep: &str) -> Vec<Value> {
    let program = env!("CARGO_BIN_EXE_unrolled");
    let lines = cluster.run(&format!("{program} sweep status {sweep} --json"));
    let parse = |line: &str| {
        let mut trial: Value = serde_json::from_str(line).unwrap();
        trial.as_object_mut().unwrap().retain(|key, _| key != "seconds" && key != "run");
        trial
    };
    lines.lines().map(parse).collect()
}

#[test]
#[ignore = "starts a Slurm cluster"]
fn a_sweep_as_an_array_that_is_preempted_and_cancelled_finds_what_it_finds_here() {
    let Some(cluster) = Cluster::start() else { return };
    let program = env!("CARGO_BIN_EXE_unrolled");
    // Many seconds of training on a fast processor: a job that is to be preempted must not have ended before.
    let epochs = 2000;
    let sweep = |run: &str, slurm: &str| {
        cluster.run(&format!(
            "{program} sweep word-order --grid model.1.units=2,3,4,5,6,7,8,9 --seeds 1..5 --set data.train=2000 \
             --set data.validation=100 --set train.epochs={epochs} --set train.checkpoint.every_seconds=1 --run {run} {slurm} || true"
        ))
    };
    let submitted = sweep("array", "--slurm '--cpus-per-task=1' --at-once 2");
    assert!(submitted.contains("submitted 40 jobs as "), "{submitted}");
    let job = submitted.split(" as ").nth(1).unwrap().split(';').next().unwrap().to_owned();
    let count = |state: &str| table(&cluster, "array").iter().filter(|trial| trial["state"] == state).count();
    cluster.wait("some trials", || count("finished") > 2 && count("running") > 0);
    // Preempted: what trains is saved, and queued again by Slurm.
    cluster.run("sbatch --parsable --partition=urgent --exclusive --wrap 'sleep 3' --output=/dev/null");
    let restarts =
        || cluster.run(&format!("sacct -n -j {job} 2>/dev/null; scontrol show job {job} --oneliner || true"));
    cluster.wait("a restart", || restarts().contains("Restarts=1"));
    // One that trains is cancelled, and stays away.
    let now = || cluster.run(&format!("scontrol update jobid={job} starttime=now 2>/dev/null || true"));
    let running = || {
        now();
        let tasks =
            cluster.run(&format!("squeue --noheader --array --states=R --format=%K --jobs {job} || true"));
        tasks.lines().next().map(|task| task.trim().to_owned())
    };
    cluster.wait("a job runs", || running().is_some());
    let cancelled = running();
    if let Some(task) = &cancelled {
        cluster.run(&format!("scancel {job}_{task}"));
    }
    // The trainings of all 40 trials, one after another.
    let all = 10 * LONG;
    cluster.wait_within(all, "the end of the array", || {
        now();
        cluster
            .run(&format!("squeue --noheader --array --format=%K --jobs {job} 2>/dev/null || true"))
            .trim()
            .is_empty()
    });
    // What is missing is submitted once more: the cancelled one, unless it had just finished.
    let missing = 40 - count("finished");
    assert!(missing <= 1, "{missing} are missing");
    let again = cluster.run(&format!("{program} sweep again array"));
    let expected = if missing == 1 { "submitted 1 job " } else { "nothing is missing" };
    assert!(again.contains(expected), "{again}");
    cluster.wait("the end of all", || count("finished") == 40);
    sweep("here", "");
    assert_eq!(table(&cluster, "array"), table(&cluster, "here"));
    for trial in 0..40 {
        let weights = |sweep: &str| {
            let run = cluster.folder(sweep).join(format!("trials/{trial:04}"));
            assert_whole(&run, epochs);
            let last = unrolled::run::checkpoint::read(&run, unrolled::run::checkpoint::Which::Last).unwrap();
            fs::read(last.path.join("model.safetensors")).unwrap()
        };
        assert_eq!(weights("array"), weights("here"), "trial {trial}");
    }
}
