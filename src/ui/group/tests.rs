use std::path::Path;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::*;
use crate::metrics::Task;
use crate::protocol::{
    DataFacts, EpochMetrics, Event, GradientProfile, LayerRow, ModelTable, Monitor, RunInfo, RunStatus,
    StepMetrics,
};
use crate::run::{Folder, Recorder, RunState as State};
use crate::runs;
use crate::ui::dashboard::Dashboard;
use crate::ui::earlier_runs::EarlierRuns;
use crate::ui::menu::tests::THEME;
use crate::ui::panel::Tab;
use crate::ui::theme::{Colors, Glyphs, Theme};
use crate::ui::view;

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
        pace: None,
        task: Task::Binary,
        loss: "binary_crossentropy".into(),
        optimizer: "Adam".into(),
        seed: 1,
        threads: 1,
        monitor: None,
    }
}

/// The same with a recurrent layer.
fn recurrent(length: usize) -> RunInfo {
    let mut info = info(length);
    info.model.layers[1].directions = vec![None];
    info
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
    record(Event::Prepared(Box::new(recurrent(length))));
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

/// Three recorded runs, in a folder that is removed with the first value.
fn compared() -> (tempfile::TempDir, Dashboard) {
    let dir = tempfile::tempdir().unwrap();
    let runs = [("lstm", 16, 12, 1.0), ("gru", 8, 6, 2.0), ("rnn", 16, 12, 0.3)];
    let runs = runs.map(|(name, units, length, rate)| record(dir.path(), name, units, length, rate));
    (dir, Dashboard::of_group(Box::new(Group::of_runs(runs.to_vec()))))
}

/// The dashboard as text, without blanks at the ends of its lines.
pub(in crate::ui) fn drawn(dash: &Dashboard, width: u16, height: u16, theme: Theme) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    view::dashboard::render(dash, area, &mut buf, &theme);
    let rows = buf.content().chunks(usize::from(width));
    let text = |row: &[ratatui::buffer::Cell]| row.iter().map(|cell| cell.symbol()).collect::<String>();
    rows.map(|row| text(row).trim_end().to_owned() + "\n").collect()
}

fn group(dash: &mut Dashboard) -> &mut Group {
    dash.group.as_mut().unwrap()
}

fn act(dash: &mut Dashboard, action: Action) {
    let Dashboard { run, group: Some(group), .. } = dash else { panic!("several runs") };
    assert!(group.act(action, run), "{action:?}");
}

#[test]
fn runs_side_by_side_at_120_by_40() {
    insta::assert_snapshot!(drawn(&compared().1, 120, 39, THEME));
}

#[test]
fn runs_side_by_side_at_200_by_60() {
    insta::assert_snapshot!(drawn(&compared().1, 200, 59, THEME));
}

#[test]
fn runs_side_by_side_at_80_by_24() {
    let (_dir, mut dash) = compared();
    act(&mut dash, Action::NextMetric);
    act(&mut dash, Action::XAxis);
    act(&mut dash, Action::XAxis);
    insta::assert_snapshot!(drawn(&dash, 80, 23, THEME));
}

#[test]
fn runs_side_by_side_in_monochrome_and_ascii_at_120_by_40() {
    let theme = Theme { glyphs: Glyphs::Ascii, colors: Colors::Mono, ..THEME };
    insta::assert_snapshot!(drawn(&compared().1, 120, 39, theme));
}

#[test]
fn the_cursor_shows_all_runs_at_the_same_place_of_the_axis() {
    let (_dir, mut dash) = compared();
    // Every 20 steps a gradient was recorded.
    dash.view.cursor = Some(45);
    group(&mut dash).look_back(Some(45));
    let looked =
        |dash: &Dashboard, number: usize| dash.group.as_ref().unwrap().run(number, &dash.run).looks_back_to();
    assert_eq!((looked(&dash, 1), looked(&dash, 2)), (Some(40), Some(40)));
    let value = |dash: &Dashboard, number: usize| {
        dash.group.as_ref().unwrap().value(number, "loss", dash.view.cursor).unwrap()
    };
    let loss = |rate: f64, step: f64| 0.7 * (-rate * step / 80.0).exp();
    assert!((value(&dash, 1) - loss(2.0, 45.0)).abs() < 1e-9);
    let at_cursor = drawn(&dash, 120, 39, THEME);
    assert!(at_cursor.contains("at cursor") && at_cursor.contains("cursor at step 45"), "{at_cursor}");
    // The second run has made twice as many steps in the same time.
    for _ in 0..3 {
        act(&mut dash, Action::XAxis);
    }
    assert_eq!(group(&mut dash).axis, Axis::Seconds);
    assert_eq!(group(&mut dash).step_of(1, 30), 60);
    dash.view.cursor = Some(30);
    dash.turn_front(1);
    assert_eq!((dash.view.cursor, group(&mut dash).front), (Some(60), 1));
    dash.turn_front(-1);
    assert_eq!(dash.view.cursor, Some(30));
    group(&mut dash).look_back(None);
    assert_eq!(looked(&dash, 1), None);
}

#[test]
fn the_axis_of_tokens_counts_sequences_times_their_length() {
    let (_dir, mut dash) = compared();
    let ends = |dash: &mut Dashboard| -> Vec<f64> {
        let axis = group(dash).axis;
        group(dash).curves().map(|curves| curves.end("val_loss", axis).unwrap()).collect()
    };
    assert_eq!(ends(&mut dash), [80.0, 80.0, 80.0]);
    act(&mut dash, Action::XAxis);
    assert_eq!(ends(&mut dash), [4.0, 4.0, 4.0]);
    act(&mut dash, Action::XAxis);
    assert_eq!(ends(&mut dash), [9600.0, 4800.0, 9600.0]);
    act(&mut dash, Action::XAxis);
    assert_eq!(ends(&mut dash), [80.0, 40.0, 80.0 / 0.3]);
    act(&mut dash, Action::XAxis);
    assert_eq!(group(&mut dash).axis, Axis::Steps);
}

#[test]
fn keys_turn_through_metrics_and_leave_one_thing_at_a_time() {
    let (_dir, mut dash) = compared();
    assert_eq!(
        group(&mut dash).metrics(),
        ["val_loss", "loss", "accuracy", "grad_norm", "learning_rate", "val_accuracy"]
    );
    act(&mut dash, Action::PreviousMetric);
    assert_eq!(group(&mut dash).metric(), "val_accuracy");
    act(&mut dash, Action::NextMetric);
    assert_eq!(group(&mut dash).metric(), "val_loss");
    act(&mut dash, Action::Quantity);
    assert_eq!(group(&mut dash).content, Content::Curves);
    act(&mut dash, Action::Quantity);
    assert_eq!(group(&mut dash).content, Content::Gradients);
    act(&mut dash, Action::Back);
    assert_eq!(group(&mut dash).content, Content::All);
    let Dashboard { run, group: Some(group), .. } = &mut dash else { panic!("several runs") };
    assert!(!group.act(Action::Back, run), "the screen is left");
    assert!(!group.control(Action::PauseResume), "nothing is trained");
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
    assert_eq!((live.state, done.state), (State::Live, State::Finished));
    let mut dash = Dashboard::of_group(Box::new(Group::of_runs(vec![done, live])));
    dash.turn_front(1);
    let tick = |dash: &mut Dashboard, now: Instant| {
        let Dashboard { run, group: Some(group), .. } = dash else { panic!("several runs") };
        group.tick(now, run)
    };
    let end = |dash: &mut Dashboard| {
        let last = dash.run.latest().map(|step| step.step as f64);
        (group(dash).members[1].curves.end("loss", Axis::Steps), last)
    };
    let next = |dash: &mut Dashboard| group(dash).next_tick();
    assert_eq!(end(&mut dash), (Some(20.0), Some(20.0)));
    steps(&mut recorder, 21..=60);
    assert!(!tick(&mut dash, Instant::now()), "not every frame");
    let at = next(&mut dash).unwrap();
    assert!(tick(&mut dash, at));
    assert_eq!(end(&mut dash), (Some(60.0), Some(60.0)), "the one in front goes on as well");
    let at = next(&mut dash).unwrap();
    assert!(!tick(&mut dash, at), "nothing is new");
    recorder.record(Event::Status(RunStatus::Finished)).unwrap();
    recorder.finish().unwrap();
    drop(folder);
    let at = next(&mut dash).unwrap();
    assert!(tick(&mut dash, at));
    let state = group(&mut dash).compared().unwrap().comparison.runs[1].state;
    assert_eq!((state, next(&mut dash)), (State::Finished, None));
}

#[test]
fn every_size_and_runs_without_recordings_are_survived() {
    let dir = tempfile::tempdir().unwrap();
    let one = record(dir.path(), "one", 4, 3, 1.0);
    std::fs::create_dir(dir.path().join("none")).unwrap();
    let none = runs::open(&dir.path().join("none"), "none");
    let mut dash = Dashboard::of_group(Box::new(Group::of_runs(vec![one, none.clone()])));
    for _ in 0..4 {
        for log in [false, true] {
            group(&mut dash).log = log;
            for (width, height) in [(1, 1), (24, 6), (30, 9), (40, 11), (70, 20), (200, 60), (300, 3)] {
                drawn(&dash, width, height, THEME);
                drawn(&dash, width, height, Theme { glyphs: Glyphs::Ascii, ..THEME });
            }
        }
        act(&mut dash, Action::Quantity);
    }
    dash.turn_front(1);
    drawn(&dash, 120, 39, THEME);
    let mut alone = Dashboard::of_group(Box::new(Group::of_runs(vec![none])));
    for action in [Action::NextMetric, Action::PreviousMetric, Action::PageDown, Action::PageUp] {
        act(&mut alone, action);
    }
    alone.turn_front(1);
    assert!(drawn(&alone, 80, 24, THEME).contains("nothing was recorded"));
}

/// Trains with a seed, up to this step.
fn train(dash: &mut Dashboard, seed: u64, steps: u64) {
    dash.apply(&Event::Status(RunStatus::Preparing { what: String::new() }));
    let monitor = Some(Monitor { metric: "val_loss".into(), higher_is_better: false });
    let folder = format!("runs/all/seed-{seed}").into();
    dash.apply(&Event::Prepared(Box::new(RunInfo { folder, monitor, ..recurrent(8) })));
    dash.apply(&Event::Status(RunStatus::Training));
    for step in 1..=steps {
        let loss = 0.7 * (-(step as f64) / 60.0).exp() + 0.05 * seed as f64;
        let epoch = ((step - 1) / STEPS + 1) as usize;
        let (accuracy, seconds) = (Some(1.0 - loss / 1.4), step as f64 / 10.0);
        let (learning_rate, grad_norm, sequences_per_s) = (0.01, 1.0, 100.0);
        let metrics =
            StepMetrics { step, epoch, loss, accuracy, learning_rate, grad_norm, sequences_per_s, seconds };
        dash.apply(&Event::Step(metrics));
        if step % STEPS == 0 {
            let metrics = [("loss", loss), ("val_loss", loss + 0.05), ("val_accuracy", 0.8)].into();
            let seconds = 1.0;
            dash.apply(&Event::Epoch(Box::new(EpochMetrics {
                epoch,
                step,
                metrics,
                confusion: None,
                seconds,
            })));
        }
    }
    if steps == EPOCHS * STEPS {
        dash.apply(&Event::Status(RunStatus::Finished));
    }
}

/// Trainings with three seeds, the last of which is at step 50.
fn seeds() -> Dashboard {
    let mut dash = Dashboard::of_several(EarlierRuns::new(3, Vec::new()));
    train(&mut dash, 1, EPOCHS * STEPS);
    train(&mut dash, 2, EPOCHS * STEPS);
    train(&mut dash, 3, 50);
    dash
}

#[test]
fn trainings_with_several_seeds_have_a_curve_each_with_mean_and_bars() {
    let mut dash = seeds();
    dash.view.show_tab(Tab::Runs);
    assert_eq!(group(&mut dash).metric(), "val_loss");
    let drawn = drawn(&dash, 120, 39, THEME);
    insta::assert_snapshot!("trainings_with_three_seeds_at_120_by_40", drawn);
    for words in ["training 3 of 3", "━ mean of 3, bars min to max", "seed-1", "best val_loss 0.3095 ± "] {
        assert!(drawn.contains(words), "{words}: {drawn}");
    }
}

#[test]
fn an_earlier_seed_is_looked_at_while_the_one_at_hand_goes_on() {
    let mut dash = seeds();
    let step = |run: &crate::ui::run_state::RunState| run.latest().map(|latest| latest.step);
    assert_eq!((step(&dash.run), group(&mut dash).front), (Some(50), 2), "the one at hand is in front");
    dash.turn_front(-1);
    assert_eq!((step(&dash.run), step(dash.live())), (Some(80), Some(50)));
    assert!(drawn(&dash, 120, 39, THEME).contains("B ━━ ━ seed-2"), "{}", drawn(&dash, 120, 39, THEME));
    let next = StepMetrics { step: 51, ..*dash.live().latest().unwrap() };
    dash.apply(&Event::Step(next));
    assert_eq!((step(&dash.run), step(dash.live())), (Some(80), Some(51)));
    // The next training does not take the screen from the one that is looked at.
    dash.apply(&Event::Status(RunStatus::Finished));
    dash.apply(&Event::Status(RunStatus::Preparing { what: String::new() }));
    assert_eq!((step(&dash.run), step(dash.live()), group(&mut dash).members.len()), (Some(80), None, 4));
    // Of very many the latest stay.
    (5..40).for_each(|seed| train(&mut dash, seed, EPOCHS * STEPS));
    assert_eq!(group(&mut dash).members.len(), MOST_RUNS);
    let front = group(&mut dash).front;
    let name = group(&mut dash).members[front].name.clone();
    assert_eq!((step(&dash.run), name.as_str()), (Some(80), "seed-2"));
}
