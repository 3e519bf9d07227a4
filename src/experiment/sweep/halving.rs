//! Asynchronous successive halving: of the trials that have trained as long as others, the best share goes on.
//!
//! Source: Li et al. 2020, *A System for Massively Parallel Hyperparameter Tuning* (ASHA), algorithm 2.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::runs::Evaluated;
use crate::sort::SmallSort as _;

/// When trials are compared, and how many of them go on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Halving {
    /// How much a trial trains before it is first compared with others.
    pub first: Amount,
    /// Of so many trials one goes on, for so many times as long.
    pub factor: u32,
}

/// How much a trial has trained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Amount {
    /// `2 epochs`.
    Epochs(u64),
    /// `500 steps`.
    Steps(u64),
    /// `30 s` of training.
    Seconds(f64),
}

/// An amount that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found {0:?}; expected epochs, steps or seconds of training, as in 2epochs, 500steps or 30s")]
pub struct AmountError(String);

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let digits = text.trim().find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.trim().len());
        let (number, unit) = text.trim().split_at(digits);
        let whole = || number.parse().ok().filter(|n| *n > 0);
        let amount = match unit.trim() {
            "epoch" | "epochs" => whole().map(Self::Epochs),
            "step" | "steps" => whole().map(Self::Steps),
            "s" | "seconds" => number.parse().ok().filter(|n| *n > 0.0).map(Self::Seconds),
            _ => None,
        };
        amount.ok_or_else(|| AmountError(text.to_owned()))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Epochs(n) => write!(f, "{n} epochs"),
            Self::Steps(n) => write!(f, "{n} steps"),
            Self::Seconds(n) => write!(f, "{n} s"),
        }
    }
}

impl TryFrom<String> for Amount {
    type Error = AmountError;

    fn try_from(text: String) -> Result<Self, AmountError> {
        text.parse()
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> Self {
        amount.to_string()
    }
}

/// How far a training is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Reached {
    /// Epochs that have ended.
    pub epochs: u64,
    /// Steps made.
    pub steps: u64,
    /// Seconds of steps.
    pub seconds: f64,
}

impl From<&Evaluated> for Reached {
    fn from(found: &Evaluated) -> Self {
        Self { epochs: found.epochs, steps: found.step, seconds: found.seconds }
    }
}

impl Halving {
    /// How much a trial trains before it is compared for the time after `rung` others.
    pub fn amount(&self, rung: u32) -> Amount {
        let times = u64::from(self.factor).saturating_pow(rung);
        match self.first {
            Amount::Epochs(n) => Amount::Epochs(n.saturating_mul(times)),
            Amount::Steps(n) => Amount::Steps(n.saturating_mul(times)),
            Amount::Seconds(n) => Amount::Seconds(n * times as f64),
        }
    }

    /// Whether a training has reached the comparison `rung`.
    pub fn is_reached(&self, rung: u32, reached: Reached) -> bool {
        match self.amount(rung) {
            Amount::Epochs(n) => reached.epochs >= n,
            Amount::Steps(n) => reached.steps >= n,
            Amount::Seconds(n) => reached.seconds >= n,
        }
    }

    /// The combination of settings that goes on, and the comparison that it goes on from: one that is among the best of a comparison, the
    /// latest comparison first. `values` are the results of each comparison, by combination, the smallest the best; `None` diverged.
    /// `may_go_on` says whether a combination has stopped after this comparison, and is not training.
    pub fn promoted(
        &self,
        values: &[Vec<(usize, Option<f64>)>],
        may_go_on: impl Fn(usize, u32) -> bool,
    ) -> Option<(usize, u32)> {
        values.iter().enumerate().rev().find_map(|(rung, results)| {
            let rung = rung as u32;
            let mut ranked: Vec<(usize, f64)> = results
                .iter()
                .map(|(combination, value)| (*combination, value.unwrap_or(f64::INFINITY)))
                .collect();
            // Equal ones in the order of their numbers, so that it does not depend on the order in which they ended.
            ranked.small_sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
            let best = ranked.len() / self.factor.max(2) as usize;
            let mut promoted = ranked.iter().take(best).filter(|(_, value)| value.is_finite());
            promoted
                .find(|(combination, _)| may_go_on(*combination, rung))
                .map(|(combination, _)| (*combination, rung))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written() {
        for (text, amount) in [
            ("2epochs", Amount::Epochs(2)),
            ("1 epoch", Amount::Epochs(1)),
            ("500 steps", Amount::Steps(500)),
            ("30s", Amount::Seconds(30.0)),
            ("0.5 seconds", Amount::Seconds(0.5)),
        ] {
            assert_eq!(text.parse(), Ok(amount), "{text}");
            assert_eq!(amount.to_string().parse(), Ok(amount));
        }
        for wrong in ["", "5", "0 steps", "1.5 epochs", "-1s", "0s", "2 hours", "epochs"] {
            assert!(wrong.parse::<Amount>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_best_third_of_a_comparison_goes_on_once() {
        let halving = Halving { first: Amount::Epochs(1), factor: 3 };
        assert_eq!([0, 1, 2].map(|rung| halving.amount(rung)), [1, 3, 9].map(Amount::Epochs));
        let all = |_, _| true;
        // Two results: nobody is among the best third.
        assert_eq!(halving.promoted(&[vec![(0, Some(0.5)), (1, Some(0.4))]], all), None);
        let first =
            vec![(0, Some(0.5)), (1, Some(0.4)), (2, None), (3, Some(0.3)), (4, Some(0.9)), (5, Some(0.4))];
        assert_eq!(halving.promoted(std::slice::from_ref(&first), all), Some((3, 0)));
        // The third goes on already: the next best, of two equal ones the first.
        assert_eq!(halving.promoted(std::slice::from_ref(&first), |trial, _| trial != 3), Some((1, 0)));
        assert_eq!(halving.promoted(std::slice::from_ref(&first), |trial, _| ![1, 3].contains(&trial)), None);
        // A later comparison goes first.
        let second = vec![(3, Some(0.2)), (1, Some(0.3)), (5, Some(0.1))];
        assert_eq!(halving.promoted(&[first, second], all), Some((5, 1)));
        // Those that diverged are never among the best.
        assert_eq!(halving.promoted(&[vec![(0, None), (1, None), (2, None)]], all), None);
    }
}
