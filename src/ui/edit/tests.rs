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
    assert!(screen(&mut form, 80, 23).to_string().contains(" train.seed: "));
}

#[test]
fn layers_are_added_moved_and_removed_at_the_chosen_one() {
    let mut form = form("word-order");
    form.act(Action::AddLayer);
    assert_eq!(form.chosen, 2);
    assert!(form.checked.is_ok(), "the lower layer returns its steps");
    form.act(Action::MoveUp);
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

#[test]
fn a_layer_on_top_of_a_recurrent_one_makes_it_return_its_steps_and_says_so() {
    let mut form = form("word-order");
    form.act(Action::AddLayer);
    assert!(form.checked.is_ok(), "{:?}", form.checked);
    let shown = screen(&mut form, 80, 23).to_string();
    assert!(shown.contains("1 SimpleRNN: return_sequences is on now"), "{shown}");
    assert_eq!(form.field(), Some(Field::Layer(2)), "the new layer is chosen");
    form.act(Action::RemoveLayer);
    assert!(form.edited.is_unchanged(), "{:?}", form.edited.changes());
    // What was chosen by hand is not turned back.
    let mut form = self::form("word-order");
    form.act(Action::ReturnSequences);
    assert!(form.checked.is_err() && form.note.is_none());
}

#[test]
fn the_window_of_a_convolution_is_a_field_with_its_range() {
    let mut form = form("word-order-conv1d");
    let at =
        form.fields().iter().position(|field| matches!(field, Field::LayerNumber(_, "kernel_size"))).unwrap();
    form.choose(at);
    let shown = screen(&mut form, 80, 23).to_string();
    assert!(shown.contains("kernel_size 3") && shown.contains("kernel_size: integer >= 1"), "{shown}");
    press(&mut form, "5");
    let Field::LayerNumber(layer, _) = form.fields()[at] else { panic!("{:?}", form.fields()[at]) };
    assert_eq!(form.edited.changes(), [format!("model.{layer}.kernel_size=5")]);
    form.act(Action::AddLayer);
    assert_eq!(form.field(), Some(Field::Layer(layer + 1)), "behind the layer of the field");
}

#[test]
fn every_field_with_a_value_says_what_it_may_be_and_the_cause_of_an_error_is_seen_whole() {
    for name in crate::preset::names() {
        let mut form = form(name);
        for field in 0..form.fields().len() {
            form.choose(field);
            let shown = screen(&mut form, 80, 23).to_string();
            assert_eq!(form.accepted().is_some(), form.has_value(), "{name}, {field}");
            if let Some(accepted) = form.accepted() {
                assert!(shown.contains(&accepted), "{name}: {accepted}: {shown}");
            }
        }
    }
    let mut form = form("word-order");
    form.act(Action::AddLayer);
    form.act(Action::ReturnSequences);
    let error = form.checked.as_ref().unwrap_err().message.clone();
    let shown = screen(&mut form, 80, 23).to_string();
    let shown: String =
        shown.split(['"', '\n']).flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
    assert!(shown.contains(&error.split_whitespace().collect::<Vec<_>>().join(" ")), "{error}: {shown}");
}
