//! Training in a session of its own, which no terminal ends: `train --detach`, and the key `d` of the dashboard.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Write, stdout};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::error::{CliError, CliResult};
use super::shell_word;
use crate::escape::foreign;
use crate::run::OUTPUT;
use crate::run::control::Client;

/// How often the socket of a run is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// After how long a line says that the data are still being prepared.
const PATIENCE: Duration = Duration::from_secs(2);
/// The flag of a process that leaves the session of its parent.
pub(super) const NEW_SESSION: &str = "--new-session";

/// Leaves the session of the parent process, and with it the terminal. Without effect in the first process of a job.
pub(super) fn leave_session() {
    let _ = rustix::process::setsid();
}

/// Goes on with the run in the folder `run` in a session of its own, with the number of threads that this process was given and at the pace
/// that it has; it stays paused if it `is_paused`.
///
/// # Errors
/// As [`start`].
pub(super) fn resume(run: &Path, is_paused: bool) -> CliResult {
    let mut arguments =
        vec!["resume".into(), run.as_os_str().to_owned(), "--headless".into(), "--paced".into()];
    arguments.extend(is_paused.then(|| "--paused".into()));
    arguments.extend(threads_given());
    arguments.extend(records_given());
    start_paused(run, arguments, is_paused)
}

/// The option `--threads` that this process was given.
pub(super) fn threads_given() -> Vec<OsString> {
    threads(std::env::args_os())
}

/// The options `--tensorboard` and `--csv` that this process was given.
fn records_given() -> Vec<OsString> {
    let given = ["--tensorboard", "--csv"].into_iter();
    given.flat_map(|name| option(name, std::env::args_os())).collect()
}

/// The option `--threads` of a command line.
fn threads(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    option("--threads", arguments)
}

/// An option of a command line, with its value.
fn option(name: &str, arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut rest = arguments.skip_while(|argument| !argument.to_string_lossy().starts_with(name));
    match rest.next() {
        Some(option) if option == name => [option].into_iter().chain(rest.next()).collect(),
        Some(option) => vec![option],
        None => Vec::new(),
    }
}

/// Starts this program with `arguments` in a session of its own; it trains the run in the folder `run`, and what it prints is in a file
/// there. Returns once it answers there, and prints how to see it.
///
/// # Errors
/// If it cannot be started, or ends before it answers.
pub(super) fn start(run: &Path, arguments: impl IntoIterator<Item = OsString>) -> CliResult {
    start_paused(run, arguments, false)
}

/// As [`start`] for a training that is paused, if it `is_paused`.
fn start_paused(run: &Path, arguments: impl IntoIterator<Item = OsString>, is_paused: bool) -> CliResult {
    let (mut child, begin) = begin(run, arguments)?;
    if !wait_until_live(run, &mut child)? {
        let code = child.wait()?.code().and_then(|code| u8::try_from(code).ok());
        let said = std::fs::read(run.join(OUTPUT)).unwrap_or_default();
        let said = said.get(usize::try_from(begin).unwrap_or(0)..).unwrap_or_default();
        let said = String::from_utf8_lossy(said);
        if code == Some(0) {
            // A short training.
            said.lines().for_each(|line| drop(writeln!(stdout(), "{}", foreign(line))));
            return Ok(ExitCode::SUCCESS);
        }
        let last = said.lines().last().unwrap_or_default().trim_start_matches("unrolled: ").to_owned();
        let what = if last.is_empty() { "the training ended at once".to_owned() } else { last };
        return Err(CliError::with_code(code.unwrap_or(super::exit::FAILED), what));
    }
    let does = if is_paused { "is paused" } else { "continues" };
    let line = format!(
        "training {does} in process {}; `unrolled attach {}` shows it",
        child.id(),
        shell_word(&run.to_string_lossy())
    );
    // Stdout may be closed.
    let _ = writeln!(stdout(), "{}", foreign(&line));
    Ok(ExitCode::SUCCESS)
}

/// Starts this program with `arguments` in a session of its own, as [`start`] does, without waiting; returns its process, and how long the
/// file of what it prints was before.
///
/// # Errors
/// If it cannot be started.
pub(super) fn begin(run: &Path, arguments: impl IntoIterator<Item = OsString>) -> CliResult<(Child, u64)> {
    let output = run.join(OUTPUT);
    let cannot = |action: &'static str| {
        move |error: std::io::Error| CliError::failed(format!("cannot {action}: {error}"))
    };
    let file = File::options().create(true).append(true).open(&output);
    let file = file.map_err(cannot("write the output of the training"))?;
    let errors = file.try_clone()?;
    let begin = file.metadata()?.len();
    let program = std::env::current_exe().map_err(cannot("find this program"))?;
    let child = Command::new(program)
        .args(arguments)
        .arg(NEW_SESSION)
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(errors)
        .spawn()
        .map_err(cannot("start the training"))?;
    Ok((child, begin))
}

/// Waits until `child` serves the run; returns `false` if it ends before.
fn wait_until_live(run: &Path, child: &mut Child) -> std::io::Result<bool> {
    let since = Instant::now();
    let mut said = false;
    loop {
        if Client::connect(run).is_ok() {
            return Ok(true);
        }
        if child.try_wait()?.is_some() {
            return Ok(false);
        }
        if !said && since.elapsed() > PATIENCE {
            said = true;
            let _ = writeln!(stdout(), "preparing the data in process {}…", child.id());
        }
        thread::sleep(LOOK_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_threads_is_handed_on() {
        let of = |line: &str| threads(line.split(' ').map(OsString::from)).join(std::ffi::OsStr::new(" "));
        assert_eq!(of("unrolled train x --threads 2 --seed 1"), "--threads 2");
        assert_eq!(of("unrolled train --threads=2 x"), "--threads=2");
        assert_eq!(of("unrolled train x"), "");
    }
}
