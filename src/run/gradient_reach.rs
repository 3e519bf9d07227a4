//! How far back in time the gradient of a network reaches.

use std::collections::BTreeMap;

use crate::protocol::{Direction, Event, GradientProfile};

/// The share of a sequence that is its start, and positions of it at least: the first has no predecessor, and so no part in ∂L/∂U.
const START: (usize, usize) = (10, 2);

/// Of each recurrent layer the gradients of the monitored step on which most reached the start, as shares of the greatest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GradientReach(BTreeMap<(usize, Option<Direction>), Vec<f64>>);

impl GradientReach {
    /// Folds an event of training.
    pub fn apply(&mut self, event: &Event) {
        let Event::Gradient(profile) = event else { return };
        let Some(shares) = shares(profile) else { return };
        let farthest = self.0.entry((profile.layer, profile.direction)).or_default();
        if farthest.is_empty() || at_start(&shares) > at_start(farthest) {
            *farthest = shares;
        }
    }

    /// Whether nothing was monitored.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The shares in a layer on the step on which most reached the start.
    pub fn farthest(&self, layer: (usize, Option<Direction>)) -> Option<&[f64]> {
        self.0.get(&layer).map(Vec::as_slice)
    }

    /// The most that reached the start in the first layer, in a `Bidirectional` in its forward half.
    pub fn most(&self) -> Option<f64> {
        self.0.values().next().map(|farthest| at_start(farthest))
    }
}

/// The norms of a profile divided by the greatest; those of `U` where there are any: they contain what flows through a cell state.
pub fn shares(profile: &GradientProfile) -> Option<Vec<f64>> {
    let norms = if profile.kernel_norm.is_empty() { &profile.hnorm } else { &profile.kernel_norm };
    let greatest = norms.iter().copied().fold(0.0_f32, f32::max);
    let is_usable = greatest > 0.0 && norms.iter().all(|norm| norm.is_finite());
    is_usable.then(|| norms.iter().map(|norm| f64::from(norm / greatest)).collect())
}

/// The greatest share at the start of the sequence.
pub fn at_start(shares: &[f64]) -> f64 {
    let (part, least) = START;
    let count = (shares.len() / part).max(least);
    shares.iter().take(count).copied().fold(0.0, f64::max)
}
