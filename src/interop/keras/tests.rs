use super::*;
use crate::interop::hdf5::File;
use crate::interop::zip::Archive;
use crate::nn::{
    Attention, Bidirectional, Concatenate, Dense, Embedding, LSTM, LayerNode, Loss, Model, Params, Shape,
    SimpleRNN,
};

const WORDS: Shape = Shape::Ids { time: 4, vocabulary: 7 };

/// The weights of a network; every tensor is different.
fn params(layers: &[LayerNode], channels: &[(String, Shape)]) -> Params {
    let mut params = Model::of_channels(layers, channels, Loss::BinaryCrossentropy).unwrap().params();
    for (i, value) in params.values_mut().iter_mut().enumerate() {
        *value = i as f32;
    }
    params
}

fn embedding() -> LayerNode {
    Embedding { output_dim: 2, mask_zero: true, ..Embedding::default() }.into()
}

fn lstm() -> LSTM {
    LSTM { units: 1, return_sequences: true, ..LSTM::default() }
}

fn sigmoid() -> LayerNode {
    Dense { units: 1, activation: crate::nn::Activation::Sigmoid, ..Dense::default() }.into()
}

/// Two branches of different length, as in Keras's own example of an order of layers that is not the declared one.
fn branches() -> Vec<LayerNode> {
    let reading = |node: LayerNode, inputs: &[usize]| LayerNode {
        inputs: inputs.iter().map(|i| (*i).into()).collect(),
        ..node
    };
    let mut layers = vec![embedding(), embedding(), reading(lstm().into(), &[1]), lstm().into()];
    layers[1].inputs = vec!["words".into()];
    layers[0].inputs = vec!["words".into()];
    layers.push(reading(lstm().into(), &[0]));
    layers.push(reading(Concatenate {}.into(), &[4, 3]));
    layers.push(SimpleRNN { units: 1, ..SimpleRNN::default() }.into());
    layers.push(sigmoid());
    layers
}

#[test]
fn layers_are_numbered_as_keras_does() {
    let (layers, channels) = (branches(), [("words".to_owned(), WORDS)]);
    let params = params(&layers, &channels);
    let network =
        NetworkDescription::new("n", &layers, &channels, Loss::BinaryCrossentropy.into(), &params).unwrap();
    // Keras 3.15 on the same network: the embedding of the longer branch comes first.
    assert_eq!(layer_order::layer_order(&network), [1, 0, 2, 4, 3, 5, 6, 7]);
    let bytes = weights(&network).unwrap();
    let file = File::open(&bytes).unwrap();
    let root = file.root().unwrap();
    let first = |path: &str| root.get(path).unwrap().dataset().unwrap().values[0];
    let start = |i: usize| params.of(i).get(0)[0];
    assert_eq!(first("layers/embedding/vars/0"), start(1));
    assert_eq!(first("layers/embedding_1/vars/0"), start(0));
    assert_eq!(first("layers/lstm/cell/vars/0"), start(2));
    assert_eq!(first("layers/lstm_1/cell/vars/0"), start(4));
    assert_eq!(first("layers/lstm_2/cell/vars/0"), start(3));
}

/// Keras 3.15 on the same network: the input without a mask is less deep than the one whose mask is joined with it, by one operation.
#[test]
fn operations_of_masks_count_in_the_order() {
    let channels = ["word", "ending"].map(|name| (name.to_owned(), WORDS)).to_vec();
    let reading = |node: LayerNode, name: &str| LayerNode { inputs: vec![name.into()], ..node };
    let plain: LayerNode = Embedding { output_dim: 2, ..Embedding::default() }.into();
    let both = LayerNode { inputs: vec![0.into(), 1.into()], ..Concatenate {}.into() };
    let simple = SimpleRNN { units: 1, ..SimpleRNN::default() };
    let layers = vec![reading(plain, "word"), reading(embedding(), "ending"), both, simple.into(), sigmoid()];
    let params = params(&layers, &channels);
    let network =
        NetworkDescription::new("n", &layers, &channels, Loss::BinaryCrossentropy.into(), &params).unwrap();
    assert_eq!(layer_order::layer_order(&network), [1, 0, 2, 3, 4]);
}

fn config_of(bytes: &[u8]) -> serde_json::Value {
    let config = Archive::open(bytes).unwrap().member("config.json").unwrap().unwrap();
    serde_json::from_slice(&config).unwrap()
}

#[test]
fn a_chain_is_a_sequential_and_a_branch_is_a_functional() {
    let both = Bidirectional {
        of: Box::new(LSTM { return_sequences: false, ..lstm() }.into()),
        merge_mode: Default::default(),
    };
    let chain = vec![embedding(), both.into(), sigmoid()];
    let channels = [(String::new(), WORDS)];
    let weights = params(&chain, &channels);
    let loss = Loss::BinaryCrossentropy.into();
    let network = NetworkDescription::new("chain", &chain, &channels, loss, &weights).unwrap();
    let bytes = archive(&network).unwrap();
    assert_eq!(bytes, archive(&network).unwrap());
    insta::assert_snapshot!("sequential", serde_json::to_string_pretty(&config_of(&bytes)).unwrap());

    let attending = vec![
        embedding(),
        Attention::default().into(),
        SimpleRNN { units: 1, ..SimpleRNN::default() }.into(),
        sigmoid(),
    ];
    let weights = params(&attending, &channels);
    let network = NetworkDescription::new("attending", &attending, &channels, loss, &weights).unwrap();
    insta::assert_snapshot!(
        "functional",
        serde_json::to_string_pretty(&config_of(&archive(&network).unwrap())).unwrap()
    );
}

#[test]
fn what_keras_does_not_have_is_named() {
    let gelu = serde_json::from_value(serde_json::json!({"name": "celu", "alpha": 0.5})).unwrap();
    let dense = Dense { units: 1, activation: gelu, ..Dense::default() };
    let layers =
        vec![embedding(), SimpleRNN { units: 1, ..SimpleRNN::default() }.into(), dense.into(), sigmoid()];
    let channels = [(String::new(), WORDS)];
    let weights = params(&layers, &channels);
    let network =
        NetworkDescription::new("n", &layers, &channels, Loss::BinaryCrossentropy.into(), &weights).unwrap();
    let error = archive(&network).unwrap_err().to_string();
    assert_eq!(error, "layer 2 (Dense): Keras cannot store the activation `celu` with its own alpha");
}

/// The names of columns are no code: whatever they are, they stay in the comment.
#[test]
fn names_of_inputs_do_not_end_their_comment() {
    let spec = crate::preset::load("adding-problem", &Default::default()).unwrap().spec;
    let model = spec.model().unwrap();
    let params = model.params();
    let mut network = NetworkDescription::of_run(&spec, &params).unwrap();
    let lines = |network: &NetworkDescription<'_>| {
        example(&spec, spec.task(&model), network, "a.keras").lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let plain = lines(&network);
    network.inputs[0].name = "x\nimport os\r\"\\".into();
    let strange = lines(&network);
    assert_eq!(strange.len(), plain.len());
    let changed: Vec<&String> = strange.iter().zip(&plain).filter(|(a, b)| a != b).map(|(a, _)| a).collect();
    assert!(
        changed.len() == 1 && changed[0].starts_with("# The inputs: \"x\\nimport os\\r\\\"\\\\\""),
        "{changed:?}"
    );

    let script = |name: &str| {
        let mut spec = crate::preset::load("airline-lstm", &Default::default()).unwrap().spec;
        if let crate::data::DataSpec::Series(series) = &mut spec.data {
            series.values = vec![name.into()];
            series.targets = Vec::new();
        }
        let model = spec.model().unwrap();
        let params = model.params();
        let network = NetworkDescription::of_run(&spec, &params).unwrap();
        example(&spec, spec.task(&model), &network, "a.keras").lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (plain, strange) = (script("x"), script("x\nimport os\r\"\\"));
    let changed: Vec<&String> = strange.iter().zip(&plain).filter(|(a, b)| a != b).map(|(a, _)| a).collect();
    assert!(
        strange.len() == plain.len()
            && changed.len() == 1
            && changed[0].starts_with("# The columns of a row: "),
        "{changed:?}"
    );
}

#[test]
fn scripts_encode_texts_as_their_networks_read_them() {
    let script = |preset: &str, set: &[&str]| {
        let set = set.iter().map(|set| (*set).to_owned()).collect();
        let spec = crate::preset::load(preset, &crate::preset::Overrides { set, ..Default::default() })
            .unwrap()
            .spec;
        let model = spec.model().unwrap();
        let params = model.params();
        let network = NetworkDescription::of_run(&spec, &params).unwrap();
        example(&spec, spec.task(&model), &network, "a \"b\".keras")
    };
    insta::assert_snapshot!("script_words", script("word-order", &[]));
    insta::assert_snapshot!("script_ngrams", script("mr-conv1d", &["tokens.ngrams=2"]));
    insta::assert_snapshot!("script_language", script("shakespeare-lstm", &[]));
    insta::assert_snapshot!("script_numbers", script("adding-problem", &[]));
    insta::assert_snapshot!("script_series", script("airline-lstm", &[]));
    insta::assert_snapshot!("script_sentences", script("tags-bilstm", &[]));
}

/// Values that are read from text take many times its length, and blanks compress well.
#[test]
fn a_configuration_that_is_too_long_is_not_read() {
    let blanks = vec![b' '; (16 << 20) + 1];
    let bytes = zip::write(&[("config.json", &blanks)]).unwrap();
    let error = KerasFile::open(bytes).unwrap_err().to_string();
    assert!(error.contains("`config.json`") && error.contains("expected 16777216 at most"), "{error}");
}
