//! Networks in PyTorch.
//!
//! `cargo test --release --test interop torch -- --ignored` writes every network of `tests/keras`, lets PyTorch predict with it, and imports
//! what PyTorch then saves with other weights: `TORCH_PYTHON` names a Python with the packages of `tests/interop/requirements.txt`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ndarray::{Array2, Array3, Axis};
use proptest::prelude::*;
use serde_json::{Value, json};
use unrolled::interop::torch::{NameMap, TorchFile, TorchNetwork};
use unrolled::interop::{ImportedNetwork, NetworkDescription};
use unrolled::nn::{Input, LayerNode, LossSpec, Mode, Model, Params, Shape, Shard, TargetsView};
use unrolled::preset::{self, Overrides};

use crate::case::{Case, layer, load};
use crate::{cases, file, predict};

/// What a network reads.
enum Inputs {
    Ids(Array2<u32>),
    Channels(Array3<u32>),
    Real(Array3<f32>),
}

impl Inputs {
    /// The data of a network, and sequences that are padded at either end, empty, unknown, and with holes.
    fn of(case: &Case) -> Self {
        let (shape, x) = case.tensor("x").unwrap();
        let rows = shape[0] / case.batches();
        let size: usize = shape[1..].iter().product();
        let x = &x[..rows * size];
        let with = |row: &[f64], change: &dyn Fn(usize, f64) -> f64, time: usize, width: usize| {
            let step = |i: usize| i / width % time;
            row.iter().enumerate().map(|(i, value)| change(step(i), *value)).collect::<Vec<f64>>()
        };
        let has_channels = case.config["data"]["channels"].is_array();
        let is_real = shape.len() == 3 && !has_channels;
        let (time, width) = if is_real { (shape[1], shape[2]) } else { (shape[shape.len() - 1], 1) };
        let unknown = if is_real { 0.25 } else { 1.0 };
        let changes: [&dyn Fn(usize, f64) -> f64; 6] = [
            &|_, _| 0.0,
            &|_, _| unknown,
            &|t, x| {
                if t < time / 2 {
                    0.0
                } else if x == 0.0 {
                    unknown
                } else {
                    x
                }
            },
            &|t, x| {
                if t > time / 2 {
                    0.0
                } else if x == 0.0 {
                    unknown
                } else {
                    x
                }
            },
            &|t, x| {
                if t % 3 == 1 {
                    0.0
                } else if x == 0.0 {
                    unknown
                } else {
                    x
                }
            },
            &|_, x| if x == 0.0 { unknown } else { x },
        ];
        let mut all = x.to_vec();
        for change in changes {
            all.extend(with(&x[..size], change, time, width));
        }
        let rows = rows + changes.len();
        let ids = || all.iter().map(|id| *id as u32).collect::<Vec<u32>>();
        match (is_real, has_channels) {
            (true, _) => {
                let numbers = all.iter().map(|x| *x as f32).collect();
                Self::Real(Array3::from_shape_vec((rows, shape[1], shape[2]), numbers).unwrap())
            }
            (_, true) => Self::Channels(Array3::from_shape_vec((rows, shape[1], shape[2]), ids()).unwrap()),
            _ => Self::Ids(Array2::from_shape_vec((rows, shape[1]), ids()).unwrap()),
        }
    }

    fn input(&self) -> Input<'_> {
        match self {
            Self::Ids(x) => Input::Ids(x.view()),
            Self::Channels(x) => Input::Channels(x.view()),
            Self::Real(x) => Input::Real(x.view()),
        }
    }

    /// One array for each input of the network, with its shape.
    fn to_json(&self) -> Value {
        let one = |shape: &[usize], x: Vec<f64>| json!({"shape": shape, "x": x});
        match self {
            Self::Ids(x) => json!([one(x.shape(), x.iter().map(|id| f64::from(*id)).collect())]),
            Self::Real(x) => json!([one(x.shape(), x.iter().map(|x| f64::from(*x)).collect())]),
            Self::Channels(x) => {
                let channel = |c: usize| {
                    let x = x.index_axis(Axis(1), c);
                    one(x.shape(), x.iter().map(|id| f64::from(*id)).collect())
                };
                (0..x.shape()[1]).map(channel).collect()
            }
        }
    }
}

/// What a network predicts, twice: stateful ones go on with their states.
fn outputs(model: &Model, params: &Params, inputs: &Inputs) -> [Vec<f32>; 2] {
    let mut shard = Shard::new(model, params);
    [(), ()].map(|()| {
        shard.load(inputs.input(), TargetsView::None);
        shard.forward(model, params, Mode::Evaluate);
        shard.output(model).iter().copied().collect()
    })
}

/// A layer as a preset has it.
fn node(value: &Value) -> LayerNode {
    let mut fields = value.as_object().unwrap().clone();
    let class = fields.remove("layer").unwrap();
    fields.insert("class".into(), class);
    layer(&fields.into()).unwrap()
}

/// Networks for what those of `tests/keras` do not have.
fn more() -> Vec<Network> {
    let sequence = |time, features| vec![(String::new(), Shape::Sequence { time, features })];
    let mask = |value: f32, inputs: Value| json!({"layer": "Masking", "mask_value": value, "inputs": inputs});
    let last = json!({"layer": "Dense", "units": 2, "activation": "sparsemax"});
    let all = [
        ("sparsemax", sequence(5, 3), json!([{"layer": "GlobalMaxPooling1D"}, last])),
        (
            "kdim",
            sequence(6, 4),
            json!([
                {"layer": "Dense", "units": 3},
                {"layer": "Dense", "units": 4, "inputs": [0]},
                {"layer": "MultiHeadAttention", "num_heads": 2, "key_dim": 2, "inputs": [1, 0]},
                {"layer": "GlobalAveragePooling1D"}, last,
            ]),
        ),
        (
            "windows",
            sequence(11, 3),
            json!([
                {"layer": "Conv1D", "filters": 4, "kernel_size": 4, "strides": 3, "padding": "same", "activation": "tanh"},
                {"layer": "ZeroPadding1D", "padding": [2, 1]},
                {"layer": "MaxPooling1D", "pool_size": 3, "strides": 2, "padding": "same"},
                {"layer": "UpSampling1D", "size": 3},
                {"layer": "AveragePooling1D", "pool_size": 4, "strides": 3, "padding": "same"},
                {"layer": "Conv1D", "filters": 2, "kernel_size": 2, "dilation_rate": 2, "padding": "causal", "use_bias": false},
                {"layer": "Permute", "dims": [2, 1]}, {"layer": "Flatten"}, last,
            ]),
        ),
        (
            "two-masks",
            sequence(6, 2),
            json!([
                mask(0.0, json!([])), mask(0.25, json!([0])),
                {"layer": "Maximum", "inputs": [0, 1]}, {"layer": "Multiply", "inputs": [0, 1]},
                {"layer": "Add", "inputs": [2, 3]},
                {"layer": "LSTM", "units": 3, "return_sequences": true, "zero_output_for_mask": true, "go_backwards": true},
                {"layer": "GRU", "units": 3, "zero_output_for_mask": true, "go_backwards": true}, last,
            ]),
        ),
        (
            "maximum-of-masked",
            sequence(6, 2),
            json!([
                mask(0.0, json!([])), {"layer": "Dense", "units": 2}, {"layer": "Maximum", "inputs": [0, 1]},
                {"layer": "GlobalMaxPooling1D"}, last,
            ]),
        ),
        (
            "stateful",
            sequence(6, 2),
            json!([
                mask(0.0, json!([])),
                {"layer": "Bidirectional", "of": {"layer": "GRU", "units": 2, "return_sequences": true, "stateful": true}},
                {"layer": "LSTM", "units": 3, "return_sequences": true, "stateful": true, "go_backwards": true},
                {"layer": "Bidirectional", "merge_mode": "mul", "of": {"layer": "LSTM", "units": 2, "stateful": true, "activation": "softsign"}},
                last,
            ]),
        ),
        (
            "stateful-unmasked",
            sequence(6, 2),
            json!([
                {"layer": "SimpleRNN", "units": 2, "return_sequences": true, "stateful": true, "activation": "linear"},
                {"layer": "Bidirectional", "of": {"layer": "LSTM", "units": 2, "stateful": true}},
                last,
            ]),
        ),
    ];
    let of = |(name, channels, layers): (&str, Vec<(String, Shape)>, Value)| {
        let layers: Vec<LayerNode> = layers.as_array().unwrap().iter().map(node).collect();
        let loss: LossSpec = serde_json::from_value(json!("mean_squared_error")).unwrap();
        let model =
            Model::of_channels(&layers, &channels, loss).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (mut params, (time, features)) = (model.params(), channels[0].1.sequence("").unwrap());
        params.initialize(3);
        // No bias is 0.
        params.values_mut().iter_mut().enumerate().for_each(|(i, value)| *value += 0.1 * (i as f32).sin());
        let number = |(row, t, f): (usize, usize, usize)| {
            // Rows without a step that is masked, with some, and with nothing else, for both masks.
            match (row + t) % 4 {
                _ if row == 0 => ((t * features + f) as f32).sin(),
                0 if row < 6 => 0.0,
                1 if row < 6 => 0.25,
                _ if row == 6 => 0.0,
                _ if row == 7 => 0.25,
                _ => ((row * 5 + t * 3 + f) as f32).cos(),
            }
        };
        let inputs = Inputs::Real(Array3::from_shape_fn((9, time, features), number));
        Network { name: name.into(), layers, channels, loss, model, params, inputs }
    };
    all.into_iter().map(of).collect()
}

/// A network of `tests/keras` with its weights.
struct Network {
    name: String,
    layers: Vec<LayerNode>,
    channels: Vec<(String, Shape)>,
    loss: LossSpec,
    model: Model,
    params: Params,
    inputs: Inputs,
}

impl Network {
    fn of(name: String, case: &Case) -> Result<Self, String> {
        let (layers, channels, loss, model) = (case.layers()?, case.channels()?, case.loss()?, case.model()?);
        let mut params = model.params();
        load(&mut params, case)?;
        let inputs = Inputs::of(case);
        Ok(Self { name, layers, channels, loss, model, params, inputs })
    }

    fn description<'a>(&'a self, params: &'a Params) -> NetworkDescription<'a> {
        NetworkDescription::new(&self.name, &self.layers, &self.channels, self.loss, params).unwrap()
    }

    /// Writes it with what it predicts to a folder of its name.
    fn write(&self, to: &Path) {
        let folder = to.join(&self.name);
        fs::create_dir_all(&folder).unwrap();
        let written = TorchNetwork::of(&self.description(&self.params)).unwrap();
        fs::write(folder.join("model.py"), &written.module).unwrap();
        fs::write(folder.join("model.safetensors"), &written.weights).unwrap();
        let out = outputs(&self.model, &self.params, &self.inputs);
        let case = json!({"inputs": self.inputs.to_json(), "out": out, "stateful": self.model.is_stateful()});
        fs::write(folder.join("case.json"), case.to_string()).unwrap();
        // And back, to the bit.
        let again = self.import(written.weights.clone()).unwrap();
        assert_eq!(again.values(), self.params.values(), "{}", self.name);
        let again = TorchNetwork::of(&self.description(&again)).unwrap();
        assert_eq!(again, written, "{}", self.name);
    }

    fn import(&self, bytes: Vec<u8>) -> Result<Params, String> {
        let mut params = self.model.params();
        let file = TorchFile::open(bytes).map_err(|error| error.to_string())?;
        let weights = file.weights(&self.description(&self.params), &NameMap::default());
        let weights = weights.map_err(|error| error.to_string())?;
        for (param, values) in params.table().to_vec().into_iter().zip(weights.into_iter().flatten()) {
            params.values_mut()[param.range].copy_from_slice(&values);
        }
        Ok(params)
    }

    /// Imports what PyTorch has saved with other weights, and compares with what it predicted.
    fn compare_saved(&self, to: &Path) -> Result<f32, String> {
        let folder = to.join(&self.name);
        let saved: Value =
            serde_json::from_slice(&fs::read(folder.join("saved.json")).map_err(|e| e.to_string())?).unwrap();
        let theirs: Vec<f32> = serde_json::from_value(saved["out"].clone()).unwrap();
        let params = self.import(fs::read(folder.join("saved.safetensors")).unwrap())?;
        let [ours, _] = outputs(&self.model, &params, &self.inputs);
        let scale = theirs.iter().fold(1.0_f32, |max, x| max.max(x.abs()));
        let difference = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / scale;
        let limit = saved["tolerance"].as_f64().unwrap() as f32;
        match ours.len() == theirs.len() && difference <= limit {
            true => Ok(difference),
            false => Err(format!("{difference:.1e} of {scale:.1e}")),
        }
    }
}

#[test]
#[ignore = "needs PyTorch"]
fn torch_predicts_the_same_and_what_it_saves_is_imported() {
    let folder = std::env::var_os("TORCH_FILES").map(PathBuf::from);
    let temporary = tempfile::tempdir().unwrap();
    let to = folder.unwrap_or_else(|| temporary.path().to_owned());
    let networks = cases().into_iter().map(|(name, case)| Network::of(name, &case).unwrap());
    let networks: Vec<Network> = networks.chain(more()).collect();
    networks.iter().for_each(|network| network.write(&to));
    let python = std::env::var_os("TORCH_PYTHON").unwrap_or_else(|| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/check_torch.py");
    let status = Command::new(python).arg(script).arg(&to).status().unwrap();
    let (mut failed, mut worst) = (Vec::new(), 0.0_f32);
    for network in &networks {
        match network.compare_saved(&to) {
            Ok(difference) => worst = worst.max(difference),
            Err(error) => failed.push(format!("{}: {error}", network.name)),
        }
    }
    println!("{} state dicts of PyTorch imported, greatest difference {worst:.1e}", networks.len());
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(status.success() && networks.len() > 100);
}

/// As a user does: train, export, run the scripts, import, export.
#[test]
#[ignore = "needs PyTorch"]
fn presets_are_exported_to_torch_and_imported_again() {
    let python = std::env::var_os("TORCH_PYTHON").unwrap_or_else(|| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/presets_torch.py");
    let status = Command::new(python).arg(script).arg(env!("CARGO_BIN_EXE_unrolled")).status().unwrap();
    assert!(status.success());
}

/// Every network of `tests/keras`, without PyTorch: what is written is read again to the bit.
#[test]
fn what_is_exported_is_imported_with_the_same_bits() {
    let to = tempfile::tempdir().unwrap();
    let networks = cases().into_iter().map(|(name, case)| Network::of(name, &case).unwrap());
    networks.chain(more()).for_each(|network| network.write(to.path()));
}

/// The settings of a classifier of texts with these layers, of which the last has so many outputs.
fn settings(layers: &Value) -> String {
    let units = layers.as_array().unwrap().last().unwrap()["units"].as_u64().unwrap();
    let loss = if units == 1 { "binary_crossentropy" } else { "sparse_categorical_crossentropy" };
    json!({
        "name": "of-torch",
        "data": {"source": "labelled", "path": "none.csv"},
        "tokens": {"level": "word", "vocabulary": 9, "length": 7},
        "model": layers,
        "train": {"loss": loss, "optimizer": {"name": "Adam"}, "batch_size": 32, "epochs": 3},
    })
    .to_string()
}

fn chain() -> Value {
    json!([
        {"layer": "Embedding", "output_dim": 4},
        {"layer": "Bidirectional", "of": {"layer": "LSTM", "units": 3, "return_sequences": true}},
        {"layer": "GRU", "units": 3},
        {"layer": "Dense", "units": 1, "activation": "sigmoid"},
    ])
}

fn stacked() -> Value {
    json!([
        {"layer": "Embedding", "output_dim": 3},
        {"layer": "SimpleRNN", "units": 3, "return_sequences": true},
        {"layer": "SimpleRNN", "units": 3},
        {"layer": "BatchNormalization", "epsilon": 1e-5},
        {"layer": "Dense", "units": 3, "activation": "tanh"},
        {"layer": "Dense", "units": 3, "activation": "relu"},
        {"layer": "Dense", "units": 2, "activation": "softmax"},
    ])
}

fn mixed() -> Value {
    json!([
        {"layer": "Embedding", "output_dim": 4},
        {"layer": "Conv1D", "filters": 6, "kernel_size": 3, "padding": "causal", "activation": "relu"},
        {"layer": "LayerNormalization", "epsilon": 1e-5},
        {"layer": "MultiHeadAttention", "num_heads": 2, "key_dim": 3},
        {"layer": "GlobalAveragePooling1D"},
        {"layer": "Dense", "units": 2, "activation": "softmax"},
    ])
}

fn import(name: &str, layers: &Value, map: &str) -> Result<ImportedNetwork, String> {
    let file = TorchFile::open(file(&format!("{name}.safetensors"))).map_err(|error| error.to_string())?;
    let spec = preset::reload(&settings(layers), &Overrides::default()).unwrap().spec;
    let map = NameMap::read(map).map_err(|error| error.to_string())?;
    ImportedNetwork::of_torch(&file, spec, &map).map_err(|error| error.to_string().replace("; ", "\n"))
}

/// Files of PyTorch, with names of their own: transposed, gates in another order, two biases, several forms of floating point numbers.
#[test]
fn state_dicts_of_torch_predict_here_what_they_predict_there() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/files/torch-expected.json");
    let expected: serde_json::Map<String, Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_eq!(expected.len(), 4);
    for (name, case) in expected {
        let layers = match &*name {
            "torch-stacked" => stacked(),
            "torch-mixed" => mixed(),
            _ => chain(),
        };
        let imported = import(&name, &layers, "").unwrap_or_else(|error| panic!("{name}: {error}"));
        let theirs: Vec<f32> = serde_json::from_value(case["out"].clone()).unwrap();
        let ours = predict(&imported, &case["ids"]);
        let difference = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(ours.len() == theirs.len() && difference <= 1e-6, "{name}: {difference}");
    }
}

/// Names, shapes and order of what is written, by hand.
#[test]
fn kernels_are_transposed_and_the_gates_of_a_gru_are_in_another_order() {
    let gru = json!({"layer": "GRU", "units": 2});
    let mut layers = vec![node(&gru), node(&json!({"layer": "Dense", "units": 1}))];
    layers[1].name = Some("score".into());
    let channels = [(String::new(), Shape::Sequence { time: 3, features: 1 })];
    let loss: LossSpec = serde_json::from_value(json!("mean_squared_error")).unwrap();
    let mut params = Model::of_channels(&layers, &channels, loss).unwrap().params();
    // z has 0 and 1, r has 2 and 3, h has 4 and 5.
    params.values_mut().iter_mut().enumerate().for_each(|(i, value)| *value = i as f32);
    let network = NetworkDescription::new("n", &layers, &channels, loss, &params).unwrap();
    let written = TorchNetwork::of(&network).unwrap();
    let file = safetensors::SafeTensors::deserialize(&written.weights).unwrap();
    let mut tensors: Vec<String> = file
        .iter()
        .map(|(name, view)| {
            let values = view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
            format!("{name} {:?} {:?}", view.shape(), values.map(|x| x as usize).collect::<Vec<_>>())
        })
        .collect();
    tensors.sort();
    let file = format!("{}\n\n{}", tensors.join("\n"), written.module);
    insta::assert_snapshot!("torch_network", file);
}

#[test]
fn tensors_that_do_not_fit_are_listed_with_both_shapes() {
    let mut errors = Vec::new();
    let mut wider = chain();
    wider[2]["units"] = 4.into();
    errors.push(import("torch-chain", &wider, ""));
    let mut without = chain();
    without.as_array_mut().unwrap().remove(2);
    without[1]["of"]["return_sequences"] = false.into();
    errors.push(import("torch-chain", &without, ""));
    let mut another = chain();
    another[1]["of"]["layer"] = "SimpleRNN".into();
    another.as_array_mut().unwrap().insert(2, json!({"layer": "LayerNormalization"}));
    errors.push(import("torch-chain", &another, ""));
    errors.push(import("torch-chain", &chain(), "3: head"));
    errors.push(import("torch-chain", &chain(), "7: head\n3.kernel: fc.weight"));
    errors.push(import(
        "torch-chain",
        &chain(),
        "2.kernel: reader.weight_ih_l0\n2.recurrent_kernel: reader.weight_hh_l0\n2.bias: reader.bias_ih_l0",
    ));
    let messages: Vec<String> = errors.into_iter().map(|error| error.err().unwrap()).collect();
    insta::assert_snapshot!("torch_not_imported", messages.join("\n\n"));
}

/// A map says what names and shapes leave open, by layer or by weight.
#[test]
fn a_map_names_modules_and_tensors() {
    let whole = import("torch-chain", &chain(), "").unwrap();
    let maps = [
        "0: words\n1: encoder\n2: reader\n3: fc",
        "gru: reader\ndense: fc",
        "3.kernel: fc.weight\n3.bias: fc.bias\n0.embeddings: words.weight",
        "2.kernel: reader.weight_ih_l0\n2.recurrent_kernel: reader.weight_hh_l0\n2.bias: reader.bias_ih_l0 + reader.bias_hh_l0",
        "{\"1.fwd.kernel\": \"encoder.weight_ih_l0\", \"1.fwd.recurrent_kernel\": \"encoder.weight_hh_l0\", \
          \"1.fwd.bias\": [\"encoder.bias_ih_l0\", \"encoder.bias_hh_l0\"], \"1.bwd.kernel\": \"encoder.weight_ih_l0_reverse\", \
          \"1.bwd.recurrent_kernel\": \"encoder.weight_hh_l0_reverse\", \
          \"1.bwd.bias\": [\"encoder.bias_ih_l0_reverse\", \"encoder.bias_hh_l0_reverse\"]}",
    ];
    for map in maps {
        let mapped = import("torch-chain", &chain(), map).unwrap_or_else(|error| panic!("{map}: {error}"));
        assert_eq!(mapped.params.values(), whole.params.values(), "{map}");
    }
    // Stacked layers by their number, in an order that is another.
    let whole = import("torch-stacked", &stacked(), "").unwrap();
    let turned = import("torch-stacked", &stacked(), "1: rnn.*_l1\n2: rnn").unwrap();
    let weights = |network: &ImportedNetwork, i: usize| {
        let range = network.params.span(i);
        network.params.values()[range].to_vec()
    };
    assert_eq!((weights(&whole, 1), weights(&whole, 2)), (weights(&turned, 2), weights(&turned, 1)));
}

/// Modules of one shape whose names do not say an order.
#[test]
fn modules_alike_are_named_and_a_map_decides() {
    let mut bytes = file("torch-stacked.safetensors");
    for (from, to) in [("head.0", "head_a"), ("head.2", "head_b")] {
        while let Some(at) = bytes.windows(from.len()).position(|window| window == from.as_bytes()) {
            bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        }
    }
    let renamed = TorchFile::open(bytes).unwrap();
    let import = |map: &str| {
        let spec = preset::reload(&settings(&stacked()), &Overrides::default()).unwrap().spec;
        ImportedNetwork::of_torch(&renamed, spec, &NameMap::read(map).unwrap())
    };
    let error = import("").unwrap_err().to_string().replace("; ", "\n");
    insta::assert_snapshot!("torch_alike", error);
    let mapped = import("4: head_a").unwrap();
    let whole = self::import("torch-stacked", &stacked(), "").unwrap();
    assert_eq!(mapped.params.values(), whole.params.values());
    assert_ne!(import("4: head_b").unwrap().params.values(), whole.params.values());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever bytes are changed in a file, it is imported or refused.
    #[test]
    fn changed_state_dicts_never_panic(index in any::<prop::sample::Index>(), byte in any::<u8>(), name in 0_usize..3) {
        let (name, layers) = [("torch-chain", chain()), ("torch-stacked", stacked()), ("torch-mixed", mixed())][name].clone();
        let mut bytes = file(&format!("{name}.safetensors"));
        let at = index.index(bytes.len());
        bytes[at] = byte;
        if let Ok(file) = TorchFile::open(bytes) {
            let spec = preset::reload(&settings(&layers), &Overrides::default()).unwrap().spec;
            let _ = ImportedNetwork::of_torch(&file, spec, &NameMap::default());
        }
    }
}
