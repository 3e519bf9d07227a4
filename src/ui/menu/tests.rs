use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::protocol::{ClassCount, DataFacts, LayerRow, ModelTable};
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
    menu.shown.iter().map(|i| menu.entries[*i].name.as_str()).collect()
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
    assert_eq!(menu.chosen().unwrap().name, "lecture-lstm");
    press(&mut menu, " rev");
    assert_eq!(names(&menu), ["imdb-lstm"]);
    assert_eq!(menu.chosen().unwrap().name, "imdb-lstm");
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
    assert_eq!(menu.chosen().unwrap().name, "copy-memory");
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
    let Some(Request::Fetch(what)) = menu.act(Action::Open) else { panic!("it must not start") };
    assert!(what.contains("put both in ./data"));
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
        assert_eq!(menu.chosen().unwrap().name, expected);
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
    assert_eq!(menu.chosen().unwrap().name, "lecture-lstm");
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
    let mut menu = Menu::new(entries()).with_own_data();
    assert!(screen(&mut menu, 80, 23).to_string().contains("Presets (5)"));
    assert_eq!(menu.act(Action::CustomData), Some(Request::Browse));
    menu.act(Action::Last);
    let seen = screen(&mut menu, 80, 23).to_string();
    assert!(seen.contains("▸ your data…") && seen.contains("unrolled new PATH"), "{seen}");
    assert!(!seen.contains("Layer (type)"), "{seen}");
    assert_eq!(menu.act(Action::Open), Some(Request::Browse));
    assert_eq!(Menu::new(entries()).act(Action::CustomData), None);
}
