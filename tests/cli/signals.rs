//! Signals and limits of the system.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;

use super::*;

/// `command` in a shell that first runs `setup`.
pub(super) fn in_shell(setup: &str, command: &Command) -> Command {
    let words = |word: &std::ffi::OsStr| format!("'{}'", word.to_str().unwrap());
    let line: Vec<String> =
        [command.get_program()].into_iter().chain(command.get_args()).map(words).collect();
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{setup}; exec {}", line.join(" ")));
    shell.current_dir(command.get_current_dir().unwrap()).stdin(Stdio::null());
    shell
}

#[test]
fn signals_of_batch_systems_save_and_end() {
    for signal in [Signal::QUIT, Signal::ALARM, Signal::XCPU] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = train(folder.path(), "word-order", "run", &ENDLESS);
        command.arg("--headless");
        let mut running = Running::start(command);
        let mut lines = BufReader::new(running.child.stdout.take().unwrap());
        running.wait_for(&mut lines, "epoch 2/");
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        running.signal(signal);
        assert_eq!(running.code(), Some(130), "{signal:?}");
        saved_at_its_last_step(&folder.path().join("run"));
    }
}

#[test]
fn a_limit_on_the_size_of_files_kills_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = train(folder.path(), "word-order", "run", &["data.train=256", "train.epochs=60"]);
    command.arg("--headless");
    // In blocks of 512 bytes.
    let output = done(in_shell("ulimit -f 64", &command));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.signal(), None, "{text}");
    assert!(text.contains("File too large"), "{text}");
}

#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = train(folder.path(), "word-order", "run", &ENDLESS);
    command.arg("--headless");
    let mut running = Running::start(in_shell("trap '' INT", &command));
    let mut lines = BufReader::new(running.child.stdout.take().unwrap());
    running.wait_for(&mut lines, "epoch 2/");
    running.signal(Signal::INT);
    running.wait_for(&mut lines, "epoch 9/");
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    running.signal(Signal::TERM);
    assert_eq!(running.code(), Some(130));
}

/// The limit is one of users: root has none, so that another user must be taken.
#[cfg(target_os = "linux")]
#[test]
fn without_threads_there_are_results_or_errors_and_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let rows: String = (0..40).map(|i| format!("good day {i},a\nbad day {i},b\n")).collect();
    fs::write(at.join("t.csv"), format!("text,label\n{rows}")).unwrap();
    ends(unrolled(at, &["new", "t.csv", "--out", "t.yaml"]), 0);
    ends(train(at, "t.yaml", "run", &["train.epochs=2"]), 0);
    fs::copy(env!("CARGO_BIN_EXE_unrolled"), at.join("unrolled")).unwrap();
    let own = rustix::process::getuid();
    let mut open = vec![at.to_owned()];
    while let Some(path) = open.pop() {
        let is_folder = path.is_dir();
        fs::set_permissions(&path, fs::Permissions::from_mode(if is_folder { 0o777 } else { 0o755 }))
            .unwrap();
        if is_folder {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    let limited = |args: &[&str]| {
        let mut command = Command::new("prlimit");
        command.arg("--nproc=1:1");
        if own.is_root() {
            command.args(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
        }
        command.arg("./unrolled").args(args).current_dir(at).stdin(Stdio::null());
        done(command)
    };
    for args in [
        &["predict", "run", "good day"][..],
        &["evaluate", "run"],
        &["data", "info", "t.csv"],
        &["train", "word-order", "--headless", "--run", "other"],
    ] {
        let Output { status, stdout, stderr } = limited(args);
        let text = String::from_utf8_lossy(&stdout) + String::from_utf8_lossy(&stderr);
        let expected = if args[0] == "train" { 1 } else { 0 };
        assert_eq!(status.code(), Some(expected), "{args:?}: {text}");
        assert!(expected == 0 || text.contains("cannot start a thread"), "{text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn more_memory_than_there_is_is_refused_with_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let mut command =
        train(folder.path(), "word-order", "run", &["tokens.length=200000", "train.batch_size=4000"]);
    command.arg("--headless");
    let output = done(in_shell("ulimit -v 4194304", &command));
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("training needs at least") && message.contains("ulimit -v"), "{message}");
    assert!(!folder.path().join("run").exists());
}

#[test]
fn a_run_folder_whose_name_is_not_unicode_is_opened_again() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let name = std::ffi::OsStr::from_bytes(b"run-\xff\xfe");
    let mut command = unrolled(folder.path(), &["train", "word-order", "--headless", "--run"]);
    command.arg(name).args(sets(&SMALL));
    ends(command, 0);
    let mut command = unrolled(folder.path(), &["predict"]);
    command.arg(name).arg("not bad but good");
    ends(command, 0);
}

#[test]
fn arguments_cannot_control_the_terminal_in_error_messages() {
    let folder = tempfile::tempdir().unwrap();
    for args in
        [&["\x1b[31mtrian"][..], &["train", "word-order", "--seed", "\x1b]0;x\x07"], &["train", "--\x1b[2J"]]
    {
        let (_, message) = ends(unrolled(folder.path(), args), 2);
        assert!(!message.contains(['\x1b', '\x07']) && message.contains('␛'), "{message:?}");
    }
}
