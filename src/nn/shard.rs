use ndarray::{Array3, ArrayView2};

use super::layer::{Mode, Pass, Tape};
use super::{Block, Ids, LayerSpec, Model, Observer, Params, Score, Signal};
use crate::protocol::Direction;

/// What a sequence should give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Targets {
    /// One class a sequence.
    Classes(Vec<u32>),
}

/// Some sequences of a batch, and all that their way through the network leaves behind: one thread works on it at a time.
///
/// Memory is kept from step to step: the same shape again allocates nothing.
#[derive(Debug)]
pub struct Shard {
    ids: Ids,
    targets: Targets,
    tapes: Vec<Tape>,
    /// ∂L/∂output of every layer.
    d_outs: Vec<Block>,
    /// Gradients of every layer's parameters, where it does not scatter.
    grads: Vec<Vec<f32>>,
}

impl Shard {
    /// An empty shard for `model`.
    pub fn new(model: &Model, params: &Params) -> Self {
        let room = |(i, spec): (usize, &LayerSpec)| {
            let len = if spec.layer().scatters() { 0 } else { params.span(i).len() };
            vec![0.0; len]
        };
        Self {
            ids: Ids::default(),
            targets: Targets::Classes(Vec::new()),
            tapes: model.layers.iter().map(|_| Tape::default()).collect(),
            d_outs: model.layers.iter().map(|_| Block::default()).collect(),
            grads: model.layers.iter().enumerate().map(room).collect(),
        }
    }

    /// Takes sequences, `[batch, time]`, and their classes (none for a mere prediction).
    pub fn load(&mut self, tokens: ArrayView2<'_, u32>, classes: &[u32]) {
        self.ids.from_batch_major(tokens);
        let Targets::Classes(mine) = &mut self.targets;
        mine.clear();
        mine.extend_from_slice(classes);
    }

    /// Runs the network over the sequences.
    pub fn forward(&mut self, model: &Model, params: &Params, mode: Mode) {
        for (i, spec) in model.layers.iter().enumerate() {
            let (before, rest) = self.tapes.split_at_mut(i);
            let pass = Pass { mode, layer: i, mask: model.masks[i].map(|from| &before[from].mask) };
            let input = before.last().map_or(Signal::Ids(&self.ids), |tape| Signal::Real(&tape.out));
            spec.layer().forward(&pass, params.of(i), input, &mut rest[0]);
        }
    }

    /// The loss after [`Shard::forward`], summed over the sequences.
    pub fn score(&self, model: &Model) -> Score {
        model.loss.score(self.logits(), &self.targets, 1.0, None)
    }

    /// The loss after [`Shard::forward`], and the gradients of the *mean* loss over `batch` sequences, of which these are some.
    pub fn backward(
        &mut self,
        model: &Model,
        params: &Params,
        batch: usize,
        mut observer: Option<&mut dyn Observer>,
    ) -> Score {
        self.grads.iter_mut().for_each(|grads| grads.fill(0.0));
        let Some(last) = model.layers.len().checked_sub(1) else { return Score::default() };
        let scale = 1.0 / batch as f32;
        let score =
            model.loss.score(&self.tapes[last].out, &self.targets, scale, Some(&mut self.d_outs[last]));
        for (i, spec) in model.layers.iter().enumerate().rev() {
            let (before, rest) = self.tapes.split_at_mut(i);
            let pass =
                Pass { mode: Mode::Train, layer: i, mask: model.masks[i].map(|from| &before[from].mask) };
            let input = before.last().map_or(Signal::Ids(&self.ids), |tape| Signal::Real(&tape.out));
            let (d_before, d_rest) = self.d_outs.split_at_mut(i);
            spec.layer().backward(
                &pass,
                params.of(i),
                input,
                &mut rest[0],
                &mut d_rest[0],
                &mut self.grads[i],
                d_before.last_mut(),
                observer.as_mut().map(|o| &mut **o as &mut dyn Observer),
            );
        }
        score
    }

    /// The last layer's output before its activation.
    pub fn logits(&self) -> &Block {
        static NOTHING: std::sync::LazyLock<Block> = std::sync::LazyLock::new(Block::default);
        self.tapes.last().map_or(&NOTHING, |tape| &tape.out)
    }

    /// The model's output, after the last activation: `[batch, time, features]`, time 1 for a vector a sequence.
    pub fn output(&self, model: &Model) -> Array3<f32> {
        let mut out = self.logits().clone();
        model.activate(&mut out);
        out.to_batch_major()
    }

    /// What every recurrent layer held after reading each input position: layer, direction, quantity, `[time, batch, units]`.
    pub fn activations(&self, model: &Model) -> Vec<(usize, Option<Direction>, &'static str, &Block)> {
        let layers = model.layers.iter().zip(&self.tapes).enumerate();
        layers
            .flat_map(|(i, (spec, tape))| {
                spec.layer()
                    .activations(tape)
                    .into_iter()
                    .map(move |(direction, name, block)| (i, direction, name, block))
            })
            .collect()
    }
}

impl Model {
    /// The gradient of the batch's mean loss: the sum over all its `shards`, always in their order. `total` is laid out as
    /// [`Params::values`].
    pub fn gradient<'a>(
        &self,
        params: &Params,
        shards: impl Iterator<Item = &'a Shard> + Clone,
        total: &mut [f32],
    ) {
        total.fill(0.0);
        for (i, spec) in self.layers.iter().enumerate() {
            let sum = &mut total[params.span(i)];
            for shard in shards.clone() {
                if spec.layer().scatters() {
                    let input = i
                        .checked_sub(1)
                        .map_or(Signal::Ids(&shard.ids), |before| Signal::Real(&shard.tapes[before].out));
                    spec.layer().scatter(input, &shard.d_outs[i], sum);
                } else {
                    sum.iter_mut().zip(&shard.grads[i]).for_each(|(sum, g)| *sum += g);
                }
            }
        }
    }
}
