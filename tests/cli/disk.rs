//! A disk that is full for a while, a folder that is read-only, and one that is removed or replaced under the run.

#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use super::*;

/// Steps without an end, saved after every epoch of eight; errors go to a file in `messages`.
fn endless(folder: &Path, messages: &Path) -> Command {
    let mut command = train(folder, "word-order", "run", &ENDLESS);
    command.arg("--headless").stderr(File::create(messages.join("stderr")).unwrap());
    command
}

fn lines_of(running: &mut Running) -> BufReader<impl Read + Send + use<>> {
    BufReader::new(running.child.stdout.take().unwrap())
}

/// A small file system in memory, unmounted at the end.
struct Tmpfs(TempDir);

impl Tmpfs {
    /// `None`, said in words, where it cannot be mounted.
    fn mount(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let options = format!("size={size},mode=0777");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(dir.path()).output();
        match mount {
            Ok(Output { status, .. }) if status.success() => Some(Self(dir)),
            other => {
                eprintln!("skipped: no file system in memory can be mounted, which needs root: {other:?}");
                None
            }
        }
    }

    /// Fills what is left.
    fn fill(&self) -> PathBuf {
        let path = self.0.path().join("ballast");
        let mut ballast = File::create(&path).unwrap();
        let mut block = vec![0; 1 << 16];
        while !block.is_empty() {
            if std::io::Write::write_all(&mut ballast, &block).is_err() {
                block.truncate(block.len() / 2);
            }
        }
        path
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// A training that has said that its disk is full, with its lines and the file that fills the disk; `None` without a file system.
fn on_a_full_disk(messages: &Path) -> Option<(Tmpfs, Running, BufReader<impl Read + Send + use<>>, PathBuf)> {
    let disk = Tmpfs::mount("64m")?;
    let mut running = Running::start(endless(disk.0.path(), messages));
    let mut lines = lines_of(&mut running);
    running.wait_for(&mut lines, "epoch 2/");
    let ballast = disk.fill();
    running.wait_for(&mut lines, "error: no checkpoint: ");
    Some((disk, running, lines, ballast))
}

#[test]
fn a_disk_that_is_full_and_has_room_again_later_costs_no_step_and_no_bit() {
    let messages = tempfile::tempdir().unwrap();
    let Some((disk, mut running, mut lines, ballast)) = on_a_full_disk(messages.path()) else { return };
    let folder = disk.0.path();
    // Some epochs more, of which nothing can be saved.
    (0..3).for_each(|_| running.wait_for(&mut lines, "epoch "));
    fs::remove_file(ballast).unwrap();
    running.wait_for(&mut lines, "checkpoints are saved again, after ");
    running.signal(Signal::TERM);
    std::thread::spawn(move || lines.lines().count());
    assert_eq!(running.code(), Some(130));
    let run = folder.join("run");
    saved_at_its_last_step(&run);
    let steps: Vec<u64> = metrics(&run)
        .iter()
        .filter(|line| line["kind"] == "step")
        .filter_map(|line| line["step"].as_u64())
        .collect();
    assert!(steps.iter().copied().eq(1..=steps.len() as u64), "no step is missing, and none is there twice");
    assert!(Reader::open(&run).unwrap().events().unwrap().all(|event| event.is_ok()));
    // The same weights and metrics as those of a training on a disk with room.
    let (out, _) = ends(unrolled(folder, &["verify", "run"]), 0);
    assert!(out.contains("the same"), "{out}");
}

#[test]
fn a_disk_that_stays_full_is_said_with_what_is_not_saved() {
    let messages = tempfile::tempdir().unwrap();
    let Some((disk, mut running, lines, _)) = on_a_full_disk(messages.path()) else { return };
    let folder = disk.0.path();
    running.signal(Signal::TERM);
    std::thread::spawn(move || lines.lines().count());
    assert_eq!(running.code(), Some(1));
    let message = fs::read_to_string(messages.path().join("stderr")).unwrap();
    assert!(message.contains("could not be saved") && message.contains("No space left"), "{message}");
    // What was saved before is whole, and what was recorded is.
    let saved = checkpoint::read(&folder.join("run"), Which::Last).unwrap().step;
    assert!(saved >= 8 && message.contains(&format!("the last checkpoint is of step {saved}")), "{message}");
}

/// Another user than root, whom permissions bind; the folder is theirs. `None`, said in words, where the program cannot be run so.
fn bound_by_permissions(folder: &Path) -> Option<impl Fn(Command) -> Command> {
    const NOBODY: u32 = 65_534;
    let is_root = rustix::process::geteuid().is_root();
    let program = folder.join("unrolled");
    if is_root {
        fs::copy(env!("CARGO_BIN_EXE_unrolled"), &program).unwrap();
        chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
        let status = Command::new(&program).arg("--version").uid(NOBODY).gid(NOBODY).output();
        if !status.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: the program cannot be run as another user than root");
            return None;
        }
    }
    Some(move |command: Command| {
        if !is_root {
            return command;
        }
        let mut other = Command::new(&program);
        other.args(command.get_args()).stdin(Stdio::null()).uid(NOBODY).gid(NOBODY);
        other.current_dir(command.get_current_dir().unwrap());
        other
    })
}

fn permit(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_read_only_folder_is_refused_at_the_start_and_read_without_a_complaint() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let Some(as_user) = bound_by_permissions(folder) else { return };
    let small = [&SMALL[..], &["train.checkpoint={every_steps: 4, keep: 5}"]].concat();
    let run = |args: &[&str]| as_user(unrolled(folder, args));
    ends(as_user(train(folder, "word-order", "run", &small)), 0);
    let parts = ["run/checkpoints", "run", "."].map(|part| folder.join(part));
    parts.iter().for_each(|part| permit(part, 0o555));
    let (_, message) = ends(as_user(train(folder, "word-order", "other", &small)), 1);
    assert!(message.contains("other") && message.contains("Permission denied"), "{message}");
    let (_, message) = ends(run(&["resume", "run", "--headless", "--set", "train.epochs=3"]), 1);
    assert!(message.contains("run") && message.contains("Permission denied"), "{message}");
    for args in [&["show", "run"][..], &["runs", "."], &["plot", "run"], &["predict", "run", "not bad"]] {
        let (out, message) = ends(run(args), 0);
        assert!(!out.is_empty() && message.is_empty(), "{args:?}: {message}");
    }
    parts.iter().rev().for_each(|part| permit(part, 0o755));
    ends(run(&["resume", "run", "--headless", "--set", "train.epochs=3"]), 0);
    saved_at_its_last_step(&folder.join("run"));
}

#[test]
fn a_folder_that_is_read_only_for_a_while_is_saved_again_and_one_that_stays_so_ends_with_1() {
    for stays in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path();
        let Some(as_user) = bound_by_permissions(folder) else { return };
        let mut command = as_user(train(folder, "word-order", "run", &ENDLESS));
        command.arg("--headless").stderr(File::create(folder.join("stderr")).unwrap());
        let mut running = Running::start(command);
        let mut lines = lines_of(&mut running);
        running.wait_for(&mut lines, "epoch 2/");
        let checkpoints = folder.join("run/checkpoints");
        permit(&checkpoints, 0o555);
        running.wait_for(&mut lines, "error: no checkpoint: ");
        if !stays {
            permit(&checkpoints, 0o755);
            running.wait_for(&mut lines, "checkpoints are saved again, after ");
        }
        running.signal(Signal::TERM);
        std::thread::spawn(move || lines.lines().count());
        assert_eq!(running.code(), Some(if stays { 1 } else { 130 }));
        permit(&checkpoints, 0o755);
        let message = fs::read_to_string(folder.join("stderr")).unwrap();
        match stays {
            true => {
                let saved = checkpoint::read(&folder.join("run"), Which::Last).unwrap().step;
                assert!(
                    message.contains("could not be saved") && message.contains("Permission denied"),
                    "{message}"
                );
                assert!(message.contains(&format!("the last checkpoint is of step {saved}")), "{message}");
            }
            false => saved_at_its_last_step(&folder.join("run")),
        }
    }
}

#[test]
fn a_folder_that_is_removed_or_replaced_under_the_run_gets_nothing_and_one_that_comes_back_is_saved() {
    for replaced in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (folder, run) = (dir.path(), dir.path().join("run"));
        let mut running = Running::start(endless(folder, folder));
        let mut lines = lines_of(&mut running);
        running.wait_for(&mut lines, "epoch 2/");
        // As a whole: a checkpoint that is just being written may be in the way.
        fs::rename(&run, folder.join("removed")).unwrap();
        if replaced {
            fs::create_dir(&run).unwrap();
        }
        fs::remove_dir_all(folder.join("removed"))
            .or_else(|_| fs::remove_dir_all(folder.join("removed")))
            .unwrap();
        running.wait_for(&mut lines, "error: no checkpoint: run is no longer there");
        running.signal(Signal::TERM);
        std::thread::spawn(move || lines.lines().count());
        assert_eq!(running.code(), Some(1));
        let message = fs::read_to_string(folder.join("stderr")).unwrap();
        assert!(message.contains("could not be saved: run is no longer there"), "{message}");
        assert!(!replaced || fs::read_dir(&run).unwrap().next().is_none(), "another folder gets nothing");
        assert!(replaced || !run.exists(), "the folder is not made again");
    }
    // Renamed, and renamed back.
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let mut running = Running::start(endless(folder, folder));
    let mut lines = lines_of(&mut running);
    running.wait_for(&mut lines, "epoch 2/");
    fs::rename(folder.join("run"), folder.join("elsewhere")).unwrap();
    running.wait_for(&mut lines, "error: no checkpoint: run is no longer there");
    fs::rename(folder.join("elsewhere"), folder.join("run")).unwrap();
    running.wait_for(&mut lines, "checkpoints are saved again, after ");
    running.signal(Signal::TERM);
    std::thread::spawn(move || lines.lines().count());
    assert_eq!(running.code(), Some(130));
    saved_at_its_last_step(&folder.join("run"));
}
