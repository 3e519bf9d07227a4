//! How one unit responds to what the network reads: of a recurrent layer to each token, of a convolution to each window of tokens.

mod windows;

use std::collections::HashMap;

use ndarray::{ArrayView2, ArrayView3, Axis};

use super::session::Session;
use crate::data::{Batch, Batches, Inputs, Vocabularies, Vocabulary};
use crate::nn::{Mode, Quantity, Shard, TargetsView};
use crate::protocol::{Direction, LayerUnit, StepResponse, TokenResponse, UnitResponse};
use crate::sort::SmallSort as _;
use crate::step::network_input;

/// Time steps that are read at once: memory is that of so many.
const STEPS_AT_ONCE: usize = 4096;
/// Times that a token must occur, if any does so often: the mean of fewer is chance.
const LEAST_COUNT: u64 = 3;

/// What a unit did after a token.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    count: u64,
    value: f64,
    change: f64,
}

/// The responses to all that was read so far.
#[derive(Debug, Default)]
struct Responses {
    sequences: usize,
    total: Sums,
    by_token: HashMap<u32, Sums>,
    /// Of a convolution by the tokens of a window, without padding.
    by_window: HashMap<Vec<u32>, Sums>,
    /// Of each sequence of numbers the steps of the greatest and of the least value.
    extremes: Vec<[StepResponse; 2]>,
}

/// Measures the response of `unit` after `step` updates: to the first sequences of the validation data, or of training data in memory. Neither
/// the weights nor the order of training depend on it.
///
/// # Errors
/// Why that is not possible, in words.
pub(super) fn unit_response(
    session: &mut Session,
    unit: &LayerUnit,
    step: u64,
) -> Result<UnitResponse, String> {
    let Session { train, validation, vocabularies, stepper, .. } = session;
    let (model, params) = (stepper.model(), stepper.params());
    let is_validation = validation.is_some();
    let batches = match validation {
        Some(validation) => validation,
        None => train,
    };
    let mut shard = Shard::new(model, params);
    let mut responses = Responses::default();
    let mut steps_read = 0;
    let mut rows = Batch::default();
    let mut at = 0;
    while responses.sequences < UnitResponse::SEQUENCES && at < batches.len() {
        let Some(read) = read(batches, is_validation, at, &mut rows)? else { break };
        let time = rows.inputs.time().max(1);
        let left = (UnitResponse::STEPS.saturating_sub(steps_read) / time).max(usize::from(at == 0));
        let most = read.min(UnitResponse::SEQUENCES - responses.sequences).min(left);
        if most == 0 {
            break;
        }
        let each = (STEPS_AT_ONCE / time).max(1);
        for first in (0..most).step_by(each) {
            let part = part(&rows.inputs, first..(first + each).min(most));
            shard.reset_states();
            shard.load(network_input(&part), TargetsView::None);
            shard.forward(model, params, Mode::Evaluate);
            if let Some(windows) = windows::Windows::of(&shard, model, unit) {
                responses.add_windows(&part, &windows, unit)?;
                continue;
            }
            let buffers = shard.recurrent_buffers(model);
            let of_layer = buffers
                .iter()
                .find(|(layer, direction, ..)| (*layer, *direction) == (unit.layer, unit.direction))
                .ok_or_else(|| format!("layer {} is not a recurrent layer", unit.layer))?;
            let (_, direction, cell, buffers) = of_layer;
            let quantity = Quantity::all(*cell, buffers)
                .into_iter()
                .find(|quantity| quantity.name == unit.quantity)
                .ok_or_else(|| format!("layer {} has no {}", unit.layer, unit.quantity))?;
            check_unit(unit, quantity.units())?;
            if quantity.dim().0 != time {
                return Err(format!("the steps of layer {} are not those of the input", unit.layer));
            }
            let is_backward = *direction == Some(Direction::Backward) || cell.settings().go_backwards;
            responses.add(&part, &quantity, (unit.unit, is_backward), model.has_mask());
        }
        steps_read += most * time;
        at += read;
    }
    if !responses.total.value.is_finite() {
        return Err("values of the unit are not finite".into());
    }
    Ok(responses.finish(step, unit, is_validation, vocabularies.as_ref()))
}

/// Whether a layer of so many `units` has it.
fn check_unit(unit: &LayerUnit, units: usize) -> Result<(), String> {
    match units.checked_sub(1) {
        Some(last) if unit.unit > last => {
            Err(format!("layer {} has no unit {}: its units are 0 to {last}", unit.layer, unit.unit))
        }
        _ => Ok(()),
    }
}

/// Fills `rows` with sequences from number `at` on; returns how many there are.
fn read(
    batches: &mut Batches,
    is_validation: bool,
    at: usize,
    rows: &mut Batch,
) -> Result<Option<usize>, String> {
    match batches {
        Batches::InMemory { data, .. } => {
            let end = data.len().min(at + UnitResponse::SEQUENCES);
            rows.fill(data, at..end);
            Ok(Some(end - at))
        }
        Batches::Streamed(streamed) if is_validation => {
            // Its batches are equal but for the last.
            let each = rows.len().max(1);
            let batch = if at == 0 { 0 } else { at / each };
            if batch >= streamed.batches() {
                return Ok(None);
            }
            streamed.fill(0, batch, rows).map_err(|error| crate::error::chain(&error))?;
            Ok(Some(rows.len()))
        }
        Batches::Streamed(_) => {
            Err("the training data are read from disk in their order, and there are no validation data"
                .into())
        }
    }
}

/// Some sequences of `inputs`.
fn part(inputs: &Inputs, rows: std::ops::Range<usize>) -> Inputs {
    let rows = ndarray::Slice::from(rows);
    match inputs {
        Inputs::Tokens(ids) => Inputs::Tokens(ids.slice_axis(Axis(0), rows).to_owned()),
        Inputs::Channels(ids) => Inputs::Channels(ids.slice_axis(Axis(0), rows).to_owned()),
        Inputs::Real(numbers) => Inputs::Real(numbers.slice_axis(Axis(0), rows).to_owned()),
    }
}

impl Responses {
    /// Adds sequences; `is_backward` if the layer reads them from their end, `has_mask` if steps of zeros are padding.
    fn add(
        &mut self,
        inputs: &Inputs,
        quantity: &Quantity<'_>,
        (unit, is_backward): (usize, bool),
        has_mask: bool,
    ) {
        let (time, sequences) = quantity.dim();
        let value = |t: usize, row: usize| quantity.row(t, row).get(unit).copied().unwrap_or(0.0);
        // The initial state is 0.
        let before = |t: usize, row: usize| match is_backward {
            true if t + 1 < time => value(t + 1, row),
            false if t > 0 => value(t - 1, row),
            _ => 0.0,
        };
        match (inputs, inputs.tokens()) {
            (_, Some(ids)) => self.add_tokens(&ids, |t, row| (value(t, row), before(t, row))),
            (Inputs::Real(numbers), _) => {
                self.add_numbers(&numbers.view(), has_mask, |t, row| (value(t, row), before(t, row)));
            }
            _ => {}
        }
        self.sequences += sequences;
    }

    fn add_tokens(&mut self, ids: &ArrayView2<'_, u32>, values: impl Fn(usize, usize) -> (f32, f32)) {
        for (row, ids) in ids.rows().into_iter().enumerate() {
            for (t, id) in ids.iter().enumerate().filter(|(_, id)| **id != Vocabulary::PADDING) {
                let (value, before) = values(t, row);
                self.by_token.entry(*id).or_default().add(value, before);
                self.total.add(value, before);
            }
        }
    }

    fn add_numbers(
        &mut self,
        numbers: &ArrayView3<'_, f32>,
        has_mask: bool,
        values: impl Fn(usize, usize) -> (f32, f32),
    ) {
        for (row, steps) in numbers.outer_iter().enumerate() {
            let mut extremes: Option<[StepResponse; 2]> = None;
            for (t, inputs) in steps.outer_iter().enumerate() {
                if has_mask && inputs.iter().all(|x| *x == 0.0) {
                    continue;
                }
                let (value, before) = values(t, row);
                self.total.add(value, before);
                let here = || StepResponse {
                    sequence: self.sequences + row,
                    step: t,
                    inputs: inputs.iter().take(StepResponse::INPUTS).copied().collect(),
                    value,
                };
                match &mut extremes {
                    None => extremes = Some([here(), here()]),
                    Some([high, low]) => {
                        if value > high.value {
                            *high = here();
                        }
                        if value < low.value {
                            *low = here();
                        }
                    }
                }
            }
            self.extremes.extend(extremes);
        }
    }

    fn finish(
        self,
        step: u64,
        unit: &LayerUnit,
        is_validation: bool,
        vocabularies: Option<&Vocabularies>,
    ) -> UnitResponse {
        if !self.by_window.is_empty() {
            return self.of_windows((step, unit, is_validation), vocabularies.map(Vocabularies::first));
        }
        let is_frequent = |(_, sums): &(&u32, &Sums)| sums.count >= LEAST_COUNT;
        let least_count = if self.by_token.iter().any(|of| is_frequent(&of)) { LEAST_COUNT } else { 1 };
        let vocabulary = vocabularies.map(Vocabularies::first);
        let mut tokens: Vec<(u32, Sums)> = self.by_token.into_iter().collect();
        tokens.retain(|(_, sums)| sums.count >= least_count);
        let most = |sign: f64| -> Vec<TokenResponse> {
            let mut of_sign: Vec<&(u32, Sums)> =
                tokens.iter().filter(|(_, sums)| sign * sums.change > 0.0).collect();
            let strength = |sums: &Sums| sign * sums.change / sums.count as f64;
            of_sign.small_sort_by(|a, b| strength(&b.1).total_cmp(&strength(&a.1)).then(a.0.cmp(&b.0)));
            of_sign.truncate(UnitResponse::MOST);
            let response = |(id, sums): &(u32, Sums)| TokenResponse {
                token: vocabulary.map_or_else(|| id.to_string(), |known| known.word(*id).to_owned()),
                count: sums.count,
                mean: (sums.value / sums.count as f64) as f32,
                change: (sums.change / sums.count as f64) as f32,
            };
            of_sign.into_iter().map(response).collect()
        };
        let extremes = |place: usize, sign: f32| -> Vec<StepResponse> {
            let mut all: Vec<StepResponse> =
                self.extremes.iter().filter_map(|both| both.get(place).cloned()).collect();
            all.small_sort_by(|a, b| {
                (sign * b.value).total_cmp(&(sign * a.value)).then(a.sequence.cmp(&b.sequence))
            });
            all.truncate(UnitResponse::MOST);
            all
        };
        UnitResponse {
            step,
            unit: unit.clone(),
            is_validation,
            sequences: self.sequences,
            steps: self.total.count,
            mean: (self.total.value / self.total.count.max(1) as f64) as f32,
            least_count,
            rising: most(1.0),
            falling: most(-1.0),
            highest: extremes(0, 1.0),
            lowest: extremes(1, -1.0),
        }
    }
}

impl Sums {
    fn add(&mut self, value: f32, before: f32) {
        self.count += 1;
        self.value += f64::from(value);
        self.change += f64::from(value) - f64::from(before);
    }
}

#[cfg(test)]
mod tests;
