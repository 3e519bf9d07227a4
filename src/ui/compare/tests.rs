use std::path::Path;

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::metrics::Task;
use crate::protocol::{
    DataFacts, EpochMetrics, Event, GradientProfile, LayerRow, ModelTable, RunInfo, RunStatus, StepMetrics,
};
use crate::run::{Folder, Recorder};
use crate::runs;
use crate::ui::menu::tests::THEME;
use crate::ui::theme::{Glyphs, Theme};

const EPOCHS: u64 = 4;
const STEPS: u64 = 20;

pub(in crate::ui) fn info(length: usize) -> RunInfo {
    let layer = |class: &str| LayerRow { class: class.into(), params: 8, ..LayerRow::default() };
    RunInfo {
        name: "words".into(),
        title: String::new(),
        about: String::new(),
        folder: "runs".into(),
        model: ModelTable { layers: vec![layer("Embedding"), layer("LSTM")] },
        data: DataFacts { length, ..DataFacts::default() },
        probes: Vec::new(),
        epochs: EPOCHS as usize,
        steps_per_epoch: STEPS as usize,
        batch_size: 10,
        watch_every: 10,
        task: Task::Binary,
        loss: "binary_crossentropy".into(),
        optimizer: "Adam".into(),
        seed: 1,
        threads: 1,
        monitor: None,
    }
}

/// Records a run whose loss falls at `rate`.
pub(in crate::ui) fn record(runs: &Path, name: &str, units: usize, length: usize, rate: f64) -> runs::Run {
    let folder = Folder::create(&runs.join(name)).unwrap();
    let spec = format!(
        "name: words\nmodel:\n- {{layer: LSTM, units: {units}}}\ntrain: {{epochs: {EPOCHS}, seed: 1}}\n"
    );
    folder.write_spec(&spec).unwrap();
    let mut recorder = Recorder::start(&folder, 1 << 20).unwrap();
    let mut record = |event| {
        recorder.record(event).unwrap();
    };
    record(Event::Prepared(Box::new(info(length))));
    for step in 1..=EPOCHS * STEPS {
        let loss = 0.7 * (-rate * step as f64 / 80.0).exp();
        let epoch = ((step - 1) / STEPS + 1) as usize;
        record(Event::Step(StepMetrics {
            step,
            epoch,
            loss,
            accuracy: Some(1.0 - loss / 1.4),
            learning_rate: 0.01,
            grad_norm: loss * 2.0,
            sequences_per_s: 100.0,
            seconds: step as f64 / rate,
        }));
        if step % STEPS == 0 {
            let hnorm = (0..length).map(|t| (0.1 * rate as f32).powi((length - t) as i32)).collect();
            let half_life = Some(rate as f32);
            record(Event::Gradient(GradientProfile {
                step,
                layer: 1,
                direction: None,
                hnorm,
                kernel_norm: Vec::new(),
                half_life,
                ..GradientProfile::default()
            }));
            let metrics =
                [("loss", loss), ("accuracy", 0.9), ("val_loss", loss + 0.05), ("val_accuracy", 0.8)].into();
            record(Event::Epoch(Box::new(EpochMetrics {
                epoch,
                step,
                metrics,
                confusion: None,
                seconds: 1.0,
            })));
        }
    }
    record(Event::Status(RunStatus::Finished));
    recorder.finish().unwrap();
    runs::open(folder.path(), name)
}

fn screen() -> CompareScreen {
    let dir = tempfile::tempdir().unwrap();
    let runs = [("lstm", 16, 12, 1.0), ("gru", 8, 6, 2.0), ("rnn", 16, 12, 0.3)];
    CompareScreen::new(
        runs.map(|(name, units, length, rate)| record(dir.path(), name, units, length, rate)).to_vec(),
    )
}

fn drawn(screen: &mut CompareScreen, width: u16, height: u16, theme: Theme) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen.render(frame, frame.area(), &theme)).unwrap();
    terminal.backend().to_string()
}

#[test]
fn runs_side_by_side_at_120_by_40() {
    insta::assert_snapshot!(drawn(&mut screen(), 120, 40, THEME));
}

#[test]
fn runs_side_by_side_at_80_by_24() {
    let mut screen = screen();
    screen.act(Action::NextMetric);
    screen.act(Action::XAxis);
    screen.act(Action::XAxis);
    insta::assert_snapshot!(drawn(&mut screen, 80, 24, THEME));
}

#[test]
fn the_axis_of_tokens_counts_sequences_times_their_length() {
    let mut screen = screen();
    let ends = |screen: &CompareScreen| -> Vec<f64> {
        screen.curves.iter().map(|curves| curves.end("val_loss", screen.axis).unwrap()).collect()
    };
    assert_eq!(ends(&screen), [80.0, 80.0, 80.0]);
    screen.act(Action::XAxis);
    assert_eq!(ends(&screen), [4.0, 4.0, 4.0]);
    screen.act(Action::XAxis);
    assert_eq!(ends(&screen), [9600.0, 4800.0, 9600.0]);
    screen.act(Action::XAxis);
    assert_eq!(ends(&screen), [80.0, 40.0, 80.0 / 0.3]);
    screen.act(Action::XAxis);
    assert_eq!(screen.axis, Axis::Steps);
}

#[test]
fn keys_turn_through_metrics_and_leave_one_thing_at_a_time() {
    let mut screen = screen();
    assert_eq!(
        screen.metrics,
        ["val_loss", "loss", "accuracy", "grad_norm", "learning_rate", "val_accuracy"]
    );
    screen.act(Action::PreviousMetric);
    assert_eq!(screen.metric(), Some("val_accuracy"));
    screen.act(Action::NextMetric);
    assert_eq!(screen.metric(), Some("val_loss"));
    screen.act(Action::Open);
    assert!(screen.alone);
    assert!(!screen.act(Action::Back), "the screen stays");
    assert!(!screen.alone);
    assert!(screen.act(Action::Back), "the screen is left");
}

#[test]
fn a_run_in_training_goes_on_in_the_comparison() {
    let dir = tempfile::tempdir().unwrap();
    let done = record(dir.path(), "done", 4, 3, 1.0);
    let folder = Folder::create(&dir.path().join("live")).unwrap();
    folder.write_spec("name: words\ntrain: {epochs: 4}\n").unwrap();
    let mut recorder = Recorder::start(&folder, 1 << 20).unwrap();
    recorder.record(Event::Prepared(Box::new(info(4)))).unwrap();
    let steps = |recorder: &mut Recorder, steps: std::ops::RangeInclusive<u64>| {
        for step in steps {
            let metrics = StepMetrics {
                step,
                epoch: 1,
                loss: 0.5,
                accuracy: None,
                learning_rate: 0.01,
                grad_norm: 1.0,
                sequences_per_s: 100.0,
                seconds: step as f64,
            };
            recorder.record(Event::Step(metrics)).unwrap();
        }
        recorder.sync();
    };
    steps(&mut recorder, 1..=20);
    let live = runs::open(folder.path(), "live");
    assert_eq!((live.state, done.state), (RunState::Live, RunState::Finished));
    let mut screen = CompareScreen::new(vec![done, live]);
    let end = |screen: &CompareScreen| screen.curves[1].end("loss", Axis::Steps);
    assert_eq!(end(&screen), Some(20.0));
    steps(&mut recorder, 21..=60);
    assert!(!screen.tick(Instant::now()), "not every frame");
    assert!(screen.tick(screen.next_tick().unwrap()));
    assert_eq!(end(&screen), Some(60.0));
    assert!(!screen.tick(screen.next_tick().unwrap()), "nothing is new");
    recorder.record(Event::Status(RunStatus::Finished)).unwrap();
    recorder.finish().unwrap();
    drop(folder);
    assert!(screen.tick(screen.next_tick().unwrap()));
    assert_eq!((screen.comparison.runs[1].state, screen.next_tick()), (RunState::Finished, None));
}

#[test]
fn every_size_and_runs_without_recordings_are_survived() {
    let dir = tempfile::tempdir().unwrap();
    let one = record(dir.path(), "one", 4, 3, 1.0);
    std::fs::create_dir(dir.path().join("none")).unwrap();
    let mut screen = CompareScreen::new(vec![one, runs::open(&dir.path().join("none"), "none")]);
    for log in [false, true] {
        screen.log = log;
        for (width, height) in [(1, 1), (24, 6), (30, 9), (70, 20), (200, 60), (300, 3)] {
            drawn(&mut screen, width, height, THEME);
            drawn(&mut screen, width, height, Theme { glyphs: Glyphs::Ascii, ..THEME });
        }
    }
    let mut none = CompareScreen::new(vec![runs::open(&dir.path().join("none"), "none")]);
    for action in [Action::NextMetric, Action::PreviousMetric, Action::NextLayer, Action::PreviousLayer] {
        none.act(action);
    }
    assert!(drawn(&mut none, 80, 24, THEME).contains("nothing was recorded"));
}
