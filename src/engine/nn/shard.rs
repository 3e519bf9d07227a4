mod activity;
mod batch_sums;
mod buffers;
mod non_finite;
mod reading;

use std::ops::Range;

pub use buffers::ShardBuffers;

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis, s};

use super::layer::{BackwardContext, ForwardContext, LayerOutput, MAX_INPUTS, Mode, Pass};
use super::model::{InputSource, Node};
use super::recurrent::{CarriedState, CarriedStateError, Cell, RecurrentBuffers};
use super::spec::LayerCache;
use super::{
    Block, Ids, IndexedRows, LayerSpec, Mask, Model, Observer, Params, Score, Signal, TargetRows,
    TargetsView, metrics,
};
use crate::kernel::AlignedVec;
use crate::metrics::Confusion;
use crate::protocol::Direction;

/// A view of the inputs of some sequences, batch first.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// Token ids, `[batch, time]`.
    Ids(ArrayView2<'a, u32>),
    /// Token ids in several channels, `[batch, channel, time]`; 0, for padding, is in all of them or in none.
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

/// Some sequences of a batch with their activations and gradients; one thread works on it at a time.
///
/// Memory is reused from step to step: the same shape again allocates nothing.
#[derive(Debug)]
pub struct Shard {
    /// One a channel of the data.
    ids: Vec<Ids>,
    real: Block,
    is_real: bool,
    targets: TargetRows,
    budget: usize,
    /// Sequences of the whole batch; 0 where this shard is all of it.
    batch: usize,
    mode: Mode,
    buffers: ShardBuffers,
    /// Gradients of every layer's parameters, where it does not scatter.
    param_grads: Vec<AlignedVec>,
}

impl Shard {
    /// An empty shard for `model`.
    pub fn new(model: &Model, params: &Params) -> Self {
        let zeros = |(i, node): (usize, &Node)| {
            let len = if node.spec.layer().has_sparse_gradient() { 0 } else { params.span(i).len() };
            AlignedVec::filled(len, 0.0)
        };
        Self {
            ids: vec![Ids::default(); model.channels],
            real: Block::default(),
            is_real: false,
            targets: TargetRows::default(),
            budget: usize::MAX,
            batch: 0,
            mode: Mode::Evaluate,
            buffers: ShardBuffers::new(model),
            param_grads: model.nodes.iter().enumerate().map(zeros).collect(),
        }
    }

    /// Limits the bytes that recurrent layers save of every step; beyond that they recompute gates in the backward pass.
    pub fn set_budget(&mut self, bytes: usize) {
        self.budget = bytes;
    }

    /// Says how many sequences the whole batch has, of which these are a part: activity penalties are divided by it. Without it the
    /// shard is all of the batch.
    pub fn set_batch(&mut self, sequences: usize) {
        self.batch = sequences;
    }

    /// Its own sequences.
    fn sequences(&self) -> usize {
        if self.is_real { self.real.dim().1 } else { self.ids[0].batch() }
    }

    fn whole_batch(&self) -> usize {
        if self.batch > 0 { self.batch } else { self.sequences().max(1) }
    }

    /// Whether the gates of all steps would exceed the budget.
    fn recompute(&self, model: &Model) -> bool {
        let (time, batch, _) =
            if self.is_real { self.real.dim() } else { (self.ids[0].time(), self.ids[0].batch(), 0) };
        model.recurrent_bytes(time * batch) > self.budget
    }

    /// Loads sequences and their targets.
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

    /// Runs the network over the sequences, which are a whole batch. Where a batch has several shards, and the model
    /// [synchronizes](Model::is_synchronized) them in training, see [`Shard::forward_segment`].
    pub fn forward(&mut self, model: &Model, params: &Params, mode: Mode) {
        for segment in model.segments() {
            self.forward_segment(model, params, mode, segment.clone());
            self.share_own_sums(model, segment.end);
        }
    }

    /// Runs one of the model's [segments](Model::segments); before the next, [sums](Shard::add_sums) are exchanged.
    pub fn forward_segment(&mut self, model: &Model, params: &Params, mode: Mode, segment: Range<usize>) {
        self.mode = mode;
        let (recompute, batch) = (self.recompute(model), self.whole_batch());
        let data = ModelInput { real: self.is_real.then_some(&self.real), ids: &self.ids };
        for i in segment.clone() {
            let node = &model.nodes[i];
            let (before, rest) = self.buffers.outputs.split_at_mut(i);
            let pass = pass((mode, batch), recompute, i, node, before);
            let signals = signals(model, node, data, before);
            let inputs = &signals[..node.from.len()];
            let ctx = ForwardContext { pass: &pass, weights: params.of(i), inputs };
            node.spec.forward(ctx, &mut self.buffers.caches[i], &mut rest[0]);
            if node.joins_masks {
                join_masks(node, before, &mut rest[0].mask);
            }
        }
        if let Some(node) = model.nodes.get(segment.end).filter(|_| mode != Mode::Evaluate) {
            let (before, _) = self.buffers.outputs.split_at(segment.end);
            let pass = pass((mode, batch), recompute, segment.end, node, before);
            let signals = signals(model, node, data, before);
            if let Some((layer, cache)) = node.spec.batch_normalization(&mut self.buffers.caches[segment.end])
            {
                layer.sum_moments(signals[0].real(), pass.mask, cache);
            }
        }
        if let (Some(last), Some(output)) = (model.nodes.last(), self.buffers.outputs.last())
            && last.activity.is_some()
            && segment.end == model.nodes.len()
        {
            self.buffers.activated[0].clone_from(&output.values);
            model.activate(&mut self.buffers.activated[0]);
        }
    }

    /// How many rows the loss counts: sequences, or unmasked steps. After [`Shard::forward`] or [`Shard::load`] of the same batch.
    pub fn weight(&mut self, model: &Model) -> f64 {
        // Masks are made in the forward pass; this may be called before it.
        for from in model.loss_masks.iter().copied() {
            let node = &model.nodes[from];
            let (before, rest) = self.buffers.outputs.split_at_mut(from);
            let mask = &mut rest[0].mask;
            match &node.spec {
                LayerSpec::Masking(layer) => mask.of_steps(&self.real, layer.mask_value),
                _ if node.joins_masks => join_masks(node, before, mask),
                // Only layers that read the data make masks that the loss has.
                _ => mask.of_ids(&self.ids[node.channel()]),
            }
        }
        self.targets.weight(model.output, self.mask(model))
    }

    fn mask(&self, model: &Model) -> Option<&Mask> {
        model.mask.map(|from| &self.buffers.outputs[from].mask)
    }

    /// The loss after [`Shard::forward`], summed over the rows it counts. Class weights are for learning: here all count
    /// alike, as in Keras's validation.
    pub fn score(&self, model: &Model) -> Score {
        let score = model.loss.score(self.logits(), &self.targets, self.mask(model), &[], 1.0, None);
        self.with_activity(model, score)
    }

    /// The class predicted by each row of the output, `[batch, time]`; time 1 for a vector a sequence.
    pub fn predicted(&self, model: &Model) -> Array2<u32> {
        let (time, batch, width) = self.logits().dim();
        let rows = self.logits().data().chunks_exact(width.max(1));
        let classes = rows.map(|z| model.loss().predicted(z) as u32).collect();
        Array2::from_shape_vec((time, batch), classes).unwrap_or_default().reversed_axes()
    }

    /// Counts, after [`Shard::forward`], the predicted class of each row that the loss counts.
    pub fn update_confusion(&self, model: &Model, confusion: &mut Confusion) {
        metrics::update_confusion(model.loss(), self.logits(), &self.targets, self.mask(model), confusion);
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
        let score = self.begin_backward(model, weight);
        for segment in model.segments().rev() {
            let observer = observer.as_mut().map(|o| &mut **o as &mut dyn Observer);
            self.backward_segment(model, params, segment.clone(), observer);
            self.share_own_sums(model, segment.start);
        }
        score
    }

    /// The loss, and its gradient by the output, as [`Shard::backward`] begins; [`Shard::backward_segment`] takes it back, from the model's
    /// last segment to the first.
    pub fn begin_backward(&mut self, model: &Model, weight: f64) -> Score {
        self.param_grads.iter_mut().for_each(|param_grads| param_grads.fill(0.0));
        self.buffers.has_grad.fill(false);
        let Some(last) = model.nodes.len().checked_sub(1) else { return Score::default() };
        let mask = model.mask.map(|from| &self.buffers.outputs[from].mask);
        let scale = (1.0 / weight.max(1.0)) as f32;
        let last_grad = Some(&mut self.buffers.upstream_grads[last]);
        let out = &self.buffers.outputs[last].values;
        let score = model.loss.score(out, &self.targets, mask, &model.class_weights, scale, last_grad);
        self.with_activity(model, score)
    }

    /// Takes the gradient back through the layers of one of the model's [segments](Model::segments). Its first layer, before which sums
    /// are exchanged, comes with the segment before it, after they have been exchanged [again](Shard::add_sums).
    pub fn backward_segment(
        &mut self,
        model: &Model,
        params: &Params,
        segment: Range<usize>,
        mut observer: Option<&mut dyn Observer>,
    ) {
        let (recompute, batch) = (self.recompute(model), self.whole_batch());
        // Layers below which nothing is trained are left out, unless a recurrent layer below is watched.
        let watched = observer.is_some();
        let needs_grad = |i: usize| model.needs_grad(i, watched);
        // Before the first segment nothing is exchanged; it is empty where the first layer waits for sums.
        let is_first = segment.start == 0 && (segment.is_empty() || !model.synchronized.contains(&0));
        let first = segment.start + usize::from(!is_first);
        let end = model.nodes.len().min(segment.end + 1);
        for i in (first..end).rev().filter(|i| needs_grad(*i)) {
            let node = &model.nodes[i];
            // That of a layer that waits for sums is in them already.
            if !model.synchronized.contains(&i) {
                self.add_activity_gradient(model, i);
            }
            let data = ModelInput { real: self.is_real.then_some(&self.real), ids: &self.ids };
            let (before, rest) = self.buffers.outputs.split_at(i);
            let pass = pass((self.mode, batch), recompute, i, node, before);
            let signals = signals(model, node, data, before);
            let needed = node.layers().any(needs_grad);
            let ctx = BackwardContext {
                pass: &pass,
                weights: params.of(i),
                inputs: &signals[..node.from.len()],
                output: &rest[0],
                upstream_grad: &mut self.buffers.upstream_grads[i],
                param_grads: &mut self.param_grads[i],
                input_grads: needed.then_some(self.buffers.input_grads[i].as_mut_slice()),
                observer: observer.as_mut().map(|o| &mut **o as &mut dyn Observer),
            };
            node.spec.backward(ctx, &mut self.buffers.caches[i]);
            for (input_grad, from) in self.buffers.input_grads[i].iter_mut().zip(&node.from) {
                let Some(from) = from.layer().filter(|from| needs_grad(*from)) else {
                    continue;
                };
                if std::mem::replace(&mut self.buffers.has_grad[from], true) {
                    let sums = self.buffers.upstream_grads[from].data_mut().iter_mut();
                    sums.zip(input_grad.data()).for_each(|(sum, d)| *sum += d);
                } else {
                    std::mem::swap(&mut self.buffers.upstream_grads[from], input_grad);
                }
            }
        }
        let i = segment.start;
        if is_first || !needs_grad(i) {
            return;
        }
        self.add_activity_gradient(model, i);
        if let Some((layer, cache)) = model.nodes[i].spec.batch_normalization(&mut self.buffers.caches[i]) {
            layer.sum_gradients(&self.buffers.upstream_grads[i], cache);
        }
    }

    /// The last layer's output before its activation.
    pub fn logits(&self) -> &Block {
        static NOTHING: std::sync::LazyLock<Block> = std::sync::LazyLock::new(Block::default);
        self.buffers.outputs.last().map_or(&NOTHING, |output| &output.values)
    }

    /// The model's output, after the last activation: `[batch, time, features]`, time 1 for a vector a sequence.
    pub fn output(&self, model: &Model) -> Array3<f32> {
        let mut out = self.logits().clone();
        model.activate(&mut out);
        out.to_batch_major()
    }

    /// The buffers of all recurrent layers: layer, direction, cell and buffers.
    pub fn recurrent_buffers<'a>(
        &'a self,
        model: &'a Model,
    ) -> Vec<(usize, Option<Direction>, &'a dyn Cell, &'a RecurrentBuffers)> {
        let layers = model.nodes.iter().zip(&self.buffers.caches).enumerate();
        layers
            .flat_map(|(i, (node, cache))| {
                let directions = node.spec.recurrent(cache).into_iter();
                directions.map(move |(direction, cell, unroll)| (i, direction, cell, unroll))
            })
            .collect()
    }

    /// The ids of a channel of the data, where they are ids.
    pub(super) fn ids(&self, channel: usize) -> Option<&Ids> {
        self.ids.get(channel).filter(|_| !self.is_real)
    }

    /// The mask that reaches layer `i`, if one does.
    pub(super) fn layer_mask(&self, model: &Model, i: usize) -> Option<&Mask> {
        model.nodes.get(i)?.mask.map(|from| &self.buffers.outputs[from].mask)
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
        let buffers = self.buffers.caches.iter_mut().flat_map(LayerCache::recurrent_mut).flatten();
        buffers.zip(states).for_each(|(buffers, state)| buffers.carried = state);
        Ok(())
    }

    /// Stateful layers begin the next batch at zero, as with Keras's `reset_states`: another stream follows.
    pub fn reset_states(&mut self) {
        self.buffers
            .caches
            .iter_mut()
            .flat_map(LayerCache::recurrent_mut)
            .flatten()
            .for_each(|buffers| buffers.carried.clear());
    }

    /// The next batch has so many sequences, and each of them begins with the states of the last batch's one sequence.
    pub fn repeat_states(&mut self, sequences: usize) {
        self.buffers
            .caches
            .iter_mut()
            .flat_map(LayerCache::recurrent_mut)
            .flatten()
            .for_each(|buffers| buffers.carried.repeat(sequences));
    }

    /// The states that stateful layers carry are again those before the last forward pass.
    pub fn rewind_states(&mut self) {
        self.buffers
            .caches
            .iter_mut()
            .flat_map(LayerCache::recurrent_mut)
            .flatten()
            .for_each(RecurrentBuffers::rewind);
    }

    /// ∂L/∂parameters of layer `i`, which learns, after [`Shard::backward`], where it does not scatter.
    pub(super) fn gradient(&self, i: usize) -> &[f32] {
        &self.param_grads[i]
    }

    /// The rows that the sequences touched of the table of layer `i`, which [has_sparse_gradient](super::Layer::has_sparse_gradient), in
    /// ascending order, and ∂L/∂ each of them.
    pub(super) fn scattered(&self, i: usize) -> (&[u32], &[f32]) {
        (self.buffers.outputs[i].lookup.distinct(), self.buffers.upstream_grads[i].data())
    }

    /// Bytes of activations: inputs, outputs, caches,
    /// and the derivatives of all these; not for the gradients of parameters.
    pub fn activation_bytes(&self) -> usize {
        let ids = self.ids.iter().map(Ids::bytes).sum::<usize>();
        ids + self.real.bytes() + self.buffers.bytes()
    }

    /// The attention weights of the last [`Shard::forward`]: layer, head, and the weights,
    /// `[batch, query time, key time]`.
    pub fn attention(&self, model: &Model) -> Vec<(usize, usize, ArrayView3<'_, f32>)> {
        let layers = model.nodes.iter().zip(&self.buffers.caches).enumerate();
        layers
            .flat_map(|(i, (node, cache))| {
                let heads = node.spec.attention(cache).into_iter().enumerate();
                heads.map(move |(head, weights)| (i, head, weights))
            })
            .collect()
    }
}

/// Writes the mask of a node that joins those of its inputs.
fn join_masks(node: &Node, before: &[LayerOutput], mask: &mut Mask) {
    mask.of_any(node.masks.iter().flatten().map(|from| &before[*from].mask));
}

/// The context of a pass through the `i`-th node, after the layers before it.
fn pass<'a>(
    (mode, batch): (Mode, usize),
    recompute: bool,
    i: usize,
    node: &Node,
    before: &'a [LayerOutput],
) -> Pass<'a> {
    let mask = |from: Option<usize>| from.map(|from| &before[from].mask);
    let mut masks = [None; MAX_INPUTS];
    masks.iter_mut().zip(&node.masks).for_each(|(to, from)| *to = mask(*from));
    // A batch normalization that is not trained works as in inference, and moves no averages.
    let mode = if node.spec.is_synchronized() && !node.trainable { Mode::Evaluate } else { mode };
    Pass { mode, layer: i, mask: mask(node.mask), to_rows: node.to_rows, recompute, batch, masks }
}

/// The input of the model, time-major.
#[derive(Clone, Copy)]
struct ModelInput<'a> {
    /// Numbers, where they are that.
    real: Option<&'a Block>,
    /// Else ids, one a channel.
    ids: &'a [Ids],
}

impl<'a> ModelInput<'a> {
    fn signal(self, channel: usize) -> Signal<'a> {
        self.real.map_or_else(|| Signal::Ids(&self.ids[channel]), Signal::Real)
    }
}

/// The inputs of `node`, from the data and the layers before it; only as many as it has are valid.
fn signals<'a>(
    model: &Model,
    node: &Node,
    data: ModelInput<'a>,
    before: &'a [LayerOutput],
) -> [Signal<'a>; MAX_INPUTS] {
    let mut signals = [data.signal(0); MAX_INPUTS];
    for (signal, from) in signals.iter_mut().zip(&node.from) {
        *signal = match *from {
            InputSource::Data(channel) => data.signal(channel),
            InputSource::Layer(from) if model.nodes[from].to_rows => {
                Signal::Rows(IndexedRows::new(&before[from].values, &before[from].lookup))
            }
            InputSource::Layer(from) => Signal::Real(&before[from].values),
        };
    }
    signals
}
