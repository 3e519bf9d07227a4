use crossbeam_channel::unbounded;

use super::tests::{self, drawn};
use super::*;
use crate::number;
use crate::protocol::{
    Activations, EpochMetrics, Event, GradientProfile, LayerRow, ModelTable, ProbeFrame, ProbeText, RunInfo,
    RunStatus, StepMetrics, TokenPrediction,
};
use crate::ui::dashboard::Dashboard;
use crate::ui::menu::tests::THEME;
use crate::ui::race::Lines;
use crate::ui::theme::{Colors, Glyphs, Theme};

const STEPS: u64 = 20;

fn info(params: usize) -> RunInfo {
    let layer = LayerRow { class: "LSTM".into(), params, directions: vec![None], ..LayerRow::default() };
    let tokens = ["not", "a", "good", "film"].map(str::to_owned).to_vec();
    let text = "not a good film".to_owned();
    let probe = ProbeText { text, tokens, first_step: 0, truth: None, targets: Vec::new(), variant: None };
    RunInfo { model: ModelTable { layers: vec![layer] }, probes: vec![probe], ..tests::info(16) }
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

/// A race whose commands are received.
fn group() -> (Group, Receiver<crate::protocol::CommandRequest>) {
    let names = ["lstm", "rnn", "gru"].map(|name| (name.to_owned(), None));
    let standings = Standings::new("memory".into(), vec![1, 2, 3], names.to_vec());
    let (_, events) = unbounded();
    let (commands, inbox) = unbounded();
    (Group::of_race(standings, ("tokens", None), (events, CommandSender::new("test", commands))), inbox)
}

/// A race of which so many seeds have ended, and another has begun.
fn race(ended: u64) -> Dashboard {
    let mut dash = Dashboard::of_group(Box::new(group().0));
    for seed in 1..=ended + 1 {
        dash.apply_to_race(&RaceEvent::Seed(seed));
        for network in 0..3 {
            let epochs = if seed <= ended { 4 } else { 2 };
            training(network, seed, epochs).iter().for_each(|event| dash.apply_to_race(event));
        }
        dash.apply_to_race(&RaceEvent::Usage(vec![(12_800, 0.5), (12_800, 0.25), (12_800, 0.75)]));
    }
    dash
}

fn running(dash: &mut Dashboard) -> &mut RunningRace {
    match &mut dash.group.as_mut().unwrap().kind {
        Kind::Race(race) => race,
        Kind::Comparison(_) | Kind::Trainings { .. } => panic!("a race"),
    }
}

fn act(dash: &mut Dashboard, action: Action) {
    let Dashboard { run, group: Some(group), .. } = dash else { panic!("several runs") };
    assert!(group.control(action) || group.act(action, run), "{action:?}");
}

/// The line of a network below the charts, its blanks as one.
fn row(drawn: &str, name: &str) -> String {
    let is_row = |line: &&str| line.contains(&format!(" {name} "));
    let row = drawn.lines().rfind(is_row).unwrap_or_else(|| panic!("no {name}: {drawn}"));
    row.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The gradient of a network whose norms fall by `factor` from step to step back.
fn gradient(network: usize, step: u64, factor: f32) -> RaceEvent {
    let norms = |first: f32| (0..16).rev().map(|back| first * factor.powi(back)).collect::<Vec<_>>();
    let event = Event::Gradient(GradientProfile {
        step,
        layer: 0,
        direction: None,
        hnorm: norms(0.5),
        kernel_norm: norms(2.0),
        half_life: None,
        ..GradientProfile::default()
    });
    RaceEvent::Training { network, event }
}

/// The states of a network at the example, four units that decay by `factor` from token to token.
fn states(network: usize, factor: f32) -> RaceEvent {
    let tokens = 4;
    let values = (0..tokens * 4).map(|i| factor.powi(i / 4)).collect();
    let by_token = |i: i32| TokenPrediction { outputs: vec![("yes".to_owned(), 0.2 * (i + 1) as f32)] };
    let event = Event::Probe(Box::new(ProbeFrame {
        step: 20,
        probe: 0,
        prediction: vec![0.8],
        by_token: (0..tokens).map(by_token).collect(),
        activations: vec![Activations {
            layer: 0,
            direction: None,
            quantity: "h".into(),
            units: 4,
            values,
            ..Activations::default()
        }],
        ..ProbeFrame::default()
    }));
    RaceEvent::Training { network, event }
}

/// A race with gradients that reach the start in two of three networks, and with states.
fn watched() -> Dashboard {
    let mut dash = race(1);
    for (network, factor) in [0.95, 0.3, 0.97].into_iter().enumerate() {
        dash.apply_to_race(&gradient(network, 30, factor));
        dash.apply_to_race(&states(network, factor));
    }
    dash
}

#[test]
fn at_80_by_24_there_are_a_chart_and_the_standings_without_the_time() {
    let drawn = drawn(&race(1), 80, 23, THEME);
    insta::assert_snapshot!("a_race_at_80_by_24", drawn);
    for words in [
        "memory · seed 2 (2 of 3) · same tokens for each",
        "Runs",
        "val_accuracy by steps",
        "no winner yet: 1 seed, and at least 3 are needed",
        "tokens/s",
    ] {
        assert!(drawn.contains(words), "{words}: {drawn}");
    }
    assert!(!drawn.contains(" time") && !drawn.contains("loss by steps"), "{drawn}");
    let gru = row(&drawn, "gru");
    assert!(gru.contains("1* C") && gru.contains("████░░░░ 2/4"), "{gru}");
    assert!(row(&drawn, "lstm").starts_with("▸ 2") && row(&drawn, "rnn").starts_with("3"), "{drawn}");
}

#[test]
fn at_120_by_40_the_loss_has_a_chart_of_its_own_and_the_gradients_are_below() {
    let mut dash = watched();
    act(&mut dash, Action::XAxis);
    let drawn = drawn(&dash, 120, 39, THEME);
    insta::assert_snapshot!("a_race_at_120_by_40", drawn);
    for words in ["val_accuracy by epochs", "loss by epochs", " time", "no winner yet: 1 seed"] {
        assert!(drawn.contains(words), "{words}: {drawn}");
    }
    assert_eq!(drawn.matches("‖∂L/∂U_t‖").count(), 3, "{drawn}");
    // What a network can learn from is said in words, from what was measured.
    let sentence = drawn.replace('\n', " ");
    let sentence = sentence.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(sentence.contains("In rnn (4.8e-8) it has vanished before."), "{sentence}");
    // At the end the pictures show what is left of the gradient.
    assert!(!sentence.contains("has learned has little gradient left now"), "{sentence}");
    running(&mut dash).end();
    let over = crate::ui::widget::text::wrap(&self::drawn(&dash, 120, 39, THEME), 1000).join(" ");
    assert!(over.contains("A network that has learned has little gradient left now."), "{over}");
}

#[test]
fn the_words_of_the_subtitle_and_the_mark_of_the_turn_are_explained() {
    let mut dash = watched();
    let explained = |dash: &Dashboard| dash.group.as_ref().unwrap().explanation();
    assert!(explained(&dash).contains("(* has the turn)") && explained(&dash).contains("number of tokens"));
    assert!(
        explained(&dash).contains("half-life is that of ‖∂L/∂h_t‖") && !explained(&dash).contains("slowed")
    );
    running(&mut dash).pace = Some(50.0);
    assert!(explained(&dash).contains("slowed down so that one can follow; f ends that"));
}

#[test]
fn at_200_by_60_the_states_of_all_networks_are_side_by_side_as_well() {
    let drawn = drawn(&watched(), 200, 59, THEME);
    insta::assert_snapshot!("a_race_at_200_by_60", drawn);
    assert_eq!(drawn.matches("h after each token").count(), 3, "{drawn}");
    assert_eq!(drawn.matches("yes 0.80").count(), 3, "the answer after the last token: {drawn}");
}

#[test]
fn without_colours_and_in_ascii_runs_are_told_apart_by_letter_and_line() {
    let theme = Theme { glyphs: Glyphs::Ascii, colors: Colors::Mono, ..THEME };
    insta::assert_snapshot!("a_race_in_monochrome_and_ascii_at_120_by_40", drawn(&watched(), 120, 39, theme));
}

#[test]
fn the_gradients_are_side_by_side_where_there_are_rows_for_them() {
    let mut dash = race(0);
    let before = drawn(&dash, 120, 39, THEME);
    assert!(!before.contains("‖∂L/∂U_t‖"), "no network has recorded any: {before}");
    dash.apply_to_race(&gradient(0, 10, 0.95));
    dash.apply_to_race(&gradient(1, 10, 0.3));
    dash.apply_to_race(&gradient(0, 20, 0.5));
    let after = drawn(&dash, 120, 39, THEME);
    // Of the start, the positions 0 and 1, the latter counts: 14 steps before the end.
    let share = |factor: f64| number::metric(factor.powi(14));
    for words in [
        format!("start: ━ best {} ━ now {}", share(0.95), share(0.5)),
        format!("start: ━ best {} ━ now {}", share(0.3), share(0.3)),
    ] {
        assert!(after.contains(&words), "{words}: {after}");
    }
    assert_eq!(after.matches("‖∂L/∂U_t‖").count(), 2, "{after}");
    assert!(!drawn(&dash, 80, 23, THEME).contains("‖∂L/∂U_t‖"));
    // A small screen has them in the place of the curves.
    assert!(dash.group.as_ref().unwrap().explanation().contains("∂L/∂U_t"));
    act(&mut dash, Action::Quantity);
    assert!(!drawn(&dash, 120, 39, THEME).contains("‖∂L/∂U_t‖"), "the curves alone");
    act(&mut dash, Action::Quantity);
    let small = drawn(&dash, 80, 23, THEME);
    insta::assert_snapshot!("the_gradients_of_a_race_at_80_by_24", small);
    assert_eq!(small.matches("at start: ━ best").count(), 2, "{small}");
    assert!(!small.contains("val_accuracy by steps") && small.contains("tokens/s"), "{small}");
    dash.apply_to_race(&states(0, 0.5));
    act(&mut dash, Action::Quantity);
    assert!(drawn(&dash, 80, 23, THEME).contains("A lstm h by token"), "the states");
}

#[test]
fn the_curves_of_earlier_seeds_stay() {
    let dots = |drawn: &str| drawn.chars().filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count();
    let alone = dots(&drawn(&race(0), 80, 40, THEME));
    let mut dash = race(2);
    let after = drawn(&dash, 80, 40, THEME);
    assert!(dots(&after) > alone && after.contains("earlier seeds dim"), "{after}");
    // They have four epochs, the current ones two.
    let earlier = &dash.group.as_ref().unwrap().earlier;
    let xs = earlier.iter().map(|curves| curves.end("val_accuracy", Axis::Epochs));
    assert_eq!(xs.collect::<Vec<_>>(), [Some(4.0); 6]);
    for seed in 0..30 {
        dash.apply_to_race(&RaceEvent::Seed(seed));
        (0..3).for_each(|network| training(network, 1, 1).iter().for_each(|event| dash.apply_to_race(event)));
    }
    assert_eq!(dash.group.unwrap().earlier.len(), 3 * super::race::EARLIER);
}

#[test]
fn a_network_in_front_is_that_of_all_tabs_and_its_training_goes_on() {
    let mut dash = race(0);
    let latest = |dash: &Dashboard| dash.run.latest().map(|step| (step.step, number::metric(step.loss)));
    let first = latest(&dash);
    dash.turn_front(1);
    assert_eq!(dash.group.as_ref().unwrap().front, 1, "the one below in the standings");
    let second = latest(&dash);
    assert_ne!(first, second);
    // Events go to their networks, whichever is in front.
    training(1, 1, 3).iter().for_each(|event| dash.apply_to_race(event));
    assert_eq!(dash.run.latest().map(|step| step.step), Some(60));
    dash.turn_front(-1);
    assert_eq!(latest(&dash), first);
    // A new seed begins anew for all, and the same network stays in front.
    dash.apply_to_race(&RaceEvent::Seed(2));
    assert_eq!(dash.run.latest(), None);
    dash.turn_front(1);
    assert_eq!(dash.run.latest(), None);
    (0..3).for_each(|network| training(network, 2, 1).iter().for_each(|event| dash.apply_to_race(event)));
    dash.view.show_tab(crate::ui::panel::Tab::Overview);
    let front = drawn(&dash, 120, 39, THEME);
    assert!(front.contains("Runs   Overview"));
    // Its own time, without that of the others, is no time that is left.
    assert!(front.contains(" of training") && !front.contains("ETA"), "{front}");
}

#[test]
fn full_speed_is_offered_once() {
    let (mut group, inbox) = group();
    if let Kind::Race(race) = &mut group.kind {
        race.pace = Some(50.0);
    }
    let mut dash = Dashboard::of_group(Box::new(group));
    assert!(drawn(&dash, 80, 24, THEME).contains("slowed down to 50 steps/s to be watched"));
    act(&mut dash, Action::FullSpeed);
    act(&mut dash, Action::FullSpeed);
    assert_eq!(inbox.try_iter().map(|request| request.command).collect::<Vec<_>>(), [Command::FullSpeed]);
}

#[test]
fn the_subtitle_is_whole_on_a_narrow_screen() {
    let mut dash = race(0);
    running(&mut dash).pace = Some(50.0);
    let narrow = drawn(&dash, 60, 24, THEME);
    assert!(narrow.contains("slowed down to 50 steps/s to be watched"), "{narrow}");
    assert!(!narrow.lines().take(2).any(|line| line.contains('…')), "{narrow}");
}

#[test]
fn keys_choose_the_metric_and_leave_one_thing_at_a_time() {
    let mut dash = race(0);
    let metric = |dash: &Dashboard| dash.group.as_ref().unwrap().metric().to_owned();
    assert_eq!(metric(&dash), "val_accuracy");
    act(&mut dash, Action::NextMetric);
    assert_eq!(metric(&dash), "loss");
    act(&mut dash, Action::PreviousMetric);
    act(&mut dash, Action::PreviousMetric);
    assert_eq!(metric(&dash), "val_loss");
    act(&mut dash, Action::Quantity);
    act(&mut dash, Action::Back);
    let Dashboard { run, group: Some(group), .. } = &mut dash else { panic!("a race") };
    assert_eq!(group.content, Content::All);
    assert!(!group.act(Action::Back, run));
}

#[test]
fn a_pause_is_sent_and_shown() {
    let (group, inbox) = group();
    let mut dash = Dashboard::of_group(Box::new(group));
    act(&mut dash, Action::PauseResume);
    assert_eq!(inbox.try_recv().unwrap().command, Command::Pause);
    dash.apply_to_race(&RaceEvent::Paused(true));
    assert!(drawn(&dash, 80, 24, THEME).contains("paused"));
    act(&mut dash, Action::PauseResume);
    assert_eq!(inbox.try_recv().unwrap().command, Command::Resume);
}

#[test]
fn a_network_that_diverged_has_no_value_and_every_size_is_survived() {
    let mut dash = watched();
    let what = "step 3: the loss is not finite".to_owned();
    let event = Event::Status(RunStatus::Diverged { what });
    dash.apply_to_race(&RaceEvent::Training { network: 2, event });
    assert!(drawn(&dash, 80, 24, THEME).contains("diverged"));
    assert_eq!(dash.group.as_ref().unwrap().order()[2], 2);
    running(&mut dash).end();
    for _ in 0..5 {
        for (width, height) in [(1, 1), (24, 6), (30, 9), (40, 11), (70, 12), (200, 60), (300, 3), (300, 100)]
        {
            drawn(&dash, width, height, THEME);
            drawn(&dash, width, height, Theme { glyphs: Glyphs::Ascii, ..THEME });
        }
        act(&mut dash, Action::Quantity);
    }
}

#[test]
fn lines_are_printed_once_all_have_ended_an_epoch() {
    let mut dash = Dashboard::of_group(Box::new(group().0));
    let mut lines = Lines::default();
    let next = |lines: &mut Lines, dash: &mut Dashboard| lines.next(&running(dash).standings);
    dash.apply_to_race(&RaceEvent::Seed(7));
    assert_eq!(next(&mut lines, &mut dash), ["seed 1 (1 of 3)"]);
    let mut all = Vec::new();
    for network in [0, 2, 1] {
        training(network, 1, 1).iter().for_each(|event| dash.apply_to_race(event));
        all.extend(next(&mut lines, &mut dash));
    }
    assert_eq!(all, ["epoch 1/4  val_accuracy: gru 73.9 %, lstm 62.0 %, rnn 53.6 %"]);
    dash.apply_to_race(&RaceEvent::Seed(8));
    assert_eq!(next(&mut lines, &mut dash), ["seed 2 (2 of 3)"]);
    for network in 0..3 {
        training(network, 1, 4).iter().for_each(|event| dash.apply_to_race(event));
    }
    assert_eq!(next(&mut lines, &mut dash).len(), 1, "the end");
}
