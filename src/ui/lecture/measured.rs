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
/// The accuracy from which on a network has learnt its task.
const LEARNT: f64 = 0.95;

/// A network in training, as far as it is known from its events.
#[derive(Debug, Default)]
pub(super) struct Training {
    pub run: RunState,
    /// Of the latest epoch, with its last step.
    metrics: Option<(u64, Metrics)>,
    /// The profile of which the greatest part of the gradient at the last step arrived at the first so far, with that part.
    farthest: Option<(GradientProfile, f64)>,
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
            Event::Epoch(epoch) => self.metrics = Some((epoch.step, epoch.metrics.clone())),
            Event::Gradient(profile) => {
                if let Some(share) = reach(profile)
                    && self.farthest.as_ref().is_none_or(|(_, most)| *most < share)
                {
                    self.farthest = Some((profile.clone(), share));
                }
            }
            _ => {}
        }
    }

    /// The share of the answers for unseen data that are right, after the latest epoch.
    pub fn accuracy(&self) -> Option<f64> {
        self.metric("val_accuracy")
    }

    /// A metric of the latest epoch.
    fn metric(&self, name: &str) -> Option<f64> {
        self.metrics.as_ref()?.1.get(name)
    }

    /// The value of a number in a text as it is measured at present; `None` before it is.
    pub fn value(&self, name: &str, choice: Choice, words: &Words) -> Option<String> {
        let number = |x: f64| Some(number::metric(x));
        let answer = |probe| self.answer(probe);
        let other = 1 - choice.probe.min(1);
        match name {
            // That of the accuracy, not of the latest batch.
            "step" => Some(number::count(self.metrics.as_ref()?.0)),
            "accuracy" => Some(number::percent(self.accuracy()?)),
            "legal" => Some(number::percent(self.metric("val_legal")?)),
            "answer" => Some(format!("{:.3}", answer(choice.probe)?)),
            "other" => Some(format!("{:.3}", answer(other)?)),
            "difference" => Some(format!("{:.3}", (answer(choice.probe)? - answer(other)?).abs())),
            "tokens" => Some(self.tokens(choice.probe)?.len().to_string()),
            "position" => Some((choice.token + 1).to_string()),
            "word" => Some(foreign(self.tokens(choice.probe)?.get(choice.token)?).into_owned()),
            "word_answer" => {
                Some(format!("{:.3}", (*self.answers_by_token(choice.probe)?.get(choice.token)?)?))
            }
            "differing" => Some(differing(&self.differing_states()?, words)),
            "depth" => Some(self.profile()?.hnorm.len().to_string()),
            "start_first" => number(self.ends_at_first()?[0]),
            "start_last" => number(self.ends_at_first()?[1]),
            "loss" => number(self.run.latest()?.loss),
            "ratio" => match ends(self.first_profile()?, &self.first_profile()?.hnorm)? {
                [0.0, _] => Some(words.zero.to_owned()),
                _ => Some(compared(ratio(self.first_profile()?)?, words)),
            },
            "half_life" => Some(self.half_life(words)?),
            "parameters" => Some(number::count(self.run.info()?.model.params() as u64)),
            "reach" => number(self.farthest.as_ref()?.1),
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

    /// For each token, whether the states of the first two examples after it differ.
    fn differing_states(&self) -> Option<Vec<bool>> {
        let (one, two) = (self.states(0)?, self.states(1)?);
        let rows = one.values.chunks(one.units.max(1)).zip(two.values.chunks(two.units.max(1)));
        let differ = |(a, b): (&[f32], &[f32])| !a.iter().zip(b).all(|(a, b)| (a - b).abs() < SAME);
        Some(rows.map(differ).collect())
    }

    /// The latest profile of the first recurrent layer.
    pub fn profile(&self) -> Option<&GradientProfile> {
        Some(&self.run.profiles(self.run.recurrent_layers().next()?)?.latest)
    }

    /// The first of the run: before anything was learnt.
    pub fn first_profile(&self) -> Option<&GradientProfile> {
        Some(&self.run.profiles(self.run.recurrent_layers().next()?)?.first)
    }

    /// The one of which the most reached the first step.
    pub fn farthest_profile(&self) -> Option<&GradientProfile> {
        self.farthest.as_ref().map(|(profile, _)| profile)
    }

    /// The gradient at the first and at the last step of the input at the start of training.
    fn ends_at_first(&self) -> Option<[f64; 2]> {
        let profile = self.first_profile()?;
        ends(profile, &profile.hnorm)
    }

    /// In words, how fast the gradient fades.
    fn half_life(&self, words: &Words) -> Option<String> {
        let profile = self.profile()?;
        Some(match profile.half_life {
            None => words.no_slope.to_owned(),
            Some(steps) if steps < 0.0 => words.grows.to_owned(),
            Some(steps) if steps > 4.0 * profile.hnorm.len() as f32 => words.is_flat.to_owned(),
            Some(steps) => {
                let halves = words.halves.replace("{steps}", &format!("{steps:.1}"));
                // The short half-life of a network that remembers is no sign that it cannot learn.
                let is_learnt = self.accuracy().is_some_and(|accuracy| accuracy >= LEARNT);
                halves + if is_learnt { words.as_learnt } else { "" }
            }
        })
    }
}

/// The states of the last recurrent layer in a frame.
fn states(frame: &ProbeFrame) -> Option<&Activations> {
    frame.activations.iter().rfind(|activations| activations.quantity == "h")
}

/// In words, after which tokens the states differ.
fn differing(differ: &[bool], words: &Words) -> String {
    let count = differ.iter().filter(|differs| **differs).count();
    let Some(first) = differ.iter().position(|differs| *differs) else {
        return words.states_same.to_owned();
    };
    let is_to_end = count == differ.len() - first;
    let text = if is_to_end { words.states_differ_to_end } else { words.states_differ };
    let numbers = [("word", first + 1), ("count", count), ("tokens", differ.len())];
    numbers.iter().fold(text.to_owned(), |text, (name, number)| {
        text.replace(&format!("{{{name}}}"), &number.to_string())
    })
}

/// In words, how the gradient at the first step compares with that at the last, which is `ratio` times as great.
fn compared(ratio: f64, words: &Words) -> String {
    let (text, times) = match ratio >= 1.0 {
        true => (words.smaller, rounded(ratio)),
        false => (words.greater, rounded(1.0 / ratio)),
    };
    match times.as_str() {
        "1.0" => words.as_great.to_owned(),
        times => text.replace("{times}", times),
    }
}

/// How many times greater the gradient is at the last step than at the first.
fn ratio(profile: &GradientProfile) -> Option<f64> {
    let [first, last] = ends(profile, &profile.hnorm)?;
    Some(last / first).filter(|ratio| ratio.is_normal())
}

/// Of `norms` those of the first and of the last step that is not padding.
fn ends(profile: &GradientProfile, norms: &[f32]) -> Option<[f64; 2]> {
    let at = |position: usize| norms.get(position).copied().map(f64::from);
    Some([at(profile.first_position())?, at(profile.last_position())?])
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
    let [first, last] = ends(profile, memory(profile))?;
    Some(first / last).filter(|share| share.is_finite())
}

/// The sentences of `text` of which all numbers are measured, with these filled in, and at the end what is not measured yet.
pub(super) fn filled(text: &str, words: &Words, value: impl Fn(&str) -> Option<String>) -> String {
    let mut sentences: Vec<String> = Vec::new();
    let mut missing: Vec<&str> = Vec::new();
    for sentence in text.split_inclusive(". ") {
        match sentence_of(sentence.trim_end(), &value) {
            Ok(sentence) => sentences.push(sentence),
            Err(name) => missing.push(words.not_measured(name)),
        }
    }
    missing.dedup();
    sentences.extend(missing.into_iter().map(str::to_owned));
    sentences.join(" ")
}

/// A sentence with its numbers; the name of the first that is not measured.
fn sentence_of(text: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, &str> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        out += before;
        out += &value(name).ok_or(name)?;
        rest = after;
    }
    Ok(out + rest)
}

impl Words {
    /// Says that the number of this name is not measured yet.
    fn not_measured(&self, name: &str) -> &'static str {
        match name {
            "step" | "accuracy" | "legal" => self.no_accuracy,
            "depth" | "start_first" | "start_last" | "loss" | "ratio" | "half_life" | "reach" => {
                self.no_gradient
            }
            _ => self.no_answer,
        }
    }
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
    fn a_sentence_with_a_number_that_is_not_measured_is_left_out_and_this_is_said() {
        let words = &crate::ui::lecture::Language::English.texts().words;
        let text =
            "It is {answer}, not {other}. After {step} steps {accuracy}; {legal}. A fact. Now {half_life}.";
        let known = |names: &'static [&str]| {
            filled(text, words, move |name| names.contains(&name).then(|| "0.5".to_owned()))
        };
        let (answer, accuracy, gradient) = (words.no_answer, words.no_accuracy, words.no_gradient);
        assert_eq!(known(&[]), format!("A fact. {answer} {accuracy} {gradient}"));
        assert_eq!(
            known(&["answer", "other", "half_life", "step"]),
            format!("It is 0.5, not 0.5. A fact. Now 0.5. {accuracy}")
        );
        assert_eq!(
            known(&["answer", "other", "half_life", "step", "accuracy", "legal"]),
            "It is 0.5, not 0.5. After 0.5 steps 0.5; 0.5. A fact. Now 0.5."
        );
        assert_eq!(filled("no number, {open", words, |_| None), "no number, {open");
        assert_eq!(names("x {a}, {b}; {a}"), ["a", "b", "a"]);
    }

    #[test]
    fn ratios_and_states_are_said_as_they_are_measured() {
        let words = &crate::ui::lecture::Language::English.texts().words;
        assert_eq!(compared(810.0, words), "810 times smaller than at the last");
        assert_eq!(compared(0.5, words), "2.0 times greater than at the last");
        assert_eq!(compared(0.99, words), "about as great as at the last");
        assert_eq!(differing(&[false, false], words), "all states are the same");
        assert_eq!(
            differing(&[false, true, true], words),
            "the states differ from word 2 to the end, and are the same before"
        );
        assert_eq!(differing(&[false, true, false], words), "1 of 3 states differ, the first after word 2");
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
            padding: Vec::new(),
            half_life: None,
        };
        assert!((ratio(&profile).unwrap() - 500.0).abs() < 1e-3);
        assert!((reach(&profile).unwrap() - 0.1).abs() < 1e-6);
        let padded = GradientProfile { padding: vec![true, false, false], ..profile.clone() };
        assert!((ratio(&padded).unwrap() - 50.0).abs() < 1e-3);
        assert!((reach(&padded).unwrap() - 0.5).abs() < 1e-6);
        assert_eq!(ratio(&GradientProfile { hnorm: vec![0.0, 1.0], ..profile }), None);
    }
}
