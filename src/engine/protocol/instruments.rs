use serde::{Deserialize, Serialize};

use super::Direction;

/// The readings of the instruments for one monitored step, besides its [`GradientProfile`](super::GradientProfile)s.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Instruments {
    /// The step whose batch this is.
    pub step: u64,
    /// An entry a recurrent layer, and a direction of it.
    pub layers: Vec<LayerHealth>,
    /// An entry a weight tensor, in the model's order.
    pub params: Vec<ParamNorms>,
    /// The norm of the whole gradient after clipping; before it: [`StepMetrics::grad_norm`](super::StepMetrics::grad_norm). `None` without
    /// clipping, and in recordings that lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clipped_norm: Option<f64>,
}

/// Statistics of a recurrent layer that affect the flow of gradients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerHealth {
    /// The layer's number.
    pub layer: usize,
    /// Which half of a `Bidirectional`.
    pub direction: Option<Direction>,
    /// The quantity of `quantities` that proposes the new state: `h` of a SimpleRNN, `g` of an LSTM, `candidate` of a GRU.
    pub proposal: String,
    /// `h`, and the gates where there are several.
    pub quantities: Vec<QuantityHealth>,
}

/// One quantity of a recurrent layer over the whole batch and all positions but padding, or, where these are many, 17 to 512 of them,
/// spread over time: more the fewer sequences a batch has. Padding is what is masked or, where no mask says so, what stands for ids that are all 0. Shares
/// are of all these values, 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuantityHealth {
    /// By the names of [`Activations::quantity`](super::Activations::quantity).
    pub quantity: String,
    /// Share of the values at the lower flat end of the activation: left-saturated. Below 0.1 for sigmoid (Karpathy, Johnson &
    /// Fei-Fei 2015, section 4.2), below −0.95 for tanh (slope under a tenth), 0 for relu and `hard_sigmoid`; never for linear.
    pub left: f32,
    /// Share of the values at the upper flat end: right-saturated. Above 0.9 for sigmoid, above 0.95 for tanh, 1 for
    /// `hard_sigmoid`; never for relu and linear.
    pub right: f32,
    /// Share of the units that are dead: their value is the same in every sequence at every position that is counted.
    pub dead: f32,
    /// `max |λ|` over the eigenvalues λ of the quantity's block `[units, units]` of the recurrent kernel, after the step's update.
    /// `None` if there is no such block (`h` with gates), and for large layers on most monitored steps.
    pub spectral_radius: Option<f32>,
}

/// The L2 norms of a weight tensor, its gradient and its update.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParamNorms {
    /// `1.recurrent_kernel`: the layer's number and Keras's name.
    pub name: String,
    /// The norm of the weights before the update.
    pub weight: f64,
    /// The norm of their gradient, before clipping.
    pub gradient: f64,
    /// The norm of the update: `‖w_after − w_before‖`.
    pub update: f64,
}

impl LayerHealth {
    /// The spectral radius of the block that proposes the new state, if measured.
    pub fn spectral_radius(&self) -> Option<f32> {
        self.quantities.iter().find(|q| q.quantity == self.proposal)?.spectral_radius
    }

    /// The share of saturated values, at either end: the mean over the gates, of `h` in a layer without gates.
    pub fn saturated(&self) -> f32 {
        let gates = match self.quantities.as_slice() {
            [_, gates @ ..] if !gates.is_empty() => gates,
            all => all,
        };
        gates.iter().map(|gate| gate.left + gate.right).sum::<f32>() / gates.len().max(1) as f32
    }

    /// The share of units whose hidden state is dead.
    pub fn dead(&self) -> f32 {
        self.quantities.first().map_or(0.0, |h| h.dead)
    }

    /// Fills in the spectral radii that were not measured with those of `earlier`.
    pub fn keep_radii(&mut self, earlier: &Self) {
        for (now, before) in self.quantities.iter_mut().zip(&earlier.quantities) {
            now.spectral_radius = now.spectral_radius.or(before.spectral_radius);
        }
    }
}

impl ParamNorms {
    /// `‖update‖ / ‖weight‖`: the relative size of an update; `None` for weights that are all 0.
    pub fn ratio(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.update / self.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(name: &str, left: f32, right: f32, spectral_radius: Option<f32>) -> QuantityHealth {
        QuantityHealth { quantity: name.into(), left, right, dead: 0.0, spectral_radius }
    }

    fn layer(proposal: &str, quantities: Vec<QuantityHealth>) -> LayerHealth {
        LayerHealth { layer: 1, direction: None, proposal: proposal.into(), quantities }
    }

    #[test]
    fn saturation_is_that_of_the_gates_where_there_are_any() {
        let rnn = layer("h", vec![quantity("h", 0.1, 0.15, Some(0.5))]);
        assert!((rnn.saturated() - 0.25).abs() < 1e-6);
        assert_eq!(rnn.spectral_radius(), Some(0.5));
        let h = quantity("h", 0.9, 0.0, None);
        let gru = layer(
            "candidate",
            vec![h, quantity("z", 0.2, 0.2, None), quantity("candidate", 0.0, 0.0, Some(2.0))],
        );
        assert!((gru.saturated() - 0.2).abs() < 1e-6);
        assert_eq!(gru.spectral_radius(), Some(2.0));
        assert_eq!(layer("h", Vec::new()).saturated(), 0.0);
    }

    #[test]
    fn a_radius_stays_until_it_is_measured_anew() {
        let mut now = layer("h", vec![quantity("h", 0.0, 0.0, None)]);
        now.keep_radii(&layer("h", vec![quantity("h", 0.0, 0.0, Some(1.5))]));
        assert_eq!(now.spectral_radius(), Some(1.5));
        let mut measured = layer("h", vec![quantity("h", 0.0, 0.0, Some(0.7))]);
        measured.keep_radii(&now);
        assert_eq!(measured.spectral_radius(), Some(0.7));
    }

    #[test]
    fn weights_of_zero_have_no_ratio() {
        let norms = ParamNorms { name: "1.bias".into(), weight: 0.0, gradient: 1.0, update: 1e-3 };
        assert_eq!(norms.ratio(), None);
        assert_eq!(ParamNorms { weight: 0.5, ..norms }.ratio(), Some(2e-3));
    }
}
