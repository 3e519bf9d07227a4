//! How far back in time the gradient of a network reaches.

use std::collections::BTreeMap;

use crate::protocol::{Direction, Event, GradientProfile};

/// The share of a sequence that is its start, and positions of it at least: the first has no predecessor, and so no part in ∂L/∂U.
const START: (usize, usize) = (10, 2);

/// Of each recurrent layer the gradients of the monitored step on which most reached the start, as shares of the greatest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GradientReach(BTreeMap<(usize, Option<Direction>), Shares>);

impl GradientReach {
    /// Folds an event of training.
    pub fn apply(&mut self, event: &Event) {
        let Event::Gradient(profile) = event else { return };
        let Some(shares) = Shares::of(profile) else { return };
        let farthest = self.0.entry((profile.layer, profile.direction)).or_default();
        if farthest.positions.is_empty() || shares.at_start() > farthest.at_start() {
            *farthest = shares;
        }
    }

    /// Whether nothing was monitored.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The shares in a layer on the step on which most reached the start.
    pub fn farthest(&self, layer: (usize, Option<Direction>)) -> Option<&Shares> {
        self.0.get(&layer)
    }

    /// The most that reached the start in the first layer, in a `Bidirectional` in its forward half.
    pub fn most(&self) -> Option<f64> {
        self.0.values().next().map(Shares::at_start)
    }
}

/// The norms of a profile divided by the greatest; those of `U` where there are any: they contain what flows through a cell state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shares {
    /// One a position.
    pub positions: Vec<f64>,
    /// The first and the last position that is not padding.
    read: (usize, usize),
}

impl Shares {
    /// Those of a profile; `None` without a gradient, or where it is not finite.
    pub fn of(profile: &GradientProfile) -> Option<Self> {
        let norms = if profile.kernel_norm.is_empty() { &profile.hnorm } else { &profile.kernel_norm };
        let greatest = norms.iter().copied().fold(0.0_f32, f32::max);
        let is_usable = greatest > 0.0 && norms.iter().all(|norm| norm.is_finite());
        let positions = || norms.iter().map(|norm| f64::from(norm / greatest)).collect();
        let is_read = |t: &usize| !profile.is_padding(*t);
        let (first, last) = ((0..norms.len()).find(is_read), (0..norms.len()).rfind(is_read));
        let read = (first.unwrap_or(0), last.unwrap_or(norms.len() - 1));
        is_usable.then(|| Self { positions: positions(), read })
    }

    /// The greatest share at the start of the sequence, which is what is between the padding before and behind it.
    pub fn at_start(&self) -> f64 {
        let (part, least) = START;
        let (first, last) = self.read;
        let read = self.positions.get(first..=last).unwrap_or_default();
        let count = (read.len() / part).max(least);
        read.iter().take(count).copied().fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_a_sequence_is_a_part_of_what_is_not_padding() {
        let hnorm = vec![0.9, 0.8, 0.001, 0.01, 0.1, 1.0];
        let profile = GradientProfile { hnorm, ..GradientProfile::default() };
        let at_start = |profile: &GradientProfile| Shares::of(profile).unwrap().at_start();
        assert!((at_start(&profile) - 0.9).abs() < 1e-6);
        let padding = vec![true, true, false, false, false, false];
        assert!((at_start(&GradientProfile { padding, ..profile }) - 0.01).abs() < 1e-6);
        // Thirty positions are read, and a tenth of them are the start, wherever the padding is.
        let read: Vec<f32> = (0..30).map(|t| 0.5_f32.powi(29 - t)).collect();
        let zeros = vec![0.0; 270];
        let norms = [[zeros.clone(), read.clone()].concat(), [read, zeros].concat()];
        let padded = |hnorm: &Vec<f32>| {
            let padding = hnorm.iter().map(|norm| *norm == 0.0).collect();
            at_start(&GradientProfile { hnorm: hnorm.clone(), padding, ..GradientProfile::default() })
        };
        let [before, behind] = norms.each_ref().map(padded);
        assert!((before - 0.5_f64.powi(27)).abs() < 1e-12 && before == behind, "{before} {behind}");
    }
}
