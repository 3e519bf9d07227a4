//! The panels of a task: forecasts, samples, confusions, worst words, and what is found in a run.

use unrolled::metrics::{Confusion, LabelCount, Task};
use unrolled::protocol::{
    ClassCount, ClassifiedText, DataFacts, EntityCount, EpochMetrics, GradientProfile, Sample, Saved,
    SeriesExcerpt, TokenPrediction, ValidationExamples, WordErrors,
};

use super::*;

/// The sizes at which every panel is looked at.
const SIZES: [(u16, u16); 3] = [(80, 23), (120, 39), (200, 59)];

/// The dashboard after `events`, with the tab of the task in front.
fn of_task(task: Task, data: DataFacts, events: &[Event]) -> Dashboard {
    let mut info = story::info();
    (info.task, info.data) = (task, DataFacts { source: "mine".into(), length: 200, ..data });
    let mut dash =
        after(Dashboard::new(), &[Event::Prepared(Box::new(info)), Event::Status(RunStatus::Training)]);
    events.iter().for_each(|event| dash.apply(event));
    let tabs = Tab::of(&dash.run);
    let to_task = tabs.iter().position(|tab| *tab == Tab::Task).unwrap_or(0);
    acted(dash, &vec![Action::NextTab; to_task])
}

#[track_caller]
fn snapshots(name: &str, dash: &Dashboard) {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("{name}_{width}"), text(dash, width, height, &THEME));
    }
    // And anywhere else without a panic.
    for (width, height) in [(40, 10), (41, 12), (300, 20), (60, 80)] {
        text(dash, width, height, &PLAIN);
    }
}

fn epoch(epoch: usize, step: u64, metrics: &[(&str, f64)], confusion: Option<Confusion>) -> Event {
    let metrics = metrics.iter().copied().collect();
    Event::Epoch(Box::new(EpochMetrics { epoch, step, metrics, confusion, seconds: 1.0 }))
}

fn steps(range: std::ops::RangeInclusive<u64>) -> Vec<Event> {
    let step = |step: u64| {
        Event::Step(StepMetrics {
            step,
            epoch: 1,
            loss: 1.0 / (1.0 + step as f64 / 100.0),
            accuracy: None,
            learning_rate: 0.01,
            grad_norm: 1.0,
            sequences_per_s: 1000.0,
            seconds: step as f64 / 100.0,
        })
    };
    range.map(step).collect()
}

/// Passengers of airlines: a trend and a season, of months from 1957 on; the last 36 of them are held out.
fn passengers() -> SeriesExcerpt {
    let value = |row: usize| {
        let season = (row as f64 / 12.0 * std::f64::consts::TAU).sin();
        Some((300.0 + 3.0 * row as f64) * (1.0 + 0.2 * season))
    };
    SeriesExcerpt {
        variable: "passengers".into(),
        values: (0..60).map(value).collect(),
        dates: (0..60).map(|row| format!("{}-{:02}", 1957 + row / 12, row % 12 + 1)).collect(),
        before: 96,
        starts: (24..=48).collect(),
        horizon: 12,
        season: Some(12),
    }
}

/// The forecasts of an epoch, which are off by so much.
fn forecasts(epoch: usize, step: u64, error: f64) -> Event {
    let series = passengers();
    let forecast = |start: usize, h: usize| {
        let off = 1.0 + error * (0.4 + (h as f64 * 1.3 + start as f64 * 0.7).sin() / 2.0);
        series.values[start + h].map(|truth| (truth * off) as f32)
    };
    let forecasts =
        series.starts.iter().flat_map(|start| (0..12).map(move |h| (*start, h))).map(|(s, h)| forecast(s, h));
    let forecasts = forecasts.collect();
    Event::Examples(Box::new(ValidationExamples { step, epoch, forecasts, ..ValidationExamples::default() }))
}

fn series(events: &[Event]) -> Dashboard {
    let data = DataFacts { validation: 25, series: Some(Box::new(passengers())), ..DataFacts::default() };
    of_task(Task::Forecast, data, events)
}

#[test]
fn forecasts_stand_against_the_truth_and_the_baselines() {
    let waiting = text(&series(&[]), 80, 23, &THEME);
    assert!(
        waiting.contains("waiting for the first validation") && waiting.contains("Forecast"),
        "{waiting}"
    );
    let mut events = steps(1..=200);
    events.extend([forecasts(1, 100, 0.5), forecasts(2, 200, 0.02)]);
    let dash = series(&events);
    snapshots("forecast", &dash);
    // The errors by distance, and a single distance.
    let detail = acted(series(&events), &[Action::Open]);
    insta::assert_snapshot!("forecast_detail_120", text(&detail, 120, 39, &THEME));
    let ahead = text(&acted(series(&events), &[Action::NextLayer, Action::NextLayer]), 120, 39, &THEME);
    assert!(ahead.contains("2 rows ahead"), "{ahead}");
    // As they were at the step of the cursor.
    let now = text(&dash, 120, 39, &THEME);
    assert!(now.contains("epoch 2"), "{now}");
    let mut earlier = dash;
    earlier.view.cursor = Some(150);
    let then = text(&earlier, 120, 39, &THEME);
    assert!(then.contains("epoch 1") && then != now, "{then}");
}

#[test]
fn a_forecast_that_echoes_the_last_value_is_found_and_one_that_does_not_is_not() {
    let truth = passengers();
    let echo = |share: f64| {
        let forecast = |start: usize| {
            let (last, now) = (truth.values[start - 1].unwrap(), truth.values[start].unwrap());
            (0..12).map(move |_| Some((last * share + now * (1.0 - share)) as f32))
        };
        let forecasts = truth.starts.iter().flat_map(|start| forecast(*start)).collect();
        let examples = ValidationExamples { step: 9, epoch: 1, forecasts, ..ValidationExamples::default() };
        text(&series(&[Event::Examples(Box::new(examples))]), 120, 39, &THEME)
    };
    assert!(echo(0.9).contains("Echo of the last value"), "{}", echo(0.9));
    assert!(!echo(0.2).contains("Echo of the last value"), "{}", echo(0.2));
}

fn sample(step: u64, epoch: usize, text: &str) -> Event {
    let candidates = [("O", 0.41), ("\n", 0.22), (" ", 0.11), ("a", 0.04), ("\x1b", 0.02)];
    Event::Sample(Sample {
        step,
        epoch,
        prime: "ROMEO:".into(),
        text: text.into(),
        temperature: 0.8,
        candidates: candidates.map(|(token, p)| (token.to_owned(), p)).into(),
    })
}

#[test]
fn samples_are_lines_with_the_candidates_for_the_next_token() {
    let events = [
        sample(1, 1, "xQ;;e\x1b[2Jz kk"),
        sample(10, 1, " e t  e e\nthe e"),
        sample(
            1000,
            2,
            "\nWhat, art thou the wind that bears my name\nand will not stay the night?\n\nJULIET:\nO",
        ),
    ];
    let data = DataFacts { vocabulary: 65, ..DataFacts::default() };
    let dash = of_task(Task::Language, data, &events);
    snapshots("samples", &dash);
    let shown = text(&dash, 120, 39, &THEME);
    for words in
        ["step 1,000 · epoch 2", "step 1 · epoch 1", "and will not stay the night?", "temperature 0.8"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(shown.contains("␛[2J") && !shown.contains('\x1b'));
    assert_eq!(shown.matches("bears my name").count(), 1, "not above the keys as well: {shown}");
    // Earlier recordings have no temperature.
    let earlier = Event::Sample(Sample { step: 2000, text: "o".into(), ..Sample::default() });
    let earlier = text(&after(dash, &[earlier]), 120, 39, &THEME);
    assert!(earlier.contains("step 2,000") && !earlier.contains("temperature 0 "), "{earlier}");
}

#[test]
fn a_candidate_is_chosen_where_samples_fill_the_screen() {
    let data = DataFacts { vocabulary: 65, ..DataFacts::default() };
    let dash = of_task(Task::Language, data, &[sample(1000, 2, "\nWhat, art thou the wind?")]);
    let number = dash.view.number(Panel::Samples, &dash.run) as u8;
    let dash = acted(dash, &[Action::Focus(number)]);
    let chosen = |dash: &Dashboard, action| dash.view.chosen_candidate(action, &dash.run).map(str::to_owned);
    assert_eq!(chosen(&dash, Action::Open), None, "Enter enlarges the panel first");
    let alone = acted(dash, &[Action::Open, Action::Down, Action::Down, Action::Down, Action::Up]);
    assert_eq!(chosen(&alone, Action::Open).as_deref(), Some(" "));
    assert_eq!(chosen(&alone, Action::Focus(1)).as_deref(), Some("O"));
    assert_eq!((chosen(&alone, Action::Focus(6)), chosen(&alone, Action::Down)), (None, None));
    let low = text(&alone, 80, 23, &THEME);
    assert!(low.contains(" 3 ␣") && low.contains("Enter or 1–9 writes it"), "{low}");
    // Not at an earlier step, nor after the end.
    let mut earlier = alone;
    earlier.view.cursor = Some(500);
    assert_eq!(chosen(&earlier, Action::Open), None);
    earlier.view.cursor = None;
    earlier.apply(&Event::Status(RunStatus::Finished));
    assert_eq!(chosen(&earlier, Action::Open), None);
}

fn classes(names: &[&str]) -> DataFacts {
    let class = |name: &&str| ClassCount { label: (*name).into(), count: 100 };
    DataFacts {
        validation: 300,
        vocabulary: 500,
        classes: names.iter().map(class).collect(),
        ..DataFacts::default()
    }
}

fn confusion(counts: &[u64]) -> Confusion {
    let classes = (counts.len() as f64).sqrt() as usize;
    Confusion { classes, counts: counts.to_vec(), ..Confusion::default() }
}

#[test]
fn a_confusion_matrix_has_the_measures_of_each_class_and_the_texts_of_a_cell() {
    let texts = |predicted: usize, text: &str| ClassifiedText { actual: 2, predicted, text: text.into() };
    let examples = ValidationExamples {
        step: 20,
        epoch: 2,
        texts: vec![texts(0, "schmidt"), texts(0, "bauer\x1b"), texts(1, "ivanov")],
        ..ValidationExamples::default()
    };
    let events = [
        steps(1..=20),
        vec![
            epoch(1, 10, &[("val_loss", 1.0)], Some(confusion(&[60, 20, 20, 30, 50, 20, 40, 40, 20]))),
            epoch(2, 20, &[("val_loss", 0.5)], Some(confusion(&[90, 5, 5, 4, 86, 10, 21, 9, 70]))),
            Event::Examples(Box::new(examples)),
        ],
    ]
    .concat();
    let dash = || of_task(Task::Classes, classes(&["Arabic", "Russian", "German"]), &events);
    snapshots("confusion", &dash());
    let detail = acted(dash(), &[Action::Open]);
    insta::assert_snapshot!("confusion_detail_120", text(&detail, 120, 39, &THEME));
    let shown = text(&detail, 120, 39, &THEME);
    assert!(shown.contains("21 of German taken for Arabic") && shown.contains("bauer␛"), "{shown}");
    let next = text(&acted(detail, &[Action::Down, Action::Down]), 120, 39, &THEME);
    assert!(next.contains("9 of German taken for Russian") && next.contains("ivanov"), "{next}");
    // The matrix of the cursor's epoch.
    let mut earlier = dash();
    earlier.view.cursor = Some(15);
    assert!(text(&earlier, 120, 39, &THEME).contains("epoch 1"));
    // Of another validation there are no texts.
    let validated = epoch(3, 30, &[("val_loss", 0.4)], Some(confusion(&[90, 5, 5, 4, 86, 10, 21, 9, 70])));
    let newer = text(&acted(after(dash(), &[validated]), &[Action::Open]), 120, 39, &THEME);
    assert!(newer.contains("no texts of epoch 3 are recorded") && !newer.contains("bauer"), "{newer}");
    // Many classes are listed by their confusions.
    let many: Vec<u64> = (0..40 * 40).map(|cell| if cell % 41 == 0 { 50 } else { cell % 7 / 6 }).collect();
    let names: Vec<String> = (0..40).map(|n| format!("class {n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let events = [epoch(1, 10, &[("val_loss", 1.0)], Some(confusion(&many)))];
    let shown = text(&of_task(Task::Classes, classes(&names), &events), 80, 23, &THEME);
    assert!(shown.contains(" taken for class "), "{shown}");
}

#[test]
fn the_states_stand_beside_a_text_that_leaves_no_row_below_it() {
    let mut info = story::info();
    info.task = Task::Language;
    info.probes.truncate(1);
    info.probes[0].tokens = (0..25).map(|n| format!("w{n}")).collect();
    let dash =
        after(Dashboard::new(), &[Event::Prepared(Box::new(info)), Event::Status(RunStatus::Training)]);
    let to_text = Tab::of(&dash.run).iter().position(|tab| *tab == Tab::Text).unwrap();
    let dash = acted(dash, &vec![Action::NextTab; to_text]);
    let shown = text(&dash, 120, 39, &THEME);
    assert!(shown.contains("1 Prediction after every token") && shown.contains("2 Hidden state"), "{shown}");
    assert!(shown.contains("w24"), "all of the text: {shown}");
    assert!(!text(&dash, 80, 23, &THEME).contains("2 Hidden state"), "a narrow screen shows the text alone");
}

#[test]
fn a_tagger_names_its_worst_words() {
    let words = [("[UNK]", 2, 0, 345), ("that", 0, 1, 31), ("\x1b[2J", 1, 2, 4)]
        .map(|(word, actual, predicted, count)| WordErrors { word: word.into(), actual, predicted, count });
    let examples =
        ValidationExamples { step: 20, epoch: 2, words: words.into(), ..ValidationExamples::default() };
    let events = [
        epoch(2, 20, &[("val_loss", 0.5)], Some(confusion(&[90, 31, 5, 4, 86, 10, 21, 9, 70]))),
        Event::Examples(Box::new(examples)),
    ];
    let dash = of_task(Task::Tags, classes(&["SCONJ", "PRON", "DET"]), &events);
    snapshots("tagger", &dash);
    let shown = text(&dash, 120, 39, &THEME);
    let one = [epoch(3, 30, &[("val_loss", 0.5)], Some(confusion(&[90, 0, 0, 4, 0, 0, 6, 0, 0])))];
    let one = text(&acted(after(dash, &one), &[Action::FocusPrevious, Action::Open]), 120, 39, &THEME);
    assert!(one.contains("all 100 validation tokens are predicted as SCONJ"), "{one}");
    assert!(shown.contains("Tags") && shown.contains("that") && shown.contains("␛[2J"), "{shown}");
    let row = |word: &str| shown.lines().position(|line| line.contains(&format!("│ {word} "))).unwrap();
    assert!(
        row("that") < row("[UNK]") && shown.contains("[UNK] 345 times"),
        "words that say something: {shown}"
    );
}

#[test]
fn entities_have_their_measures_by_type_with_both_averages() {
    let entity = |kind: &str, true_positives, false_positives, false_negatives| EntityCount {
        kind: kind.into(),
        count: LabelCount { true_positives, false_positives, false_negatives },
    };
    let examples = |step: u64, epoch: usize, entities: Vec<EntityCount>| {
        let examples = ValidationExamples { step, epoch, entities, ..ValidationExamples::default() };
        Event::Examples(Box::new(examples))
    };
    let events = [
        examples(10, 1, vec![entity("PER", 10, 30, 90)]),
        examples(20, 2, vec![entity("LOC", 0, 0, 20), entity("PER", 80, 20, 20)]),
    ];
    let dash = of_task(Task::Tags, classes(&["O", "B-PER", "I-PER", "B-LOC"]), &events);
    let rows = |width, height| {
        let shown = text(&dash, width, height, &THEME);
        let row = |name: &str| {
            let row = shown.lines().find(|line| line.contains(&format!("│ {name} "))).unwrap_or_default();
            let cells = row.split('│').nth(1).unwrap_or_default();
            cells.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        ["micro", "macro", "LOC", "PER"].map(row)
    };
    let wide = rows(200, 59);
    // 2·80/(2·80 + 20 + 40); the mean of 0 and 0.8.
    assert!(wide[0].starts_with("micro 80.0 % 66.7 % 72.7 % 120"), "{wide:?}");
    assert!(wide[1].starts_with("macro 40.0 % 40.0 % 40.0 % 120"), "{wide:?}");
    assert!(wide[2].starts_with("LOC 0.0 % 0.0 % 0.0 % 20"), "{wide:?}");
    assert!(wide[3].starts_with("PER 80.0 % 80.0 % 80.0 % 100"), "{wide:?}");
    assert!(rows(80, 23).iter().all(|row| !row.is_empty()), "{:?}", rows(80, 23));
    let shown = text(&dash, 120, 39, &THEME);
    assert!(shown.contains("Entities"), "{shown}");
    // Parts of speech are no entities.
    let events = [examples(10, 1, Vec::new())];
    let shown = text(&of_task(Task::Tags, classes(&["NOUN", "VERB", "ADJ"]), &events), 120, 39, &THEME);
    assert!(!shown.contains("Entities"), "{shown}");
}

#[test]
fn several_labels_have_their_measures_and_their_course() {
    let labels = |positives: [u64; 3]| {
        let count = |true_positives: u64| LabelCount {
            true_positives,
            false_positives: 10,
            false_negatives: 100 - true_positives,
        };
        positives.map(count).to_vec()
    };
    let examples = |step: u64, epoch: usize, positives: [u64; 3]| {
        let labels = labels(positives);
        Event::Examples(Box::new(ValidationExamples { step, epoch, labels, ..ValidationExamples::default() }))
    };
    let events = [examples(10, 1, [20, 10, 0]), examples(20, 2, [90, 40, 0])];
    let dash = of_task(Task::Labels, classes(&["toxic", "insult", "threat"]), &events);
    snapshots("labels", &dash);
    let shown = text(&dash, 120, 39, &THEME);
    assert!(shown.contains("90.0 %") && shown.contains("Labels"), "{shown}");
}

#[test]
fn what_is_wrong_is_found_with_its_numbers_and_nothing_else_is() {
    let found = |events: &[Event]| {
        let dash = of_task(Task::Binary, classes(&["negative", "positive"]), events);
        let panels = acted(dash, &[Action::FocusNext, Action::Open]);
        text(&panels, 200, 59, &THEME)
    };
    let of_epoch = story::info().steps_per_epoch as u64;
    let course = |losses: &[f64]| -> Vec<Event> {
        let mut events = Vec::new();
        for (i, loss) in losses.iter().enumerate() {
            let last = (i as u64 + 1) * of_epoch;
            events.extend(steps(last - of_epoch + 1..=last));
            events.push(epoch(i + 1, last, &[("val_loss", *loss)], None));
        }
        events
    };
    let healthy = found(&course(&[0.6, 0.5, 0.45, 0.43, 0.41]));
    assert!(healthy.contains("Nothing to worry about so far"), "{healthy}");
    let overfits = found(&course(&[0.6, 0.4, 0.45, 0.5, 0.62]));
    for part in ["Overfitting", "least after epoch 2 with 0.4000 and is 0.6200 now"] {
        assert!(overfits.contains(part), "{part}: {overfits}");
    }
    let flat = found(&course(&[0.9, 0.683, 0.6831, 0.6832, 0.6831, 0.683]));
    assert!(flat.contains("Plateau") && flat.contains("between 0.6830 and 0.6832"), "{flat}");
    let one = found(&[epoch(1, of_epoch, &[("val_loss", 0.69)], Some(confusion(&[0, 120, 0, 180])))]);
    assert!(
        one.contains("all 300 validation sequences are predicted as positive, and 60.0 % of them are"),
        "{one}"
    );
    let profile = |first: f32| {
        Event::Gradient(GradientProfile {
            step: 1,
            layer: 1,
            hnorm: vec![0.0, first, 0.1, 0.5],
            ..GradientProfile::default()
        })
    };
    let vanishing = found(&[profile(1e-6)]);
    assert!(
        vanishing.contains("Vanishing gradient") && vanishing.contains("is 2.0e-6 of the greatest"),
        "{vanishing}"
    );
    assert!(!found(&[profile(0.01)]).contains("LSTM or GRU instead"));
    insta::assert_snapshot!("findings_80", {
        let dash =
            of_task(Task::Binary, classes(&["negative", "positive"]), &course(&[0.6, 0.4, 0.45, 0.5, 0.62]));
        text(&dash, 80, 23, &THEME)
    });
}

#[test]
fn a_finding_below_the_panels_is_whole_in_two_rows() {
    let of_epoch = story::info().steps_per_epoch as u64;
    let mut events = Vec::new();
    for (i, loss) in [0.6, 0.4, 0.45, 0.5, 0.62].into_iter().enumerate() {
        let last = (i as u64 + 1) * of_epoch;
        events.extend(steps(last - of_epoch + 1..=last));
        events.push(epoch(i + 1, last, &[("val_loss", loss)], None));
    }
    let mut info = story::info();
    info.task = Task::Binary;
    let dash =
        after(Dashboard::new(), &[Event::Prepared(Box::new(info)), Event::Status(RunStatus::Training)]);
    let dash = after(dash, &events);
    let shown = text(&dash, 120, 39, &THEME);
    let rows: Vec<&str> = shown.lines().skip_while(|line| !line.starts_with(" Overfitting: ")).collect();
    assert_eq!(rows.len(), 2, "{shown}");
    let said = rows.concat();
    assert!(said.contains("while the training loss fell from") && !said.contains('…'), "{said}");
}

#[test]
fn the_end_says_of_which_epoch_the_weights_are_if_not_of_the_best() {
    let of_epoch = story::info().steps_per_epoch as u64;
    let end = |losses: &[f64], restored: Option<u64>| {
        let mut dash = after(
            Dashboard::new(),
            &[Event::Prepared(Box::new(story::info())), Event::Status(RunStatus::Training)],
        );
        for (i, loss) in losses.iter().enumerate() {
            let last = (i as u64 + 1) * of_epoch;
            dash = after(dash, &steps(last - of_epoch + 1..=last));
            dash = after(dash, &[epoch(i + 1, last, &[("val_loss", *loss)], None)]);
        }
        if let Some(step) = restored {
            let saved = Saved { step, path: "checkpoints/last".into(), best: true, ..Saved::default() };
            dash = after(dash, &[Event::Saved(saved)]);
        }
        text(&after(dash, &[Event::Status(RunStatus::Finished)]), 200, 59, &THEME)
    };
    let of_last = "the last weights are kept; predict --best uses the best";
    assert!(end(&[0.6, 0.4, 0.5], None).contains(of_last));
    let restored = end(&[0.6, 0.4, 0.5], Some(2 * of_epoch));
    assert!(restored.contains("the weights of epoch 2 are kept"), "{restored}");
    assert!(!end(&[0.6, 0.5, 0.4], None).contains("are kept"), "the best is the last");
}

#[test]
fn a_text_to_which_no_label_is_predicted_has_none_after_every_token() {
    let mut dash = of_task(Task::Labels, classes(&["toxic", "insult", "threat"]), &steps(1..=20));
    let output =
        |share: f32| TokenPrediction { outputs: vec![("toxic".into(), share), ("insult".into(), 0.01)] };
    let shares = [0.02, 0.7, 0.49];
    let tokens = story::info().probes[0].tokens.len();
    let by_token = (0..tokens).map(|at| output(shares[at % 3])).collect();
    let frame = ProbeFrame { step: 20, prediction: vec![0.49, 0.01, 0.0], by_token, ..ProbeFrame::default() };
    dash.apply(&Event::Probe(Box::new(frame)));
    let to_texts = Tab::of(&dash.run).iter().position(|tab| *tab == Tab::Text).unwrap();
    let at = Tab::of(&dash.run).iter().position(|tab| *tab == Tab::Task).unwrap();
    let turns = (to_texts + Tab::of(&dash.run).len() - at) % Tab::of(&dash.run).len();
    let shown = text(&acted(dash, &vec![Action::NextTab; turns]), 120, 39, &THEME);
    assert!(shown.contains("toxic 0.70") && shown.contains("none"), "{shown}");
    assert!(!shown.contains("toxic 0.02") && !shown.contains("─ toxic 0.49"), "{shown}");
}

#[test]
fn a_large_screen_has_more_on_the_tab_of_texts_and_a_small_one_its_tables_first() {
    let dash = story::after_steps(418);
    let to_texts = Tab::of(&dash.run).iter().position(|tab| *tab == Tab::Text).unwrap();
    let texts = acted(dash, &vec![Action::NextTab; to_texts]);
    let small = text(&texts, 80, 23, &THEME);
    assert!(small.contains("1 Prediction") && !small.contains("Hidden state"), "{small}");
    let large = text(&texts, 200, 59, &THEME);
    assert!(large.contains("Hidden state") && large.contains("Gradient ‖∂L/∂h_t‖"), "{large}");
}

#[test]
fn texts_of_the_chosen_cell_stand_below_the_matrix_where_it_leaves_lines() {
    let class = |label: &str| ClassCount { label: label.into(), count: 100 };
    let data = DataFacts {
        classes: vec![class("0"), class("1")],
        validation: 200,
        vocabulary: 50,
        ..DataFacts::default()
    };
    let confusion = Confusion { classes: 2, counts: vec![90, 10, 3, 97], ..Confusion::default() };
    let wrong = (1..=3).map(|n| ClassifiedText { actual: 0, predicted: 1, text: format!("text {n}") });
    let examples =
        ValidationExamples { step: 50, epoch: 1, texts: wrong.collect(), ..ValidationExamples::default() };
    let mut events = steps(1..=50);
    events.push(epoch(1, 50, &[("val_loss", 0.5)], Some(confusion)));
    events.push(Event::Examples(Box::new(examples)));
    let dash = of_task(Task::Binary, data, &events);
    for (width, height) in [(80, 23), (120, 39), (200, 59)] {
        let shown = text(&dash, width, height, &THEME);
        // Numbers alone are said to be classes.
        assert!(shown.contains("10 of class 0 taken for class 1"), "{shown}");
        assert!(shown.contains("· text 1") && shown.contains("· text 3"), "{shown}");
        // The matrix leaves space for the curves.
        assert_eq!(shown.contains("3 Accuracy") || shown.contains("3 Gradient norm"), height > 30, "{shown}");
    }
    assert!(text(&dash, 120, 39, &THEME).contains("taken for class 1, of which 3 are recorded"));
}
