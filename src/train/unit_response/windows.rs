//! The response of a filter of a convolution to windows of tokens.

use std::cmp::Ordering;

use ndarray::ArrayView3;

use super::{LEAST_COUNT, Responses, Sums, check_unit};
use crate::data::{Inputs, Vocabulary};
use crate::nn::{Model, Shard};
use crate::protocol::{LayerUnit, TokenResponse, TokenWindow, UnitResponse};
use crate::train::probes::convolution_quantity;

/// What a convolution gives for every window.
pub(super) struct Windows<'a> {
    /// `[windows, batch, filters]`.
    values: ArrayView3<'a, f32>,
    quantity: &'static str,
    /// The tokens of each window, in steps of the input.
    tokens: TokenWindow,
}

impl<'a> Windows<'a> {
    /// Those of the layer of `unit` after a pass; `None` if it is no convolution, or its steps are not those of the input.
    pub fn of(shard: &'a Shard, model: &'a Model, unit: &LayerUnit) -> Option<Self> {
        let convolutions = shard.convolutions(model);
        let of_layer = |(layer, ..): &(usize, _, _)| *layer == unit.layer && unit.direction.is_none();
        let (_, activation, values) = convolutions.into_iter().find(of_layer)?;
        let field = model.receptive_field(unit.layer)?;
        let tokens = TokenWindow { first: field.first, stride: field.stride, span: field.span };
        Some(Self { values: values.view(), quantity: convolution_quantity(activation), tokens })
    }
}

impl Responses {
    /// Adds the windows of sequences that read a token.
    ///
    /// # Errors
    /// What the layer does not have, in words.
    pub(super) fn add_windows(
        &mut self,
        inputs: &Inputs,
        windows: &Windows<'_>,
        unit: &LayerUnit,
    ) -> Result<(), String> {
        let (steps, sequences, filters) = windows.values.dim();
        if windows.quantity != unit.quantity {
            return Err(format!("layer {} has no {}", unit.layer, unit.quantity));
        }
        check_unit(unit, filters)?;
        let ids = inputs.tokens().ok_or("the data are numbers, whose windows have no tokens")?;
        for (row, ids) in ids.rows().into_iter().enumerate() {
            for window in 0..steps {
                let read = windows.tokens.tokens(window, ids.len());
                let read = read.filter_map(|at| ids.get(at).copied());
                let read: Vec<u32> = read.filter(|id| *id != Vocabulary::PADDING).collect();
                let value = windows.values.get((window, row, unit.unit)).copied().unwrap_or(0.0);
                if !read.is_empty() {
                    self.by_window.entry(read).or_default().add(value, 0.0);
                    self.total.add(value, 0.0);
                }
            }
        }
        self.sequences += sequences;
        Ok(())
    }

    /// The response to windows: those of the greatest values, and those of the least where these are negative.
    pub(super) fn of_windows(
        self,
        (step, unit, is_validation): (u64, &LayerUnit, bool),
        vocabulary: Option<&Vocabulary>,
    ) -> UnitResponse {
        let mean_of = |sums: &Sums| sums.value / sums.count.max(1) as f64;
        let mean = mean_of(&self.total);
        let is_frequent = self.by_window.values().any(|sums| sums.count >= LEAST_COUNT);
        let least_count = if is_frequent { LEAST_COUNT } else { 1 };
        let mut windows: Vec<(Vec<u32>, Sums)> = self.by_window.into_iter().collect();
        windows.retain(|(_, sums)| sums.count >= least_count);
        let most = |order: fn(f64, f64) -> Ordering, is_shown: fn(f64) -> bool| -> Vec<TokenResponse> {
            let mut all: Vec<&(Vec<u32>, Sums)> =
                windows.iter().filter(|(_, sums)| is_shown(mean_of(sums))).collect();
            all.sort_unstable_by(|a, b| order(mean_of(&a.1), mean_of(&b.1)).then_with(|| a.0.cmp(&b.0)));
            let word =
                |id: &u32| vocabulary.map_or_else(|| id.to_string(), |known| known.word(*id).to_owned());
            let response = |(ids, sums): &(Vec<u32>, Sums)| TokenResponse {
                token: ids.iter().map(word).collect::<Vec<_>>().join(" "),
                count: sums.count,
                mean: mean_of(sums) as f32,
                change: (mean_of(sums) - mean) as f32,
            };
            all.into_iter().take(UnitResponse::MOST).map(response).collect()
        };
        UnitResponse {
            step,
            unit: unit.clone(),
            is_validation,
            sequences: self.sequences,
            steps: self.total.count,
            mean: mean as f32,
            least_count,
            rising: most(|a, b| b.total_cmp(&a), |mean| mean > 0.0),
            falling: most(|a, b| a.total_cmp(&b), |mean| mean < 0.0),
            highest: Vec::new(),
            lowest: Vec::new(),
        }
    }
}
