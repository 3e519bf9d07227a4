use super::*;
use crate::preset::names;

fn opened(name: &str) -> EditedPreset {
    EditedPreset::open(name).unwrap()
}

#[test]
fn every_preset_can_be_edited_and_is_unchanged_at_first() {
    for name in names() {
        let edited = opened(name);
        assert!(edited.is_unchanged() && edited.changes().is_empty(), "{name}");
        assert!(!edited.layers().is_empty(), "{name}");
    }
}

#[test]
fn a_changed_value_is_one_setting() {
    let mut edited = opened("word-order");
    edited.set_layer_size(1, "48");
    edited.set(&["train", "optimizer", "learning_rate"], "1e-3");
    edited.set(&["train", "epochs"], "3");
    edited.set(&["train", "epochs"], "4");
    assert_eq!(
        edited.changes(),
        ["model.1.units=48", "train.optimizer.learning_rate=0.001", "train.epochs=4"]
    );
    let spec = edited.resolve().unwrap().spec;
    assert_eq!((spec.train.epochs, spec.train.optimizer.learning_rate()), (4, 0.001));
    edited.set_layer_size(1, "24");
    edited.set(&["train", "optimizer", "learning_rate"], "0.002");
    edited.set(&["train", "epochs"], "12");
    assert!(edited.is_unchanged());
}

#[test]
fn what_is_removed_sets_the_whole() {
    let mut edited = opened("word-order");
    edited.set(&["train", "optimizer", "global_clipnorm"], "");
    assert_eq!(edited.changes(), ["train.optimizer={name: Adam, learning_rate: 0.002}"]);
    edited.set_optimizer("RMSprop");
    assert_eq!(edited.changes(), ["train.optimizer={name: RMSprop, learning_rate: 0.002}"]);
    assert_eq!(edited.resolve().unwrap().spec.train.optimizer.name(), "RMSprop");
}

#[test]
fn layers_are_changed_added_moved_and_removed() {
    let mut edited = opened("word-order");
    edited.set_layer_kind(1, "LSTM");
    assert_eq!(edited.changes(), ["model.1.layer=LSTM"]);
    edited.set_layer_kind(1, "Bidirectional(GRU)");
    assert_eq!(edited.changes(), ["model.1={layer: Bidirectional, of: {layer: GRU, units: 24}}"]);
    assert_eq!(edited.layers()[1].size, Some(("units", "24".into())));
    // A stack: the lower layer returns all its steps.
    edited.add_layer(1, "SimpleRNN");
    assert!(edited.resolve().is_err());
    assert!(edited.toggle_sequences(1) && !edited.toggle_sequences(0));
    let spec = edited.resolve().unwrap().spec;
    let classes: Vec<String> = spec.model.iter().map(crate::nn::LayerNode::title).collect();
    assert_eq!(classes, ["Embedding", "Bidirectional", "SimpleRNN", "Dense"]);
    assert_eq!(
        edited.changes(),
        [
            "model=[{layer: Embedding, output_dim: 16}, {layer: Bidirectional, of: {layer: GRU, units: 24, return_sequences: true}}, \
             {layer: SimpleRNN, units: 32}, {layer: Dense, units: 1, activation: sigmoid}]"
        ]
    );
    assert!(edited.swap_layers(1, 2) && !edited.swap_layers(3, 4));
    assert_eq!(edited.layers()[1].kind, "SimpleRNN");
    edited.remove_layer(1);
    edited.toggle_sequences(1);
    edited.set_layer_kind(1, "SimpleRNN");
    assert!(edited.is_unchanged(), "{:?}", edited.changes());
}

#[test]
fn the_settings_and_the_file_give_the_same_network() {
    for name in names() {
        let mut edited = opened(name);
        edited.set(&["train", "seed"], "7");
        edited.set_optimizer("SGD");
        edited.add_layer(0, "Dropout");
        edited.remove_layer(1);
        let (Ok(by_settings), yaml) = (edited.resolve(), edited.to_yaml()) else { continue };
        let by_file = crate::preset::parse(name, &yaml, std::path::Path::new("")).unwrap();
        assert_eq!(by_settings.spec, by_file.spec, "{name}");
    }
}

#[test]
fn a_wrong_value_has_the_message_of_the_command_line() {
    let mut edited = opened("word-order");
    edited.set_layer_size(1, "many");
    let error = edited.resolve().unwrap_err().to_string();
    assert!(error.starts_with("--set model.1.units=many: model.1.units: "), "{error}");
    let set = vec!["model.1.units=many".to_owned()];
    let overrides = Overrides { set, ..Overrides::default() };
    assert_eq!(error, crate::preset::load("word-order", &overrides).unwrap_err().to_string());
}

#[test]
fn the_layer_below_returns_its_steps_while_one_above_needs_them() {
    let mut edited = opened("word-order");
    edited.add_layer(1, "LSTM");
    assert!(edited.resolve().is_err());
    assert_eq!(edited.mend_sequences(2), [(1, true)]);
    assert!(edited.resolve().is_ok());
    edited.remove_layer(2);
    assert_eq!(edited.mend_sequences(1), [(1, false)]);
    assert!(edited.is_unchanged(), "{:?}", edited.changes());
    assert_eq!(edited.mend_sequences(1), [], "nothing is wrong");
    // With an output at every step the new layer returns all of them as well.
    let mut edited = opened("reber-grammar");
    let last = edited.layers().iter().rposition(|layer| layer.kind != "Dense").unwrap();
    edited.add_layer(last, "GRU");
    assert_eq!(edited.mend_sequences(last + 1), [(last + 1, true)]);
    edited.remove_layer(last + 1);
    assert_eq!(edited.mend_sequences(last), []);
    assert!(edited.is_unchanged());
    // What is wrong for another reason stays as it is.
    let mut edited = opened("word-order");
    edited.set_layer_size(1, "0");
    assert_eq!(edited.mend_sequences(1), []);
    assert_eq!(edited.changes(), ["model.1.units=0"]);
}

#[test]
fn all_numbers_that_a_layer_needs_can_be_set() {
    let mut edited = opened("word-order-conv1d");
    let at = edited.layers().iter().position(|layer| layer.kind == "Conv1D").unwrap();
    let further = |edited: &EditedPreset| edited.layers()[at].further.clone();
    assert_eq!(further(&edited), [("kernel_size", "3".to_owned())]);
    assert!(!edited.layers()[at].others.contains("kernel_size"));
    edited.set_layer_number(at, "kernel_size", "5");
    assert_eq!(edited.changes(), [format!("model.{at}.kernel_size=5")]);
    assert!(edited.resolve().is_ok());
}
