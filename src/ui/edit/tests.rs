use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::ui::menu::tests::THEME;

/// A form that measures nothing.
fn form(name: &str) -> EditScreen {
    EditScreen::open(name, |_, _| Err("a test".into())).unwrap()
}

fn measured(mut form: EditScreen) -> EditScreen {
    let result = form.estimates().recv_timeout(std::time::Duration::from_secs(30)).unwrap();
    form.take_estimate(result);
    form
}

fn press(form: &mut EditScreen, keys: &str) {
    for c in keys.chars() {
        let code = match c {
            '\n' => KeyCode::Enter,
            '<' => KeyCode::Backspace,
            c => KeyCode::Char(c),
        };
        form.type_key(&KeyEvent::new(code, KeyModifiers::NONE));
    }
}

fn screen(form: &mut EditScreen, width: u16, height: u16) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| form.render(frame, frame.area(), &THEME)).unwrap();
    terminal.backend().clone()
}

#[test]
fn the_form_at_80_by_24_and_at_120_by_40() {
    let mut form = measured(form("word-order"));
    insta::assert_snapshot!("the_form_at_80_by_24", screen(&mut form, 80, 23));
    form.act(Action::Right);
    press(&mut form, "48");
    let mut form = measured(form);
    insta::assert_snapshot!("the_form_at_120_by_40", screen(&mut form, 120, 39));
}

#[test]
fn the_first_layer_that_is_no_embedding_is_chosen_and_kinds_turn_both_ways() {
    let mut form = form("word-order");
    assert_eq!(form.chosen, 1);
    form.act(Action::Right);
    assert_eq!(form.edited.layers()[1].kind, "LSTM");
    form.act(Action::Left);
    assert!(form.edited.is_unchanged());
    form.act(Action::Left);
    assert_eq!(form.edited.layers()[1].kind, "Embedding");
    assert!(form.checked.is_err(), "an Embedding reads ids");
    assert_eq!(form.act(Action::Open), None, "what is wrong is not trained");
    assert_eq!(form.footer_word(Action::Open), Some(""));
}

#[test]
fn a_value_is_typed_and_checked_as_it_is() {
    let mut form = form("word-order");
    press(&mut form, "4");
    assert_eq!(form.edited.changes(), ["model.1.units=4"]);
    press(&mut form, "8<\n");
    assert_eq!(form.edited.changes(), ["model.1.units=4"]);
    // The keys are commands again.
    press(&mut form, "e");
    form.act(Action::Down);
    form.act(Action::Down);
    form.act(Action::Down);
    press(&mut form, "1e-3\n");
    form.act(Action::Down);
    press(&mut form, "<<<");
    assert_eq!(
        form.edited.changes(),
        ["model.1.units=4", "train.optimizer={name: Adam, learning_rate: 0.001}"],
        "no clipping"
    );
    form.act(Action::Last);
    press(&mut form, "1.5");
    let error = form.checked.as_ref().unwrap_err().to_string();
    assert!(error.starts_with("--set train.seed=1.5: train.seed: "), "{error}");
    assert!(screen(&mut form, 80, 23).to_string().contains("--set train.seed=1.5: train.seed"));
}

#[test]
fn layers_are_added_moved_and_removed_at_the_chosen_one() {
    let mut form = form("word-order");
    form.act(Action::AddLayer);
    assert_eq!(form.chosen, 2);
    assert!(form.checked.is_err(), "the lower layer returns one state");
    form.act(Action::MoveUp);
    form.act(Action::ReturnSequences);
    assert!(form.checked.is_ok());
    assert_eq!((form.chosen, form.edited.layers().len()), (1, 4));
    form.act(Action::MoveDown);
    form.act(Action::MoveDown);
    assert_eq!(form.chosen, 3);
    form.act(Action::RemoveLayer);
    assert_eq!((form.chosen, form.edited.layers().len()), (2, 3));
    assert_eq!(form.act(Action::Back), Some(Request::Leave));
}

#[test]
fn the_command_takes_the_changes_back() {
    let mut form = form("lecture-rnn16-rnn8");
    form.act(Action::RemoveLayer);
    form.act(Action::Last);
    press(&mut form, "7");
    let Some(Request::Copy(command)) = form.act(Action::CopyCommand) else { panic!("nothing is copied") };
    let expected = "unrolled train lecture-rnn16-rnn8 --set 'model=[{layer: Embedding, ";
    assert!(command.starts_with(expected) && command.ends_with("]' --set train.seed=7"), "{command}");
}

#[test]
fn no_size_is_too_small() {
    let mut form = form("tags-bilstm");
    for width in 1..=60 {
        for height in 1..=24 {
            screen(&mut form, width, height);
        }
    }
    form.act(Action::FocusNext);
    form.act(Action::Last);
    screen(&mut form, 120, 20);
}
