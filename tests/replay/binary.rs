//! The real program: in a pseudo-terminal, writing asciicasts, and printing charts.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use ratatui::style::Color;
use serde_json::Value;
use unrolled::protocol::{Event, RunStatus};
use unrolled::ui::theme::{Colors, Glyphs, Theme};

use super::{LONG, STEPS, drawn, live, record, scalars, story, text};

/// A folder with the story as `runs/a`.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    record(&folder.path().join("runs/a"), &story());
    // What makes a folder a run.
    fs::write(folder.path().join("runs/a/spec.yaml"), "title: A story\n").unwrap();
    folder
}

fn run(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unrolled"));
    command.args(args).current_dir(folder).env("LC_ALL", "C.UTF-8").env("TERM", "xterm-256color");
    command.env_remove("COLORTERM").env_remove("NO_COLOR").output().unwrap()
}

#[track_caller]
fn printed(folder: &Path, args: &[&str]) -> String {
    let Output { status, stdout, stderr } = run(folder, args);
    assert!(status.success(), "{args:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// Exit code and message of a command that fails.
fn refused(folder: &Path, args: &[&str]) -> (i32, String) {
    let Output { status, stderr, .. } = run(folder, args);
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

/// The program in a pseudo-terminal.
struct Terminal {
    _master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
}

impl Terminal {
    fn open(folder: &Path, args: &[&str], (columns, rows): (u16, u16)) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_unrolled"));
        command.args(args);
        command.cwd(folder);
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        let child = pair.slave.spawn_command(command).unwrap();
        let mut from_terminal = pair.master.try_clone_reader().unwrap();
        let (send, output) = channel();
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(n @ 1..) = from_terminal.read(&mut chunk) {
                if send.send(chunk[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        let keys = pair.master.take_writer().unwrap();
        let screen = vt100::Parser::new(rows, columns, 0);
        Self { _master: pair.master, child, keys, output, screen }
    }

    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        self.wait_until(text, true);
    }

    /// Closes what shows `text`.
    #[track_caller]
    fn close(&mut self, text: &str) {
        self.keys.write_all(b"\r").unwrap();
        self.wait_until(text, false);
    }

    #[track_caller]
    fn wait_until(&mut self, text: &str, is_there: bool) {
        let deadline = Instant::now() + LONG;
        while self.screen.screen().contents().contains(text) != is_there {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(chunk) = self.output.recv_timeout(left) else {
                panic!("{text:?} never appears, or stays:\n{}", self.screen.screen().contents())
            };
            self.screen.process(&chunk);
        }
    }

    /// Presses `keys`, then waits for `text`.
    #[track_caller]
    fn press(&mut self, keys: &str, text: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.wait_for(text);
    }
}

impl Terminal {
    /// Types the change of a branch a key at a time: many keys at once are taken for pasted text, which starts nothing.
    #[track_caller]
    fn type_change(&mut self, text: &str) {
        for end in 1..=text.len() {
            self.press(&text[end - 1..end], &format!("change  {}", &text[..end]));
        }
    }
}

#[test]
fn a_run_is_replayed_in_a_terminal_with_the_keys_of_time() {
    let folder = folder();
    let mut terminal = Terminal::open(folder.path(), &["replay", "a", "--at", "418"], (120, 40));
    terminal.wait_for("step 418 of 784 · epoch 3");
    terminal.wait_for("step 418/784");
    terminal.press("\x1b[D", "step 410 of 784");
    terminal.press("e", "step 588 of 784 · epoch 3");
    terminal.press("n", "step 589 of 784 · epoch 4");
    terminal.press("\x1b[H", "step 0 of 784");
    terminal.press(":", "Go to step");
    terminal.press("300\r", "step 300 of 784");
    terminal.press("B", "Branch this run");
    terminal.keys.write_all(b"\x1b").unwrap();
    terminal.wait_until("Branch this run", false);
    terminal.press(":", "Go to step");
    terminal.press("9999\r", "The record ends at step 784.");
    terminal.press(":", "Go to step");
    terminal.press("300\r", "step 300 of 784");
    terminal.press("s", "Not available");
    terminal.close("Not available");
    terminal.press("?", "Go to the worst gradient");
    terminal.close("Go to the worst gradient");
    // Those of the dashboard, for viewing.
    terminal.press("S", "saved screen-");
    assert!(folder.path().join("runs/a/screen-300.svg").exists(), "in the run's folder, wherever it is now");
    terminal.press("f", "fastest");
    terminal.press(" ", "finished");
    terminal.press("q", "");
    assert_eq!(terminal.child.wait().unwrap().exit_code(), 0);
}

/// The folders of branches in `runs/`.
fn branches(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("runs")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.to_string_lossy().contains("-branch-")).collect()
}

#[test]
fn a_branch_of_a_replayed_run_is_trained_on_the_screen() {
    let folder = tempfile::tempdir().unwrap();
    let small = ["data.train=64", "data.validation=32", "train.epochs=2", "train.batch_size=16"];
    let set = small.iter().flat_map(|set| ["--set", set]);
    let args: Vec<&str> =
        ["train", "word-order", "--headless", "--run", "runs/a"].into_iter().chain(set).collect();
    printed(folder.path(), &args);
    let mut terminal = Terminal::open(folder.path(), &["replay", "a", "--at", "5"], (120, 40));
    terminal.wait_for("step 5 of 8");
    terminal.press("B", "Branch this run");
    // What cannot be changed is said, and can be corrected.
    terminal.type_change("train.seed=4");
    // A dialog that has just opened takes no answer.
    std::thread::sleep(std::time::Duration::from_millis(400));
    terminal.press("\r", "train.seed cannot be changed");
    terminal.press(&"\x7f".repeat("train.seed=4".len()), "takes this screen");
    assert_eq!(branches(folder.path()), Vec::<PathBuf>::new());
    terminal.type_change("train.epochs=3");
    terminal.press("\r", "step 12/12");
    terminal.wait_for("finished");
    // With the line of its parent.
    terminal.wait_for("┄ a 0.");
    terminal.press("q", "");
    assert_eq!(terminal.child.wait().unwrap().exit_code(), 0);
    let [branch] = &branches(folder.path())[..] else { panic!("{:?}", branches(folder.path())) };
    let card = printed(folder.path(), &["show", &branch.to_string_lossy()]);
    assert!(card.contains("after step 5, with train.epochs=3") && card.contains("finished"), "{card}");
}

#[test]
fn a_replay_plays_from_the_start_without_a_key() {
    let folder = folder();
    let mut terminal = Terminal::open(folder.path(), &["replay", "runs/a", "--speed", "64"], (80, 24));
    terminal.wait_for("▶ 64×");
    terminal.wait_for("784/784");
    terminal.wait_for("finished");
    terminal.press("q", "");
    assert_eq!(terminal.child.wait().unwrap().exit_code(), 0);
}

#[test]
fn without_a_terminal_or_a_recording_a_replay_is_refused() {
    let folder = folder();
    let at = folder.path();
    assert_eq!(
        refused(at, &["replay", "a"]),
        (
            1,
            "unrolled: no terminal that can show a replay; --cast FILE and --svg FILE write it to a file, and `unrolled plot RUN` \
             prints its curves\n"
                .into()
        )
    );
    let (code, message) = refused(at, &["replay", "a", "--at", "785"]);
    assert!(code == 2 && message.contains("--at 785: the record ends at step 784"), "{message}");
    let (code, message) = refused(at, &["replay", "b"]);
    assert!(code == 2 && message.contains("b: no such run"), "{message}");
    fs::write(at.join("runs/a/frames.bin"), "something else").unwrap();
    let (code, message) = refused(at, &["replay", "a", "--cast", "a.cast"]);
    assert!(code == 1 && message.contains("not a recording made by unrolled"), "{message}");
    fs::remove_file(at.join("runs/a/frames.bin")).unwrap();
    for command in [&["replay", "a"][..], &["plot", "a"]] {
        let (code, message) = refused(at, command);
        assert!(code == 1 && message.contains("cannot open runs/a/frames.bin"), "{message}");
    }
    for (args, expected) in [
        (&["--speed", "0"][..], "a number above 0"),
        (&["--size", "120x40"], "--cast"),
        (&["--svg", "x", "--cast", "y"], "cannot be used with"),
        (&["--svg", "x", "--speed", "2"], "cannot be used with"),
        (&["--at", "5", "--svg", "x", "--seconds", "3"], "cannot be used with"),
        (&["a"], "--svg"),
        (&["--cast", "x", "--size", "10x10"], "from 40x11 to 1000x400"),
        (&["--cast", "x", "--at", "5"], "cannot be used with"),
        (&["--cast", "x", "--speed", "fastest"], "--speed fastest"),
        (&["--cast", "x", "--seconds=-1"], "a number above 0"),
    ] {
        let all: Vec<&str> = ["replay", "a"].iter().chain(args).copied().collect();
        fs::write(at.join("runs/a/frames.bin"), "").unwrap();
        let (code, message) = refused(at, &all);
        assert!(code == 2 && message.contains(expected), "{args:?}: {message}");
    }
}

#[test]
fn a_moving_picture_shows_runs_side_by_side_and_a_step_is_a_still() {
    let folder = folder();
    let at = folder.path();
    let line = printed(at, &["replay", "a", "--svg", "a.svg", "--seconds", "3", "--size", "80x24"]);
    assert!(line.starts_with("a.svg: 3.0 s, ") && line.contains(" frames, "), "{line}");
    let one = fs::read_to_string(at.join("a.svg")).unwrap();
    // Three seconds at four frames a second, and three more for the last.
    assert!(one.contains("animation:6.00s step-end infinite") && one.ends_with("</svg>\n"));
    let moving = one.matches("@keyframes").count();
    assert!((5..500).contains(&moving), "{moving}");
    printed(at, &["replay", "a", "a", "--svg", "two.svg", "--seconds", "3", "--size", "161x24"]);
    let two = fs::read_to_string(at.join("two.svg")).unwrap();
    let titles = |svg: &str| svg.matches("Loss").count();
    assert!(titles(&two) == 2 * titles(&one) && titles(&one) > 0, "{} {}", titles(&one), titles(&two));
    assert!(two.len() < 4 << 20 && two.contains("width=\"1312\""));
    let line = printed(at, &["replay", "a", "--at", "418", "--svg", "still.svg"]);
    assert!(line.starts_with("still.svg: step 418, "), "{line}");
    let still = fs::read_to_string(at.join("still.svg")).unwrap();
    assert!(!still.contains("@keyframes") && still.contains("418/784"));
    let (code, message) = refused(at, &["replay", "a", "a", "--svg", "x", "--size", "60x24"]);
    assert!(code == 2 && message.contains("2 runs side by side need 81 columns"), "{message}");
}

/// The header and the events of an asciicast.
fn cast(path: &Path) -> (Value, Vec<(f64, String, String)>) {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let header = lines.next().unwrap();
    let event = |value: Value| {
        let [time, code, data] = value.as_array().unwrap().as_slice() else { panic!("{value}") };
        (time.as_f64().unwrap(), code.as_str().unwrap().to_owned(), data.as_str().unwrap().to_owned())
    };
    (header, lines.map(event).collect())
}

/// What a terminal shows after all output of a cast.
fn last_screen(events: &[(f64, String, String)], (columns, rows): (u16, u16)) -> vt100::Parser {
    let mut screen = vt100::Parser::new(rows, columns, 0);
    let output = events.iter().filter(|(_, code, _)| code == "o");
    output.for_each(|(.., data)| screen.process(data.as_bytes()));
    screen
}

#[test]
fn an_asciicast_ends_with_the_last_screen_and_has_the_times_of_the_training() {
    let folder = folder();
    let at = folder.path();
    printed(at, &["replay", "a", "--cast", "a.cast", "--speed", "8", "--size", "100x30"]);
    let (header, events) = cast(&at.join("a.cast"));
    assert_eq!(header["version"], 2);
    assert_eq!((&header["width"], &header["height"]), (&100.into(), &30.into()));
    let screen = last_screen(&events, (100, 30));
    let dash = live(Path::new("runs/a"), &story(), STEPS);
    let expected = drawn(&dash, 100, 30);
    for (i, cell) in expected.content().iter().enumerate() {
        let (row, column) = ((i / 100) as u16, (i % 100) as u16);
        let shown = screen.screen().cell(row, column).unwrap();
        let symbol = if shown.has_contents() { shown.contents() } else { " " };
        assert_eq!(symbol, cell.symbol(), "row {row}, column {column}\n{}", screen.screen().contents());
        // The colour of a blank is not seen.
        if let Color::Rgb(r, g, b) = cell.fg
            && symbol != " "
        {
            assert_eq!(shown.fgcolor(), vt100::Color::Rgb(r, g, b), "row {row}, column {column}");
        }
    }
    assert!(screen.screen().hide_cursor());
    // 784 steps of 103 ms.
    let times: Vec<f64> = events.iter().map(|(time, ..)| *time).collect();
    assert!(times.is_sorted());
    let last = times.last().unwrap();
    assert!((last - 784.0 * 0.103 / 8.0).abs() < 0.2, "{last}");
    let markers: Vec<&str> =
        events.iter().filter(|(_, code, _)| code == "m").map(|(.., data)| data.as_str()).collect();
    assert_eq!(markers, ["epoch 1", "epoch 2", "epoch 3", "epoch 4"]);
    // Later frames are changes only.
    let output: Vec<usize> =
        events.iter().filter(|(_, code, _)| code == "o").map(|(.., data)| data.len()).collect();
    assert!(output.len() > 100 && output.iter().skip(1).all(|bytes| *bytes < output[1] * 2), "{output:?}");
}

#[test]
fn an_asciicast_of_version_3_has_intervals_and_the_same_screens() {
    let folder = folder();
    let at = folder.path();
    printed(at, &["replay", "a", "--cast", "2.cast", "--speed", "20"]);
    printed(at, &["replay", "a", "--cast", "3.cast", "--speed", "20", "--v3"]);
    let ((_, second), (header, third)) = (cast(&at.join("2.cast")), cast(&at.join("3.cast")));
    assert_eq!(
        (&header["version"], &header["term"]["cols"], &header["term"]["rows"]),
        (&3.into(), &120.into(), &40.into())
    );
    assert_eq!(second.len(), third.len());
    let mut time = 0.0;
    for (a, b) in second.iter().zip(&third) {
        time += b.0;
        assert!((a.0 - time).abs() < 1e-6, "{} is not {time}", a.0);
        assert_eq!((&a.1, &a.2), (&b.1, &b.2));
    }
}

#[test]
fn an_asciicast_is_as_short_as_requested_and_pauses_are_short() {
    let folder = folder();
    let at = folder.path();
    let seconds = |file: &str| cast(&at.join(file)).1.last().unwrap().0;
    printed(at, &["replay", "a", "--cast", "short.cast", "--seconds", "4"]);
    assert!((3.0..4.2).contains(&seconds("short.cast")), "{}", seconds("short.cast"));
    // A validation that took an hour.
    let mut events = scalars(100);
    for event in &mut events {
        if let Event::Step(metrics) = event
            && metrics.step > 50
        {
            metrics.seconds += 3600.0;
        }
    }
    record(&at.join("runs/b"), &events);
    fs::write(at.join("runs/b/spec.yaml"), "title: B\n").unwrap();
    let said = printed(at, &["replay", "b", "--cast", "b.cast", "--speed", "1"]);
    assert!((10.0..12.0).contains(&seconds("b.cast")), "{}", seconds("b.cast"));
    assert!(said.starts_with("b.cast: ") && said.contains(" frames"), "{said}");
}

#[test]
fn curves_are_printed_as_charts() {
    let folder = folder();
    let at = folder.path();
    insta::assert_snapshot!("plot", printed(at, &["plot", "a"]));
    let several = ["plot", "a", "val_accuracy", "accuracy", "grad_norm", "--x", "epochs", "--width", "60"];
    let several = [&several[..], &["--height", "24", "--glyphs", "ascii"]].concat();
    insta::assert_snapshot!("plot_ascii", printed(at, &several));
    insta::assert_snapshot!(
        "plot_blocks",
        printed(at, &["plot", "a", "--glyphs", "blocks", "--x", "seconds"])
    );
    // Colours on request, and in a terminal.
    let coloured = printed(at, &["plot", "a", "--colors", "16"]);
    assert!(coloured.contains("\x1b[") && !printed(at, &["plot", "a"]).contains('\x1b'));
    let mut terminal = Terminal::open(at, &["plot", "a"], (70, 20));
    terminal.wait_for("step");
    assert_eq!(terminal.child.wait().unwrap().exit_code(), 0);
    let legend = terminal.screen.screen().cell(1, 0).unwrap().fgcolor();
    let row = (0..20).find(|row| terminal.screen.screen().cell(*row, 0).unwrap().contents() == "━");
    let legend = row.map_or(legend, |row| terminal.screen.screen().cell(row, 0).unwrap().fgcolor());
    assert_ne!(legend, vt100::Color::Default, "{}", terminal.screen.screen().contents());
}

#[test]
fn an_unknown_metric_is_refused_with_those_there_are() {
    let folder = folder();
    let at = folder.path();
    let (code, message) = refused(at, &["plot", "a", "loss", "val_losses"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!("plot_unknown", message);
    record(&at.join("runs/b"), &[Event::Status(RunStatus::Training)]);
    fs::write(at.join("runs/b/spec.yaml"), "title: B\n").unwrap();
    let (code, message) = refused(at, &["plot", "b"]);
    assert!(code == 1 && message.contains("b: no step is recorded"), "{message}");
}

#[test]
fn the_points_of_curves_are_printed_as_json() {
    let folder = folder();
    let json: Value =
        serde_json::from_str(&printed(folder.path(), &["plot", "a", "loss", "val_loss", "--json"])).unwrap();
    let points = |name: &str| json["metrics"][name].as_array().unwrap().clone();
    assert_eq!(points("loss").len(), 784);
    let last = points("val_loss").last().unwrap().clone();
    assert_eq!((&last["step"], &last["epoch"], &last["value"]), (&784.into(), &4.0.into(), &0.4011.into()));
    assert_eq!(json["run"], "runs/a");
    // A long run is bounded, and keeps its extremes.
    record(&folder.path().join("runs/b"), &scalars(10_000));
    fs::write(folder.path().join("runs/b/spec.yaml"), "title: B\n").unwrap();
    let json: Value =
        serde_json::from_str(&printed(folder.path(), &["plot", "b", "grad_norm", "--json"])).unwrap();
    let points = json["metrics"]["grad_norm"].as_array().unwrap();
    assert!(points.len() <= 4096);
    assert!(points.iter().any(|point| point["max"] == 40.0));
}

#[test]
fn a_light_cast_without_colours_has_none() {
    let folder = folder();
    printed(
        folder.path(),
        &["replay", "a", "--cast", "a.cast", "--colors", "none", "--glyphs", "ascii", "--speed", "64"],
    );
    let (_, events) = cast(&folder.path().join("a.cast"));
    let output = events.iter().map(|(.., data)| data.as_str()).collect::<String>();
    assert!(!output.contains("[38;2;") && !output.contains("[38;5;") && output.contains("Loss"));
    let dash = live(Path::new("runs/a"), &story(), STEPS);
    let theme = Theme { colors: Colors::Mono, glyphs: Glyphs::Ascii, light: false, ..Theme::DARK };
    let mut expected = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, 120, 40));
    unrolled::ui::view::dashboard::render(&dash, *expected.area(), &mut expected, &theme);
    let shown = last_screen(&events, (120, 40));
    let shown = shown.screen().contents();
    let rows = |text: &str| text.lines().map(|row| row.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(rows(&shown), rows(text(&expected).trim_end()));
}
