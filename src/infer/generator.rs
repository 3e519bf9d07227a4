use std::path::Path;

use super::InferError;
use super::network::Network;
use crate::data::{InputForm, Level, TargetForm, TokenSpec, Vocabulary};
use crate::nn::{Params, Stepwise};
use crate::preset::{RunSpec, SampleSpec};
use crate::rng::Rng;
use crate::run::{checkpoint::Which, read_json};

/// A language model at work: goes on with a text, token after token, each drawn from what the network expects.
///
/// ```text
/// p(token) ∝ exp(z/T)      z: the logit of the token, T: the temperature; T → 0 takes the most likely
/// ```
/// Padding and the unknown word are never drawn. The cost of a token does not depend on how many came before.
#[derive(Debug)]
pub struct Generator {
    stepwise: Stepwise,
    vocabulary: Vocabulary,
    level: Level,
}

impl Generator {
    /// Of the network that `spec` describes.
    ///
    /// # Errors
    /// In words, where it is no language model or one that needs more than the tokens so far.
    pub fn new(spec: &RunSpec, vocabulary: Vocabulary) -> Result<Self, String> {
        let form = spec.form();
        let (InputForm::Tokens { vocabulary: ids, .. }, TargetForm::Next, Some(tokens)) =
            (form.inputs, form.targets, &spec.tokens)
        else {
            return Err("this is no language model: only one that learnt from a text (source: text) \
                        can go on with another"
                .into());
        };
        let stepwise = Stepwise::new(&spec.model, ids, spec.train.loss).map_err(|e| e.to_string())?;
        let TokenSpec { level, .. } = *tokens;
        Ok(Self { stepwise, vocabulary, level })
    }

    /// The model of the finished or running run in `run`, from the weights of its checkpoint alone.
    ///
    /// # Errors
    /// When the folder holds no such run, is damaged, or its model cannot go on with a text.
    pub fn open(run: &Path, which: Which) -> Result<(Self, Params), InferError> {
        let spec = Network::spec(run, None, &[])?;
        let generator = Self::new(&spec, read_json(run, "vocabulary.json")?).map_err(InferError::Task)?;
        Ok((generator, Network::open(run, spec, which)?.params))
    }

    /// Continues `settings.prime` by `settings.length` tokens, with the weights `params`; hands each to `each` as text. An empty prime
    /// counts as a line end.
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
            let Some(next) = draw(known, settings.temperature, rng) else { return };
            let gap = matches!(self.level, Level::Word | Level::Symbol);
            if gap && (number > 0 || !settings.prime.is_empty()) {
                each(" ");
            }
            each(self.vocabulary.word(next));
            id = next;
        }
    }
}

/// An id from [`Vocabulary::FIRST`] on, drawn by `logits` at `temperature`; `None` where there is none.
fn draw(logits: &[f32], temperature: f64, rng: &mut Rng) -> Option<u32> {
    let words = logits.get(Vocabulary::FIRST as usize..)?;
    let (best, greatest) = words.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    let id = |place: usize| Vocabulary::FIRST + place as u32;
    if temperature <= 0.0 {
        return Some(id(best));
    }
    let weight = |z: &f32| (f64::from(z - greatest) / temperature).exp();
    let mut left = rng.uniform() * words.iter().map(weight).sum::<f64>();
    let drawn = words.iter().position(|z| {
        left -= weight(z);
        left < 0.0
    });
    Some(id(drawn.unwrap_or(best)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_temperature_decides_how_daring_a_draw_is() {
        // Padding and the unknown word would be most likely.
        let logits = [9.0, 9.0, 0.0, 2.0, 1.0];
        let shares = |temperature| {
            let mut rng = Rng::new(1, "sample", 0);
            let mut counts = [0; 5];
            (0..3000).for_each(|_| counts[draw(&logits, temperature, &mut rng).unwrap() as usize] += 1);
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
        assert_eq!(draw(&logits[..2], 1.0, &mut Rng::new(1, "sample", 0)), None);
    }

    #[test]
    fn logits_that_are_not_finite_draw_a_word_all_the_same() {
        let mut rng = Rng::new(1, "sample", 0);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!((2..4).contains(&draw(&[0.0, 0.0, bad, bad], 1.0, &mut rng).unwrap()));
        }
    }
}
