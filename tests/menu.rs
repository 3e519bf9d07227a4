//! The menu in a pseudo-terminal: data are fetched from a local server, a preset is edited, a race is started.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, where a failure is the answer")]

#[allow(dead_code, reason = "each file of tests uses a part of it")]
#[path = "common/session.rs"]
mod session;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Sender, channel};
use std::thread::spawn;

use crossbeam_channel::{Receiver, unbounded};
use portable_pty::CommandBuilder;
use session::Session;
use sha2::{Digest, Sha256};
use unrolled::fetch::{self, FetchOptions, File, Form, Progress, Size, Sum};
use unrolled::preset::Entry;
use unrolled::protocol::{CommandSender, DataFacts, Event, ModelTable, RunStatus};
use unrolled::ui::{
    self, CustomDataHooks, DatasetOffer, FetchEvent, FetchHooks, InitialScreen, LaunchRequest, Launched,
    Link, MenuHooks, TerminalOptions,
};

/// What the server has.
fn content() -> Vec<u8> {
    (0..500_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

/// A server that sends the first half of [`content`], and the second when it may.
fn server() -> (SocketAddr, Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (go, may_go) = channel();
    spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let (mut request, mut byte) = (Vec::new(), [0]);
        while !request.ends_with(b"\r\n\r\n") && client.read(&mut byte).unwrap() > 0 {
            request.push(byte[0]);
        }
        let content = content();
        let (first, second) = content.split_at(content.len() / 2);
        write!(client, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len()).unwrap();
        client.write_all(first).unwrap();
        if may_go.recv().is_ok() {
            client.write_all(second).unwrap();
        }
    });
    (address, go)
}

/// Fetches from the server at `SCREEN_SERVER` into the current folder.
fn start(name: &str, stop: Arc<AtomicBool>) -> Result<Receiver<FetchEvent>, String> {
    assert_eq!(name, "local");
    let (send, events) = unbounded();
    spawn(move || {
        let address = format!("http://{}/data.bin", std::env::var("SCREEN_SERVER").unwrap());
        let sum: String = Sha256::digest(content()).iter().map(|byte| format!("{byte:02x}")).collect();
        let file = File {
            target: "data.bin",
            addresses: &[&address],
            sum: Sum::Sha256(&sum),
            size: Size::Exactly(content().len() as u64),
            form: Form::Plain,
        };
        let options = FetchOptions { plain_loopback: true, ..FetchOptions::new(Path::new(""), &stop) };
        let mut progress = |progress| {
            if let Progress::Received { bytes, of } = progress {
                send.send(FetchEvent::Received { bytes, of }).unwrap();
            }
        };
        let fetched = fetch::fetch(&file, &options, &mut progress);
        let _ = send.send(match fetched {
            Ok(_) => FetchEvent::Done,
            Err(error) => FetchEvent::Failed(error.to_string()),
        });
    });
    Ok(events)
}

/// The program in the pseudo-terminal: not a test by itself.
#[test]
#[ignore = "run by the other tests of this file in a terminal of its own"]
fn screen() {
    const HOOKS: MenuHooks = MenuHooks {
        own_data: CustomDataHooks {
            inspect: |_| Err("nothing".into()),
            write_preset: |_| Err("nothing".into()),
        },
        races: Vec::new,
        fetch: FetchHooks {
            find: |_| Some(DatasetOffer { name: "local".into(), bytes: 2_000_000, terms: String::new() }),
            start,
        },
        estimate: |_, _| Err("nothing".into()),
        save: |_| Err("nothing".into()),
    };
    if std::env::var("SCREEN_SERVER").is_err() {
        return;
    }
    let entry = Entry {
        group: "Far away".into(),
        name: "remote".into(),
        title: "A preset whose data are elsewhere".into(),
        about: "It is trained once they are here.".into(),
        model: ModelTable::default(),
        reads: Vec::new(),
        data: DataFacts::default(),
        settings: Vec::new(),
        missing: Some("Get data.bin.".into()),
    };
    let mut launch = |request: LaunchRequest<'_>| {
        let LaunchRequest::Train("remote", _) = request else { return Err("not this".into()) };
        assert_eq!(fs::read("data.bin").unwrap(), content());
        let (tell, events) = unbounded();
        let (commands, _) = unbounded();
        tell.send(Event::Status(RunStatus::Finished)).unwrap();
        Ok(Launched::Link(Link { events, commands: CommandSender::new("screen", commands) }))
    };
    let settings = TerminalOptions::default().settings(|name| std::env::var(name).ok()).unwrap();
    ui::run(InitialScreen::Menu(Some(HOOKS)), vec![entry], &mut launch, settings).unwrap();
    std::process::exit(0);
}

#[test]
fn data_are_fetched_from_the_menu_with_a_bar_and_trained_on() {
    let (folder, (address, go)) = (tempfile::tempdir().unwrap(), server());
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--exact", "screen", "--ignored", "--nocapture"]);
    command.env("SCREEN_SERVER", address.to_string());
    command.cwd(folder.path());
    let mut session = Session::open(command);
    session.wait_for("A preset whose data are elsewhere");
    session.press("\r");
    session.wait_for("fetch local (1.9 MiB)");
    session.press("f");
    session.wait_for("50 %");
    session.wait_for("━━━━");
    assert!(!folder.path().join("data.bin").exists(), "half a file is not the file");
    go.send(()).unwrap();
    session.wait_for("The data are here.");
    session.press("\r");
    session.wait_for("finished");
    session.press("q");
    session.ends_restored(0, "");
}

#[test]
fn a_preset_is_edited_measured_saved_and_trained() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::program(folder.path(), &[]);
    session.wait_for("Word order");
    session.press("e");
    session.wait_for("edit word-order");
    session.wait_for("an epoch, by");
    session.press("8");
    session.wait_for("--set model.1.units=8");
    session.press("w");
    session.wait_for("Saved as word-order-edited.yaml");
    session.press("w");
    session.wait_for("Saved as word-order-edited-2.yaml");
    let saved = fs::read_to_string(folder.path().join("word-order-edited.yaml")).unwrap();
    assert!(saved.starts_with("# word-order with\n# --set model.1.units=8\n"), "{saved}");
    session.press("\r");
    session.wait_until("steps", |screen| session::step(screen) >= 1);
    let runs: Vec<_> = fs::read_dir(folder.path().join("runs")).unwrap().flatten().collect();
    let spec = runs.iter().find_map(|run| fs::read_to_string(run.path().join("spec.yaml")).ok()).unwrap();
    assert!(spec.contains("units: 8"), "{spec}");
    session.press("X");
    session.wait_for("Save and stop");
    session.answer("3");
    session.wait_for("stopped");
    session.press("\x1b");
    session.wait_for("edit word-order");
    session.press("\x1b");
    session.wait_for("Recent runs");
    session.press("q");
    session.ends_restored(0, "");
}

#[test]
fn a_race_is_started_from_the_menu_and_prints_its_standings_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::program(folder.path(), &[]);
    session.wait_for("Word order");
    session.press("/");
    session.press("memory");
    session.wait_for("Races");
    session.press("\r");
    session.press("\x1b[F");
    session.wait_for("Race: the first of 31 symbols");
    session.press("\r");
    session.wait_for("same tokens for each");
    session.press("X");
    session.wait_for("Save and stop");
    session.answer("2");
    // It stays with its result; Esc goes back to the menu.
    session.wait_for("· over");
    session.press("\x1b");
    session.wait_for("Race: the first of 31 symbols");
    session.press("q");
    session.ends_restored(0, "runs/race-memory");
}
