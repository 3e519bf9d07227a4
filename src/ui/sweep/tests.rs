use crossbeam_channel::{Sender, bounded, unbounded};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::matrix::Matrix;
use super::*;
use crate::runs::Statistic;
use crate::ui::theme::{Colors, Glyphs, Theme};
use crate::ui::widget::glyph_fallback;

const DARK: Theme = Theme::DARK;
const PLAIN: Theme = Theme { colors: Colors::Mono, glyphs: Glyphs::Ascii, ..Theme::DARK };

/// The accuracy of a trial: best at a rate of 0.01 with many units.
fn accuracy(rate: usize, units: usize, seed: usize) -> f64 {
    0.5 + [0.02, 0.17, 0.31, 0.11][rate] + [0.0, 0.06, 0.1][units] + 0.01 * seed as f64
}

/// A sweep of 24 trials: most have finished, some are being trained, the last ones wait, one has diverged.
fn data() -> SweepData {
    let (rates, units) = (["0.001", "0.003", "0.01", "0.1"], ["8", "16", "64"]);
    let (mut trials, mut combinations) = (Vec::new(), Vec::new());
    for (i, rate) in rates.into_iter().enumerate() {
        for (j, units) in units.into_iter().enumerate() {
            let first = trials.len();
            for seed in 0..2 {
                let number = trials.len();
                let state = match number {
                    5 => TrialState::Diverged,
                    18 | 19 => TrialState::Running,
                    20 => TrialState::Interrupted,
                    21.. => TrialState::Waiting,
                    _ => TrialState::Finished,
                };
                let has_value = !matches!(state, TrialState::Waiting | TrialState::Diverged);
                let value = has_value.then(|| accuracy(i, j, seed));
                let epochs = match state {
                    TrialState::Finished => 10,
                    TrialState::Waiting => 0,
                    _ => 4,
                };
                trials.push(SweepTrial {
                    name: format!("{number:04}"),
                    folder: format!("runs/words-sweep/trials/{number:04}").into(),
                    settings: [rate, units, &(seed + 1).to_string()].map(str::to_owned).to_vec(),
                    state,
                    reason: if state == TrialState::Diverged {
                        "the loss of step 31 is nan".into()
                    } else {
                        String::new()
                    },
                    value,
                    best_epoch: value.map(|_| epochs.min(3 + number as u64 % 7)),
                    metrics: value.map(|value| ("val_accuracy".into(), value)).into_iter().collect(),
                    epochs,
                    planned: if epochs > 0 { 10 } else { 0 },
                    steps: epochs * 40,
                    progress: (epochs > 0).then_some(epochs as f64 / 10.0),
                    seconds: epochs as f64 * 1.5,
                });
            }
            let members: Vec<usize> = (first..trials.len()).collect();
            let finished = members.iter().filter(|trial| trials[**trial].state == TrialState::Finished);
            let values: Vec<f64> = finished.filter_map(|trial| trials[*trial].value).collect();
            let statistic = Statistic::of(&values);
            combinations.push(SweepCombination {
                number: combinations.len(),
                trials: members,
                finished: values.len(),
                statistic,
                interval: statistic.filter(|of| of.n > 1).map(|of| (of.mean - 0.06, of.mean + 0.06)),
            });
        }
    }
    let setting = |key: &str, scale, is_repeat| SweepSetting { key: key.into(), is_repeat, scale };
    SweepData {
        folder: "runs/s".into(),
        name: "runs/words-sweep".into(),
        metric: "val_accuracy".into(),
        higher_is_better: true,
        settings: vec![
            setting("train.optimizer.learning_rate", AxisScale::Log, false),
            setting("model.1.units", AxisScale::Linear, false),
            setting("seed", AxisScale::Linear, true),
        ],
        trials,
        combinations,
        importance: vec![
            ("train.optimizer.learning_rate".into(), Some(0.81)),
            ("model.1.units".into(), Some(0.12)),
        ],
        best: Some(17),
        hosts: vec!["node-1".into(), "node-2".into()],
        elapsed: Some(83.0),
    }
}

fn screen() -> (SweepScreen, Sender<SweepUpdate>) {
    screen_in("runs/s".as_ref())
}

/// The screen of a sweep in `folder`.
pub fn screen_in(folder: &Path) -> (SweepScreen, Sender<SweepUpdate>) {
    let (send, updates) = unbounded();
    let data = SweepData { folder: folder.to_owned(), ..data() };
    (SweepScreen::new(data, updates, bounded(0).0), send)
}

fn terminal(screen: &mut SweepScreen, (width, height): (u16, u16), theme: &Theme) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| {
            let area = frame.area();
            screen.render(frame, area, theme);
            glyph_fallback::replace(frame.buffer_mut(), area, theme.glyphs);
        })
        .unwrap();
    terminal
}

fn drawn(screen: &mut SweepScreen, size: (u16, u16), theme: &Theme) -> String {
    let terminal = terminal(screen, size, theme);
    let buffer = terminal.backend().buffer();
    let rows = buffer.content().chunks(usize::from(size.0));
    let row = |cells: &[ratatui::buffer::Cell]| cells.iter().map(|cell| cell.symbol()).collect::<String>();
    rows.map(|cells| row(cells).trim_end().to_owned() + "\n").collect()
}

fn acted(screen: &mut SweepScreen, actions: &[Action]) {
    for action in actions {
        assert_eq!(screen.act(*action), None, "{action:?}");
    }
}

fn type_filter(screen: &mut SweepScreen, text: &str) {
    acted(screen, &[Action::Filter]);
    for c in text.chars() {
        assert!(screen.type_key(&KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
    }
    assert!(screen.type_key(&KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE)));
}

fn names(screen: &SweepScreen) -> Vec<&str> {
    screen.shown.iter().map(|trial| screen.data.trials[*trial].name.as_str()).collect()
}

#[test]
fn the_table_has_every_trial_with_its_settings_and_what_it_has_reached() {
    let (mut screen, _send) = screen();
    insta::assert_snapshot!("table_80", drawn(&mut screen, (80, 23), &DARK));
    insta::assert_snapshot!("table_ascii_80", drawn(&mut screen, (80, 23), &PLAIN));
    acted(&mut screen, &[Action::Zoom]);
    insta::assert_snapshot!("table_120", drawn(&mut screen, (120, 39), &DARK));
}

#[test]
fn combinations_have_mean_deviation_and_interval_over_seeds() {
    let (mut screen, _send) = screen();
    acted(&mut screen, &[Action::Zoom, Action::Quantity]);
    insta::assert_snapshot!("combinations_120", drawn(&mut screen, (120, 23), &DARK));
    // The best first; those of which a part is missing after complete ones.
    assert_eq!(names(&screen)[..2], ["0017", "0015"]);
    let (mut alone, _send) = self::screen();
    alone.data.combinations.clear();
    alone.data.combinations.extend((0..24).map(|number| SweepCombination {
        number,
        trials: vec![number],
        finished: 1,
        statistic: None,
        interval: None,
    }));
    assert!(matches!(alone.act(Action::Quantity), Some(Request::Refuse(_))));
}

#[test]
fn it_is_sorted_by_any_column_either_way_and_the_chosen_trial_stays_chosen() {
    let (mut screen, _send) = screen();
    assert_eq!(names(&screen)[..3], ["0017", "0016", "0015"]);
    assert_eq!(names(&screen)[20..], ["0005", "0021", "0022", "0023"], "without a value last");
    acted(&mut screen, &[Action::Down]);
    acted(&mut screen, &[Action::Reverse]);
    assert_eq!(names(&screen)[..2], ["0000", "0001"]);
    assert_eq!(names(&screen)[20..], ["0023", "0022", "0021", "0005"], "and they stay last");
    assert_eq!(screen.chosen, 16);
    acted(&mut screen, &[Action::Sort]);
    assert_eq!(names(&screen)[..3], ["0000", "0001", "0002"]);
    acted(&mut screen, &[Action::Sort, Action::Sort]);
    assert!(drawn(&mut screen, (80, 23), &DARK).contains("units ▼"));
    assert_eq!(names(&screen)[..3], ["0000", "0001", "0006"], "8 before 16");
    let all = SortKey::all(&screen.data, false).len();
    for _ in 0..all {
        acted(&mut screen, &[Action::Sort]);
        assert!(drawn(&mut screen, (120, 39), &DARK).contains(" ▼"), "{:?} is on the screen", screen.sort);
    }
    assert_eq!((screen.sort, screen.chosen), (SortKey::Setting(1), 16), "once through all columns");
}

#[test]
fn conditions_on_settings_metrics_and_states_choose_trials() {
    let count = |text: &str| {
        let (mut screen, _send) = screen();
        type_filter(&mut screen, text);
        assert_eq!(screen.doubt, None, "{text}");
        names(&screen).len()
    };
    assert_eq!(count("units=16"), 8);
    assert_eq!(count("running"), 2);
    assert_eq!(count("state=running"), 2);
    assert_eq!(count("!state=finished learning_rate=0.1"), 6);
    assert_eq!(count("state!=finished seed=2 !waiting"), 2);
    assert_eq!(count("val_acc>0.9"), 2);
    assert_eq!(count("learning_rate<0.01 0017"), 0);
}

#[test]
fn a_filter_that_cannot_be_read_says_why_and_esc_clears_it() {
    let (mut screen, _send) = screen();
    type_filter(&mut screen, "units=16 val_acc>high");
    assert!(drawn(&mut screen, (120, 39), &DARK).contains("expected a number"));
    acted(&mut screen, &[Action::Back]);
    assert_eq!(names(&screen).len(), 24);
    assert_eq!(screen.act(Action::Back), Some(Request::Leave));
}

#[test]
fn what_the_program_sends_replaces_the_data_and_nothing_else() {
    let (mut screen, send) = screen();
    acted(&mut screen, &[Action::Down, Action::Down, Action::Focus(2)]);
    let chosen = screen.chosen;
    let mut next = data();
    next.trials[22].state = TrialState::Finished;
    next.trials[22].value = Some(0.99);
    next.best = Some(22);
    send.send(Ok(next)).unwrap();
    let update = screen.updates().try_recv().unwrap();
    screen.take_update(update);
    assert_eq!((screen.chosen, names(&screen)[0]), (chosen, "0022"));
    let shown = drawn(&mut screen, (80, 23), &DARK);
    assert!(shown.contains("best 0022") && shown.contains("18 finished"), "{shown}");
    // What cannot be read is said, and the rest stays.
    screen.take_update(Err("cannot list runs/words-sweep/state".into()));
    acted(&mut screen, &[Action::Focus(1)]);
    let shown = drawn(&mut screen, (80, 23), &DARK);
    assert!(shown.contains("cannot list") && shown.contains("best 0022"), "{shown}");
    screen.take_update(Ok(data()));
    assert!(!drawn(&mut screen, (80, 23), &DARK).contains("cannot list"));
}

#[test]
fn enter_opens_the_run_of_the_chosen_trial_and_says_so_if_there_is_none() {
    let (mut screen, _send) = screen();
    let folder = PathBuf::from("runs/words-sweep/trials/0017");
    assert_eq!(screen.act(Action::Open), Some(Request::Open { folder, name: "0017".into() }));
    assert_eq!(screen.footer_word(Action::Open), None);
    acted(&mut screen, &[Action::Last]);
    assert_eq!(screen.footer_word(Action::Open), Some(""));
    assert_eq!(screen.act(Action::Open), Some(Request::Refuse("Trial 0023 has not begun.".into())));
    type_filter(&mut screen, "running");
    assert_eq!(screen.footer_word(Action::Open), Some("attach"));
    type_filter(&mut screen, " nothing");
    assert!(matches!(screen.act(Action::Open), Some(Request::Refuse(_))));
}

#[test]
fn foreign_text_steers_no_terminal() {
    let mut data = data();
    data.name = "runs/\x1b[2J".into();
    data.trials.iter_mut().for_each(|trial| trial.settings[1] = "\x1b[31m".into());
    data.settings[1] = SweepSetting { key: "a.\x1b]0;".into(), is_repeat: false, scale: AxisScale::Category };
    data.trials[5].reason = "\x07".into();
    let (_send, updates) = unbounded();
    let mut screen = SweepScreen::new(data, updates, bounded(0).0);
    for size in [(80, 23), (120, 39), (200, 59)] {
        for panel in 1..=4 {
            acted(&mut screen, &[Action::Focus(panel)]);
            assert!(!drawn(&mut screen, size, &DARK).contains(['\x1b', '\x07']));
        }
    }
}

#[test]
fn no_size_and_no_sweep_makes_it_panic() {
    let few = |count: usize| {
        let mut few = data();
        few.trials.truncate(count);
        few.combinations.truncate(count.div_ceil(2));
        few.best = None;
        few.importance.clear();
        few
    };
    let mut alone = few(2);
    alone.settings.clear();
    alone.trials.iter_mut().for_each(|trial| trial.settings.clear());
    let mut nan = few(4);
    nan.trials.iter_mut().for_each(|trial| trial.value = Some(f64::NAN));
    for data in [few(0), few(1), few(6), alone, nan, data()] {
        let (_send, updates) = unbounded();
        let mut screen = SweepScreen::new(data, updates, bounded(0).0);
        for (width, height) in [(1, 1), (20, 5), (40, 11), (80, 23), (111, 33), (300, 100)] {
            for panel in 1..=4 {
                for action in [Action::Focus(panel), Action::Left, Action::Down, Action::XAxis, Action::YAxis]
                {
                    screen.act(action);
                    drawn(&mut screen, (width, height), &DARK);
                    drawn(&mut screen, (width, height), &PLAIN);
                }
            }
        }
    }
}

#[test]
fn a_matrix_has_the_best_or_the_mean_of_two_settings_and_cells_without_trials_differ() {
    let (mut screen, _send) = screen();
    acted(&mut screen, &[Action::Focus(2)]);
    insta::assert_snapshot!("matrix_80", drawn(&mut screen, (80, 23), &DARK));
    insta::assert_snapshot!("matrix_ascii_80", drawn(&mut screen, (80, 23), &PLAIN));
    assert_eq!(screen.axes, [0, 1], "the most important settings");
    let matrix =
        |screen: &SweepScreen| Matrix::new(&screen.data, screen.axes, screen.is_mean, [20, 20]).unwrap();
    let value = |screen: &SweepScreen, at: usize| {
        matrix(screen).cells[at].value.map(|value| (value * 1000.0).round())
    };
    // Columns are rates, rows are units: 0.01 and 64.
    assert_eq!((value(&screen, 10), matrix(&screen).cells[10].trial), (Some(920.0), Some(17)));
    acted(&mut screen, &[Action::NextMetric]);
    assert_eq!(value(&screen, 10), Some(915.0));
    // Trials that wait, or are being trained, have no value yet.
    assert_eq!((value(&screen, 11), matrix(&screen).cells[11].trial), (None, Some(22)));
    // Seeds are an axis as well.
    acted(&mut screen, &[Action::XAxis]);
    assert_eq!((screen.axes, matrix(&screen).x.labels.len()), ([2, 1], 2));
    acted(&mut screen, &[Action::YAxis]);
    assert_eq!(screen.axes, [2, 0]);
}

#[test]
fn the_arrows_go_through_the_cells_and_choose_the_best_trial_of_each() {
    let (mut screen, _send) = screen();
    acted(&mut screen, &[Action::Focus(2)]);
    drawn(&mut screen, (80, 23), &DARK);
    assert_eq!(screen.chosen, 17);
    acted(&mut screen, &[Action::Up]);
    assert_eq!(screen.chosen, 15);
    acted(&mut screen, &[Action::Left, Action::Left, Action::Left, Action::Left]);
    assert_eq!(screen.chosen, 3);
    acted(&mut screen, &[Action::Down, Action::Down, Action::Down]);
    assert_eq!(screen.chosen, 4, "the other one has diverged");
    // The table follows.
    assert_eq!(screen.row(), names(&screen).iter().position(|name| *name == "0004"));
}

#[test]
fn settings_that_are_drawn_are_put_into_groups_and_a_pair_without_a_trial_is_no_cell() {
    let mut data = data();
    for (i, trial) in data.trials.iter_mut().enumerate() {
        trial.settings[0] = format!("{:.5}", 10_f64.powf(-4.0 + i as f64 / 10.0));
    }
    let (_send, updates) = unbounded();
    let mut screen = SweepScreen::new(data, updates, bounded(0).0);
    acted(&mut screen, &[Action::Focus(2)]);
    let shown = drawn(&mut screen, (80, 23), &DARK);
    assert!(shown.contains("0.0001…") && shown.contains('–'), "{shown}");
}

#[test]
fn the_colours_of_a_matrix_are_in_order_of_quality_on_every_kind_of_terminal() {
    for colors in [Colors::True, Colors::Ansi256, Colors::Ansi16] {
        for light in [false, true] {
            let theme = Theme { colors, light, ..Theme::DARK };
            let (mut screen, _send) = screen();
            acted(&mut screen, &[Action::Focus(2)]);
            let terminal = terminal(&mut screen, (80, 23), &theme);
            let buffer = terminal.backend().buffer();
            let found = |words: &str| {
                let position = buffer.area().positions().find(|position| {
                    // Below the head lines.
                    let here = (0..words.len() as u16).map(|i| buffer.cell((position.x + i, position.y)));
                    here.map(|cell| cell.map_or("", |cell| cell.symbol())).collect::<String>() == words
                        && position.y > 2
                });
                let cell = &buffer[position.unwrap_or_else(|| panic!("{words} is on the screen"))];
                (cell.bg, cell.fg)
            };
            let [(worst, _), (middle, _), (best, ink)] = [found("53.0 %"), found("68.0 %"), found("92.0 %")];
            assert!(worst != best && middle != best && best != Color::Reset, "{colors:?} {light}");
            assert_ne!(ink, best, "the number can be read");
        }
    }
}

#[test]
fn every_trial_is_a_line_across_all_settings_and_the_chosen_one_stands_out() {
    let (mut screen, _send) = screen();
    acted(&mut screen, &[Action::Focus(3)]);
    insta::assert_snapshot!("coordinates_80", drawn(&mut screen, (80, 23), &DARK));
    insta::assert_snapshot!("coordinates_ascii_80", drawn(&mut screen, (80, 23), &PLAIN));
    // From the best to the next worse one, and back; not beyond the best.
    acted(&mut screen, &[Action::Left]);
    assert_eq!(screen.chosen, 16);
    acted(&mut screen, &[Action::Right, Action::Right, Action::Right]);
    assert_eq!(screen.chosen, 17);
    let marked = |screen: &mut SweepScreen| drawn(screen, (80, 23), &DARK).matches('●').count();
    // Three axes, and the legend.
    assert_eq!(marked(&mut screen), 4);
    type_filter(&mut screen, "waiting");
    assert!(drawn(&mut screen, (80, 23), &DARK).contains("no trial of the table has a value"));
}

#[test]
fn the_importance_of_each_setting_is_a_bar_the_greatest_first() {
    let (mut screen, _send) = screen();
    acted(&mut screen, &[Action::Focus(4)]);
    insta::assert_snapshot!("importance_80", drawn(&mut screen, (80, 23), &DARK));
    screen.data.importance.iter_mut().for_each(|(_, share)| *share = None);
    assert!(drawn(&mut screen, (80, 23), &DARK).contains("too few finished trials"));
}

#[test]
fn a_large_screen_has_all_panels_and_one_of_them_alone_on_request() {
    let (mut screen, _send) = screen();
    for (theme, name) in [(DARK, "all"), (PLAIN, "all_ascii")] {
        insta::assert_snapshot!(format!("{name}_120"), drawn(&mut screen, (120, 39), &theme));
        insta::assert_snapshot!(format!("{name}_200"), drawn(&mut screen, (200, 59), &theme));
    }
    acted(&mut screen, &[Action::Focus(2), Action::Zoom]);
    let shown = drawn(&mut screen, (200, 59), &DARK);
    assert!(shown.contains("2 Matrix") && !shown.contains("╭ 1 Trials"), "{shown}");
    acted(&mut screen, &[Action::Back]);
    assert!(drawn(&mut screen, (200, 59), &DARK).contains("╭ 1 Trials"));
}

#[test]
fn a_value_far_beyond_the_others_does_not_flatten_the_scale() {
    let mut data = data();
    (data.metric, data.higher_is_better) = ("val_loss".into(), false);
    data.trials.iter_mut().for_each(|trial| trial.value = trial.value.map(|value| 1.0 - value));
    data.trials[0].value = Some(7e12);
    let quality = Quality::of(&data).unwrap();
    assert!(quality.is_cut && quality.worst < 1.0, "{quality:?}");
    assert_eq!((quality.share(7e12), quality.share(quality.best)), (0.0, 1.0));
}

#[test]
fn losses_that_differ_by_decades_have_a_logarithmic_scale() {
    let mut data = data();
    (data.metric, data.higher_is_better) = ("val_loss".into(), false);
    for (i, trial) in data.trials.iter_mut().enumerate() {
        trial.value = trial.value.map(|_| 10_f64.powf(-(i as f64) / 4.0));
    }
    let quality = Quality::of(&data).unwrap();
    // The trials 0 to 17 have ended.
    assert!(quality.is_log && !quality.is_cut && quality.worst == 1.0, "{quality:?}");
    assert!((quality.share(10_f64.powf(-17.0 / 8.0)) - 0.5).abs() < 1e-6);
    data.best = Some(17);
    let (_send, updates) = unbounded();
    let mut screen = SweepScreen::new(data, updates, bounded(0).0);
    acted(&mut screen, &[Action::Focus(3)]);
    let shown = drawn(&mut screen, (80, 23), &DARK);
    assert!(shown.contains("val_loss (log)") && shown.contains("├0.0100"), "{shown}");
    // An accuracy is never on one.
    assert!(!Quality::of(&self::data()).unwrap().is_log);
}
