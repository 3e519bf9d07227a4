//! What was measured of a network, as numbers in sentences.

use crate::escape::foreign;
use crate::metrics::Metrics;
use crate::number;
use crate::protocol::{Activations, AttentionWeights, Event, GradientProfile, ProbeFrame};
use crate::ui::run_state::RunState;

use super::texts::Words;

/// The class whose probability the answers are.
const POSITIVE: &str = "positive";
/// States that differ by less are the same.
const SAME: f32 = 1e-6;

/// A network in training, as far as it is known from its events.
#[derive(Debug, Default)]
pub(super) struct Training {
    pub run: RunState,
    /// Of the latest epoch.
    metrics: Metrics,
    /// The greatest part of the gradient at the last step that arrived at the first so far.
    reach: Option<f64>,
}

/// What the reader looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    /// The example.
    pub probe: usize,
    /// The token of the example.
    pub token: usize,
}

impl Training {
    /// Folds an event.
    pub fn apply(&mut self, event: &Event) {
        self.run.apply(event);
        match event {
            Event::Epoch(epoch) => self.metrics = epoch.metrics.clone(),
            Event::Gradient(profile) => {
                self.reach = self.reach.into_iter().chain(reach(profile)).reduce(f64::max);
            }
            _ => {}
        }
    }

    /// The share of the answers for unseen data that are right, after the latest epoch.
    pub fn accuracy(&self) -> Option<f64> {
        self.metrics.get("val_accuracy")
    }

    /// The value of a number in a text as it is measured at present; `None` before it is.
    pub fn value(&self, name: &str, choice: Choice, words: &Words) -> Option<String> {
        let number = |x: f64| Some(number::metric(x));
        let answer = |probe| self.answer(probe);
        let other = 1 - choice.probe.min(1);
        match name {
            "step" => Some(number::count(self.run.latest()?.step)),
            "accuracy" => Some(number::percent(self.accuracy()?)),
            "legal" => Some(number::percent(self.metrics.get("val_legal")?)),
            "answer" => Some(format!("{:.3}", answer(choice.probe)?)),
            "other" => Some(format!("{:.3}", answer(other)?)),
            "difference" => Some(format!("{:.3}", (answer(choice.probe)? - answer(other)?).abs())),
            "tokens" => Some(self.tokens(choice.probe)?.len().to_string()),
            "position" => Some((choice.token + 1).to_string()),
            "word" => Some(foreign(self.tokens(choice.probe)?.get(choice.token)?).into_owned()),
            "word_answer" => {
                Some(format!("{:.3}", (*self.answers_by_token(choice.probe)?.get(choice.token)?)?))
            }
            "same" => Some(self.same_states()?.to_string()),
            "depth" => Some(self.profile()?.hnorm.len().to_string()),
            "gradient_first" => number(f64::from(*self.profile()?.hnorm.first()?)),
            "gradient_last" => number(f64::from(*self.profile()?.hnorm.last()?)),
            "ratio" => Some(rounded(ratio(self.first_profile()?)?)),
            "half_life" => Some(self.half_life(words)?),
            "parameters" => Some(number::count(self.run.info()?.model.params() as u64)),
            "reach" => number(self.reach?),
            "looker" => Some(self.strongest_look(choice.probe)?.0),
            "looked_at" => Some(self.strongest_look(choice.probe)?.1),
            "weight" => Some(format!("{:.2}", self.strongest_look(choice.probe)?.2)),
            _ => None,
        }
    }

    /// The tokens of an example.
    pub fn tokens(&self, probe: usize) -> Option<&[String]> {
        Some(&self.run.info()?.probes.get(probe)?.tokens)
    }

    /// The probability of the class `positive` for an example; of other classes the greatest.
    pub fn answer(&self, probe: usize) -> Option<f32> {
        let (frame, info) = (self.run.probe(probe)?, self.run.info()?);
        let positive = info.data.classes.iter().position(|class| class.label == POSITIVE);
        match positive {
            Some(class) => frame.prediction.get(class).copied(),
            None => frame.prediction.iter().copied().max_by(f32::total_cmp),
        }
    }

    /// The same after each token, where it is predicted there.
    pub fn answers_by_token(&self, probe: usize) -> Option<Vec<Option<f32>>> {
        let positive = |outputs: &[(String, f32)]| {
            outputs.iter().find(|(name, _)| name == POSITIVE).map(|(_, share)| *share)
        };
        let frame = self.run.probe(probe)?;
        Some(frame.by_token.iter().map(|token| positive(&token.outputs)).collect())
    }

    /// The states of the last recurrent layer after each token of an example.
    pub fn states(&self, probe: usize) -> Option<&Activations> {
        states(self.run.probe(probe)?)
    }

    /// The weights with which an example was read.
    pub fn attention(&self, probe: usize) -> Option<&AttentionWeights> {
        self.run.probe(probe)?.attention.first()
    }

    /// The token that looks at another one with the greatest weight, the other, and the weight.
    fn strongest_look(&self, probe: usize) -> Option<(String, String, f32)> {
        let (weights, tokens) = (self.attention(probe)?, self.tokens(probe)?);
        let (query, key) = (weights.first_query?, weights.first_key?);
        let all = weights.values.iter().enumerate();
        let pairs = all.filter_map(|(i, weight)| {
            let (row, column) = (i.checked_div(weights.keys)?, i.checked_rem(weights.keys)?);
            (query + row != key + column).then_some((query + row, key + column, *weight))
        });
        let (from, to, weight) = pairs.max_by(|a, b| a.2.total_cmp(&b.2))?;
        let token = |at: usize| Some(foreign(tokens.get(at)?).into_owned());
        Some((token(from)?, token(to)?, weight))
    }

    /// The number of tokens after which the first two examples have the same state.
    fn same_states(&self) -> Option<usize> {
        let (one, two) = (self.states(0)?, self.states(1)?);
        let rows = one.values.chunks(one.units.max(1)).zip(two.values.chunks(two.units.max(1)));
        let is_same = |(a, b): &(&[f32], &[f32])| a.iter().zip(*b).all(|(a, b)| (a - b).abs() < SAME);
        Some(rows.take_while(is_same).count())
    }

    /// The latest profile of the first recurrent layer.
    pub fn profile(&self) -> Option<&GradientProfile> {
        Some(&self.run.profiles(self.run.recurrent_layers().next()?)?.latest)
    }

    /// The first of the run: before anything was learnt.
    pub fn first_profile(&self) -> Option<&GradientProfile> {
        Some(&self.run.profiles(self.run.recurrent_layers().next()?)?.first)
    }

    /// In words, how fast the gradient fades.
    fn half_life(&self, words: &Words) -> Option<String> {
        let profile = self.profile()?;
        Some(match profile.half_life {
            None => words.no_slope.to_owned(),
            Some(steps) if steps < 0.0 => words.grows.to_owned(),
            Some(steps) if steps > 4.0 * profile.hnorm.len() as f32 => words.is_flat.to_owned(),
            Some(steps) => words.halves.replace("{steps}", &format!("{steps:.1}")),
        })
    }
}

/// The states of the last recurrent layer in a frame.
fn states(frame: &ProbeFrame) -> Option<&Activations> {
    frame.activations.iter().rfind(|activations| activations.quantity == "h")
}

/// How many times greater the gradient is at the last step than at the first.
fn ratio(profile: &GradientProfile) -> Option<f64> {
    let (first, last) = (f64::from(*profile.hnorm.first()?), f64::from(*profile.hnorm.last()?));
    Some(last / first).filter(|ratio| ratio.is_finite())
}

/// The norms of the state that the cell remembers with: the cell state of an LSTM, or else the hidden state.
pub(super) fn memory(profile: &GradientProfile) -> &[f32] {
    if profile.cnorm.is_empty() { &profile.hnorm } else { &profile.cnorm }
}

/// A number in two digits: more say nothing, as it differs from batch to batch.
fn rounded(x: f64) -> String {
    if x < 10.0 {
        return format!("{x:.1}");
    }
    let unit = 10_f64.powf(x.log10().floor() - 1.0);
    number::count(((x / unit).round() * unit).round() as u64)
}

/// Which part of the gradient of the memory at the last step arrived at the first.
fn reach(profile: &GradientProfile) -> Option<f64> {
    let norms = memory(profile);
    let (first, last) = (f64::from(*norms.first()?), f64::from(*norms.last()?));
    Some(first / last).filter(|share| share.is_finite())
}

/// `text` with its numbers filled in; `…` for one that is not measured yet.
pub(super) fn filled(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        out += before;
        out += value(name).as_deref().unwrap_or("…");
        rest = after;
    }
    out + rest
}

/// The names of the numbers in a text.
#[cfg(test)]
pub(super) fn names(text: &str) -> Vec<&str> {
    text.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_filled_in_and_missing_ones_are_seen() {
        let value = |name: &str| (name == "a").then(|| "1.5".to_owned());
        assert_eq!(filled("x {a}, {b}; {a}", value), "x 1.5, …; 1.5");
        assert_eq!(filled("no number, {open", value), "no number, {open");
        assert_eq!(names("x {a}, {b}; {a}"), ["a", "b", "a"]);
    }

    #[test]
    fn ratios_are_rounded_to_two_digits() {
        let of = [1.26, 9.0, 36.4, 512.0, 36_422.0, 1e9].map(rounded);
        assert_eq!(of, ["1.3", "9.0", "36", "510", "36,000", "1,000,000,000"]);
    }

    #[test]
    fn ratio_and_reach_compare_the_ends_of_a_profile() {
        let profile = GradientProfile {
            step: 1,
            layer: 1,
            direction: None,
            hnorm: vec![0.001, 0.01, 0.5],
            kernel_norm: Vec::new(),
            cnorm: vec![0.02, 0.1, 0.2],
            half_life: None,
        };
        assert!((ratio(&profile).unwrap() - 500.0).abs() < 1e-3);
        assert!((reach(&profile).unwrap() - 0.1).abs() < 1e-6);
        assert_eq!(ratio(&GradientProfile { hnorm: vec![0.0, 1.0], ..profile }), None);
    }
}
