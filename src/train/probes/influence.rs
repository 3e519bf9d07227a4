//! What each token of a text contributes to the leading output.

use ndarray::ArrayView3;

use super::budget::Budget;
use super::predictions::OutputReader;
use super::row_shards::RowShards;
use crate::data::{Inputs, Vocabulary};
use crate::kernel::ThreadPool;
use crate::nn::{Mode, Model, Params, Shard, TargetsView};
use crate::protocol::{ProbeText, TokenInfluence};
use crate::step::network_input;

/// Positions up to which tokens are replaced at one in [`OFTEN`] monitored steps, otherwise at one in [`SELDOM`]; at fewer if it takes
/// too long beside a training step.
const FEW_POSITIONS: usize = 1 << 12;
const OFTEN: u64 = 5;
const SELDOM: u64 = 10;

/// The probes, each once more for every one of its last tokens, which is replaced by padding; of networks with a single output.
#[derive(Debug)]
pub(super) struct Influence {
    /// The network, whose backward pass leaves the gradient of every position.
    model: Model,
    texts: Inputs,
    occluded: RowShards,
    /// The number of positions of all its rows.
    positions: usize,
    /// Of each probe: its first token that is replaced, and the number of them.
    tokens: Vec<(usize, usize)>,
    shard: Shard,
}

impl Influence {
    /// `None` unless the texts, whose ids are `inputs`, are rows of ids and the network has a single output.
    pub fn new(
        texts: &[ProbeText],
        inputs: &Inputs,
        (model, params, threads): (&Model, &Params, usize),
    ) -> Option<Self> {
        let Inputs::Tokens(ids) = inputs else { return None };
        let model = model.with_position_gradients()?;
        let (mut rows, mut tokens) = (Vec::new(), Vec::new());
        for (text, ids) in texts.iter().zip(ids.rows()) {
            let end = (text.first_step + text.tokens.len()).min(ids.len());
            let count = (end - text.first_step.min(end)).min(TokenInfluence::MOST);
            for step in end - count..end {
                rows.extend(
                    ids.iter().enumerate().map(|(t, id)| if t == step { Vocabulary::PADDING } else { *id }),
                );
            }
            tokens.push((end - count - text.first_step.min(end - count), count));
        }
        let all = tokens.iter().map(|(_, count)| count).sum();
        let occluded = ndarray::Array2::from_shape_vec((all, ids.ncols()), rows).ok()?;
        let (shard, positions) = (Shard::new(&model, params), occluded.len());
        let (texts, occluded) = (inputs.clone(), RowShards::new(&occluded, threads, &model, params));
        Some(Self { model, texts, occluded, positions, tokens, shard })
    }

    /// Its interval in monitored steps.
    pub fn interval(&self, budget: Budget) -> u64 {
        let rows = self.tokens.iter().map(|(_, count)| count).sum();
        budget.interval(rows).max(if self.positions <= FEW_POSITIONS { OFTEN } else { SELDOM })
    }

    /// That of every probe, whose predictions are `outputs`.
    pub fn of_all(
        &mut self,
        (params, pool): (&Params, &mut ThreadPool),
        texts: &[ProbeText],
        outputs: ArrayView3<'_, f32>,
        reader: &OutputReader,
    ) -> Vec<TokenInfluence> {
        let Self { model, texts: inputs, occluded, tokens, shard, .. } = self;
        let leading: Vec<Option<(usize, f32)>> =
            (0..texts.len()).map(|row| reader.most(outputs, row, 0)).collect();
        shard.reset_states();
        shard.load(network_input(inputs), TargetsView::None);
        shard.forward(model, params, Mode::Evaluate);
        // One sigmoid is the probability of class 1: that of class 0 moves by as much the other way.
        let column = |output: usize| reader.column(outputs, output);
        let columns: Vec<usize> =
            leading.iter().map(|leading| leading.map_or(0, |(output, _)| column(output).0)).collect();
        let products = shard.gradient_times_input(model, params, &columns);
        let without = occluded.outputs(model, params, pool);
        let mut row = 0;
        let mut all = Vec::new();
        for (probe, ((text, (first, count)), leading)) in
            texts.iter().zip(tokens.iter().copied()).zip(leading).enumerate()
        {
            let rows = row..row + count;
            row += count;
            let Some((output, value)) = leading else {
                all.push(TokenInfluence::default());
                continue;
            };
            let sign = column(output).1;
            let value_without = |row| {
                let values = reader.all(without.view(), row, 0);
                values.get(output).copied().unwrap_or(f32::NAN)
            };
            let steps = text.first_step + first..text.first_step + first + count;
            all.push(TokenInfluence {
                output,
                first,
                occlusion: rows.map(|row| value - value_without(row)).collect(),
                gradient_input: steps
                    .map(|step| products.get((probe, step)).map_or(f32::NAN, |product| sign * product))
                    .collect(),
            });
        }
        all
    }
}
