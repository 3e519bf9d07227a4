use crossbeam_channel::unbounded;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::number;
use crate::protocol::{EpochMetrics, GradientProfile, LayerRow, ModelTable, RunInfo, RunStatus, StepMetrics};
use crate::ui::compare;
use crate::ui::menu::tests::THEME;
use crate::ui::theme::{Glyphs, Theme};

const STEPS: u64 = 20;

fn info(params: usize) -> RunInfo {
    let layer = LayerRow { class: "LSTM".into(), params, ..LayerRow::default() };
    RunInfo { model: ModelTable { layers: vec![layer] }, ..compare::tests::info(16) }
}

/// The events of a network with a seed, up to so many epochs.
fn training(network: usize, seed: u64, epochs: usize) -> Vec<RaceEvent> {
    let rate = [1.0, 0.2, 2.5][network] + 0.1 * seed as f64;
    let mut events =
        vec![Event::Prepared(Box::new(info(100 * (network + 1)))), Event::Status(RunStatus::Training)];
    for step in 1..=epochs as u64 * STEPS {
        let loss = 0.7 * (-rate * step as f64 / 80.0).exp();
        let epoch = ((step - 1) / STEPS + 1) as usize;
        events.push(Event::Step(StepMetrics {
            step,
            epoch,
            loss,
            accuracy: Some(1.0 - loss / 1.4),
            learning_rate: 0.01,
            grad_norm: loss * 2.0,
            sequences_per_s: 100.0,
            seconds: step as f64 / 100.0,
        }));
        if step % STEPS == 0 {
            let metrics =
                [("loss", loss), ("val_loss", loss + 0.05), ("val_accuracy", 1.0 - loss / 1.4)].into();
            events.push(Event::Epoch(Box::new(EpochMetrics {
                epoch,
                step,
                metrics,
                confusion: None,
                seconds: 1.0,
            })));
        }
    }
    if epochs == 4 {
        events.push(Event::Status(RunStatus::Finished));
    }
    events.into_iter().map(|event| RaceEvent::Training { network, event }).collect()
}

fn screen() -> RaceScreen {
    let names = ["lstm", "rnn", "gru"].map(|name| (name.to_owned(), None));
    let standings = Standings::new("memory".into(), vec![1, 2, 3], names.to_vec());
    let (_, events) = unbounded();
    let (commands, _) = unbounded();
    RaceScreen::new(standings, ("tokens", None), (events, CommandSender::new("test", commands)))
}

/// A race of which so many seeds have ended, and another has begun.
fn race(ended: u64) -> RaceScreen {
    let mut screen = screen();
    for seed in 1..=ended + 1 {
        screen.apply(&RaceEvent::Seed(seed));
        for network in 0..3 {
            let epochs = if seed <= ended { 4 } else { 2 };
            training(network, seed, epochs).iter().for_each(|event| screen.apply(event));
        }
        screen.apply(&RaceEvent::Usage(vec![(12_800, 0.5), (12_800, 0.25), (12_800, 0.75)]));
    }
    screen
}

fn drawn(screen: &mut RaceScreen, width: u16, height: u16, theme: Theme) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen.render(frame, frame.area(), &theme)).unwrap();
    terminal.backend().to_string()
}

/// The line of a network below the charts, its blanks as one.
fn row(drawn: &str, name: &str) -> String {
    let is_row = |line: &&str| line.contains(&format!(" {name} "));
    let row = drawn.lines().rfind(is_row).unwrap_or_else(|| panic!("no {name}: {drawn}"));
    row.trim_matches('"').split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn at_80_by_24_there_are_a_chart_and_the_standings_without_the_time() {
    let drawn = drawn(&mut race(1), 80, 23, THEME);
    insta::assert_snapshot!("a_race_at_80_by_24", drawn);
    for words in
        ["memory · seed 2 (2 of 3) · equal tokens", "val_accuracy by steps", "1 seed of 3", "tokens/s"]
    {
        assert!(drawn.contains(words), "{words}: {drawn}");
    }
    assert!(!drawn.contains(" time") && !drawn.contains("loss by steps"), "{drawn}");
    let gru = row(&drawn, "gru");
    assert!(gru.starts_with("1") && gru.contains("▸") && gru.contains("████░░░░ 2/4"), "{gru}");
    assert!(row(&drawn, "lstm").starts_with("2") && row(&drawn, "rnn").starts_with("3"), "{drawn}");
}

#[test]
fn at_120_by_40_the_loss_has_a_chart_of_its_own() {
    let mut screen = race(2);
    screen.act(Action::XAxis);
    (0..3).for_each(|network| screen.apply(&gradient(network, 30, [0.9, 0.4, 0.97][network])));
    let drawn = drawn(&mut screen, 120, 39, THEME);
    insta::assert_snapshot!("a_race_at_120_by_40", drawn);
    for words in ["val_accuracy by epochs", "loss by epochs", " time", "no winner: 2 seeds of 3"] {
        assert!(drawn.contains(words), "{words}: {drawn}");
    }
    // Two seeds have ended: mean and deviation.
    assert!(row(&drawn, "gru").contains("96.5 % ± 0.2"), "{drawn}");
}

/// The gradient of a network whose norms fall by `factor` from step to step back.
fn gradient(network: usize, step: u64, factor: f32) -> RaceEvent {
    let norms = |first: f32| (0..16).rev().map(|back| first * factor.powi(back)).collect::<Vec<_>>();
    let event = Event::Gradient(GradientProfile {
        step,
        layer: 1,
        direction: None,
        hnorm: norms(0.5),
        kernel_norm: norms(2.0),
        half_life: None,
        ..GradientProfile::default()
    });
    RaceEvent::Training { network, event }
}

#[test]
fn the_gradients_are_side_by_side_where_there_are_rows_for_them() {
    let mut screen = race(0);
    let before = drawn(&mut screen, 120, 39, THEME);
    assert!(!before.contains("‖∂L/∂U_t‖"), "no network has recorded any: {before}");
    screen.apply(&gradient(0, 10, 0.95));
    screen.apply(&gradient(1, 10, 0.3));
    screen.apply(&gradient(0, 20, 0.5));
    let after = drawn(&mut screen, 120, 39, THEME);
    // Of the start, the positions 0 and 1, the latter counts: 14 steps before the end.
    let share = |factor: f64| number::metric(factor.powi(14));
    for words in [
        format!("at the start: most {} · now {}", share(0.95), share(0.5)),
        format!("at the start: most {} · now {}", share(0.3), share(0.3)),
    ] {
        assert!(after.contains(&words), "{words}: {after}");
    }
    assert_eq!(after.matches("‖∂L/∂U_t‖").count(), 2, "{after}");
    assert!(!drawn(&mut screen, 80, 23, THEME).contains("‖∂L/∂U_t‖"));
    // A small screen has them in the place of the curves.
    assert!(screen.footer_word(Action::Quantity).is_none() && screen.explanation().contains("∂L/∂U_t"));
    screen.act(Action::Quantity);
    let small = drawn(&mut screen, 80, 23, THEME);
    insta::assert_snapshot!("the_gradients_of_a_race_at_80_by_24", small);
    assert_eq!(small.matches("at the start: most").count(), 2, "{small}");
    assert!(!small.contains("val_accuracy by steps") && small.contains("tokens/s"), "{small}");
    screen.act(Action::Quantity);
    screen.act(Action::Open);
    assert!(!drawn(&mut screen, 120, 39, THEME).contains("‖∂L/∂U_t‖"), "the curves alone");
}

#[test]
fn the_curves_of_earlier_seeds_stay() {
    let mut screen = race(0);
    let dots = |drawn: &str| drawn.chars().filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count();
    let alone = dots(&drawn(&mut screen, 80, 40, THEME));
    let mut screen = race(2);
    let drawn_after = drawn(&mut screen, 80, 40, THEME);
    assert!(dots(&drawn_after) > alone && drawn_after.contains("earlier seeds dim"), "{drawn_after}");
    // They have four epochs, the current ones two.
    let xs = screen.earlier.iter().map(|curves| curves.end("val_accuracy", Axis::Epochs));
    assert_eq!(xs.collect::<Vec<_>>(), [Some(4.0); 6]);
    for seed in 0..30 {
        screen.apply(&RaceEvent::Seed(seed));
        (0..3).for_each(|network| training(network, 1, 1).iter().for_each(|event| screen.apply(event)));
    }
    assert_eq!(screen.earlier.len(), 3 * EARLIER);
}

#[test]
fn full_speed_is_offered_once() {
    let (send, inbox) = unbounded();
    let mut screen = race(0);
    assert_eq!(screen.footer_word(Action::FullSpeed), Some(""), "not slowed down");
    (screen.commands, screen.pace) = (CommandSender::new("test", send), Some(50.0));
    assert!(drawn(&mut screen, 80, 24, THEME).contains("slowed down to 50 steps/s each"));
    assert_eq!(screen.footer_word(Action::FullSpeed), None);
    screen.act(Action::FullSpeed);
    screen.act(Action::FullSpeed);
    assert_eq!(inbox.try_iter().map(|request| request.command).collect::<Vec<_>>(), [Command::FullSpeed]);
}

#[test]
fn keys_choose_the_metric_and_leave_one_thing_at_a_time() {
    let mut screen = race(0);
    assert_eq!(screen.metric(), "val_accuracy");
    screen.act(Action::NextMetric);
    assert_eq!(screen.metric(), "loss");
    screen.act(Action::PreviousMetric);
    screen.act(Action::PreviousMetric);
    assert_eq!(screen.metric(), "val_loss");
    screen.act(Action::Open);
    assert!(!screen.act(Action::Back) && !screen.alone);
    assert!(screen.act(Action::Back));
}

#[test]
fn a_pause_is_sent_and_shown() {
    let (send, inbox) = unbounded();
    let mut screen = race(0);
    screen.commands = CommandSender::new("test", send);
    screen.act(Action::PauseResume);
    assert_eq!(inbox.try_recv().unwrap().command, Command::Pause);
    screen.apply(&RaceEvent::Paused(true));
    assert!(drawn(&mut screen, 80, 24, THEME).contains("paused"));
    screen.act(Action::PauseResume);
    assert_eq!(inbox.try_recv().unwrap().command, Command::Resume);
}

#[test]
fn a_network_that_diverged_has_no_value_and_every_size_is_survived() {
    let mut screen = race(1);
    let what = "step 3: the loss is not finite".to_owned();
    let event = Event::Status(RunStatus::Diverged { what });
    screen.apply(&RaceEvent::Training { network: 2, event });
    assert!(drawn(&mut screen, 80, 24, THEME).contains("diverged"));
    assert_eq!(screen.standings.order()[2], 2);
    screen.end();
    for (width, height) in [(1, 1), (24, 6), (30, 9), (70, 12), (200, 60), (300, 3)] {
        drawn(&mut screen, width, height, THEME);
        drawn(&mut screen, width, height, Theme { glyphs: Glyphs::Ascii, ..THEME });
    }
}

#[test]
fn lines_are_printed_once_all_have_ended_an_epoch() {
    let mut screen = screen();
    let mut lines = Lines::default();
    screen.apply(&RaceEvent::Seed(7));
    assert_eq!(lines.next(&screen.standings), ["seed 1 (1 of 3)"]);
    let mut all = Vec::new();
    for network in [0, 2, 1] {
        training(network, 1, 1).iter().for_each(|event| screen.apply(event));
        all.extend(lines.next(&screen.standings));
    }
    assert_eq!(all, ["epoch 1/4  val_accuracy: gru 73.9 %, lstm 62.0 %, rnn 53.6 %"]);
    screen.apply(&RaceEvent::Seed(8));
    assert_eq!(lines.next(&screen.standings), ["seed 2 (2 of 3)"]);
    for network in 0..3 {
        training(network, 1, 4).iter().for_each(|event| screen.apply(event));
    }
    assert_eq!(lines.next(&screen.standings).len(), 1, "the end");
}
