use super::*;
use crate::preset::{self, Overrides};

#[test]
fn models_from_2_gib_on_are_refused() {
    assert_eq!(check_size(2_147_483_647), Ok(()));
    let error = check_size(2_147_483_648).unwrap_err().to_string();
    insta::assert_snapshot!(error, @"the model would have 2147483648 bytes; a file of ONNX has 2147483647 at most, as protobuf counts in 32 bits: use --keras or --weights");
}

/// The script for a preset with the settings `set`, and its network with other names of its inputs.
fn script(preset: &str, set: &[&str], rename: Option<&str>) -> String {
    let set = set.iter().map(|set| (*set).to_owned()).collect();
    let spec = preset::load(preset, &Overrides { set, ..Overrides::default() }).unwrap().spec;
    let model = spec.model().unwrap();
    let params = model.params();
    let mut network = NetworkDescription::of_run(&spec, &params).unwrap();
    if let Some(name) = rename {
        network.inputs[0].name = name.into();
    }
    example(&spec, spec.task(&model), &network, "a \"b\".onnx")
}

#[test]
fn scripts_encode_texts_and_read_numbers_as_their_networks_do() {
    insta::assert_snapshot!("script_words", script("word-order", &[], None));
    insta::assert_snapshot!("script_language", script("shakespeare-lstm", &[], None));
    insta::assert_snapshot!("script_series", script("airline-lstm", &["data.difference=12"], None));
    insta::assert_snapshot!("script_sequences", script("spoken-words-gru", &[], None));
    insta::assert_snapshot!("script_sentences", script("tags-bilstm", &[], None));
}

/// The names of columns are no code: whatever they are, they stay in the comment and in their string.
#[test]
fn names_of_inputs_do_not_end_their_comment() {
    let plain = script("adding-problem", &[], None);
    let strange = script("adding-problem", &[], Some("x\nimport os\r\"\\"));
    assert_eq!(strange.lines().count(), plain.lines().count());
    let changed: Vec<&str> =
        strange.lines().zip(plain.lines()).filter(|(a, b)| a != b).map(|(a, _)| a).collect();
    insta::assert_snapshot!(changed.join("\n"), @r#"
    # Argument 1: "x\nimport os\r\"\\" [batch, 40, 2]
    print(predict(**{"x\nimport os\r\"\\": np.load(sys.argv[1]).astype("float32")}))
    "#);
}

#[test]
fn lengths_are_open_where_no_layer_counts_steps() {
    let is_open = |preset: &str| {
        let spec = preset::load(preset, &Overrides::default()).unwrap().spec;
        let params = spec.model().unwrap().params();
        let network = NetworkDescription::of_run(&spec, &params).unwrap();
        (takes_any_length(&network), goes_on_from_states(&network))
    };
    assert_eq!(is_open("word-order"), (true, true));
    assert_eq!(is_open("word-order-bilstm"), (true, false));
    assert_eq!(is_open("word-order-conv1d"), (true, false));
}

/// A language model has an output for each entry that its vocabulary may have, and texts may have no tokens, or more than the network reads.
#[test]
fn scripts_of_language_models_read_any_text_and_name_tokens_alone() {
    let carried = script("shakespeare-lstm", &[], None);
    let ends = "    ids = ids or [ids_of.get(\"\\n\", 2)]\n    return ids\n";
    assert!(carried.contains(ends), "{carried}");
    let windows = script("shakespeare-lstm", &["model.1.stateful=false", "model.3.stateful=false"], None);
    let length = preset::load("shakespeare-lstm", &Overrides::default()).unwrap().spec.tokens.unwrap().length;
    let end = format!("ids = ids[-{length}:] or [");
    let padded = format!("ids += [0] * ({length} - len(ids))");
    assert!(windows.contains(&end) && windows.contains(&padded), "{windows}");
    for script in [carried, windows] {
        assert!(script.contains("known = chances[2:len(tokens)] / chances[2:len(tokens)].sum()"), "{script}");
        assert!(!script.contains("encode("), "{script}");
    }
}

/// A model of ONNX reads sequences of any length, a forecast needs the rows that the network was trained on.
#[test]
fn scripts_of_series_refuse_too_few_rows() {
    let script = script("airline-lstm", &["data.difference=12"], None);
    assert!(
        script.contains(
            "if len(rows) < 24:\n    sys.exit(f\"{sys.argv[1]} has {len(rows)} rows; the network reads 24\")"
        ),
        "{script}"
    );
}
