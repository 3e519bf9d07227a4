use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{bounded, unbounded};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;

use super::*;
use crate::protocol::{DataFacts, Level, LogLine, ModelTable, RunInfo, StepMetrics};
use crate::ui::menu::tests::{THEME, entries};
use crate::ui::terminal::{Screen, Writer, Written};

/// Far longer than anything takes; reached only by a test that fails.
const LONG: Duration = Duration::from_secs(30);
const SIZE: Size = Size { width: 80, height: 24 };

fn step(step: u64) -> Event {
    Event::Step(StepMetrics {
        step,
        epoch: 1,
        loss: 0.69,
        accuracy: None,
        learning_rate: 1e-3,
        grad_norm: 1.0,
        sequences_per_s: 1e3,
        seconds: step as f64,
    })
}

fn key(code: KeyCode) -> Input {
    let modifiers = KeyModifiers::NONE;
    Input::Key(KeyEvent::new(code, modifiers))
}

fn link() -> (Link, Sender<Event>, Receiver<Command>) {
    let (tell, events) = unbounded();
    let (commands, asked) = unbounded();
    (Link { events, commands }, tell, asked)
}

fn type_keys(app: &mut App<'_>, keys: &str) {
    keys.chars().for_each(|c| match c {
        '\n' => app.input(key(KeyCode::Enter)),
        '\x1b' => app.input(key(KeyCode::Esc)),
        '↓' => app.input(key(KeyCode::Down)),
        c => app.input(key(KeyCode::Char(c))),
    });
}

fn screen(app: &mut App<'_>, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| app.render(frame)).unwrap();
    terminal.backend().to_string()
}

/// A dashboard of a network that trains, driven without a loop; what the trainer was asked comes last.
fn while_training(story: impl FnOnce(&mut App<'_>)) -> Vec<Command> {
    let (link, _tell, asked) = link();
    let mut launch = |_: &str| Err(String::new());
    let mut app = App::new(Start::Dashboard(link), Vec::new(), &mut launch, THEME);
    app.fold(&Event::Status(RunStatus::Training));
    story(&mut app);
    asked.try_iter().collect()
}

#[test]
fn quitting_while_training_asks_with_the_dashboard_still_visible() {
    let asked = while_training(|app| {
        type_keys(app, "q");
        assert_eq!(app.outcome(), None);
        let seen = screen(app, 80, 24);
        assert!(seen.contains("still training") && seen.contains("Save and stop"), "{seen}");
        assert!(seen.contains("● training"), "the dashboard is hidden: {seen}");
        type_keys(app, "\x1b");
        assert!(!screen(app, 80, 24).contains("Save and stop"));
        assert_eq!(app.outcome(), None);
    });
    assert_eq!(asked, []);
}

#[test]
fn training_goes_on_without_the_screen() {
    let asked = while_training(|app| {
        app.input(Input::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
        type_keys(app, "\n");
        assert_eq!(app.outcome(), Some(Outcome::LeftTraining));
    });
    assert_eq!(asked, []);
}

#[test]
fn save_and_stop_waits_for_the_trainers_last_word() {
    let asked = while_training(|app| {
        type_keys(app, "q↓\n");
        assert!(screen(app, 80, 24).contains("saving, then leaving"));
        app.fold(&step(1));
        type_keys(app, "\x1b");
        assert_eq!(app.outcome(), None);
        app.fold(&Event::Status(RunStatus::Stopped { saved: true }));
        assert_eq!(app.outcome(), Some(Outcome::Quit));
    });
    assert_eq!(asked, [Command::SaveAndStop]);
}

#[test]
fn when_saving_fails_the_screen_stays_to_be_read() {
    let asked = while_training(|app| {
        type_keys(app, "q2");
        app.fold(&Event::Status(RunStatus::Failed { what: "no space left on device".into() }));
        assert_eq!(app.outcome(), None);
        type_keys(app, "q");
        assert_eq!(app.outcome(), Some(Outcome::Quit));
    });
    assert_eq!(asked, [Command::SaveAndStop]);
}

#[test]
fn who_does_not_want_to_wait_for_the_trainer_need_not() {
    let asked = while_training(|app| {
        type_keys(app, "q3");
        assert_eq!(app.outcome(), None);
        type_keys(app, "q");
        assert_eq!(app.outcome(), Some(Outcome::Quit));
    });
    assert_eq!(asked, [Command::Stop]);
}

#[test]
fn a_run_that_ends_by_itself_leaves_nothing_to_ask() {
    while_training(|app| {
        type_keys(app, "q");
        app.fold(&Event::Status(RunStatus::Finished));
        assert_eq!(app.outcome(), None);
        let seen = screen(app, 80, 24);
        assert!(!seen.contains("Save and stop"), "{seen}");
        assert!(seen.contains("q quits") && !seen.contains("goes to the menu"), "there is no menu: {seen}");
        type_keys(app, "q");
        assert_eq!(app.outcome(), Some(Outcome::Quit));
    });
}

#[test]
fn keys_become_commands() {
    let asked = while_training(|app| {
        type_keys(app, " ");
        app.fold(&Event::Status(RunStatus::Paused));
        type_keys(app, "n ,.s");
    });
    let rate = |factor| Command::ScaleLearningRate { factor };
    assert_eq!(
        asked,
        [Command::Pause, Command::SingleStep, Command::Resume, rate(0.5), rate(2.0), Command::Save]
    );
}

#[test]
fn a_picture_of_the_dashboard_lands_in_the_run_folder() {
    let folder = tempfile::tempdir().unwrap();
    while_training(|app| {
        app.fold(&Event::Prepared(Box::new(RunInfo {
            name: "word-order".into(),
            title: "Word order".into(),
            about: String::new(),
            folder: folder.path().to_owned(),
            model: ModelTable::default(),
            data: DataFacts::default(),
            probes: Vec::new(),
            epochs: 1,
            steps_per_epoch: 10,
            batch_size: 32,
            watch_every: 1,
            loss: "binary_crossentropy".into(),
            optimizer: "Adam".into(),
            seed: 1,
            threads: 1,
        })));
        app.fold(&step(7));
        screen(app, 80, 24);
        type_keys(app, "S");
        assert!(screen(app, 80, 24).contains("A picture of the screen"));
        let picture = std::fs::read_to_string(folder.path().join("screen-7.svg")).unwrap();
        assert!(picture.starts_with("<svg") && picture.contains("word-order"));
        // What cannot be written is said, not swallowed.
        std::fs::remove_dir_all(folder.path()).unwrap();
        type_keys(app, "\x1bS");
        assert!(screen(app, 80, 24).contains("No picture"));
    });
}

#[test]
fn a_trainer_that_ends_without_a_word_has_failed() {
    while_training(|app| {
        app.trainer_gone();
        assert!(app.events().is_none());
        assert!(screen(app, 80, 24).contains("failed"));
    });
}

#[test]
fn a_finished_run_stays_until_escape_leads_back_to_the_menu() {
    let (link, tell, _asked) = link();
    let mut links = vec![link];
    let mut launch = |name: &str| {
        assert_eq!(name, "lecture-lstm");
        links.pop().ok_or_else(|| "the disk is full".to_owned())
    };
    let mut app = App::new(Start::Menu(None), entries(), &mut launch, THEME);
    type_keys(&mut app, "↓\n");
    tell.send(Event::Status(RunStatus::Finished)).unwrap();
    let event = app.events().unwrap().recv().unwrap();
    app.fold(&event);
    let seen = screen(&mut app, 80, 24);
    assert!(seen.contains("finished") && seen.contains("Esc goes to the menu"), "{seen}");
    type_keys(&mut app, "\x1b");
    assert!(screen(&mut app, 80, 24).contains("Presets (5)"));
    // What cannot start says why, and the choice is still there.
    type_keys(&mut app, "\n");
    assert!(screen(&mut app, 80, 24).contains("the disk is full"));
    type_keys(&mut app, "\x1b");
    assert!(screen(&mut app, 80, 24).contains("unrolled train lecture-lstm"));
}

#[test]
fn a_preset_without_its_data_does_not_start() {
    let mut launch = |_: &str| -> Result<Link, String> { panic!("nothing to train on") };
    let mut app = App::new(Start::Menu(None), entries(), &mut launch, THEME);
    app.input(key(KeyCode::End));
    type_keys(&mut app, "\n");
    let seen = screen(&mut app, 80, 24);
    assert!(seen.contains("╭ The data are not here yet") && seen.contains("put both in"), "{seen}");
}

#[test]
fn the_help_at_80_by_24() {
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let mut help = Popup::help(Place::Dashboard);
    terminal.draw(|frame| help.render(frame, frame.area(), std::iter::empty(), None, &THEME)).unwrap();
    insta::assert_snapshot!(terminal.backend());
}

#[test]
fn the_log_is_seen_from_its_end_with_what_drawing_costs() {
    while_training(|app| {
        let line = |level, text: String| Event::Log(LogLine { level, text });
        (1..=40).for_each(|i| app.fold(&line(Level::Info, format!("line {i}"))));
        app.fold(&line(Level::Warning, "the\u{7}disk is slow".into()));
        app.drawing_costs(DrawingCost { frames_per_s: 15.0, bytes_per_s: 2048.0, share: 0.012 });
        type_keys(app, "L");
        let seen = screen(app, 80, 24);
        assert!(seen.contains("╭ Log ") && seen.contains("line 40") && !seen.contains("line 5 "), "{seen}");
        assert!(
            seen.contains("screen, while training: 15 frames a second, 2.0 KiB/s, 1.2 % of a core"),
            "{seen}"
        );
        // What comes is seen, until somebody scrolls back.
        app.fold(&line(Level::Info, "the newest".into()));
        assert!(screen(app, 80, 24).contains("the newest"));
        app.input(key(KeyCode::Home));
        app.fold(&line(Level::Info, "newer still".into()));
        let seen = screen(app, 80, 24);
        assert!(seen.contains("line 1 ") && !seen.contains("newer still"), "{seen}");
        type_keys(app, "L");
        assert!(!screen(app, 80, 24).contains("╭ Log "));
    });
}

#[test]
fn no_size_is_too_small_for_what_lies_over_the_screen() {
    while_training(|app| {
        for keys in ["", "?", "\x1bL", "\x1bq"] {
            type_keys(app, keys);
            (1..=40).for_each(|width| (1..=20).for_each(|height| drop(screen(app, width, height))));
        }
    });
}

#[test]
fn a_terminal_without_unicode_gets_ascii_alone() {
    let mut launch = |_: &str| Err(String::new());
    let theme = Theme { glyphs: crate::ui::theme::Glyphs::Ascii, ..THEME };
    let mut app = App::new(Start::Menu(None), entries(), &mut launch, theme);
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    terminal.draw(|frame| app.render(frame)).unwrap();
    assert!(terminal.backend().buffer().content.iter().all(|cell| cell.symbol().is_ascii()));
}

/// The loop in a thread, with all that it is connected to in the hands of the test.
struct Stage {
    input: Sender<Input>,
    notices: Sender<Notice>,
    events: Sender<Event>,
    frames: Receiver<Vec<u8>>,
    written: Sender<Written>,
    seen: vt100::Parser,
    ended: JoinHandle<Flow>,
}

impl Stage {
    fn open() -> Self {
        let (events, receive_events) = bounded(20_000);
        let (input, receive_input) = unbounded();
        let (notices, receive_notices) = unbounded();
        let (send_frames, frames) = bounded(1);
        let (written, done) = bounded(1);
        let ended = std::thread::spawn(move || {
            let link = Link { events: receive_events, commands: unbounded().0 };
            let mut launch = |_: &str| Err(String::new());
            let mut app = App::new(Start::Dashboard(link), Vec::new(), &mut launch, THEME);
            let mut event_loop = EventLoop::new(Screen::new(SIZE).unwrap(), &receive_input, &receive_notices);
            event_loop.run(&mut app, &mut Writer::over(send_frames, done)).unwrap()
        });
        let seen = vt100::Parser::new(SIZE.height, SIZE.width, 0);
        Self { input, notices, events, frames, written, seen, ended }
    }

    /// The terminal takes the next frame, but does not say so yet.
    fn take_frame(&mut self) -> String {
        let frame = self.frames.recv_timeout(LONG).expect("no frame is drawn");
        self.seen.process(&frame);
        self.seen.screen().contents()
    }

    /// The terminal has taken the last frame.
    fn accept(&self) {
        self.written.send_timeout(Written { buffer: Vec::new(), result: Ok(()) }, LONG).unwrap();
    }

    /// Takes frames until one shows `text`.
    fn wait_for(&mut self, text: &str) {
        while !self.take_frame().contains(text) {
            self.accept();
        }
        self.accept();
    }

    fn tell(&self, event: Event) {
        self.events.send_timeout(event, LONG).expect("the trainer has to wait for the screen");
    }

    /// Waits until all that was told has been taken.
    fn heard(&self) {
        let begin = Instant::now();
        while !self.events.is_empty() {
            assert!(begin.elapsed() < LONG, "events pile up");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn end(self) -> Flow {
        drop(self.events); // before the loop is waited for: nobody waits for a trainer
        self.ended.join().unwrap()
    }
}

#[test]
fn a_stalled_terminal_holds_nobody_up_and_gets_one_complete_frame_later() {
    let mut stage = Stage::open();
    stage.take_frame();
    stage.tell(Event::Status(RunStatus::Training));
    (1..=10_000).for_each(|n| stage.tell(step(n)));
    stage.input.send(key(KeyCode::Char('l'))).unwrap();
    stage.heard();
    stage.tell(step(10_001));
    stage.heard();
    assert!(stage.frames.is_empty(), "a frame is drawn for a terminal that has not taken the last one");
    stage.accept();
    stage.wait_for("step 10,001");
    assert!(stage.frames.recv_timeout(Duration::from_millis(100)).is_err(), "something is sent while idle");
    stage.notices.send(Notice::End(15)).unwrap();
    assert_eq!(stage.end(), Flow::Ended(Outcome::Signal(15)));
}

#[test]
fn keys_are_answered_while_events_pour_in() {
    let mut stage = Stage::open();
    stage.take_frame();
    stage.accept();
    let (events, trainer_ends) = (stage.events.clone(), bounded::<()>(0));
    let trainer = std::thread::spawn(move || {
        (1..)
            .take_while(|_| trainer_ends.1.try_recv() != Err(crossbeam_channel::TryRecvError::Disconnected))
            .all(|n| events.send(step(n)).is_ok())
    });
    stage.input.send(key(KeyCode::Char('q'))).unwrap();
    stage.wait_for("Save and stop");
    stage.input.send(key(KeyCode::Char('1'))).unwrap();
    let flow = loop {
        if stage.ended.is_finished() {
            drop(trainer_ends.0);
            break stage.end();
        }
        if stage.frames.try_recv().is_ok() {
            // The last frame is for one who waits no longer for an answer.
            let _ = stage.written.send_timeout(Written { buffer: Vec::new(), result: Ok(()) }, LONG);
        }
        std::thread::yield_now();
    };
    assert_eq!(flow, Flow::Ended(Outcome::LeftTraining));
    trainer.join().unwrap();
}

#[test]
fn a_terminal_that_is_gone_ends_the_screen_by_whatever_is_seen_first() {
    let gone = || Written { buffer: Vec::new(), result: Err(std::io::ErrorKind::BrokenPipe.into()) };
    let ways: [fn(&Stage, Written); 3] = [
        |stage, _| stage.input.send(Input::HangUp).unwrap(),
        |stage, _| stage.notices.send(Notice::HangUp).unwrap(),
        |stage, error| stage.written.send(error).unwrap(),
    ];
    for way in ways {
        let mut stage = Stage::open();
        stage.take_frame();
        way(&stage, gone());
        assert_eq!(stage.end(), Flow::Ended(Outcome::HungUp));
    }
}

#[test]
fn ctrl_z_and_the_signal_hand_the_terminal_back_first() {
    let suspend = Input::Key(KeyEvent::new(KeyCode::Char('z'), KeyModifiers::CONTROL));
    let stage = Stage::open();
    stage.input.send(suspend).unwrap();
    assert_eq!(stage.end(), Flow::Suspend);
    for (notice, flow) in [(Notice::Suspend, Flow::Suspend), (Notice::Continue, Flow::Resume)] {
        let stage = Stage::open();
        stage.notices.send(notice).unwrap();
        assert_eq!(stage.end(), flow);
    }
}

#[test]
fn in_the_background_events_are_folded_and_the_terminal_is_looked_for_again() {
    let (link, tell, _asked) = link();
    let trainer = std::thread::spawn(move || (1..).all(|n| tell.send(step(n)).is_ok()));
    let (input, notices) = (unbounded(), unbounded());
    let mut launch = |_: &str| Err(String::new());
    let mut app = App::new(Start::Dashboard(link), Vec::new(), &mut launch, THEME);
    let mut event_loop = EventLoop::new(Screen::new(SIZE).unwrap(), &input.1, &notices.1);
    let (frames, drawn) = bounded(1);
    let (_written, done) = bounded(1);
    let mut writer = Writer::over(frames, done);
    event_loop.leave_terminal();
    for _ in 0..2 {
        assert_eq!(event_loop.run(&mut app, &mut writer).unwrap(), Flow::Resume);
    }
    assert!(drawn.is_empty(), "drawn on the terminal of another job");
    event_loop.return_to_terminal(SIZE).unwrap();
    input.0.send(Input::HangUp).unwrap();
    assert_eq!(event_loop.run(&mut app, &mut writer).unwrap(), Flow::Ended(Outcome::HungUp));
    assert!(!drawn.is_empty());
    drop(app);
    trainer.join().unwrap();
}

#[test]
fn a_new_size_is_drawn_at_once() {
    let mut stage = Stage::open();
    stage.take_frame();
    stage.accept();
    stage.notices.send(Notice::Resize(Size::new(60, 12))).unwrap();
    stage.seen = vt100::Parser::new(12, 60, 0);
    assert!(stage.take_frame().contains("starting"));
    stage.notices.send(Notice::HangUp).unwrap();
    stage.end();
}

#[test]
fn data_of_ones_own_are_chosen_looked_at_and_trained() {
    const OWN: Own = Own {
        look: |_| Ok(crate::ui::findings::tests::draft()),
        write: |draft| match draft.name.as_str() {
            "reviews" => Ok("reviews.yaml".into()),
            _ => Err("no".into()),
        },
    };
    let (from_trainer, _tell, _asked) = link();
    let (mut waiting, mut launched) = (Some(from_trainer), Vec::new());
    let mut launch = |name: &str| {
        launched.push(name.to_owned());
        waiting.take().ok_or_else(|| "out of trainers".to_owned())
    };
    let mut app = App::new(Start::Menu(Some(OWN)), entries(), &mut launch, THEME);
    let hear = |app: &mut App<'_>| {
        let answer = app.answers().unwrap().recv_timeout(LONG).unwrap();
        app.answer(answer);
    };
    type_keys(&mut app, "d");
    assert!(screen(&mut app, 80, 24).contains("reading…"));
    hear(&mut app);
    let seen = screen(&mut app, 80, 24);
    assert!(seen.contains("Cargo.toml") && seen.contains("Space look"), "{seen}");
    type_keys(&mut app, "/cargo.toml\n?");
    assert!(screen(&mut app, 80, 24).contains("To the folder above."));
    type_keys(&mut app, "\x1b\n");
    hear(&mut app);
    assert!(screen(&mut app, 80, 24).contains("Enter train"));
    type_keys(&mut app, "\n");
    assert!(screen(&mut app, 80, 24).contains("Space pause"), "{}", screen(&mut app, 80, 24));
    assert!(app.answers().is_none());
    app.fold(&Event::Status(RunStatus::Finished));
    type_keys(&mut app, "\x1b");
    assert!(screen(&mut app, 80, 24).contains("Presets (5)"));
    type_keys(&mut app, "d\x1b");
    assert!(screen(&mut app, 80, 24).contains("Presets (5)"));
    drop(app);
    assert_eq!(launched, ["reviews.yaml"]);
}
