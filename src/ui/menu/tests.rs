use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::protocol::{ClassCount, DataFacts, LayerRow, ModelTable};
use crate::runs::{Best, Summary};
use crate::ui::theme::{Colors, Glyphs, Theme};

pub const THEME: Theme = Theme { colors: Colors::Mono, glyphs: Glyphs::Braille, light: false, ..Theme::DARK };

fn layer(class: &str, output: &[Option<usize>], params: usize, detail: &str) -> LayerRow {
    LayerRow {
        class: class.into(),
        output: output.to_vec(),
        params,
        frozen: false,
        detail: detail.into(),
        directions: Vec::new(),
    }
}

fn entry(group: &str, name: &str, title: &str, recurrent: LayerRow, missing: Option<&str>) -> Entry {
    let class = |label: &str| ClassCount { label: label.into(), count: 12_500 };
    let embedding = layer("Embedding", &[None, Some(200), Some(50)], 500_000, "mask_zero");
    Entry {
        group: group.into(),
        name: name.into(),
        title: title.into(),
        about: "The gradient that reaches the first words is thousands of times weaker than that of the last: watch \
                the profile fall from right to left, and the accuracy stay near chance for the whole first epoch."
            .into(),
        model: ModelTable {
            layers: vec![embedding, recurrent, layer("Dense", &[None, Some(1)], 9, "sigmoid")],
        },
        reads: Vec::new(),
        data: DataFacts {
            source: "imdb-train.csv.gz".into(),
            train: 25_000,
            validation: 25_000,
            classes: vec![class("neg"), class("pos")],
            vocabulary: 10_000,
            length: 200,
            ..DataFacts::default()
        },
        settings: [("loss", "binary_crossentropy"), ("optimizer", "Adam, learning rate 0.001"), ("epochs", "4")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        missing: missing.map(str::to_owned),
    }
}

pub fn entries() -> Vec<Entry> {
    let simple = || layer("SimpleRNN", &[None, Some(8)], 472, "tanh");
    let lstm = || layer("LSTM", &[None, Some(64)], 29_440, "tanh, sigmoid, dropout 0.2");
    let fetch = "Download imdb-train.csv.gz and imdb-test.csv.gz, and put both in ./data.";
    vec![
        entry("The lecture", "lecture-simplernn", "The lecture's first network", simple(), None),
        entry("Generated tasks", "word-order", "Which of two words came first", simple(), None),
        entry("Generated tasks", "copy-memory", "Remember a symbol over 100 steps", lstm(), None),
        entry("Reviews", "imdb-lstm", "Reviews with an LSTM", lstm(), Some(fetch)),
        entry("The lecture", "lecture-lstm", "The same with an LSTM", lstm(), None),
    ]
}

fn press(menu: &mut Menu, keys: &str) {
    for c in keys.chars() {
        let code = if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) };
        assert!(menu.type_key(&KeyEvent::new(code, KeyModifiers::NONE)));
    }
}

fn names(menu: &Menu) -> Vec<&str> {
    menu.shown.iter().map(|i| menu.rows[*i].name()).collect()
}

fn screen(menu: &mut Menu, width: u16, height: u16) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| menu.render(frame, frame.area(), &THEME)).unwrap();
    terminal.backend().clone()
}

#[test]
fn the_menu_at_80_by_24() {
    insta::assert_snapshot!(screen(&mut Menu::new(entries()), 80, 23));
}

#[test]
fn the_menu_at_120_by_40() {
    let mut menu = Menu::new(entries());
    menu.act(Action::Last);
    insta::assert_snapshot!(screen(&mut menu, 120, 39));
}

#[test]
fn the_menu_on_a_narrow_terminal_while_a_filter_is_typed() {
    let mut menu = Menu::new(entries());
    menu.act(Action::Filter);
    press(&mut menu, "lstm");
    insta::assert_snapshot!(screen(&mut menu, 44, 23));
}

#[test]
fn groups_stand_together_in_the_order_of_their_first_preset() {
    let menu = Menu::new(entries());
    assert_eq!(names(&menu), ["lecture-simplernn", "lecture-lstm", "word-order", "copy-memory", "imdb-lstm"]);
}

#[test]
fn the_filter_narrows_as_it_is_typed_and_keeps_the_choice_while_it_can() {
    let mut menu = Menu::new(entries());
    menu.act(Action::Down);
    menu.act(Action::Filter);
    press(&mut menu, "LSTM");
    assert_eq!(names(&menu), ["lecture-lstm", "copy-memory", "imdb-lstm"]);
    assert_eq!(menu.chosen().unwrap().name(), "lecture-lstm");
    press(&mut menu, " rev");
    assert_eq!(names(&menu), ["imdb-lstm"]);
    assert_eq!(menu.chosen().unwrap().name(), "imdb-lstm");
    press(&mut menu, " zebra");
    assert_eq!(menu.chosen(), None);
    assert_eq!(menu.act(Action::Open), None);
    assert!(screen(&mut menu, 80, 23).to_string().contains("No preset matches"));
    menu.type_key(&KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
    assert_eq!((menu.shown.len(), menu.filter.typing()), (5, false));
}

#[test]
fn enter_ends_the_typing_and_keeps_the_filter_until_escape() {
    let mut menu = Menu::new(entries());
    menu.act(Action::Filter);
    press(&mut menu, "copy\n");
    assert!(!menu.filter.typing());
    assert_eq!(menu.act(Action::Open), Some(Request::Train("copy-memory".into())));
    menu.act(Action::Back);
    assert_eq!(menu.shown.len(), 5);
    assert_eq!(menu.chosen().unwrap().name(), "copy-memory");
}

#[test]
fn pasted_text_filters_only_while_a_filter_is_typed_and_cannot_steer_the_terminal() {
    let mut menu = Menu::new(entries());
    menu.paste("word");
    assert_eq!(menu.shown.len(), 5);
    menu.act(Action::Filter);
    menu.paste(" word-order\n");
    assert_eq!(names(&menu), ["word-order"]);
    menu.paste("\x1b[2J");
    assert!(!screen(&mut menu, 80, 23).to_string().contains('\x1b'));
}

#[test]
fn a_preset_without_its_data_tells_what_to_fetch() {
    let mut menu = Menu::new(entries());
    menu.act(Action::Last);
    assert!(screen(&mut menu, 80, 23).to_string().contains("Data not found"));
    let Some(Request::GetData { preset, needs }) = menu.act(Action::Open) else {
        panic!("it must not start")
    };
    assert!(preset == "imdb-lstm" && needs.contains("put both in ./data"));
    // They have come.
    menu.take_data(vec![Entry { missing: None, ..menu.chosen().unwrap().preset().unwrap().clone() }]);
    assert_eq!(menu.act(Action::Open), Some(Request::Train("imdb-lstm".into())));
}

#[test]
fn moving_stops_at_both_ends() {
    let mut menu = Menu::new(entries());
    screen(&mut menu, 80, 24);
    for (action, expected) in [
        (Action::Up, "lecture-simplernn"),
        (Action::PageDown, "imdb-lstm"),
        (Action::Down, "imdb-lstm"),
        (Action::First, "lecture-simplernn"),
        (Action::Down, "lecture-lstm"),
        (Action::PageUp, "lecture-simplernn"),
    ] {
        menu.act(action);
        assert_eq!(menu.chosen().unwrap().name(), expected);
    }
}

#[test]
fn a_description_longer_than_its_panel_can_be_read_to_its_end() {
    let mut menu = Menu::new(entries());
    assert!(!screen(&mut menu, 80, 12).to_string().contains("epochs      4"));
    menu.act(Action::FocusNext);
    menu.act(Action::PageDown);
    menu.act(Action::Last);
    assert!(screen(&mut menu, 80, 12).to_string().contains("epochs      4"));
    menu.act(Action::Back);
    menu.act(Action::Down);
    assert_eq!(menu.chosen().unwrap().name(), "lecture-lstm");
    assert!(screen(&mut menu, 80, 12).to_string().contains("unrolled train lecture-lstm"));
}

#[test]
fn no_size_is_too_small_and_no_preset_is_needed() {
    let mut menu = Menu::new(entries());
    menu.act(Action::Filter);
    press(&mut menu, "a");
    for width in 1..=40 {
        for height in 1..=20 {
            screen(&mut menu, width, height);
            screen(&mut Menu::new(Vec::new()), width, height);
        }
    }
    assert!(screen(&mut menu, 20, 4).to_string().contains("too small"));
}

#[test]
fn the_last_row_leads_to_data_of_ones_own_and_is_no_preset() {
    let mut menu = Menu::new(entries()).with_own_data(Vec::new());
    assert!(screen(&mut menu, 80, 23).to_string().contains("Presets (5)"));
    assert_eq!(menu.act(Action::CustomData), Some(Request::Browse));
    menu.act(Action::Last);
    let seen = screen(&mut menu, 80, 23).to_string();
    assert!(seen.contains("▸ your data…") && seen.contains("unrolled new PATH"), "{seen}");
    assert!(!seen.contains("Layer (type)"), "{seen}");
    assert_eq!(menu.act(Action::Open), Some(Request::Browse));
    assert_eq!(Menu::new(entries()).act(Action::CustomData), None);
}

#[test]
fn the_menu_of_the_built_in_presets_at_200_by_60() {
    let mut menu = Menu::new(crate::preset::entries().unwrap()).with_own_data(Vec::new());
    menu.select("word-order-bilstm");
    // Whether data are there is no matter of the program.
    menu.take_data(menu.presets().map(|entry| Entry { missing: None, ..entry.clone() }).collect());
    insta::assert_snapshot!(screen(&mut menu, 200, 59));
    insta::assert_snapshot!("the_menu_of_the_built_in_presets_at_80_by_24", screen(&mut menu, 80, 23));
}

/// A run called `name` that was started so many seconds after others.
pub(in crate::ui) fn run(name: &str, state: RunState, after: u64) -> Run {
    let summary = Summary {
        preset: "word-order".into(),
        layers: "Embedding, SimpleRNN, Dense".into(),
        epochs: 12,
        planned: 12,
        steps: 1500,
        seconds: 15.0,
        monitor: "val_loss".into(),
        best: Some(Best { value: 0.0123, step: 1375, epoch: 11, metrics: Vec::new() }),
        last: vec![("val_accuracy".into(), 0.999)],
        ..Summary::default()
    };
    Run {
        name: name.into(),
        path: format!("runs/{name}").into(),
        state,
        started: UNIX_EPOCH + Duration::from_secs(1_700_000_000 + after),
        summary: Arc::new(summary),
        marks: Arc::default(),
    }
}

fn race(name: &str, presets: [&str; 2]) -> RaceEntry {
    RaceEntry {
        name: name.into(),
        about: "the first of 31 symbols: SimpleRNN, LSTM".into(),
        result: "rnn 50.3 ± 1.9 %, lstm 100 %".into(),
        networks: presets.map(|preset| [preset.replace("word-", ""), preset.to_owned()]).to_vec(),
    }
}

/// Runs that belong to no sweep.
fn alone(runs: Vec<Run>) -> Vec<RecentRun> {
    runs.into_iter().map(|run| RecentRun { run, sweep: None }).collect()
}

/// A menu with all kinds of rows.
fn full() -> Menu {
    let races =
        vec![race("memory", ["word-order", "copy-memory"]), race("imdb", ["word-order", "imdb-lstm"])];
    let mut menu = Menu::new(entries()).with_own_data(races);
    let runs = vec![run("word-order-2", RunState::Live, 2), run("word-order-1", RunState::Finished, 1)];
    menu.take_list(alone(runs), Instant::now());
    menu
}

#[test]
fn recent_runs_stand_above_the_presets_and_races_below() {
    let mut menu = full();
    // The first preset stays selected though runs came above it.
    assert_eq!(menu.chosen().unwrap().name(), "lecture-simplernn");
    assert_eq!(names(&menu)[..2], ["word-order-2", "word-order-1"]);
    assert_eq!(names(&menu)[7..], ["your data…", "memory", "imdb"]);
    insta::assert_snapshot!(screen(&mut menu, 120, 39));
    menu.act(Action::First);
    assert_eq!(menu.footer_word(Action::Open), Some("attach"));
    menu.act(Action::Down);
    assert_eq!(menu.footer_word(Action::Open), Some("replay"));
    insta::assert_snapshot!("a_recent_run_at_80_by_24", screen(&mut menu, 80, 23));
    let Some(Request::Open(opened)) = menu.act(Action::Open) else { panic!("it is not opened") };
    assert_eq!(&*opened.name, "word-order-1");
}

#[test]
fn a_run_of_several_stands_for_its_folder_and_stays_selected_with_the_next() {
    let mut menu = full();
    let now = Instant::now();
    menu.take_list(alone(vec![run("sweep-1/trial-3", RunState::Finished, 3)]), now);
    menu.act(Action::First);
    let seen = screen(&mut menu, 80, 23).to_string();
    assert!(seen.contains("▸ sweep-1/…") && seen.contains("in sweep-1; r lists them"), "{seen}");
    menu.take_list(alone(vec![run("sweep-1/trial-4", RunState::Live, 4)]), now);
    assert_eq!(menu.chosen().unwrap().name(), "sweep-1/trial-4");
}

#[test]
fn the_row_of_a_sweep_opens_all_of_its_trainings() {
    let mut menu = full();
    let sweep = Some(PathBuf::from("runs/units"));
    let run = run("units/trials/0003", RunState::Live, 3);
    menu.take_list(vec![RecentRun { run, sweep }], Instant::now());
    menu.act(Action::First);
    assert_eq!(menu.footer_word(Action::Open), Some("trainings"));
    let seen = screen(&mut menu, 80, 23).to_string();
    for words in ["▸ units/…", "Several trainings: Enter shows all", "unrolled sweep status runs/units"] {
        assert!(seen.contains(words), "{words}\n{seen}");
    }
    assert_eq!(menu.act(Action::Open), Some(Request::OpenSweep("runs/units".into())));
    let copied = Some(Request::Copy("unrolled sweep status runs/units".into()));
    assert_eq!(menu.act(Action::CopyCommand), copied);
}

#[test]
fn the_preset_that_answers_another_is_named() {
    let mut entries = entries();
    entries[0].name = "vanishing-rnn".into();
    let seen = screen(&mut Menu::new(entries), 120, 39).to_string();
    let words =
        "vanishing-lstm answers what it leaves open. unrolled race vanishing-rnn vanishing-lstm trains";
    assert!(seen.contains(words), "{seen}");
}

#[test]
fn the_mark_of_missing_data_is_explained_where_it_stands() {
    let seen = screen(&mut full(), 80, 23).to_string();
    assert!(seen.contains("! no data yet"), "{seen}");
    let mut menu = full();
    menu.act(Action::Filter);
    press(&mut menu, "your data");
    assert!(!screen(&mut menu, 80, 23).to_string().contains("no data yet"));
}

#[test]
fn a_race_starts_if_the_data_of_all_its_networks_are_there() {
    let mut menu = full();
    menu.act(Action::Last);
    assert!(screen(&mut menu, 80, 23).to_string().contains("those of imdb-lstm"));
    assert!(matches!(menu.act(Action::Open), Some(Request::GetData { preset, .. }) if preset == "imdb-lstm"));
    menu.act(Action::Up);
    insta::assert_snapshot!("a_race_at_80_by_24", screen(&mut menu, 80, 23));
    assert_eq!(menu.act(Action::Open), Some(Request::Race("memory".into())));
}

#[test]
fn a_list_that_goes_on_says_so() {
    let mut menu = full();
    let seen = screen(&mut menu, 80, 12).to_string();
    assert!(seen.contains("↓ 7 more"), "{seen}");
    menu.act(Action::Last);
    let seen = screen(&mut menu, 80, 12).to_string();
    assert!(seen.contains("↑ 7 more") && !seen.contains('↓'), "{seen}");
    assert!(!screen(&mut menu, 80, 40).to_string().contains("more ──"));
}

#[test]
fn a_filter_searches_runs_and_races_and_escape_restores_the_selection() {
    let mut menu = full();
    menu.act(Action::Down);
    assert_eq!(menu.chosen().unwrap().name(), "lecture-lstm");
    menu.act(Action::Filter);
    press(&mut menu, "zz");
    assert!(menu.chosen().is_none());
    menu.type_key(&KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
    assert_eq!(menu.chosen().unwrap().name(), "lecture-lstm");
    menu.act(Action::Filter);
    press(&mut menu, "finished");
    assert_eq!(names(&menu), ["word-order-1"]);
    press(&mut menu, "\n");
    menu.act(Action::Back);
    assert_eq!(menu.chosen().unwrap().name(), "word-order-1", "Enter takes what is found");
    menu.act(Action::Filter);
    press(&mut menu, "31 symbols");
    assert_eq!(names(&menu), ["memory", "imdb"]);
}

#[test]
fn runs_that_come_and_go_leave_the_selection() {
    let mut menu = full();
    let now = Instant::now();
    menu.act(Action::First);
    let runs = || vec![run("word-order-3", RunState::Live, 3), run("word-order-2", RunState::Finished, 2)];
    let list = || alone(runs());
    assert!(menu.take_list(list(), now));
    assert_eq!(menu.chosen().unwrap().name(), "word-order-2");
    assert_eq!(menu.footer_word(Action::Open), Some("replay"), "its state is the new one");
    assert!(!menu.take_list(list(), now), "nothing has changed");
    menu.take_list(Vec::new(), now);
    assert_eq!(menu.chosen().unwrap().name(), "lecture-simplernn");
}

#[test]
fn the_latest_runs_of_the_folder_are_listed_while_the_menu_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c", "d", "e", "f/seed-1"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("spec.yaml"), "name: word-order\n").unwrap();
    }
    std::fs::write(folder.path().join("f/sweep.yaml"), "").unwrap();
    let now = Instant::now();
    let mut menu = Menu::new(entries()).with_recent_runs(folder.path(), now);
    assert_eq!(menu.next_tick(), Some(now));
    menu.tick(now);
    assert_eq!(menu.next_tick(), None, "one list at a time");
    let list = menu.lists().unwrap().recv_timeout(Duration::from_secs(30)).unwrap();
    let sweeps: Vec<&PathBuf> = list.iter().filter_map(|recent| recent.sweep.as_ref()).collect();
    assert_eq!(sweeps, [&folder.path().join("f")]);
    assert!(menu.take_list(list, now));
    assert_eq!(menu.shown.len(), 5 + 5);
    assert!(menu.next_tick().is_some());
}

#[test]
fn what_was_trained_is_selected() {
    let mut menu = full();
    menu.act(Action::Filter);
    press(&mut menu, "memory\n");
    menu.select("imdb-lstm");
    assert_eq!(menu.chosen().unwrap().name(), "imdb-lstm");
    menu.select("reviews.yaml");
    assert_eq!(menu.chosen().unwrap().name(), "your data…");
}
