//! Units of heat maps: their order, their scale, what drives one of them, saturation; and neighbours of embeddings.

use unrolled::metrics::Metrics;
use unrolled::protocol::{
    Activations, EmbeddingNeighbours, Event, LayerUnit, ProbeFrame, RunStatus, StepResponse, TokenResponse,
    UnitResponse, ValidationMetrics, WordNeighbours,
};
use unrolled::ui::dashboard::Dashboard;
use unrolled::ui::keymap::Action;
use unrolled::ui::panel::Panel;

use super::{PLAIN, THEME, acted, after, story, text};

/// The tab of the states.
fn states(dash: Dashboard) -> Dashboard {
    acted(dash, &[Action::NextTab; 2])
}

fn alone(dash: Dashboard) -> Dashboard {
    acted(states(dash), &[Action::Focus(1), Action::Open])
}

/// A frame whose units are `magnitudes` at the first token, and 0 at all others.
fn frame(step: u64, probe: usize, magnitudes: [f32; 8]) -> Event {
    let tokens = story::info().probes[probe].tokens.len();
    let values: Vec<f32> = magnitudes.into_iter().chain(vec![0.0; 8 * (tokens - 1)]).collect();
    let h = Activations { layer: 1, quantity: "h".into(), units: 8, values, ..Activations::default() };
    Event::Probe(Box::new(ProbeFrame { step, probe, activations: vec![h], ..ProbeFrame::default() }))
}

const RISING: [f32; 8] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8];
const FALLING: [f32; 8] = [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1];

fn prepared() -> Dashboard {
    after(Dashboard::new(), &[Event::Prepared(Box::new(story::info())), Event::Status(RunStatus::Training)])
}

fn columns(dash: &Dashboard) -> Option<Vec<usize>> {
    dash.view.units.columns((1, None), 8).map(<[usize]>::to_vec)
}

#[test]
fn the_order_of_units_is_named_and_stays_until_the_key_or_a_validation() {
    let mut dash = states(after(prepared(), &[frame(1, 0, RISING), frame(1, 1, RISING)]));
    assert_eq!(columns(&dash), None);
    assert!(text(&dash, 120, 39, &THEME).contains("1 Hidden state · 1 SimpleRNN · ±1 "));
    dash = acted(dash, &[Action::UnitOrder]);
    assert_eq!(columns(&dash), Some(vec![7, 6, 5, 4, 3, 2, 1, 0]));
    assert!(text(&dash, 120, 39, &THEME).contains("1 Hidden state · 1 SimpleRNN · by activity · ±1 "));
    // The strongest unit is the leftmost column of the map.
    let mut view = dash.view.clone();
    for action in [Action::Focus(1), Action::Open, Action::Right] {
        assert!(view.act(action, &dash.run));
    }
    assert_eq!(view.units.chosen, Some(7));
    // Other frames change no column.
    dash = after(dash, &[frame(11, 0, FALLING), frame(11, 1, FALLING)]);
    assert_eq!(columns(&dash), Some(vec![7, 6, 5, 4, 3, 2, 1, 0]));
    let validation = ValidationMetrics { step: 12, epoch: 1, metrics: Metrics::default(), seconds: 0.1 };
    dash = after(dash, &[Event::Validation(validation)]);
    assert_eq!(columns(&dash), Some(vec![0, 1, 2, 3, 4, 5, 6, 7]));
    dash = acted(dash, &[Action::UnitOrder]);
    assert!(text(&dash, 120, 39, &THEME).contains("by similarity"));
    dash = acted(dash, &[Action::UnitOrder]);
    assert_eq!(columns(&dash), None);
}

#[test]
fn an_order_holds_for_the_gates_and_the_other_direction_has_its_own() {
    let dash = acted(states(story::gated(50)), &[Action::UnitOrder]);
    let order = |dash: &Dashboard| {
        let shown = dash.view.activations(&dash.run).unwrap();
        let columns = dash.view.units.columns((shown.layer, shown.direction), shown.units);
        (shown.quantity.clone(), columns.map(<[usize]>::to_vec))
    };
    let (quantity, of_state) = order(&dash);
    assert!(quantity == "h" && of_state.is_some());
    let dash = acted(dash, &[Action::Quantity, Action::Quantity]);
    assert_eq!(order(&dash), ("i".into(), of_state));
    assert!(
        text(&dash, 120, 39, &THEME).contains("gate i · by activity"),
        "{}",
        text(&dash, 120, 39, &THEME)
    );
    let dash = acted(dash, &[Action::NextLayer]);
    assert!(order(&dash).1.is_some());
}

#[test]
fn small_states_have_a_scale_of_their_own_that_is_calm() {
    let small = RISING.map(|x| x / 200.0);
    let mut dash = states(after(prepared(), &[frame(1, 0, small)]));
    let shown = text(&dash, 120, 39, &THEME);
    assert!(shown.contains("±0.005 ") && shown.contains("+0.005") || shown.contains(" 0.005"), "{shown}");
    dash = after(dash, &[frame(2, 0, RISING)]);
    assert!(text(&dash, 120, 39, &THEME).contains("±1 "), "it grows at once");
    dash = after(dash, &[frame(3, 0, small)]);
    assert!(text(&dash, 120, 39, &THEME).contains("±1 "), "and shrinks slowly");
    let later: Vec<Event> = (4..200).map(|step| frame(step, 0, small)).collect();
    assert!(text(&after(dash, &later), 120, 39, &THEME).contains("±0.005 "));
}

#[test]
fn saturated_and_dead_units_are_said_with_their_thresholds() {
    let dash = states(story::gated(418));
    insta::assert_snapshot!("states_120", text(&dash, 120, 39, &THEME));
    insta::assert_snapshot!("states_80", text(&dash, 80, 23, &THEME));
    let wide = text(&dash, 200, 59, &THEME);
    assert!(wide.contains("A dead unit has the same value"), "{wide}");
    let explained = text(&acted(dash, &[Action::Focus(2), Action::Explain]), 120, 39, &THEME);
    assert!(explained.contains("hardly any gradient passes"), "{explained}");
    // A SimpleRNN with ReLU is saturated at 0 alone.
    let mut dash = Dashboard::new();
    for event in story::events(20) {
        match event {
            Event::Prepared(mut info) => {
                info.model.layers[1].detail = "relu, return_sequences".into();
                dash.apply(&Event::Prepared(info));
            }
            other => dash.apply(&other),
        }
    }
    let shown = text(&states(dash), 120, 39, &THEME);
    assert!(shown.contains("at 0") && !shown.contains("near +1"), "{shown}");
}

#[test]
fn units_that_never_change_are_listed_by_number() {
    let mut constant = RISING;
    (constant[2], constant[5]) = (0.0, 0.0);
    let dash = states(after(prepared(), &[frame(1, 0, constant), frame(1, 1, constant)]));
    let shown = text(&dash, 120, 39, &THEME);
    assert!(shown.contains("2 of 8 units never change over the examples: 2 5"), "{shown}");
    let dash = after(dash, &[frame(2, 1, RISING)]);
    assert!(text(&dash, 120, 39, &THEME).contains("every one of 8 units changes over the examples"));
}

#[test]
fn full_screen_has_the_numbers_of_the_units() {
    let dash = acted(alone(story::after_steps(418)), &[Action::UnitOrder, Action::Right, Action::Right]);
    insta::assert_snapshot!("numbers_120", text(&dash, 120, 39, &THEME));
    // Tokens still have their keys.
    let before = dash.view.position;
    let dash = acted(dash, &[Action::Up]);
    assert!(dash.view.position != before);
}

fn response(step: u64, unit: usize) -> Event {
    let token = |token: &str, count, mean, change| TokenResponse { token: token.into(), count, mean, change };
    Event::UnitResponse(Box::new(UnitResponse {
        step,
        unit: LayerUnit { layer: 1, direction: None, quantity: "h".into(), unit },
        is_validation: true,
        sequences: 256,
        steps: 3021,
        mean: 0.0412,
        least_count: 3,
        rising: vec![token("not", 212, 0.81, 0.734), token("\u{1b}[2Jnever", 40, 0.5, 0.412)],
        falling: vec![token("good", 1180, -0.6, -0.591), token(" ", 9, -0.1, -0.102)],
        ..UnitResponse::default()
    }))
}

#[test]
fn a_unit_has_its_courses_and_the_tokens_that_drive_it() {
    let dash = acted(alone(story::after_steps(218)), &[Action::Right, Action::Open]);
    assert!(dash.view.units.is_open && dash.view.units.chosen == Some(0));
    let waiting = text(&dash, 120, 39, &THEME);
    assert!(
        waiting.contains("Reading validation data") && waiting.contains("waiting for the next"),
        "{waiting}"
    );
    let later = story::events(418).split_off(story::events(218).len());
    let dash = after(dash, &later);
    let dash = after(dash, &[response(410, 0), response(410, 5)]);
    for (width, height) in [(80, 23), (120, 39), (200, 59)] {
        insta::assert_snapshot!(format!("unit_{width}"), text(&dash, width, height, &THEME));
    }
    assert!(text(&dash, 40, 11, &THEME).contains("Unit 0"));
    // Another unit has its own tokens; ← and → go through the units.
    let next = acted(dash, &[Action::Right]);
    let shown = text(&next, 120, 39, &THEME);
    assert!(shown.contains("Unit 1") && shown.contains("Reading validation data"), "{shown}");
    // After the end no trainer can be asked.
    let over = text(&after(next, &[Event::Status(RunStatus::Finished)]), 120, 39, &THEME);
    assert!(over.contains("The training is over."), "{over}");
}

#[test]
fn escape_leads_from_the_unit_to_the_map_and_then_to_the_panels() {
    let mut dash = acted(alone(story::after_steps(50)), &[Action::Open]);
    assert!(dash.view.shows_unit(&dash.run));
    assert!(dash.act(Action::Back) && dash.view.full_screen && !dash.view.shows_unit(&dash.run));
    assert!(dash.act(Action::Back) && !dash.view.full_screen);
    // Opened again it is the map.
    assert!(dash.act(Action::Open) && !dash.view.shows_unit(&dash.run));
}

#[test]
fn of_numbers_the_steps_of_the_strongest_values_are_shown() {
    let dash = acted(alone(story::after_steps(50)), &[Action::Right, Action::Open]);
    let step = |sequence, step, value| StepResponse { sequence, step, inputs: vec![0.25], value };
    let found = UnitResponse {
        step: 50,
        unit: LayerUnit { layer: 1, direction: None, quantity: "h".into(), unit: 0 },
        highest: vec![step(2, 17, 0.9), step(0, 3, 0.8)],
        lowest: vec![step(1, 4, -0.9)],
        sequences: 3,
        ..UnitResponse::default()
    };
    let shown = text(&after(dash, &[Event::UnitResponse(Box::new(found))]), 120, 39, &THEME);
    assert!(shown.contains("sequence 3 t=17 reads 0.25"), "{shown}");
    assert!(shown.contains("sequence 2 t=4"), "{shown}");
}

fn with_words(events: &[Event]) -> Dashboard {
    let mut info = story::info();
    info.data.vocabulary = 10_000;
    let dash =
        after(Dashboard::new(), &[Event::Prepared(Box::new(info)), Event::Status(RunStatus::Training)]);
    let mut dash = after(dash, events);
    while dash.view.tab.name(&dash.run) != "Weights" {
        assert!(dash.act(Action::NextTab));
    }
    dash
}

fn near(step: u64, word: Option<&str>, words: Vec<(&str, Vec<(&str, f32)>)>) -> Event {
    let of = |(word, all): (&str, Vec<(&str, f32)>)| WordNeighbours {
        word: word.into(),
        neighbours: all.into_iter().map(|(word, cosine)| (word.to_owned(), cosine)).collect(),
    };
    Event::Neighbours(Box::new(EmbeddingNeighbours {
        step,
        layer: 0,
        vocabulary: 9_998,
        word: word.map(str::to_owned),
        words: words.into_iter().map(of).collect(),
        spellings: Vec::new(),
    }))
}

#[test]
fn the_nearest_embeddings_are_listed_with_their_change() {
    let dash = with_words(&[]);
    assert!(text(&dash, 120, 39, &THEME).contains("looking for them"));
    let few = after(
        dash,
        &[near(0, None, vec![("the", vec![("a", 0.41), (" ", 0.2)]), ("movie", vec![("film", 0.93)])])],
    );
    let shown = text(&few, 120, 39, &THEME);
    assert!(shown.contains("movie  film 0.93") && shown.contains("of 9,998 tokens"), "{shown}");
    assert!(shown.contains("a 0.41 ␣ 0.20"), "a blank is seen: {shown}");
    let good = |step, all: &[(&'static str, f32)]| near(step, Some("good"), vec![("good", all.to_vec())]);
    let dash = after(
        few,
        &[
            good(10, &[("great", 0.1), ("bad", 0.3), ("fine", 0.2)]),
            good(50, &[("great", 0.8), ("new", 0.5), ("bad", -0.2)]),
        ],
    );
    let dash = acted(dash, &[Action::Focus(3), Action::Open]);
    insta::assert_snapshot!("neighbours_80", text(&dash, 80, 23, &THEME));
    let shown = text(&dash, 120, 39, &THEME);
    for words in ["nearest to good · ▲▼ since step 10", "0.800 ━━━━━━━━── ▲ +0.700", "▼ -0.500", "new"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    // At an earlier step it is as it was there.
    let mut earlier = dash;
    earlier.view.cursor = Some(20);
    let shown = text(&earlier, 120, 39, &THEME);
    assert!(shown.contains("fine") && !shown.contains("▲▼"), "{shown}");
}

#[test]
fn a_word_that_is_not_known_is_said_with_near_spellings() {
    let unknown = EmbeddingNeighbours {
        word: Some("goood\u{1b}".into()),
        spellings: vec!["good".into(), "goods".into()],
        ..EmbeddingNeighbours::default()
    };
    let dash = acted(with_words(&[Event::Neighbours(Box::new(unknown))]), &[Action::Focus(3), Action::Open]);
    let shown = text(&dash, 80, 23, &THEME);
    assert!(shown.contains("“goood␛” is not in the vocabulary"), "{shown}");
    assert!(shown.contains("Spelled nearly like it: good, goods"), "{shown}");
}

#[test]
fn without_an_embedding_there_are_no_neighbours() {
    let dash = story::after_steps(20);
    assert!(!dash.run.info().unwrap().reads_tokens());
    let panels: Vec<Panel> = unrolled::ui::panel::Tab::Weights.panels(&dash.run);
    assert!(!panels.contains(&Panel::Neighbours));
}

#[test]
fn every_character_has_its_place_without_unicode() {
    let dash = states(story::gated(50));
    for dash in [dash, acted(alone(story::after_steps(50)), &[Action::UnitOrder, Action::Right])] {
        let shown = text(&dash, 80, 23, &PLAIN);
        assert!(shown.is_ascii() && !shown.contains('?'), "{shown}");
    }
    let unit = acted(alone(story::after_steps(50)), &[Action::Right, Action::Open]);
    let shown = text(&after(unit, &[response(50, 0)]), 80, 23, &PLAIN);
    assert!(shown.is_ascii() && shown.contains("_    "), "{shown}");
}
