//! Replays of recorded runs: on the screen, as an asciicast, and as charts on standard output.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, where a failure is the answer")]

#[path = "replay/binary.rs"]
mod binary;
#[allow(dead_code, reason = "the story of other tests as well")]
#[path = "dashboard/story.rs"]
mod story;

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use tempfile::TempDir;
use unrolled::preset::{self, Overrides};
use unrolled::protocol::{Event, Level, LogLine, ProbeFrame, RunStatus, StepMetrics};
use unrolled::run::{Folder, Recorder};
use unrolled::train::{Options, Trainer};
use unrolled::ui::dashboard::Dashboard;
use unrolled::ui::keymap::Action;
use unrolled::ui::replay::{Recording, Replay, Speed};
use unrolled::ui::run_state::RunState;
use unrolled::ui::theme::{Colors, Glyphs, Theme};
use unrolled::ui::view::dashboard;

const THEME: Theme = Theme { colors: Colors::True, glyphs: Glyphs::Braille, light: false, ..Theme::DARK };
/// A timeout that only a failing test reaches.
const LONG: Duration = Duration::from_secs(60);
/// The steps of the story.
const STEPS: u64 = 4 * story::EPOCH;

/// The whole story, finished.
fn story() -> Vec<Event> {
    let mut events = story::events(STEPS);
    events.push(Event::Status(RunStatus::Finished));
    events
}

/// The story of a network that predicts after each token at one in four monitored steps, and else after the last token alone.
fn story_of_few_predictions() -> Vec<Event> {
    let mut events = story();
    for event in &mut events {
        if let Event::Probe(frame) = event
            && !(frame.step / 10).is_multiple_of(4)
        {
            frame.by_token.iter_mut().rev().skip(1).for_each(|prediction| prediction.outputs.clear());
        }
    }
    events
}

/// Scalars of a run of so many steps, 1000 an epoch and a tenth of a second each.
fn scalars(steps: u64) -> Vec<Event> {
    let mut info = story::info();
    (info.epochs, info.steps_per_epoch) = (steps.div_ceil(1000) as usize, 1000);
    let step = |step: u64| {
        let x = step as f64;
        Event::Step(StepMetrics {
            step,
            epoch: 1 + ((step - 1) / 1000) as usize,
            loss: 1.0 / x.sqrt() + 0.1 * (x * 0.7).sin(),
            accuracy: Some(0.5 + 0.4 * (x * 0.01).cos()),
            learning_rate: 1e-3,
            // The greatest is that of step 777.
            grad_norm: if step == 777 { 40.0 } else { 1.0 + (x * 0.3).sin() },
            sequences_per_s: 1000.0,
            seconds: 0.1 * x,
        })
    };
    let head = [Event::Prepared(Box::new(info)), Event::Status(RunStatus::Training)];
    head.into_iter().chain((1..=steps).map(step)).chain([Event::Status(RunStatus::Finished)]).collect()
}

/// Records `events` as the run in `dir`.
fn record(dir: &Path, events: &[Event]) {
    let folder = Folder::create(dir).unwrap();
    let mut recorder = Recorder::start(&folder, 64 << 20).unwrap();
    for event in events {
        recorder.record(event.clone()).unwrap();
    }
    recorder.finish().unwrap();
}

fn recorded(events: &[Event]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    record(dir.path(), events);
    dir
}

/// The dashboard of a live run after the `events` up to `step` and what followed it.
fn live(dir: &Path, events: &[Event], step: u64) -> Dashboard {
    let mut dash = Dashboard::new();
    let is_later = |event: &&Event| matches!(event, Event::Step(metrics) if metrics.step > step);
    for event in events.iter().take_while(|event| !is_later(event)) {
        match event {
            Event::Prepared(info) => {
                let mut info = info.clone();
                info.folder = dir.to_owned();
                dash.apply(&Event::Prepared(info));
            }
            Event::Probe(frame) => dash.apply(&Event::Probe(Box::new(rounded((**frame).clone())))),
            event => dash.apply(event),
        }
    }
    dash
}

/// `frame` as it is recorded: a byte a value.
fn rounded(mut frame: ProbeFrame) -> ProbeFrame {
    for part in &mut frame.activations {
        let scale = part.values.iter().fold(0.0_f32, |most, x| most.max(x.abs())) / 127.0;
        for value in part.values.iter_mut().filter(|_| scale > 0.0) {
            *value = (f64::from((*value / scale).round()) * f64::from(scale)) as f32;
        }
    }
    frame
}

/// A replay that is ticked by hand, with its dashboard.
struct Session {
    replay: Replay,
    dash: Dashboard,
    now: Instant,
}

impl Session {
    /// At the start, paused.
    fn open(dir: &Path) -> Self {
        let recording = Recording::open(dir).unwrap();
        let mut replay = Replay::start(recording, "run".into()).unwrap();
        replay.start_at(0);
        Self { replay, dash: Dashboard::new(), now: Instant::now() }
    }

    /// As [`Self::open`], once the whole recording is read.
    fn read(dir: &Path) -> Self {
        let mut session = Self::open(dir);
        session.until("the recording is read", |session| session.replay.is_complete());
        session.settle();
        session
    }

    fn tick(&mut self) {
        self.replay.tick(&mut self.dash.run, self.now);
    }

    fn until(&mut self, what: &str, reached: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + LONG;
        while !reached(self) {
            assert!(Instant::now() < deadline, "never: {what}");
            sleep(Duration::from_millis(2));
            self.tick();
        }
    }

    fn settle(&mut self) {
        self.until("the step is reached", |session| !session.replay.is_seeking());
    }

    fn go(&mut self, step: u64) {
        self.replay.go_to_step(step, &mut self.dash.run, self.now);
        self.settle();
    }

    /// Presses a key of time; returns the step that it leads to.
    fn act(&mut self, action: Action) -> u64 {
        assert!(self.replay.act(action, &mut self.dash.run, self.now), "{action:?} concerns time");
        self.settle();
        self.step()
    }

    fn step(&self) -> u64 {
        self.dash.run.latest().map_or(0, |latest| latest.step)
    }

    /// The time bar.
    fn bar(&self, width: u16) -> String {
        let area = Rect::new(0, 0, width, self.replay.rows(24));
        let mut buf = Buffer::empty(area);
        self.replay.render(&self.dash.run, area, &mut buf, &THEME);
        text(&buf)
    }
}

fn drawn(dash: &Dashboard, width: u16, height: u16) -> Buffer {
    let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
    dashboard::render(dash, *buf.area(), &mut buf, &THEME);
    buf
}

fn text(buf: &Buffer) -> String {
    let rows = buf.content().chunks(usize::from(buf.area().width));
    rows.map(|row| row.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned() + "\n").collect()
}

/// Compares the screens of two states for a user who pressed `actions`.
fn assert_same_screens(live: RunState, replayed: &RunState, actions: &[Action], what: &str) {
    let mut live = Dashboard { run: live, ..Dashboard::new() };
    let mut replay = Dashboard { run: replayed.clone(), ..Dashboard::new() };
    for action in actions {
        assert_eq!(live.act(*action), replay.act(*action), "{what}, {action:?}");
    }
    for (width, height) in [(80, 22), (120, 38), (60, 40)] {
        let (a, b) = (drawn(&live, width, height), drawn(&replay, width, height));
        assert!(a == b, "{what}, {actions:?}: live\n{}replayed\n{}", text(&a), text(&b));
    }
}

/// Key presses after which screens are compared.
const VIEWS: [&[Action]; 5] = [
    &[],
    &[Action::Zoom, Action::XAxis, Action::SmoothOff],
    &[Action::XAxis, Action::XAxis, Action::LogScale, Action::Left, Action::PageUp],
    &[Action::Focus(1), Action::Quantity, Action::Open],
    &[Action::Focus(2), Action::NextProbe, Action::Open, Action::Explain],
];

#[test]
fn the_pictures_of_an_earlier_step_are_those_that_a_live_screen_showed() {
    for events in [story(), story_of_few_predictions()] {
        pictures_of_earlier_steps_are_those_of(&events);
    }
}

fn pictures_of_earlier_steps_are_those_of(events: &[Event]) {
    let dir = recorded(events);
    let recording = Recording::open(dir.path()).unwrap();
    let mut now = live(dir.path(), events, STEPS);
    let shown = |dash: &Dashboard| {
        let layer = dash.run.recurrent_layers().next().unwrap();
        let probes = [0, 1].map(|probe| dash.run.probe(probe).cloned());
        (dash.run.profiles(layer).cloned(), dash.run.health(layer).cloned(), probes)
    };
    let latest = shown(&now);
    for step in [1, 9, 10, 11, 195, 196, 197, 400, STEPS - 1, STEPS] {
        let pictures = recording.pictures_at(step, 10, [true, true]);
        assert_eq!(pictures.is_some(), step > 0);
        now.run.look_back(pictures);
        assert_eq!(shown(&now), shown(&live(dir.path(), events, step)), "step {step}");
        assert!(now.run.looks_back_to().is_some_and(|shown| shown <= step));
    }
    now.run.look_back(None);
    assert_eq!(shown(&now), latest);
}

#[test]
fn at_every_step_the_screen_is_that_of_the_live_run() {
    for events in [story(), story_of_few_predictions()] {
        let dir = recorded(&events);
        let mut session = Session::read(dir.path());
        for step in [0, 1, 2, 10, 11, 195, 196, 197, 418, 783, 784, 300, 9, 784, 0, 588] {
            session.go(step);
            assert_eq!(session.step(), step);
            for actions in VIEWS {
                let live = live(dir.path(), &events, step).run;
                assert_same_screens(live, &session.dash.run, actions, &format!("step {step}"));
            }
        }
    }
}

#[test]
fn a_trained_run_is_replayed_as_it_was_seen() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let set = ["data.train=256", "data.validation=64", "train.epochs=3", "watch.every=3"];
    let set = set.map(str::to_owned).to_vec();
    let spec = preset::load("word-order", &Overrides { set, ..Overrides::default() }).unwrap().spec;
    let options = Options { folder: Some(run.clone()), threads: 1, ..Options::default() };
    let trainer = Trainer::start(spec, options).unwrap();
    let events: Vec<Event> = trainer.events.iter().collect();
    let mut session = Session::read(&run);
    assert_eq!(session.replay.last_step(), 24);
    for step in [24, 1, 8, 9, 3, 16, 0, 23] {
        session.go(step);
        let live = live(&run, &events, step).run;
        assert_same_screens(live, &session.dash.run, VIEWS[0], &format!("step {step}"));
    }
}

#[test]
fn a_long_run_is_exact_at_every_step_though_it_is_not_folded_from_its_start() {
    let events = scalars(40_000);
    let dir = recorded(&events);
    let mut session = Session::read(dir.path());
    // Around the steps where buckets merge, forward and back.
    for step in [40_000, 4096, 4097, 8192, 8193, 777, 20_000, 19_999, 16_385, 39_999, 3, 32_768, 32_769] {
        session.go(step);
        let live = live(dir.path(), &events, step).run;
        assert_eq!(format!("{live:?}"), format!("{:?}", session.dash.run), "step {step}");
    }
}

#[test]
fn keys_go_to_monitored_steps_epochs_and_what_matters_most() {
    let events = story();
    let dir = recorded(&events);
    let mut session = Session::read(dir.path());
    assert_eq!(session.act(Action::Right), 1);
    assert_eq!(session.act(Action::Right), 10);
    assert_eq!(session.act(Action::SingleStep), 11);
    assert_eq!(session.act(Action::Left), 10);
    assert_eq!(session.act(Action::Left), 1);
    assert_eq!(session.act(Action::Left), 0);
    assert_eq!(session.act(Action::StepBack), 0);
    assert_eq!(session.act(Action::NextEpoch), 196);
    assert_eq!(session.act(Action::NextEpoch), 392);
    assert_eq!(session.act(Action::PageDown), 399);
    assert_eq!(session.act(Action::PageUp), 392);
    assert_eq!(session.act(Action::PreviousEpoch), 196);
    assert_eq!(session.act(Action::PreviousEpoch), 0);
    assert_eq!(session.act(Action::Last), 784);
    assert_eq!(session.act(Action::Right), 784);
    assert!(session.dash.run.is_over());
    assert_eq!(session.act(Action::StepBack), 783);
    assert!(!session.dash.run.is_over());
    // Every epoch of the story saves a best checkpoint.
    assert_eq!(session.act(Action::BestValidation), 784);
    let norms = events.iter().filter_map(|event| match event {
        Event::Step(metrics) => Some((metrics.grad_norm, metrics.step)),
        _ => None,
    });
    let worst = norms.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap().1;
    assert_eq!(session.act(Action::WorstGradient), worst);
    assert_eq!(session.act(Action::First), 0);
    session.replay.go_to_share(0.5, &mut session.dash.run, session.now);
    assert_eq!(session.step(), 392);
    session.go(9_999);
    assert_eq!(session.step(), 784);
    for action in [Action::NextLayer, Action::Zoom, Action::Save, Action::Screenshot] {
        assert!(!session.replay.act(action, &mut session.dash.run, session.now), "{action:?}");
    }
}

#[test]
fn without_best_checkpoints_the_lowest_validation_loss_is_the_best_and_without_validation_there_is_none() {
    let saved = |event: &Event| matches!(event, Event::Saved(_));
    let events: Vec<Event> = story().into_iter().filter(|event| !saved(event)).collect();
    let mut session = Session::read(recorded(&events).path());
    // 0.3824, of the third epoch.
    assert_eq!(session.act(Action::BestValidation), 588);
    assert!(session.replay.has_goal(Action::BestValidation));

    let session = Session::read(recorded(&scalars(100)).path());
    assert!(
        !session.replay.has_goal(Action::BestValidation) && session.replay.has_goal(Action::WorstGradient)
    );
}

#[test]
fn a_gradient_that_is_not_finite_is_the_worst() {
    let mut events = scalars(2000);
    for event in &mut events {
        if let Event::Step(metrics) = event
            && metrics.step >= 1500
        {
            metrics.grad_norm = f64::NAN;
        }
    }
    let mut session = Session::read(recorded(&events).path());
    assert_eq!(session.act(Action::WorstGradient), 1500);
    assert_eq!(Session::read(recorded(&scalars(2000)).path()).act(Action::WorstGradient), 777);
}

#[test]
fn it_plays_at_its_speed_and_stops_at_the_end() {
    // A tenth of a second a step.
    let dir = recorded(&scalars(2000));
    let mut session = Session::read(dir.path());
    session.replay.set_speed(Speed::Times(8.0));
    let step_after = |session: &mut Session, seconds: f64| {
        session.now += Duration::from_secs_f64(seconds);
        session.tick();
        session.step()
    };
    assert_eq!(step_after(&mut session, 5.0), 0, "paused");
    session.act(Action::PauseResume);
    assert_eq!(step_after(&mut session, 1.01), 80);
    assert_eq!(step_after(&mut session, 1.0), 160);
    session.act(Action::SlowerPlayback);
    assert_eq!(step_after(&mut session, 1.01), 200);
    session.act(Action::PauseResume);
    assert_eq!(step_after(&mut session, 9.0), 200);
    session.act(Action::PauseResume);
    session.act(Action::FasterPlayback);
    assert_eq!(step_after(&mut session, 1.01), 280);
    // Choosing a step pauses.
    session.go(1000);
    assert!(!session.replay.is_playing());
    assert_eq!(step_after(&mut session, 9.0), 1000);
    session.act(Action::PauseResume);
    session.act(Action::FullSpeed);
    session.until("the end", |session| !session.replay.is_playing());
    assert_eq!(session.step(), 2000);
    assert!(session.dash.run.is_over() && session.replay.next_tick().is_none(), "nothing wakes it any more");
    // From the end it starts again.
    session.act(Action::SlowerPlayback);
    session.act(Action::PauseResume);
    assert!(session.replay.is_playing() && session.step() == 0);
    assert_eq!(step_after(&mut session, 1.01), 646);
}

#[test]
fn the_time_bar_has_epochs_and_marks_and_stays_in_its_place() {
    let dir = recorded(&story());
    let mut session = Session::read(dir.path());
    let mut bars = String::new();
    for (step, width) in [(0, 80), (418, 80), (784, 80), (418, 120), (418, 44)] {
        session.go(step);
        bars += &session.bar(width);
    }
    session.act(Action::PauseResume);
    bars += &session.bar(80);
    insta::assert_snapshot!(bars);
}

#[test]
fn of_a_torn_recording_all_that_is_there_is_shown_and_the_rest_is_said() {
    let dir = recorded(&story());
    let path = dir.path().join("frames.bin");
    let whole = fs::read(&path).unwrap();
    for share in [0.2, 0.5, 0.77, 0.999] {
        fs::write(&path, &whole[..(whole.len() as f64 * share) as usize]).unwrap();
        let mut session = Session::read(dir.path());
        let last = session.act(Action::Last);
        assert!(last > 0 && last <= STEPS && last == session.replay.last_step(), "{last}");
        let live = live(dir.path(), &story(), last).run;
        assert_eq!(live.latest(), session.dash.run.latest());
        assert!(
            session.bar(100).contains("is not") || session.bar(100).contains("are not read"),
            "{}",
            session.bar(100)
        );
    }
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    fs::write(&path, &flipped).unwrap();
    let mut session = Session::read(dir.path());
    let last = session.act(Action::Last);
    assert!((100..700).contains(&last), "{last}");
    assert!(session.bar(120).contains("is damaged"), "{}", session.bar(120));
    // A run that was killed ends without its end.
    let mut events = story::events(100);
    let session = Session::read(recorded(&events).path());
    assert!(session.bar(80).contains("the run was interrupted"), "{}", session.bar(80));
    events.push(Event::Status(RunStatus::Stopped { saved: true }));
    assert_eq!(Session::read(recorded(&events).path()).replay.rows(24), 1);
}

#[test]
fn a_run_that_goes_on_is_followed_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(dir.path()).unwrap();
    let mut recorder = Recorder::start(&folder, 64 << 20).unwrap();
    let events = story();
    let is_late = |event: &Event| matches!(event, Event::Step(metrics) if metrics.step > 100);
    let late = events.iter().position(is_late).unwrap();
    let record = |recorder: &mut Recorder, events: &[Event]| {
        for event in events {
            recorder.record(event.clone()).unwrap();
        }
        // What was recorded is on disk.
        let line = LogLine { level: Level::Info, text: "written".into() };
        recorder.record(Event::Log(line)).unwrap();
        recorder.record(Event::Status(RunStatus::Training)).unwrap();
    };
    record(&mut recorder, &events[..late]);
    let mut session = Session::open(dir.path());
    session.until("step 100", |session| session.replay.is_complete() && session.replay.last_step() == 100);
    assert!(session.bar(120).contains("so far"), "{}", session.bar(120));
    session.act(Action::Last);
    assert_eq!(session.step(), 100);
    assert!(session.bar(80).contains("● live"), "{}", session.bar(80));
    record(&mut recorder, &events[late..late + 40]);
    session.until("more steps", |session| session.step() > 100);
    recorder.record(Event::Status(RunStatus::Finished)).unwrap();
    recorder.finish().unwrap();
    drop(folder);
    session.until("the end", |session| session.dash.run.is_over() && session.replay.next_tick().is_none());
}

#[test]
fn a_recording_that_is_rewritten_while_it_is_watched_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(dir.path()).unwrap();
    // So little space for probes that they are thinned over and over.
    let mut recorder = Recorder::start(&folder, 400).unwrap();
    let events = story();
    let half = events.len() / 2;
    let record = |recorder: &mut Recorder, events: &[Event]| {
        for event in events {
            recorder.record(event.clone()).unwrap();
        }
        recorder.record(Event::Status(RunStatus::Training)).unwrap();
    };
    record(&mut recorder, &events[..half]);
    let mut session = Session::open(dir.path());
    session
        .until("the first half", |session| session.replay.is_complete() && session.replay.last_step() > 300);
    session.go(50);
    record(&mut recorder, &events[half..]);
    recorder.finish().unwrap();
    drop(folder);
    session.until("the second half", |session| session.replay.last_step() == STEPS);
    session.settle();
    assert_eq!(session.step(), 50);
    let live = live(dir.path(), &events, 50).run;
    assert_eq!(live.latest(), session.dash.run.latest());
    assert_eq!(session.act(Action::Last), STEPS);
}

/// The time that a core has worked for this thread.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Of an optimized build: `cargo test --release --test replay -- --ignored --nocapture`.
#[test]
#[ignore = "measures time, and writes some hundred MB"]
fn a_million_steps_are_opened_within_a_second_and_sought_within_50_ms() {
    let dir = tempfile::tempdir().unwrap();
    let pictures: Vec<Event> = story::events(10).into_iter().skip(5).collect();
    let mut events = Vec::new();
    for event in scalars(1_000_000) {
        let step = if let Event::Step(metrics) = &event { metrics.step } else { 1 };
        events.push(event);
        if step.is_multiple_of(10) {
            for picture in &pictures {
                let mut picture = picture.clone();
                match &mut picture {
                    Event::Gradient(profile) => profile.step = step,
                    Event::Instruments(read) => read.step = step,
                    Event::Probe(frame) => frame.step = step,
                    _ => continue,
                }
                events.push(picture);
            }
        }
    }
    record(dir.path(), &events);
    let bytes = fs::metadata(dir.path().join("frames.bin")).unwrap().len();
    let begin = Instant::now();
    let mut session = Session::open(dir.path());
    session.settle();
    drawn(&session.dash, 120, 38);
    let first = begin.elapsed();
    session.until("the recording is read", |session| session.replay.is_complete());
    let complete = begin.elapsed();
    let (mut slowest, mut longest) = (Duration::ZERO, Duration::ZERO);
    let mut step = 1;
    for _ in 0..200 {
        step = (step * 7919 + 13) % 1_000_000;
        let (begin, busy) = (Instant::now(), cpu_time());
        session.replay.go_to_step(step, &mut session.dash.run, begin);
        while session.replay.is_seeking() {
            session.tick();
        }
        (slowest, longest) = (slowest.max(cpu_time() - busy), longest.max(begin.elapsed()));
        assert_eq!(session.step(), step);
    }
    let size = bytes >> 20;
    println!(
        "{size} MB: first screen {first:?}, read {complete:?}, slowest seek {slowest:?} (passed: {longest:?})"
    );
    assert!(first < Duration::from_secs(1) && complete < Duration::from_secs(2));
    // Of this thread's own time: other programs do not count.
    assert!(slowest < Duration::from_millis(50));
}
