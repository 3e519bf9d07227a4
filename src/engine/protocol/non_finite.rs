use std::fmt;

use serde::{Deserialize, Serialize};

use super::Direction;

/// The first number of a training step that is not finite, in the order in which numbers are computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NonFinite {
    /// Where in the step it is.
    pub phase: Phase,
    /// `input`, `output`, `loss`, a state or gate of a recurrent layer (`h`, `c`, `i`, …), the name of a weight tensor
    /// (`1.recurrent_kernel`), or the derivative of the loss by one of these: `d_output`, `d_h`, `d_1.recurrent_kernel`.
    pub tensor: String,
    /// The layer's number.
    pub layer: Option<usize>,
    /// The layer's class.
    pub class: Option<String>,
    /// Which half of a `Bidirectional`.
    pub direction: Option<Direction>,
    /// The time step, from 0; `None` for what has none, or one alone.
    pub time_step: Option<usize>,
    /// The row of the batch, from 0.
    pub row: Option<usize>,
    /// The unit, or the feature, from 0.
    pub unit: Option<usize>,
    /// The place in a weight tensor, from 0.
    pub index: Option<Vec<usize>>,
    /// `inf`, `-inf` or `NaN`.
    pub value: String,
}

/// A part of a training step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before it: the weights that the step before has left.
    Weights,
    /// The data.
    Input,
    /// The forward pass.
    Forward,
    /// The loss.
    Loss,
    /// The backward pass.
    Backward,
}

impl NonFinite {
    /// A `value` of `tensor` whose place is not known.
    pub fn new(phase: Phase, tensor: impl Into<String>, value: f32) -> Self {
        Self {
            phase,
            tensor: tensor.into(),
            layer: None,
            class: None,
            direction: None,
            time_step: None,
            row: None,
            unit: None,
            index: None,
            value: value.to_string(),
        }
    }

    /// `the state h`, `the gradient of 1.kernel`.
    fn name(&self) -> String {
        match (self.tensor.as_str(), self.tensor.strip_prefix("d_")) {
            ("d_output", _) => "the gradient of the output".into(),
            (_, Some(of)) if self.index.is_some() => format!("the gradient of {of}"),
            (_, Some(of)) => format!("the gradient of the state {of}"),
            ("h" | "c", _) => format!("the state {}", self.tensor),
            (name @ ("input" | "output" | "loss" | "candidate"), _) => format!("the {name}"),
            (name, _) if self.index.is_some() => name.to_owned(),
            (gate, _) => format!("the gate {gate}"),
        }
    }
}

impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name())?;
        if let Some(index) = &self.index {
            return write!(f, " at {index:?} is {}", self.value);
        }
        if let Some(layer) = self.layer {
            write!(f, " of layer {layer}")?;
        }
        match (&self.class, self.direction) {
            (Some(class), Some(Direction::Forward)) => write!(f, " ({class}, forward)")?,
            (Some(class), Some(Direction::Backward)) => write!(f, " ({class}, backward)")?,
            (Some(class), None) => write!(f, " ({class})")?,
            (None, _) => {}
        }
        if let Some(t) = self.time_step {
            write!(f, " at time step {t}")?;
        }
        write!(f, " is {}", self.value)?;
        match (self.row, self.unit) {
            (Some(row), Some(unit)) => write!(f, ", in row {row} of the batch and unit {unit}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_named_with_its_place() {
        let h = NonFinite {
            layer: Some(1),
            class: Some("SimpleRNN".into()),
            time_step: Some(37),
            row: Some(5),
            unit: Some(3),
            ..NonFinite::new(Phase::Forward, "h", f32::INFINITY)
        };
        let place = "layer 1 (SimpleRNN) at time step 37 is inf, in row 5 of the batch and unit 3";
        assert_eq!(h.to_string(), format!("the state h of {place}"));
        let d_h = NonFinite { tensor: "d_h".into(), phase: Phase::Backward, ..h.clone() };
        assert_eq!(d_h.to_string(), format!("the gradient of the state h of {place}"));
        let gate = NonFinite { tensor: "i".into(), direction: Some(Direction::Backward), ..h };
        assert!(gate.to_string().starts_with("the gate i of layer 1 (SimpleRNN, backward) at time step 37"));
        let weight =
            NonFinite { index: Some(vec![3, 4]), ..NonFinite::new(Phase::Weights, "1.kernel", f32::NAN) };
        assert_eq!(weight.to_string(), "1.kernel at [3, 4] is NaN");
        let gradient = NonFinite { tensor: "d_1.kernel".into(), phase: Phase::Backward, ..weight };
        assert_eq!(gradient.to_string(), "the gradient of 1.kernel at [3, 4] is NaN");
        assert_eq!(NonFinite::new(Phase::Loss, "loss", f32::NEG_INFINITY).to_string(), "the loss is -inf");
    }
}
