mod receptive_field;
mod sizes;
mod sources;

use std::ops::Range;

use super::error::LayerConfigError;
use super::layer::{MaskRule, Shape};
use super::layer_name::check_name;
use super::params::ParamSpec;
use super::{Activation, Block, InputRef, LayerNode, LayerSpec, Loss, LossSpec, Params, Regularizer};
use crate::protocol::{LayerRow, ModelTable};
pub use receptive_field::ReceptiveField;
pub(super) use receptive_field::Tokens;
use sources::sources;

/// A checked graph of layers and its loss. It has no weights: see [`Params`].
#[derive(Debug, Clone)]
pub struct Model {
    /// How many channels the data have.
    pub(super) channels: usize,
    pub(super) nodes: Vec<Node>,
    pub(super) output: Shape,
    /// Which layer made the mask that reaches the loss; never one where the output is a vector a sequence.
    pub(super) mask: Option<usize>,
    /// It, after all layers whose masks it joins.
    pub(super) loss_masks: Vec<usize>,
    /// The layers that need sums over a whole batch before they go on in training: see [`Model::segments`].
    pub(super) synchronized: Vec<usize>,
    pub(super) loss: LossSpec,
    /// The weight of each class in the loss; 1 for all when empty.
    pub(super) class_weights: Vec<f32>,
    recurrent_kernel: usize,
    table: ModelTable,
}

/// A layer in its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// As it runs: the last layer's activation has gone over to the loss.
    pub spec: LayerSpec,
    /// Its inputs.
    pub from: Vec<InputSource>,
    /// Their shapes.
    pub shapes: Vec<Shape>,
    /// Its output shape.
    pub output: Shape,
    /// Which layer made the mask that reaches it.
    pub mask: Option<usize>,
    /// Which layer made the mask of each input.
    pub masks: Vec<Option<usize>>,
    /// Whether it makes a mask of those of its inputs, which differ.
    pub joins_masks: bool,
    /// Whether all its readers take rows: see [`Layer::reads_rows`](super::Layer::reads_rows).
    pub to_rows: bool,
    /// Whether its weights learn.
    pub trainable: bool,
    /// The regularizer of its output.
    pub activity: Option<Regularizer>,
    /// Whether weights of it, or of a layer that it reads directly or not, learn: else nobody needs ∂L/∂output.
    pub learns: bool,
    /// Whether it, or a layer that it reads directly or not, unrolls through time: watched steps then want ∂L/∂output.
    pub unrolls: bool,
}

/// Where an input of a layer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputSource {
    /// The data: the channel of this number.
    Data(usize),
    /// The layer of this number.
    Layer(usize),
}

impl InputSource {
    /// The layer, where it is one.
    pub fn layer(self) -> Option<usize> {
        match self {
            Self::Data(_) => None,
            Self::Layer(layer) => Some(layer),
        }
    }
}

impl Node {
    /// The channel of the data that it reads, where it reads them.
    pub fn channel(&self) -> usize {
        match self.from[..] {
            [InputSource::Data(channel), ..] => channel,
            _ => 0,
        }
    }

    fn makes_mask_of_ids(&self) -> bool {
        self.spec.layer().mask() == MaskRule::Make && matches!(self.shapes[0], Shape::Ids { .. })
    }

    /// The layers that it reads directly.
    pub fn layers(&self) -> impl Iterator<Item = usize> {
        self.from.iter().filter_map(|from| from.layer())
    }
}

/// Parameters of a model at most: 4 GB of weights; the gradient and each moment of the optimizer take as much again.
const MAX_PARAMS: usize = 1_000_000_000;

/// A layer that does not fit its place in the model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("layer {layer}: {error}")]
pub struct BuildError {
    /// The layer's number, from 0.
    pub layer: usize,
    /// Why.
    pub error: LayerConfigError,
}

/// The output of a layer that has been checked.
struct CheckedOutput {
    shape: Shape,
    mask: Option<usize>,
    read: bool,
}

impl Model {
    /// Checks that every layer can read what its inputs write, and that `loss` fits the last.
    ///
    /// # Errors
    /// The first layer that does not fit, and what would fit.
    pub fn build(layers: &[LayerNode], input: Shape, loss: impl Into<LossSpec>) -> Result<Self, BuildError> {
        Self::of_channels(layers, &[(String::new(), input)], loss)
    }

    /// The same of data in several channels, each with its name and shape; layers name those that they read.
    ///
    /// # Errors
    /// The first layer that does not fit, and what would fit; the number after the last where the fault is in no layer.
    pub fn of_channels(
        layers: &[LayerNode],
        channels: &[(String, Shape)],
        loss: impl Into<LossSpec>,
    ) -> Result<Self, BuildError> {
        let loss = loss.into();
        let Some(last) = layers.len().checked_sub(1) else {
            return Err(BuildError {
                layer: 0,
                error: LayerConfigError::new("the model has no layer", "name at least one"),
            });
        };
        let (mut given, mut nodes, mut rows) = (Vec::<CheckedOutput>::new(), Vec::<Node>::new(), Vec::new());
        let (mut total, mut recurrent_kernel) = (0_usize, 0);
        for (i, node @ LayerNode { spec, inputs, trainable, name, .. }) in layers.iter().enumerate() {
            let fail = |error| BuildError { layer: i, error };
            let layer = spec.layer();
            check_name(name.as_deref(), &layers[..i], channels).map_err(fail)?;
            let from = sources(&layers[..i], inputs, channels, layer.arity()).map_err(fail)?;
            let activity = node.activity();
            Regularizer::check(activity, "activity_regularizer").map_err(fail)?;
            let shape = |from: &InputSource| match from {
                InputSource::Data(channel) => channels[*channel].1,
                InputSource::Layer(layer) => given[*layer].shape,
            };
            let shapes: Vec<Shape> = from.iter().map(shape).collect();
            let masks: Vec<Option<usize>> =
                from.iter().map(|from| from.layer().and_then(|layer| given[layer].mask)).collect();
            let read = || from.iter().filter_map(|from| from.layer());
            let mask = masks.first().copied().flatten();
            read().for_each(|layer| given[layer].read = true);
            let shape = layer.output(&shapes).map_err(fail)?;
            let wanted = layer.params(&shapes);
            wanted.iter().try_for_each(ParamSpec::check).map_err(fail)?;
            let params = params(wanted.iter().map(|p| p.shape.as_slice()));
            let params = params.filter(|params| total.saturating_add(*params) <= MAX_PARAMS);
            let Some(params) = params else {
                return Err(fail(LayerConfigError::new(
                    "the model has too many parameters",
                    "1,000,000,000 are possible",
                )));
            };
            total += params;
            let kernels = wanted.iter().filter(|param| param.name.ends_with("recurrent_kernel"));
            let largest = kernels.map(|kernel| kernel.shape.iter().product()).max().unwrap_or(0);
            recurrent_kernel = recurrent_kernel.max(largest);
            match shape {
                Shape::Sequence { time, features } => {
                    LayerConfigError::spacious("numbers", &[time, features])
                }
                Shape::Vector { features } => LayerConfigError::spacious("numbers", &[features]),
                Shape::Ids { .. } => Ok(()),
            }
            .map_err(fail)?;
            rows.push(LayerRow {
                class: layer.class().into(),
                output: shape.keras(),
                params,
                frozen: !trainable,
                detail: detail(node, channels),
                directions: layer.directions().to_vec(),
            });
            // Padding is padding in all channels: the masks of ids are all the same.
            let ids = matches!(shapes[0], Shape::Ids { .. });
            let made = match (layer.mask(), shape) {
                // A vector a sequence has no padding any more.
                (MaskRule::Drop, _) | (_, Shape::Vector { .. }) => None,
                (MaskRule::Keep | MaskRule::First, _) => mask,
                (MaskRule::Any, _) if masks.contains(&None) => None,
                (MaskRule::Any, _) if masks.iter().all(|other| *other == mask) => mask,
                (MaskRule::Any, _) => Some(i),
                (MaskRule::Make, _) => {
                    Some(nodes.iter().position(|node| ids && node.makes_mask_of_ids()).unwrap_or(i))
                }
            };
            let joins_masks = layer.mask() == MaskRule::Any && made == Some(i);
            given.push(CheckedOutput { shape, mask: made, read: i == last });
            let to_rows = layer.has_sparse_gradient() && i != last && activity.is_none();
            if !layer.reads_rows() {
                read().for_each(|layer| nodes[layer].to_rows = false);
            }
            let below = |any: fn(&Node) -> bool| read().any(|layer| any(&nodes[layer]));
            let learns =
                *trainable && wanted.iter().any(|param| param.trainable) || below(|node| node.learns);
            let unrolls = !layer.directions().is_empty() || below(|node| node.unrolls);
            nodes.push(Node {
                spec: spec.clone(),
                from,
                shapes,
                output: shape,
                mask,
                masks,
                joins_masks,
                to_rows,
                trainable: *trainable,
                activity,
                learns,
                unrolls,
            });
        }
        if let Some(layer) = layers.iter().position(|layer| !layer.trainable)
            && !nodes[last].learns
        {
            let error = LayerConfigError::of(
                "trainable",
                "no layer of the model learns",
                "let one with weights learn",
            );
            return Err(BuildError { layer, error });
        }
        if let Some(layer) = given.iter().position(|given| !given.read) {
            let error = LayerConfigError::new(
                "no layer reads what this one gives",
                "name it under the `inputs` of another, or take it out",
            );
            return Err(BuildError { layer, error });
        }
        let sources = || nodes.iter().flat_map(|node| &node.from);
        let unread = |channel: &usize| sources().all(|source| *source != InputSource::Data(*channel));
        if let Some(channel) = (0..channels.len()).find(unread) {
            let found = format!("no layer reads the channel `{}`", channels[channel].0);
            let error =
                LayerConfigError::new(found, "name it under the `inputs` of one, or take it out of the data");
            return Err(BuildError { layer: layers.len(), error });
        }
        let CheckedOutput { shape: output, mask, .. } = given[last];
        let loss_masks = makers(&nodes, mask);
        let reads_data = |maker: &usize| matches!(nodes[*maker].from[..], [InputSource::Data(_)]);
        let late = loss_masks.iter().find(|maker| !nodes[**maker].joins_masks && !reads_data(maker));
        if let Some(late) = late.copied() {
            let found = "the loss counts the steps that it leaves, before any layer has run";
            return Err(BuildError {
                layer: late,
                error: LayerConfigError::new(found, "let it read the data"),
            });
        }
        let link = nodes[last].spec.link_mut();
        let fits = loss.loss.fits(output, link.as_deref().copied(), loss.from_logits);
        fits.map_err(|error| BuildError { layer: last, error })?;
        if let (Some(activation), Some(_)) = (link, loss.required_activation()) {
            *activation = Activation::Linear;
        }
        let table = ModelTable { layers: rows };
        let channels = channels.len();
        let synchronizes =
            |(i, node): (usize, &Node)| (node.trainable && node.spec.is_synchronized()).then_some(i);
        let synchronized = nodes.iter().enumerate().filter_map(synchronizes).collect();
        Ok(Self {
            channels,
            nodes,
            output,
            mask,
            loss_masks,
            synchronized,
            loss,
            class_weights: Vec::new(),
            recurrent_kernel,
            table,
        })
    }

    /// The size of its largest recurrent kernel, in numbers; 0 without recurrent layers.
    pub fn recurrent_kernel(&self) -> usize {
        self.recurrent_kernel
    }

    /// The layers in the parts that run one after the other in training: each but the last ends before a layer that needs sums over all shards
    /// of the batch ([`Shard::add_sums`](super::Shard::add_sums)). One part, of all layers, where there is no such layer.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = Range<usize>> + '_ {
        let ends = &self.synchronized;
        (0..=ends.len()).map(|k| {
            let start = k.checked_sub(1).map_or(0, |before| ends[before]);
            start..ends.get(k).copied().unwrap_or(self.nodes.len())
        })
    }

    /// Whether shards of a batch wait for each other in training.
    pub fn is_synchronized(&self) -> bool {
        !self.synchronized.is_empty()
    }

    /// Whether the layer needs ∂L/∂output, on watched steps or others: below some layers nothing is trained, and nothing recurrent watched.
    pub(super) fn needs_grad(&self, i: usize, watched: bool) -> bool {
        self.nodes[i].learns || watched && self.nodes[i].unrolls
    }

    /// Lets an error on each class count as much as its weight says, in class order (Keras's `class_weight`).
    #[must_use]
    pub fn with_class_weights(self, class_weights: Vec<f32>) -> Self {
        Self { class_weights, ..self }
    }

    /// The same network, of which a backward pass leaves the gradient of every position of its embeddings, for
    /// [`Shard::gradient_times_input`](super::Shard::gradient_times_input). `None` unless it has one output a sequence and reads token ids, or
    /// where a penalty of activations would be part of the gradient.
    #[must_use]
    pub fn with_position_gradients(&self) -> Option<Self> {
        let mut model = self.clone();
        for node in &mut model.nodes {
            (node.to_rows, node.learns, node.activity) = (false, true, None);
        }
        let embeds = model.nodes.iter().any(|node| matches!(node.spec, LayerSpec::Embedding(_)));
        let is_single = matches!(model.output, Shape::Vector { .. });
        (embeds && is_single && !model.has_activity()).then_some(model)
    }

    /// Sets the rate of all `Dropout` and `SpatialDropout1D` layers, also those within other layers; returns their number.
    pub fn set_dropout(&mut self, rate: f64) -> usize {
        self.nodes.iter_mut().filter_map(|node| node.spec.dropout_mut()).map(|old| *old = rate).count()
    }

    /// Sets the rates of dropout to those of `other`, which has the same layers.
    pub fn restore_dropout(&mut self, mut other: Self) {
        let rates = other.nodes.iter_mut().map(|node| node.spec.dropout_mut().copied());
        for (node, rate) in self.nodes.iter_mut().zip(rates) {
            node.spec.dropout_mut().zip(rate).into_iter().for_each(|(old, rate)| *old = rate);
        }
    }

    /// What layer `i` reads.
    pub fn inputs(&self, i: usize) -> &[InputSource] {
        &self.nodes[i].from
    }

    /// The layers with output shapes and numbers of parameters, as Keras's `summary`.
    pub fn table(&self) -> &ModelTable {
        &self.table
    }

    /// The loss.
    pub fn loss(&self) -> Loss {
        self.loss.loss
    }

    /// The output shape of the last layer.
    pub fn output(&self) -> Shape {
        self.output
    }

    /// Whether the loss leaves padded steps out.
    pub fn is_output_masked(&self) -> bool {
        self.mask.is_some()
    }

    /// Whether any layer carries its state from batch to batch.
    pub fn is_stateful(&self) -> bool {
        self.nodes.iter().any(|node| node.spec.is_stateful())
    }

    /// Whether a mask reaches layer `i`.
    pub fn is_masked(&self, i: usize) -> bool {
        self.nodes.get(i).is_some_and(|node| node.mask.is_some())
    }

    /// Whether padding is left out by any layer.
    pub fn has_mask(&self) -> bool {
        self.nodes.iter().any(|node| node.mask.is_some())
    }

    /// Whether any layer has an activity regularizer.
    pub(super) fn has_activity(&self) -> bool {
        self.nodes.iter().any(|node| node.activity.is_some() || node.spec.has_inner_activity())
    }

    /// Whether the activation of layer `i` is applied by the loss.
    pub(super) fn is_linked(&self, i: usize) -> bool {
        let applied = self.loss.required_activation().is_some() && !self.loss.from_logits;
        applied && i + 1 == self.nodes.len()
    }

    /// The model's weights, all zero.
    pub fn params(&self) -> Params {
        let layers = self.nodes.iter();
        Params::new(layers.map(|node| (node.spec.layer().params(&node.shapes), node.trainable)))
    }

    /// Applies the last layer's activation to `logits`, in place: the model's output as in Keras.
    pub fn activate(&self, logits: &mut Block) {
        let (_, _, width) = logits.dim();
        if let Some(link) = self.loss.required_activation() {
            link.apply(logits.data_mut(), width);
        }
    }
}

/// The configuration of a layer in a few words.
fn detail(node: &LayerNode, data: &[(String, Shape)]) -> String {
    let LayerNode { spec, inputs, trainable, name, .. } = node;
    let channels = inputs.iter().filter_map(|reads| match reads {
        InputRef::Channel(name) => data.iter().any(|(channel, _)| channel == name).then(|| name.clone()),
        InputRef::Layer(_) => None,
    });
    let own = Some(spec.layer().detail()).filter(|own| !own.is_empty());
    let frozen = (!trainable).then(|| "not trainable".to_owned());
    name.clone().into_iter().chain(channels).chain(own).chain(frozen).collect::<Vec<_>>().join(", ")
}

/// The makers of the masks that `mask` joins, in order, and its own.
fn makers(nodes: &[Node], mask: Option<usize>) -> Vec<usize> {
    let mut all: Vec<usize> = mask.into_iter().collect();
    let mut i = 0;
    while let Some(maker) = all.get(i).copied() {
        if nodes[maker].joins_masks {
            let joined = nodes[maker].masks.iter().flatten().filter(|joined| !all.contains(joined));
            let joined = joined.copied().collect::<Vec<_>>();
            all.extend(joined);
        }
        i += 1;
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// The numbers in tensors of these shapes; `None` when they cannot be counted.
fn params<'a>(mut shapes: impl Iterator<Item = &'a [usize]>) -> Option<usize> {
    shapes.try_fold(0_usize, |sum, shape| {
        sum.checked_add(shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size))?)
    })
}
