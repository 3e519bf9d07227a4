use std::ops::Range;

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis, s};

use super::layer::{BackwardContext, ForwardContext, LayerOutput, MAX_INPUTS, Mode, Pass};
use super::model::{InputSource, Node};
use super::recurrent::{CarriedState, CarriedStateError, Cell, RecurrentBuffers};
use super::spec::LayerCache;
use super::{
    Block, Ids, LayerSpec, Mask, Model, Observer, Params, Rows, Score, Signal, TargetRows, TargetsView,
    metrics,
};
use crate::protocol::{Confusion, Direction};

/// What sequences are, as they come: batch first.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// Token ids, `[batch, time]`.
    Ids(ArrayView2<'a, u32>),
    /// Token ids in several channels, `[batch, channel, time]`; 0, for padding, stands in all of them or in none.
    Channels(ArrayView3<'a, u32>),
    /// Numbers, `[batch, time, features]`.
    Real(ArrayView3<'a, f32>),
}

impl Input<'_> {
    /// Some of them.
    pub fn part(&self, sequences: Range<usize>) -> Input<'_> {
        match self {
            Self::Ids(ids) => Input::Ids(ids.slice(s![sequences, ..])),
            Self::Channels(ids) => Input::Channels(ids.slice(s![sequences, .., ..])),
            Self::Real(numbers) => Input::Real(numbers.slice(s![sequences, .., ..])),
        }
    }
}

/// Some sequences of a batch, and all that their way through the network leaves behind: one thread works on it at a time.
///
/// Memory is kept from step to step: the same shape again allocates nothing.
#[derive(Debug)]
pub struct Shard {
    /// One a channel of the data.
    ids: Vec<Ids>,
    real: Block,
    is_real: bool,
    targets: TargetRows,
    budget: usize,
    mode: Mode,
    /// What every layer gave.
    outputs: Vec<LayerOutput>,
    /// What every layer saved.
    caches: Vec<LayerCache>,
    /// ∂L/∂output of every layer.
    d_outs: Vec<Block>,
    /// Whether a layer has given its part of it yet.
    touched: Vec<bool>,
    /// ∂L/∂input of every layer, on its way to the outputs they were.
    d_ins: Vec<Vec<Block>>,
    /// Gradients of every layer's parameters, where it does not scatter.
    grads: Vec<Vec<f32>>,
}

impl Shard {
    /// An empty shard for `model`.
    pub fn new(model: &Model, params: &Params) -> Self {
        let room = |(i, node): (usize, &Node)| {
            let len = if node.spec.layer().scatters() { 0 } else { params.span(i).len() };
            vec![0.0; len]
        };
        let nodes = &model.nodes;
        Self {
            ids: vec![Ids::default(); model.channels],
            real: Block::default(),
            is_real: false,
            targets: TargetRows::default(),
            budget: usize::MAX,
            mode: Mode::Evaluate,
            outputs: nodes.iter().map(|_| LayerOutput::default()).collect(),
            caches: nodes.iter().map(|node| node.spec.new_cache()).collect(),
            d_outs: nodes.iter().map(|_| Block::default()).collect(),
            touched: vec![false; nodes.len()],
            d_ins: nodes.iter().map(|node| node.from.iter().map(|_| Block::default()).collect()).collect(),
            grads: nodes.iter().enumerate().map(room).collect(),
        }
    }

    /// Lets what recurrent layers keep of every step take so many bytes at most, before they make gates again on the way back.
    pub fn set_budget(&mut self, bytes: usize) {
        self.budget = bytes;
    }

    /// Whether what recurrent layers would keep of every step is beyond the budget.
    fn recompute(&self, model: &Model) -> bool {
        let (time, batch, _) =
            if self.is_real { self.real.dim() } else { (self.ids[0].time(), self.ids[0].batch(), 0) };
        model.recurrent_bytes(time * batch) > self.budget
    }

    /// Takes sequences and what they should give.
    pub fn load(&mut self, input: Input<'_>, answers: TargetsView<'_>) {
        self.is_real = matches!(input, Input::Real(_));
        match input {
            Input::Ids(ids) => self.ids[0].from_batch_major(ids),
            Input::Channels(channels) => {
                let channels = channels.axis_iter(Axis(1));
                self.ids.iter_mut().zip(channels).for_each(|(mine, ids)| mine.from_batch_major(ids));
            }
            Input::Real(real) => self.real.from_batch_major(real),
        }
        self.targets.load(answers);
    }

    /// Runs the network over the sequences.
    pub fn forward(&mut self, model: &Model, params: &Params, mode: Mode) {
        self.mode = mode;
        let recompute = self.recompute(model);
        let data = Given { real: self.is_real.then_some(&self.real), ids: &self.ids };
        for (i, node) in model.nodes.iter().enumerate() {
            let (before, rest) = self.outputs.split_at_mut(i);
            let pass = pass(mode, recompute, i, node, before);
            let signals = signals(model, node, data, before);
            let inputs = &signals[..node.from.len()];
            let ctx = ForwardContext { pass: &pass, weights: params.of(i), inputs };
            node.spec.forward(ctx, &mut self.caches[i], &mut rest[0]);
        }
    }

    /// How many rows the loss counts: sequences, or unmasked steps. After [`Shard::forward`] or [`Shard::load`] of the same batch.
    pub fn weight(&mut self, model: &Model) -> f64 {
        // The mask is made in the forward pass; this may be asked before it.
        if let Some(from) = model.mask {
            let mask = &mut self.outputs[from].mask;
            match &model.nodes[from].spec {
                LayerSpec::Masking(layer) => mask.of_steps(&self.real, layer.mask_value),
                // Only what reads the data makes the loss's mask.
                _ => mask.of_ids(&self.ids[model.nodes[from].channel()]),
            }
        }
        self.targets.weight(model.output, self.mask(model))
    }

    fn mask(&self, model: &Model) -> Option<&Mask> {
        model.mask.map(|from| &self.outputs[from].mask)
    }

    /// The loss after [`Shard::forward`], summed over the rows it counts. Class weights are for learning: here all count
    /// alike, as in Keras's validation.
    pub fn score(&self, model: &Model) -> Score {
        model.loss.score(self.logits(), &self.targets, self.mask(model), &[], 1.0, None)
    }

    /// The class that each row of the output speaks for, `[batch, time]`; time 1 for a vector a sequence.
    pub fn predicted(&self, model: &Model) -> Array2<u32> {
        let (time, batch, width) = self.logits().dim();
        let rows = self.logits().data().chunks_exact(width.max(1));
        let classes = rows.map(|z| model.loss.predicted(z) as u32).collect();
        Array2::from_shape_vec((time, batch), classes).unwrap_or_default().reversed_axes()
    }

    /// Counts, after [`Shard::forward`], which class each judged row was taken for.
    pub fn confuse(&self, model: &Model, confusion: &mut Confusion) {
        metrics::confuse(model.loss, self.logits(), &self.targets, self.mask(model), confusion);
    }

    /// The loss after [`Shard::forward`], and the gradients of the *mean* loss over `weight` rows ([`Shard::weight`] of all shards
    /// of the batch).
    pub fn backward(
        &mut self,
        model: &Model,
        params: &Params,
        weight: f64,
        mut observer: Option<&mut dyn Observer>,
    ) -> Score {
        self.grads.iter_mut().for_each(|grads| grads.fill(0.0));
        self.touched.fill(false);
        let recompute = self.recompute(model);
        let Some(last) = model.nodes.len().checked_sub(1) else { return Score::default() };
        let mask = model.mask.map(|from| &self.outputs[from].mask);
        let scale = (1.0 / weight.max(1.0)) as f32;
        let d_last = Some(&mut self.d_outs[last]);
        let score = model.loss.score(
            &self.outputs[last].values,
            &self.targets,
            mask,
            &model.class_weights,
            scale,
            d_last,
        );
        let data = Given { real: self.is_real.then_some(&self.real), ids: &self.ids };
        // What nobody learns from is left out, unless someone watches how it goes through time.
        let watched = observer.is_some();
        let wants = |node: &Node| node.learns || watched && node.unrolls;
        for (i, node) in model.nodes.iter().enumerate().rev().filter(|(_, node)| wants(node)) {
            let (before, rest) = self.outputs.split_at(i);
            let pass = pass(self.mode, recompute, i, node, before);
            let signals = signals(model, node, data, before);
            let wanted = node.layers().any(|from| wants(&model.nodes[from]));
            let ctx = BackwardContext {
                pass: &pass,
                weights: params.of(i),
                inputs: &signals[..node.from.len()],
                output: &rest[0],
                upstream_grad: &mut self.d_outs[i],
                param_grads: &mut self.grads[i],
                input_grads: wanted.then_some(self.d_ins[i].as_mut_slice()),
                observer: observer.as_mut().map(|o| &mut **o as &mut dyn Observer),
            };
            node.spec.backward(ctx, &mut self.caches[i]);
            for (d_in, from) in self.d_ins[i].iter_mut().zip(&node.from) {
                let Some(from) = from.layer().filter(|from| wants(&model.nodes[*from])) else { continue };
                if std::mem::replace(&mut self.touched[from], true) {
                    let sums = self.d_outs[from].data_mut().iter_mut();
                    sums.zip(d_in.data()).for_each(|(sum, d)| *sum += d);
                } else {
                    std::mem::swap(&mut self.d_outs[from], d_in);
                }
            }
        }
        score
    }

    /// The last layer's output before its activation.
    pub fn logits(&self) -> &Block {
        static NOTHING: std::sync::LazyLock<Block> = std::sync::LazyLock::new(Block::default);
        self.outputs.last().map_or(&NOTHING, |output| &output.values)
    }

    /// The model's output, after the last activation: `[batch, time, features]`, time 1 for a vector a sequence.
    pub fn output(&self, model: &Model) -> Array3<f32> {
        let mut out = self.logits().clone();
        model.activate(&mut out);
        out.to_batch_major()
    }

    /// The ways through time of all recurrent layers: layer, direction, cell and what it remembers.
    pub fn recurrent_buffers<'a>(
        &'a self,
        model: &'a Model,
    ) -> Vec<(usize, Option<Direction>, &'a dyn Cell, &'a RecurrentBuffers)> {
        let layers = model.nodes.iter().zip(&self.caches).enumerate();
        layers
            .flat_map(|(i, (node, cache))| {
                let ways = node.spec.recurrent(cache).into_iter();
                ways.map(move |(direction, cell, unroll)| (i, direction, cell, unroll))
            })
            .collect()
    }

    /// The mask that reaches layer `i`, if one does.
    pub(super) fn layer_mask(&self, model: &Model, i: usize) -> Option<&Mask> {
        model.nodes.get(i)?.mask.map(|from| &self.outputs[from].mask)
    }

    /// The states that stateful layers carry to the next batch, one for each recurrent layer and direction, in order; empty where nothing
    /// is carried.
    pub fn carried_state(&self, model: &Model) -> Vec<CarriedState> {
        self.recurrent_buffers(model).into_iter().map(|(.., buffers)| buffers.carried.clone()).collect()
    }

    /// Puts back what [`Shard::carried_state`] has returned, of this shard or of another: the next batch begins with it.
    ///
    /// # Errors
    /// When the states are those of another model; nothing is changed then.
    pub fn set_carried_state(
        &mut self,
        model: &Model,
        states: Vec<CarriedState>,
    ) -> Result<(), CarriedStateError> {
        let layers = self.recurrent_buffers(model);
        if states.len() != layers.len() {
            return Err(CarriedStateError::Count { found: states.len(), expected: layers.len() });
        }
        layers.iter().zip(&states).try_for_each(|((_, _, cell, _), state)| state.check(*cell))?;
        let buffers = self.caches.iter_mut().flat_map(LayerCache::recurrent_mut).flatten();
        buffers.zip(states).for_each(|(buffers, state)| buffers.carried = state);
        Ok(())
    }

    /// Stateful layers begin the next batch at zero, as with Keras's `reset_states`: another stream follows.
    pub fn reset_states(&mut self) {
        self.caches
            .iter_mut()
            .flat_map(LayerCache::recurrent_mut)
            .flatten()
            .for_each(|buffers| buffers.carried.clear());
    }

    /// ∂L/∂parameters of layer `i`, which learns, after [`Shard::backward`], where it does not scatter.
    pub(super) fn gradient(&self, i: usize) -> &[f32] {
        &self.grads[i]
    }

    /// ∂L/∂rows of those rows that the sequences touched of the table of layer `i`, which [scatters](super::Layer::scatters), after
    /// the place of each row of the table among them, plus 1; 0 where it is not.
    pub(super) fn scattered(&self, i: usize) -> (&[u32], &[f32]) {
        (self.outputs[i].lookup.places(), self.d_outs[i].data())
    }

    /// Bytes of memory for what sequences become on their way through the network and back: inputs, outputs, what layers remember,
    /// and the derivatives of all these; not for the gradients of parameters.
    pub fn activation_bytes(&self) -> usize {
        let d_ins = self.d_ins.iter().flatten();
        let blocks = self.d_outs.iter().chain(d_ins).chain([&self.real]).map(Block::bytes).sum::<usize>();
        let ids = self.ids.iter().map(Ids::bytes).sum::<usize>();
        let outputs = self.outputs.iter().map(LayerOutput::bytes).sum::<usize>();
        ids + blocks + outputs + self.caches.iter().map(LayerCache::bytes).sum::<usize>()
    }

    /// What every layer that attends made of the sequences in the last [`Shard::forward`]: layer, head, and the weights,
    /// `[batch, query time, key time]`.
    pub fn attention(&self, model: &Model) -> Vec<(usize, usize, ArrayView3<'_, f32>)> {
        let layers = model.nodes.iter().zip(&self.caches).enumerate();
        layers
            .flat_map(|(i, (node, cache))| {
                let heads = node.spec.attention(cache).into_iter().enumerate();
                heads.map(move |(head, weights)| (i, head, weights))
            })
            .collect()
    }
}

/// What holds for a pass through the `i`-th node, after the layers before it.
fn pass<'a>(mode: Mode, recompute: bool, i: usize, node: &Node, before: &'a [LayerOutput]) -> Pass<'a> {
    let mask = |from: Option<usize>| from.map(|from| &before[from].mask);
    let mut masks = [None; MAX_INPUTS];
    masks.iter_mut().zip(&node.masks).for_each(|(to, from)| *to = mask(*from));
    Pass { mode, layer: i, mask: mask(node.mask), to_rows: node.to_rows, recompute, masks }
}

/// What sequences are, inside.
#[derive(Clone, Copy)]
struct Given<'a> {
    /// Numbers, where they are that.
    real: Option<&'a Block>,
    /// Else ids, one a channel.
    ids: &'a [Ids],
}

impl<'a> Given<'a> {
    fn signal(self, channel: usize) -> Signal<'a> {
        self.real.map_or_else(|| Signal::Ids(&self.ids[channel]), Signal::Real)
    }
}

/// What `node` reads, of the data and the layers before it; only as many as it has inputs are meant.
fn signals<'a>(
    model: &Model,
    node: &Node,
    data: Given<'a>,
    before: &'a [LayerOutput],
) -> [Signal<'a>; MAX_INPUTS] {
    let mut signals = [data.signal(0); MAX_INPUTS];
    for (signal, from) in signals.iter_mut().zip(&node.from) {
        *signal = match *from {
            InputSource::Data(channel) => data.signal(channel),
            InputSource::Layer(from) if model.nodes[from].to_rows => {
                Signal::Rows(Rows::new(&before[from].values, &before[from].lookup))
            }
            InputSource::Layer(from) => Signal::Real(&before[from].values),
        };
    }
    signals
}
