//! Networks as ONNX models.
//!
//! With `--ignored`, every network of `tests/keras` and of the presets that make their own data is written, and ONNX Runtime runs it:
//! `ONNX_PYTHON` names a Python with the packages of `tests/interop/requirements.txt`.

#[path = "onnx/decoded.rs"]
mod decoded;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use ndarray::{Array2, Array3};
use serde_json::{Value, json};
use unrolled::data::{DataSpec, Scale};
use unrolled::interop::NetworkDescription;
use unrolled::interop::onnx::{self, NumberScaling, OnnxSettings};
use unrolled::nn::{Activation, Dense, Embedding, Flatten, GRU, LSTM, Loss};
use unrolled::nn::{Input, LayerNode, LayerSpec, LossSpec, Mode, Model, Params, Shape, Shard, TargetsView};
use unrolled::preset::{self, Overrides};

use super::case::{Case, load};
use decoded::{Message, described};

/// Numbers that look random and are always the same.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn real(&mut self) -> f64 {
        self.next() as f64 / f64::from(1_u32 << 30) - 1.0
    }
}

/// What a network reads: sequences, one after the other.
#[derive(Clone)]
struct Data {
    shape: Vec<usize>,
    x: Vec<f64>,
    channels: bool,
}

impl Data {
    /// The outputs of the network for it, in single precision; twice if states are carried on.
    fn outputs(&self, model: &Model, params: &Params) -> Vec<Vec<f32>> {
        let mut shard = Shard::new(model, params);
        let times = if model.is_stateful() { 2 } else { 1 };
        (0..times).map(|_| self.forward(&mut shard, model, params)).collect()
    }

    fn forward(&self, shard: &mut Shard, model: &Model, params: &Params) -> Vec<f32> {
        let ids = || self.x.iter().map(|x| *x as u32).collect::<Vec<u32>>();
        match self.shape[..] {
            [rows, channels, time] if self.channels => {
                let x = Array3::from_shape_vec((rows, channels, time), ids()).unwrap();
                shard.load(Input::Channels(x.view()), TargetsView::None);
            }
            [rows, time, features] => {
                let x = self.x.iter().map(|x| *x as f32).collect();
                let x = Array3::from_shape_vec((rows, time, features), x).unwrap();
                shard.load(Input::Real(x.view()), TargetsView::None);
            }
            _ => {
                let x = Array2::from_shape_vec((self.shape[0], self.shape[1]), ids()).unwrap();
                shard.load(Input::Ids(x.view()), TargetsView::None);
            }
        }
        shard.forward(model, params, Mode::Evaluate);
        shard.output(model).iter().copied().collect()
    }

    /// Adds a sequence that is all padding, one of unknown words (or all zeros), and one without padding.
    fn with_extremes(mut self, vocabulary: Option<usize>, padding: f64, numbers: &mut Numbers) -> Self {
        let size: usize = self.shape[1..].iter().product();
        let blank = if vocabulary.is_some() { 0.0 } else { padding };
        let unknown = if vocabulary.is_some() { 1.0 } else { 0.0 };
        self.x.extend(vec![blank; size]);
        self.x.extend(vec![unknown; size]);
        self.x.extend((0..size).map(|_| match vocabulary {
            Some(vocabulary) => 1.0 + (numbers.next() % (vocabulary as u64 - 1)) as f64,
            None => numbers.real(),
        }));
        self.shape[0] += 3;
        self
    }

    /// The same with three more time steps at the end, which repeat the first.
    fn longer(&self) -> Self {
        let axis = if self.channels { 2 } else { 1 };
        let (time, inner) = (self.shape[axis], self.shape[axis + 1..].iter().product::<usize>());
        let mut shape = self.shape.clone();
        shape[axis] += 3;
        let row = |row: &[f64]| {
            let steps: Vec<f64> =
                (0..time + 3).flat_map(|t| row[t % time * inner..][..inner].to_vec()).collect();
            steps
        };
        Self { shape, x: self.x.chunks_exact(time * inner).flat_map(row).collect(), channels: self.channels }
    }
}

/// A network and its data.
#[derive(Clone)]
struct Network {
    name: String,
    layers: Vec<LayerNode>,
    channels: Vec<(String, Shape)>,
    loss: LossSpec,
    params: Params,
    data: Data,
}

impl Network {
    fn of_case(name: &str, case: &Case) -> Result<Self, String> {
        let mut numbers = Numbers(7);
        let mut params = case.model()?.params();
        load(&mut params, case)?;
        let (shape, x) = case.tensor("x")?;
        let rows = shape[0] / case.batches();
        let mut shape = shape.clone();
        shape[0] = rows;
        let x = x[..shape.iter().product()].to_vec();
        let channels = case.config["data"]["channels"].is_array();
        let (layers, of) = (case.layers()?, case.channels()?);
        let padding = layers.iter().find_map(|layer| match &layer.spec {
            LayerSpec::Masking(masking) => Some(f64::from(masking.mask_value)),
            _ => None,
        });
        let vocabulary = match of[0].1 {
            Shape::Ids { vocabulary, .. } => Some(vocabulary),
            _ => None,
        };
        let data =
            Data { shape, x, channels }.with_extremes(vocabulary, padding.unwrap_or(0.0), &mut numbers);
        Ok(Self { name: name.into(), layers, channels: of, loss: case.loss()?, params, data })
    }

    /// A preset as after some training: no weight is 0.
    fn of_preset(name: &str, numbers: &mut Numbers) -> Self {
        let spec = preset::load(name, &Overrides::default()).unwrap().spec;
        let model = spec.model().unwrap();
        let mut params = model.params();
        params.initialize(3);
        params.values_mut().iter_mut().for_each(|value| *value += 0.1 * numbers.real() as f32);
        // Variances are not negative.
        for param in params.table().to_vec().iter().filter(|param| param.name.ends_with("moving_variance")) {
            params.values_mut()[param.range.clone()].iter_mut().for_each(|value| *value = value.abs());
        }
        let channels = spec.channels();
        let (shape, vocabulary) = match channels[0].1 {
            Shape::Ids { time, vocabulary } => (vec![3, time], Some(vocabulary)),
            Shape::Sequence { time, features } => (vec![3, time, features], None),
            Shape::Vector { .. } => panic!("data are sequences"),
        };
        let size: usize = shape.iter().product();
        let time = shape[1];
        // Padded at the front, at the end, and in between.
        let is_padding = |i: usize| match i / time {
            0 => i % time < time / 3,
            1 => i % time > time / 2,
            _ => i.is_multiple_of(3),
        };
        let x = (0..size).map(|i| match vocabulary {
            Some(_) if is_padding(i) => 0.0,
            Some(vocabulary) => 1.0 + (numbers.next() % (vocabulary as u64 - 1)) as f64,
            None => numbers.real(),
        });
        let data = Data { shape, x: x.collect(), channels: false }.with_extremes(vocabulary, 0.0, numbers);
        Self { name: name.into(), layers: spec.model.clone(), channels, loss: spec.train.loss, params, data }
    }

    fn model(&self, more_steps: usize) -> Option<Model> {
        let channels: Vec<(String, Shape)> = self
            .channels
            .iter()
            .map(|(name, shape)| {
                let shape = match *shape {
                    Shape::Ids { time, vocabulary } => Shape::Ids { time: time + more_steps, vocabulary },
                    Shape::Sequence { time, features } => {
                        Shape::Sequence { time: time + more_steps, features }
                    }
                    vector => vector,
                };
                (name.clone(), shape)
            })
            .collect();
        Model::of_channels(&self.layers, &channels, self.loss).ok()
    }

    /// Writes `NAME.onnx`, and data and outputs as `NAME.json`, to the folder `to`.
    fn write(&self, to: &Path) {
        let network =
            NetworkDescription::new(&self.name, &self.layers, &self.channels, self.loss, &self.params)
                .unwrap();
        // With states a network goes on as a stateful one does.
        let with_states = onnx::goes_on_from_states(&network);
        let bytes = onnx::model(&network, &OnnxSettings { with_states, ..OnnxSettings::default() }).unwrap();
        std::fs::write(to.join(format!("{}.onnx", self.name)), bytes).unwrap();
        if with_states {
            return Self { layers: self.layers.iter().cloned().map(stateful).collect(), ..self.clone() }
                .write_data(to);
        }
        self.write_data(to);
    }

    fn write_data(&self, to: &Path) {
        let written = |data: &Data, model: &Model| -> Value {
            let mut outputs = data.outputs(model, &self.params).into_iter();
            json!({
                "x": data.x, "shape": data.shape, "channels": data.channels, "out": outputs.next(), "again": outputs.next(),
            })
        };
        let mut text = written(&self.data, &self.model(0).unwrap());
        // Of other shapes where the weights depend on the number of steps.
        let longer = self.model(3).filter(|model| {
            let shapes = |params: &Params| params.table().iter().map(|p| p.shape.clone()).collect::<Vec<_>>();
            shapes(&model.params()) == shapes(&self.params)
        });
        text["longer"] = longer.map_or(Value::Null, |model| written(&self.data.longer(), &model));
        std::fs::write(to.join(format!("{}.json", self.name)), text.to_string()).unwrap();
    }
}

/// The same layer, which carries its states from batch to batch.
fn stateful(mut node: LayerNode) -> LayerNode {
    match &mut node.spec {
        LayerSpec::SimpleRNN(layer) => layer.stateful = true,
        LayerSpec::LSTM(layer) => layer.stateful = true,
        LayerSpec::GRU(layer) => layer.stateful = true,
        _ => {}
    }
    node
}

#[test]
#[ignore = "needs ONNX Runtime"]
fn onnx_runtime_predicts_the_same() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("INTEROP_FILES").map(PathBuf::from);
    let to = folder.unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&to).unwrap();
    let mut numbers = Numbers(11);
    let presets = [
        "word-order",
        "word-order-dense",
        "word-order-bilstm",
        "word-order-conv1d",
        "word-order-attention",
        "word-order-attention-alone",
        "copy-memory",
        "reber-grammar",
        "vanishing-rnn",
        "vanishing-lstm",
        "vanishing-gru",
        "temporal-order",
        "adding-problem",
        "sine-forecast",
    ];
    let mut written = 0;
    for (name, case) in super::cases() {
        Network::of_case(&name, &case).unwrap_or_else(|error| panic!("{name}: {error}")).write(&to);
        written += 1;
    }
    for preset in presets {
        Network::of_preset(preset, &mut numbers).write(&to);
        written += 1;
    }
    println!("{written} networks");
    let python = std::env::var_os("ONNX_PYTHON").unwrap_or_else(|| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/check_onnx.py");
    let status = Command::new(python).arg(script).arg(&to).status().unwrap();
    assert!(status.success() && written > 100);
}

/// A network whose weights are 0, 1, 2, …
fn counting(layers: &[LayerNode], channels: &[(String, Shape)], settings: &OnnxSettings<'_>) -> Vec<u8> {
    let last = layers.last().map(|layer| &layer.spec);
    let is_sigmoid = matches!(last, Some(LayerSpec::Dense(Dense { activation: Activation::Sigmoid, .. })));
    let loss = if is_sigmoid { Loss::BinaryCrossentropy } else { Loss::MeanSquaredError };
    let loss = LossSpec::from(loss);
    let mut params = Model::of_channels(layers, channels, loss).unwrap().params();
    params.values_mut().iter_mut().enumerate().for_each(|(i, value)| *value = i as f32);
    let network = NetworkDescription::new("tiny", layers, channels, loss, &params).unwrap();
    let bytes = onnx::model(&network, settings).unwrap();
    assert_eq!(bytes, onnx::model(&network, settings).unwrap());
    bytes
}

#[test]
fn a_model_is_a_graph_with_the_weights_in_onnx_s_order() {
    let layers: Vec<LayerNode> = vec![
        Embedding { output_dim: 1, mask_zero: true, ..Embedding::default() }.into(),
        LSTM { units: 1, ..LSTM::default() }.into(),
        Dense { units: 1, activation: Activation::Sigmoid, ..Dense::default() }.into(),
    ];
    let channels = [(String::new(), Shape::Ids { time: 4, vocabulary: 3 })];
    let metadata = vec![("unrolled.labels", r#"["bad","good"]"#.to_owned())];
    let settings = OnnxSettings { metadata, ..OnnxSettings::default() };
    insta::assert_snapshot!("onnx_lstm", described(&counting(&layers, &channels, &settings)));
}

/// A loop where the activation is not the operator's, with states that go in and out; and what has a fixed length.
#[test]
fn a_model_has_loops_states_and_fixed_lengths_where_it_needs_them() {
    let elu = serde_json::from_value(json!("elu")).unwrap();
    let gru = GRU {
        units: 1,
        activation: elu,
        reset_after: false,
        return_sequences: true,
        stateful: true,
        ..GRU::default()
    };
    let last = Dense { units: 1, activation: Activation::Sigmoid, use_bias: false, ..Dense::default() };
    let layers: Vec<LayerNode> = vec![gru.into(), Flatten {}.into(), last.into()];
    let channels = [(String::new(), Shape::Sequence { time: 2, features: 1 })];
    insta::assert_snapshot!("onnx_loop", described(&counting(&layers, &channels, &OnnxSettings::default())));
}

#[test]
fn a_series_is_scaled_and_transformed_back_in_double_precision() {
    let set = ["data.difference=3", "data.horizon=4", "model.0.units=1", "model.1.units=4"];
    let set = set.map(str::to_owned).to_vec();
    let spec = preset::load("airline-lstm", &Overrides { set, ..Overrides::default() }).unwrap().spec;
    let DataSpec::Series(series) = &spec.data else { panic!("no series") };
    let scale = Scale { mean: vec![0.25], deviation: vec![1.5], series: None };
    let scaling = Some(NumberScaling::Series(series, &scale));
    let settings = OnnxSettings { scaling, ..OnnxSettings::default() };
    insta::assert_snapshot!("onnx_series", described(&counting(&spec.model, &spec.channels(), &settings)));
}

/// Every value has one name, is written before it is read, and is read.
#[test]
fn graphs_are_in_order_and_have_nothing_that_nobody_reads() {
    fn check(graph: &Message<'_>, known: &mut BTreeSet<String>, read: &mut BTreeSet<String>) {
        let define =
            |known: &mut BTreeSet<String>, name: &str| assert!(known.insert(name.into()), "{name} twice");
        graph.messages(11).iter().for_each(|input| define(known, input.text(1)));
        graph.messages(5).iter().for_each(|weights| define(known, weights.text(8)));
        for node in graph.messages(1) {
            for input in node.texts(1).into_iter().filter(|name| !name.is_empty()) {
                assert!(known.contains(input), "{input} is read before it is there");
                read.insert(input.into());
            }
            for body in node.messages(5).iter().flat_map(|attribute| attribute.messages(6)) {
                check(&body, &mut known.clone(), read);
            }
            node.texts(2).into_iter().for_each(|name| define(known, name));
        }
        for output in graph.messages(12) {
            assert!(known.contains(output.text(1)));
            read.insert(output.text(1).into());
        }
    }
    for (name, case) in super::cases() {
        let network = Network::of_case(&name, &case).unwrap();
        let Network { layers, channels, loss, params, .. } = &network;
        let description = NetworkDescription::new(&name, layers, channels, *loss, params).unwrap();
        let bytes = onnx::model(&description, &OnnxSettings::default()).unwrap();
        let graph = &Message::read(&bytes).messages(7)[0];
        let (mut known, mut read) = (BTreeSet::new(), BTreeSet::new());
        check(graph, &mut known, &mut read);
        let weights: Vec<&str> = graph.messages(5).iter().map(|weights| weights.text(8)).collect();
        let unread = weights.into_iter().find(|weights| !read.contains(*weights));
        assert_eq!(unread, None, "{name}");
        for node in graph.messages(1) {
            assert!(
                node.texts(2).into_iter().any(|output| read.contains(output)),
                "{name}: {}",
                node.text(3)
            );
        }
    }
}
