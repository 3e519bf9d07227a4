//! The predictions of a network for a probe: at its end, and after each of its tokens.

use ndarray::{Array2, Array3, ArrayView3};

use super::budget::Budget;
use super::row_shards::RowShards;
use crate::data::{Data, Inputs, TokenSpec, Vocabularies};
use crate::kernel::ThreadPool;
use crate::nn::{Model, Params, Shape};
use crate::protocol::{ProbeText, TokenPrediction};

/// Texts cut after each of their tokens, for networks with a single output: such a network predicts after a token as if the text ended
/// there.
#[derive(Debug)]
pub(super) struct Prefixes {
    texts: RowShards,
    /// The number of rows of each probe: those of its last tokens.
    rows: Vec<usize>,
}

impl Prefixes {
    /// Maximum number of tokens of a text after which a prediction is made: the last ones.
    pub const MOST: usize = 64;

    /// Cuts `texts`, whose ids are in `inputs`. `None` if the network has an output at every step, or if `inputs` are no rows of ids.
    pub fn new(
        texts: &[ProbeText],
        inputs: &Inputs,
        spec: &TokenSpec,
        (model, params, threads): (&Model, &Params, usize),
    ) -> Option<Self> {
        let (Inputs::Tokens(ids), Shape::Vector { .. }) = (inputs, model.output()) else { return None };
        let (mut all, mut rows) = (Vec::new(), Vec::new());
        for (text, ids) in texts.iter().zip(ids.rows()) {
            let ids: Vec<u32> = ids.iter().skip(text.first_step).take(text.tokens.len()).copied().collect();
            let first = ids.len().saturating_sub(Self::MOST);
            (first..ids.len()).for_each(|last| all.extend(spec.pad(&ids[..=last])));
            rows.push(ids.len() - first);
        }
        let ids = Array2::from_shape_vec((rows.iter().sum(), spec.length), all).ok()?;
        Some(Self { texts: RowShards::new(&ids, threads, model, params), rows })
    }

    /// The interval of their predictions in monitored steps.
    pub fn interval(&self, budget: Budget) -> u64 {
        budget.interval(self.rows.iter().sum())
    }

    /// The outputs after each token, `[row, step, output]`; see [`Prefixes::by_token`].
    pub fn outputs(&mut self, model: &Model, params: &Params, pool: &mut ThreadPool) -> Array3<f32> {
        self.texts.outputs(model, params, pool)
    }

    /// The rows of `outputs` that belong to the tokens of a probe, and the tokens before them.
    fn rows_of(&self, probe: usize, tokens: usize) -> (usize, usize) {
        let before = self.rows.iter().take(probe).sum();
        (before, tokens - self.rows.get(probe).copied().unwrap_or(0).min(tokens))
    }

    /// The predictions after each token of a probe; of tokens before the last [`Prefixes::MOST`] none.
    pub fn by_token(
        &self,
        probe: usize,
        text: &ProbeText,
        outputs: ArrayView3<'_, f32>,
        reader: &OutputReader,
    ) -> Vec<TokenPrediction> {
        let (from, without) = self.rows_of(probe, text.tokens.len());
        let rows = from..from + (text.tokens.len() - without);
        let predicted = rows.map(|row| reader.leading(outputs, row, 0));
        (0..without).map(|_| TokenPrediction::default()).chain(predicted).collect()
    }
}

/// The prediction after the last token of a probe, and none after the others.
pub(super) fn of_last(text: &ProbeText, last: impl FnOnce() -> TokenPrediction) -> Vec<TokenPrediction> {
    let mut all = vec![TokenPrediction::default(); text.tokens.len()];
    if let Some(prediction) = all.last_mut() {
        *prediction = last();
    }
    all
}

/// Reads what outputs mean.
#[derive(Debug)]
pub(super) struct OutputReader {
    /// The names of the classes or labels; of the tokens of a language model.
    names: Vec<String>,
    has_classes: bool,
}

impl OutputReader {
    /// Of a network trained on `data`.
    pub fn new(data: &Data, model: &Model) -> Self {
        let has_classes = model.loss().has_classes();
        let words = || {
            let words = data.vocabularies.as_ref().map(Vocabularies::first)?;
            Some((0..words.len() as u32).map(|id| words.word(id).to_owned()).collect())
        };
        let names = match data.labels.is_empty() && has_classes {
            true => words().unwrap_or_default(),
            false => data.labels.clone(),
        };
        Self { names, has_classes }
    }

    /// All outputs for sequence `row` at `step`: the probability of each class, or numbers; empty beyond the outputs.
    pub fn all(&self, outputs: ArrayView3<'_, f32>, row: usize, step: usize) -> Vec<f32> {
        let (rows, steps, features) = outputs.dim();
        if row >= rows || step >= steps {
            return Vec::new();
        }
        let values = (0..features).map(|i| outputs[(row, step, i)]);
        match self.has_classes && features == 1 {
            // One sigmoid is the probability of class 1.
            true => values.flat_map(|p| [1.0 - p, p]).collect(),
            false => values.collect(),
        }
    }

    /// The leading output for sequence `row` at `step` and its value: the most probable class or label; of numbers the first.
    pub fn most(&self, outputs: ArrayView3<'_, f32>, row: usize, step: usize) -> Option<(usize, f32)> {
        let values = self.all(outputs, row, step).into_iter().enumerate();
        let more = |best: (usize, f32), other: (usize, f32)| if other.1 > best.1 { other } else { best };
        if self.has_classes { values.reduce(more) } else { values.take(1).next() }
    }

    /// The column of the network's output that an output is made of, and the sign of its derivative by it.
    pub fn column(&self, outputs: ArrayView3<'_, f32>, output: usize) -> (usize, f32) {
        match self.has_classes && outputs.dim().2 == 1 {
            true => (0, if output == 0 { -1.0 } else { 1.0 }),
            false => (output, 1.0),
        }
    }

    /// The leading ones of them, with their names.
    pub fn leading(&self, outputs: ArrayView3<'_, f32>, row: usize, step: usize) -> TokenPrediction {
        let mut values: Vec<(usize, f32)> = self.all(outputs, row, step).into_iter().enumerate().collect();
        if self.has_classes {
            values.sort_by(|a, b| b.1.total_cmp(&a.1));
        }
        values.truncate(TokenPrediction::MOST);
        let named = |(i, value)| {
            let name = self.names.get(i).filter(|_| self.has_classes).cloned().unwrap_or_default();
            (name, value)
        };
        TokenPrediction { outputs: values.into_iter().map(named).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leading_output_of_one_sigmoid_is_either_class_and_its_derivative_has_a_sign() {
        let reader = OutputReader { names: vec!["no".into(), "yes".into()], has_classes: true };
        let one = Array3::from_shape_vec((2, 1, 1), vec![0.2, 0.9]).unwrap();
        assert_eq!(
            (reader.most(one.view(), 0, 0), reader.column(one.view(), 0)),
            (Some((0, 0.8)), (0, -1.0))
        );
        assert_eq!((reader.most(one.view(), 1, 0), reader.column(one.view(), 1)), (Some((1, 0.9)), (0, 1.0)));
        let three = Array3::from_shape_vec((1, 1, 3), vec![0.1, 0.6, 0.3]).unwrap();
        assert_eq!(
            (reader.most(three.view(), 0, 0), reader.column(three.view(), 1)),
            (Some((1, 0.6)), (1, 1.0))
        );
        // Numbers are not compared: the first is meant.
        let reader = OutputReader { names: Vec::new(), has_classes: false };
        assert_eq!(reader.most(three.view(), 0, 0), Some((0, 0.1)));
        assert_eq!(reader.most(three.view(), 1, 0), None);
    }
}
