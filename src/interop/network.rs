use std::collections::BTreeSet;

use crate::nn::{Activation, BuildError, InputSource, LayerNode, LayerSpec, LossSpec, Model, Params, Shape};
use crate::preset::RunSpec;

/// A trained network as other programs know networks: what every writer walks.
///
/// Arguments are resolved, inputs are named by what they read, and every layer has its weights. A new kind of layer comes in by itself: the
/// description has it as a [`LayerSpec`], its weights by the names and in the order of [`Layer::params`](crate::nn::Layer::params).
#[derive(Debug)]
pub struct NetworkDescription<'a> {
    /// The name of the network.
    pub name: String,
    /// What it reads.
    pub inputs: Vec<DataInput>,
    /// The layers, each behind those that it reads; the last one gives the output.
    pub layers: Vec<DescribedLayer<'a>>,
    /// The activation of predictions that the loss applies and no layer has: of a network that was trained `from_logits`.
    pub activation: Option<Activation>,
    /// The loss.
    pub loss: LossSpec,
    /// Whether states are carried from batch to batch.
    pub is_stateful: bool,
}

/// An input of a network: the data, or one channel of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataInput {
    /// Its name, unlike those of all layers.
    pub name: String,
    /// Its shape.
    pub shape: Shape,
}

/// A layer of a network.
#[derive(Debug)]
pub struct DescribedLayer<'a> {
    /// Its name, unlike those of all others: that of the preset, or else its class and number, `lstm_1`.
    pub name: String,
    /// Its configuration; of an Embedding always with `input_dim`.
    pub spec: LayerSpec,
    /// The preset's entry: whether it is trained, and its activity regularizer.
    pub node: &'a LayerNode,
    /// What it reads.
    pub inputs: Vec<InputSource>,
    /// The shape of its output with the batch, as Keras writes it.
    pub output: Vec<Option<usize>>,
    /// Its weights in Keras's order.
    pub weights: Vec<NamedWeights<'a>>,
}

/// A weight tensor of a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NamedWeights<'a> {
    /// Keras's name, of a part of a layer behind that part: `kernel`, `fwd.kernel`, `query.bias`.
    pub name: &'a str,
    /// The shape in Keras's layout.
    pub shape: &'a [usize],
    /// The numbers, row-major.
    pub values: &'a [f32],
}

impl<'a> NetworkDescription<'a> {
    /// Describes the network of a run.
    ///
    /// # Errors
    /// The first layer that does not fit.
    pub fn of_run(spec: &'a RunSpec, params: &'a Params) -> Result<Self, BuildError> {
        Self::new(&spec.name, &spec.model, &spec.channels(), spec.train.loss, params)
    }

    /// Describes the network of these `layers`, which read the `channels` of the data, with the weights `params` of their [`Model`].
    ///
    /// # Errors
    /// The first layer that does not fit.
    pub fn new(
        name: &str,
        layers: &'a [LayerNode],
        channels: &[(String, Shape)],
        loss: LossSpec,
        params: &'a Params,
    ) -> Result<Self, BuildError> {
        let model = Model::of_channels(layers, channels, loss)?;
        let mut names = Names::default();
        let inputs: Vec<DataInput> = channels
            .iter()
            .map(|(name, shape)| {
                let unnamed = if matches!(shape, Shape::Ids { .. }) { "tokens" } else { "sequence" };
                let name = names.unique(if name.is_empty() { unnamed } else { name });
                DataInput { name, shape: *shape }
            })
            .collect();
        let described = layers.iter().enumerate().map(|(i, node)| {
            let sources = model.inputs(i).to_vec();
            let default = || format!("{}_{i}", snake_case(node.spec.layer().class()));
            let name = names.unique(&node.name.clone().unwrap_or_else(default));
            DescribedLayer {
                name,
                spec: resolved(node, sources.first(), channels),
                node,
                inputs: sources,
                output: model.table().layers[i].output.clone(),
                weights: weights(params, i),
            }
        });
        let layers = described.collect();
        let logits = Some(loss).filter(|loss| loss.from_logits);
        let activation = logits.and_then(|loss| loss.required_activation());
        Ok(Self {
            name: names.unique(name),
            inputs,
            layers,
            activation,
            loss,
            is_stateful: model.is_stateful(),
        })
    }

    /// Whether every layer reads the one before it, the first the only input: Keras's `Sequential`.
    pub fn is_chain(&self) -> bool {
        let reads = |i: usize| i.checked_sub(1).map_or(InputSource::Data(0), InputSource::Layer);
        self.inputs.len() == 1 && self.layers.iter().enumerate().all(|(i, layer)| layer.inputs == [reads(i)])
    }

    /// The shape of what a layer reads, with the batch.
    pub fn shape_of(&self, source: InputSource) -> Vec<Option<usize>> {
        match source {
            InputSource::Data(channel) => self.inputs[channel].shape.keras(),
            InputSource::Layer(layer) => self.layers[layer].output.clone(),
        }
    }

    /// The name of what a layer reads.
    pub fn name_of(&self, source: InputSource) -> &str {
        match source {
            InputSource::Data(channel) => &self.inputs[channel].name,
            InputSource::Layer(layer) => &self.layers[layer].name,
        }
    }
}

/// The weights of layer `i`.
fn weights(params: &Params, i: usize) -> Vec<NamedWeights<'_>> {
    let table = &params.table()[params.tensors(i)];
    table
        .iter()
        .map(|param| NamedWeights {
            name: param.name.split_once('.').map_or(&param.name, |(_, name)| name),
            shape: &param.shape,
            values: &params.values()[param.range.clone()],
        })
        .collect()
}

/// The configuration with what the data decide.
fn resolved(node: &LayerNode, reads: Option<&InputSource>, channels: &[(String, Shape)]) -> LayerSpec {
    let mut spec = node.spec.clone();
    if let (LayerSpec::Embedding(embedding), Some(InputSource::Data(channel))) = (&mut spec, reads)
        && let Shape::Ids { vocabulary, .. } = channels[*channel].1
    {
        embedding.input_dim.get_or_insert(vocabulary);
    }
    spec
}

/// Names that are given away.
#[derive(Debug, Default)]
struct Names(BTreeSet<String>);

impl Names {
    /// `name`, or it with a number where there is one already. A `/` separates names elsewhere.
    fn unique(&mut self, name: &str) -> String {
        let name = name.replace('/', "_");
        let numbered = (2_usize..).map(|n| format!("{name}_{n}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !self.0.contains(name));
        let free = free.unwrap_or(name);
        self.0.insert(free.clone());
        free
    }
}

/// A class name as Keras writes it in paths: `GlobalMaxPooling1D` → `global_max_pooling1d`.
///
/// Source: `to_snake_case` of `keras/src/utils/naming.py`.
pub(super) fn snake_case(class: &str) -> String {
    let letters: Vec<char> = class.chars().collect();
    let mut snake = String::new();
    for (i, letter) in letters.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| letters[i]);
        let next_is_small = letters.get(i + 1).is_some_and(char::is_ascii_lowercase);
        let starts = letter.is_ascii_uppercase()
            && before.is_some_and(|before| next_is_small || before.is_ascii_lowercase());
        if starts {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Concatenate, Dense, Embedding, LSTM, Loss};

    #[test]
    fn class_names_become_those_of_paths() {
        let names =
            ["SimpleRNN", "LSTM", "Conv1D", "GlobalMaxPooling1D", "TimeDistributed", "SpatialDropout1D"];
        let snake = names.map(snake_case);
        assert_eq!(
            snake,
            ["simple_rnn", "lstm", "conv1d", "global_max_pooling1d", "time_distributed", "spatial_dropout1d"]
        );
    }

    #[test]
    fn a_network_is_described_with_its_weights_and_what_layers_read() {
        let mut layers: Vec<LayerNode> = vec![
            Embedding { output_dim: 3, ..Embedding::default() }.into(),
            LSTM { units: 2, ..LSTM::default() }.into(),
            Dense { units: 1, ..Dense::default() }.into(),
        ];
        layers[1].name = Some("a/b".into());
        let channels = [(String::new(), Shape::Ids { time: 4, vocabulary: 7 })];
        let model = Model::of_channels(&layers, &channels, Loss::MeanSquaredError).unwrap();
        let mut params = model.params();
        params.initialize(1);
        let network =
            NetworkDescription::new("tiny", &layers, &channels, Loss::MeanSquaredError.into(), &params)
                .unwrap();
        assert!(network.is_chain());
        let names: Vec<&str> = network.layers.iter().map(|layer| &layer.name[..]).collect();
        assert_eq!((&network.inputs[0].name[..], names), ("tokens", vec!["embedding_0", "a_b", "dense_2"]));
        assert!(matches!(&network.layers[0].spec, LayerSpec::Embedding(e) if e.input_dim == Some(7)));
        let weights: Vec<(&str, &[usize])> =
            network.layers[1].weights.iter().map(|w| (w.name, w.shape)).collect();
        assert_eq!(weights, [("kernel", &[3, 8][..]), ("recurrent_kernel", &[2, 8]), ("bias", &[8])]);
        assert_eq!(network.layers[1].weights[2].values, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);

        let mut both = layers[..2].to_vec();
        both.push(LayerNode { inputs: vec![1.into(), 1.into()], ..Concatenate {}.into() });
        both.push(layers[2].clone());
        let model = Model::of_channels(&both, &channels, Loss::MeanSquaredError).unwrap();
        let params = model.params();
        let network =
            NetworkDescription::new("two", &both, &channels, Loss::MeanSquaredError.into(), &params).unwrap();
        assert!(!network.is_chain());
        assert_eq!(network.layers[2].inputs, [InputSource::Layer(1), InputSource::Layer(1)]);
        assert_eq!(network.shape_of(InputSource::Layer(2)), [None, Some(4)]);
    }
}
