use super::heads::{Barred, Head, Reach, Scratch, chance, combine, combine_backward};
use super::scores::{Gradients, Scores};
use crate::nn::layer::{Misfit, Pass, Shape, Tape};
use crate::nn::{Block, Signal};

// Slots of the tape: 0 the weights [batch, query time, key time]; 1 to 4 room for one sequence; 5 ∂L/∂query; 6 ∂L/∂value.

/// What [`Attention`](crate::nn::Attention) and [`AdditiveAttention`](crate::nn::AdditiveAttention) give for their inputs.
///
/// # Errors
/// When the inputs are no sequences of the same features.
pub(in crate::nn) fn output(inputs: &[Shape], who: &str) -> Result<Shape, Misfit> {
    let (time, features) = inputs[0].sequence(who)?;
    for input in inputs {
        let (keys, other) = input.sequence(who)?;
        if other != features {
            return Err(Misfit::of(
                "inputs",
                format!("{who} compares a query of {features} features with values of {other}"),
                "both must have as many: give both layers as many units",
            ));
        }
        Misfit::spacious("weights", &[time, keys])?;
    }
    Ok(Shape::Sequence { time, features })
}

/// A query attends to a value that is its own key.
#[derive(Debug)]
pub(in crate::nn) struct Over<'a> {
    query: &'a Block,
    value: &'a Block,
    scores: Scores<'a>,
    dropout: f64,
    reach: Reach<'a>,
}

impl<'a> Over<'a> {
    /// Of `[query, value]`, or of one sequence over itself.
    pub fn new(pass: &Pass<'a>, inputs: &[Signal<'a>], scores: Scores<'a>, dropout: f64) -> Self {
        let last = inputs.len() - 1;
        let reach = Reach { queries: None, keys: pass.masks[last], barred: Barred::Everything };
        Self { query: inputs[0].real(), value: inputs[last].real(), scores, dropout, reach }
    }

    fn head(&self, row: usize) -> Head {
        Head { row, first: 0, width: self.query.dim().2 }
    }

    /// Writes the output, 0 at masked queries.
    pub fn forward(&self, pass: &Pass<'_>, tape: &mut Tape) {
        let (queries, batch, features) = self.query.dim();
        let keys = self.value.dim().0;
        let Tape { out, slots: [weights, d_scores, factors, rows, pairs, ..], .. } = tape;
        let mut scratch = Scratch { d_scores, factors, rows };
        weights.reshape(batch, queries, keys);
        out.reshape(queries, batch, features);
        for row in 0..batch {
            let (head, weights) = (self.head(row), weights.step_mut(row));
            self.scores.fill(weights, self.query, self.value, head, pairs);
            self.reach.softmax(row, weights, keys);
            let mut rng = chance(pass, self.dropout, row);
            let dropout = rng.as_mut().map(|rng| (self.dropout, rng));
            combine((out, head), weights, (self.value, head), dropout, &mut scratch);
        }
        clear_masked(out, pass);
    }

    /// Adds ∂L/∂parameters to `grads`, and writes ∂L/∂inputs to `d_in` where wanted.
    pub fn backward(
        &self,
        pass: &Pass<'_>,
        tape: &mut Tape,
        d_out: &mut Block,
        grads: &mut [f32],
        d_in: Option<&mut [Block]>,
    ) {
        let (queries, batch, features) = self.query.dim();
        let keys = self.value.dim().0;
        let [weights, d_scores, factors, rows, _, d_query, d_value, ..] = &mut tape.slots;
        let mut scratch = Scratch { d_scores, factors, rows };
        d_query.zeroed(queries, batch, features);
        d_value.zeroed(keys, batch, features);
        clear_masked(d_out, pass);
        for row in 0..batch {
            let (head, weights) = (self.head(row), weights.step(row));
            let mut rng = chance(pass, self.dropout, row);
            let dropout = rng.as_mut().map(|rng| (self.dropout, rng));
            let value = (self.value, head);
            combine_backward((d_out, head), weights, value, d_value, self.reach, dropout, &mut scratch);
            let mut grads = Gradients { query: d_query, key: d_value, params: grads };
            self.scores.backward(self.query, self.value, head, &mut grads, &mut scratch);
        }
        match d_in {
            Some([to_both]) => {
                d_query.data_mut().iter_mut().zip(d_value.data()).for_each(|(sum, d)| *sum += d);
                std::mem::swap(to_both, d_query);
            }
            Some([to_query, to_value, ..]) => {
                std::mem::swap(to_query, d_query);
                std::mem::swap(to_value, d_value);
            }
            _ => {}
        }
    }
}

/// Sets the rows of masked queries to 0.
fn clear_masked(block: &mut Block, pass: &Pass<'_>) {
    let Some(mask) = pass.masks[0] else { return };
    let (_, _, features) = block.dim();
    for (row, read) in block.data_mut().chunks_exact_mut(features).zip(mask.data()) {
        if !read {
            row.fill(0.0);
        }
    }
}
