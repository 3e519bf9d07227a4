use std::path::Path;

use super::InferError;
use super::network::Network;
use crate::data::text::tokenizer::for_each_token;
use crate::data::{InputForm, Level, TargetForm, TokenSpec, Vocabulary};
use crate::nn::{Params, Stepwise};
use crate::preset::{RunSpec, SampleSpec};
use crate::rng::Rng;
use crate::run::{checkpoint::Which, read_json};

/// Generates text with a language model, sampling token after token from the predicted distribution.
///
/// ```text
/// p(token) ∝ exp(z/T)      z: the logit of the token, T: the temperature; T = 0 takes the most likely
/// ```
/// Padding and the unknown word are never sampled. The cost of a token does not depend on its position.
#[derive(Debug)]
pub struct Generator {
    stepwise: Stepwise,
    vocabulary: Vocabulary,
    level: Level,
}

impl Generator {
    /// Creates a generator for the network of `spec`.
    ///
    /// # Errors
    /// A message if it is not a language model, or one that depends on later tokens.
    pub fn new(spec: &RunSpec, vocabulary: Vocabulary) -> Result<Self, String> {
        let form = spec.form();
        let (InputForm::Tokens { vocabulary: ids, .. }, TargetForm::Next, Some(tokens)) =
            (form.inputs, form.targets, &spec.tokens)
        else {
            return Err("this is not a language model: only a network trained on a text (source: text) \
                        generates text"
                .into());
        };
        let stepwise = Stepwise::new(&spec.model, ids, spec.train.loss).map_err(|e| e.to_string())?;
        let TokenSpec { level, .. } = *tokens;
        Ok(Self { stepwise, vocabulary, level })
    }

    /// Opens the model and the weights of the run in the folder `run`.
    ///
    /// # Errors
    /// When the folder is not a run or is damaged, or its model is not a language model.
    pub fn open(run: &Path, which: Which) -> Result<(Self, Params), InferError> {
        let spec = Network::spec(run, None, &[])?;
        let generator = Self::new(&spec, read_json(run, "vocabulary.json")?).map_err(InferError::Task)?;
        let network = Network::open(run, spec, which)?;
        network.check_files()?;
        Ok((generator, network.params))
    }

    /// The tokens of `prime` that the model does not know, each once, and how many of how many tokens these are.
    pub fn unknown(&self, prime: &str) -> (Vec<String>, usize, usize) {
        let (mut names, mut unknown, mut all, mut word) = (Vec::new(), 0, 0, String::new());
        for_each_token(prime, self.level, &mut word, |token| {
            all += 1;
            if self.vocabulary.id(token).is_none() {
                unknown += 1;
                if !names.iter().any(|name| name == token) {
                    names.push(token.to_owned());
                }
            }
        });
        (names, unknown, all)
    }

    /// Continues `settings.prime` by `settings.length` tokens, with the weights `params`; passes the text of each to `each`. An empty prime
    /// is replaced by a line end.
    pub fn generate(
        &mut self,
        params: &Params,
        settings: &SampleSpec,
        rng: &mut Rng,
        mut each: impl FnMut(&str),
    ) {
        self.stepwise.reset_states();
        let mut prime = self.vocabulary.encode(&settings.prime, self.level);
        let last = prime.pop().or_else(|| self.vocabulary.id("\n")).unwrap_or(Vocabulary::FIRST);
        for id in prime {
            self.stepwise.read(params, id);
        }
        let mut id = last;
        for number in 0..settings.length {
            let logits = self.stepwise.read(params, id);
            let known = logits.get(..self.vocabulary.len()).unwrap_or(logits);
            let Some(next) = sample(known, settings.temperature, rng) else { return };
            let gap = matches!(self.level, Level::Word | Level::Symbol);
            if gap && (number > 0 || !settings.prime.is_empty()) {
                each(" ");
            }
            each(self.vocabulary.word(next));
            id = next;
        }
    }

    /// The text `prime` with `token` behind it; `None` if the model does not know the token.
    pub fn extended(&self, prime: &str, token: &str) -> Option<String> {
        self.vocabulary.id(token)?;
        let has_gaps = matches!(self.level, Level::Word | Level::Symbol);
        let gap = if has_gaps && !prime.is_empty() { " " } else { "" };
        Some(format!("{prime}{gap}{token}"))
    }

    /// The `most` most probable tokens after `prime` with their probabilities, the most probable first.
    pub fn candidates(&mut self, params: &Params, prime: &str, most: usize) -> Vec<(String, f32)> {
        self.stepwise.reset_states();
        let mut prime = self.vocabulary.encode(prime, self.level);
        let last = prime.pop().or_else(|| self.vocabulary.id("\n")).unwrap_or(Vocabulary::FIRST);
        for id in prime {
            self.stepwise.read(params, id);
        }
        let logits = self.stepwise.read(params, last);
        let known = logits.get(..self.vocabulary.len()).unwrap_or(logits);
        let first = Vocabulary::FIRST as usize;
        let words: Vec<(usize, f32)> = known.iter().copied().enumerate().skip(first).collect();
        let greatest = words.iter().map(|(_, z)| *z).fold(f32::NEG_INFINITY, f32::max);
        let mut weights: Vec<(usize, f32)> =
            words.into_iter().map(|(id, z)| (id, (z - greatest).exp())).collect();
        let sum: f32 = weights.iter().map(|(_, weight)| weight).sum();
        weights.sort_by(|a, b| b.1.total_cmp(&a.1));
        weights.truncate(most);
        let named = |(id, weight): (usize, f32)| (self.vocabulary.word(id as u32).to_owned(), weight / sum);
        weights.into_iter().map(named).filter(|(_, p)| p.is_finite()).collect()
    }
}

/// Samples an id from [`Vocabulary::FIRST`] on by `logits` at `temperature`; `None` if there are no such ids.
fn sample(logits: &[f32], temperature: f64, rng: &mut Rng) -> Option<u32> {
    let words = logits.get(Vocabulary::FIRST as usize..)?;
    let (best, greatest) = words.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    let id = |place: usize| Vocabulary::FIRST + place as u32;
    if temperature <= 0.0 {
        return Some(id(best));
    }
    let weight = |z: &f32| (f64::from(z - greatest) / temperature).exp();
    let mut left = rng.uniform() * words.iter().map(weight).sum::<f64>();
    let sampled = words.iter().position(|z| {
        left -= weight(z);
        left < 0.0
    });
    Some(id(sampled.unwrap_or(best)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_temperature_scales_the_logits() {
        // Padding and the unknown word would be most likely.
        let logits = [9.0, 9.0, 0.0, 2.0, 1.0];
        let shares = |temperature| {
            let mut rng = Rng::new(1, "sample", 0);
            let mut counts = [0; 5];
            (0..3000).for_each(|_| counts[sample(&logits, temperature, &mut rng).unwrap() as usize] += 1);
            counts.map(|count| f64::from(count) / 3000.0)
        };
        assert_eq!(shares(0.0), [0.0, 0.0, 0.0, 1.0, 0.0]);
        // e⁰ : e² : e¹, and the same halved in the exponent.
        for (temperature, expected) in [(1.0, [0.090, 0.665, 0.245]), (2.0, [0.186, 0.506, 0.307])] {
            let shares = shares(temperature);
            assert_eq!(shares[..2], [0.0, 0.0]);
            let far = shares[2..].iter().zip(expected).map(|(share, p)| (share - p).abs());
            assert!(far.fold(0.0, f64::max) < 0.03, "{temperature}: {shares:?}");
        }
        assert_eq!(sample(&logits[..2], 1.0, &mut Rng::new(1, "sample", 0)), None);
    }

    #[test]
    fn logits_that_are_not_finite_still_give_a_word() {
        let mut rng = Rng::new(1, "sample", 0);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!((2..4).contains(&sample(&[0.0, 0.0, bad, bad], 1.0, &mut rng).unwrap()));
        }
    }
}
