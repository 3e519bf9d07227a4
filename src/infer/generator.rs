use std::path::Path;
use std::{slice, thread};

use super::InferError;
use super::network::{Network, PROCESSORS};
use crate::data::scoped::{self, ScopedTask};
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
    language: Language,
}

/// The tokens of a language model.
#[derive(Debug)]
struct Language {
    vocabulary: Vocabulary,
    level: Level,
}

/// The most texts of a batch: beyond that, a text takes no less time.
const BATCH: usize = 256;
/// The most outputs of a batch, in numbers: 64 MiB.
const MAX_OUTPUTS: usize = 1 << 24;
/// The most tokens in memory, of texts that are not yet passed on.
const MAX_TOKENS: usize = 1 << 25;

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
        Ok(Self { stepwise, language: Language { vocabulary, level } })
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
        for_each_token(prime, self.language.level, &mut word, |token| {
            all += 1;
            if self.language.vocabulary.id(token).is_none() {
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
        let Self { stepwise, language } = self;
        language.generate(stepwise, params, settings, slice::from_mut(rng), |_, token| each(token));
    }

    /// Generates a text with each of `rngs`, the same as [`generate`](Self::generate) gives with it alone, but many at the same time and on
    /// all processors. Passes them to `each` in order, until it returns false.
    pub fn generate_all(
        &self,
        params: &Params,
        settings: &SampleSpec,
        rngs: impl Iterator<Item = Rng>,
        each: impl FnMut(String) -> bool,
    ) {
        self.generate_on(*PROCESSORS, (params, settings), rngs, each);
    }

    fn generate_on(
        &self,
        threads: usize,
        (params, settings): (&Params, &SampleSpec),
        mut rngs: impl Iterator<Item = Rng>,
        mut each: impl FnMut(String) -> bool,
    ) {
        let batch = BATCH.min(MAX_OUTPUTS / self.language.vocabulary.len().max(1)).max(1);
        let most = (threads * batch).min((MAX_TOKENS / settings.length.max(1)).max(1));
        loop {
            let mut rngs: Vec<Rng> = rngs.by_ref().take(most).collect();
            if rngs.is_empty() {
                return;
            }
            let part = rngs.len().div_ceil(threads.max(1));
            let texts: Vec<String> = thread::scope(|scope| {
                let start = |rngs| scoped::spawn(scope, move || self.texts(params, settings, rngs));
                let started: Vec<_> = rngs.chunks_mut(part).map(start).collect();
                started.into_iter().flat_map(ScopedTask::join).collect()
            });
            if !texts.into_iter().all(&mut each) {
                return;
            }
        }
    }

    /// A text with each of `rngs`, as one batch.
    fn texts(&self, params: &Params, settings: &SampleSpec, rngs: &mut [Rng]) -> Vec<String> {
        let mut texts = vec![String::new(); rngs.len()];
        let mut stepwise = self.stepwise.fresh(params);
        self.language.generate(&mut stepwise, params, settings, rngs, |text, token| {
            texts[text].push_str(token);
        });
        texts
    }

    /// The text `prime` with `token` behind it; `None` if the model does not know the token.
    pub fn extended(&self, prime: &str, token: &str) -> Option<String> {
        self.language.vocabulary.id(token)?;
        let gap = if self.language.has_gaps() && !prime.is_empty() { " " } else { "" };
        Some(format!("{prime}{gap}{token}"))
    }

    /// The `most` most probable tokens after `prime` with their probabilities, the most probable first.
    pub fn candidates(&mut self, params: &Params, prime: &str, most: usize) -> Vec<(String, f32)> {
        let Self { stepwise, language } = self;
        let last = language.read_prime(stepwise, params, prime);
        let known = language.known(stepwise.read(params, last));
        let first = Vocabulary::FIRST as usize;
        let words: Vec<(usize, f32)> = known.iter().copied().enumerate().skip(first).collect();
        let greatest = words.iter().map(|(_, z)| *z).fold(f32::NEG_INFINITY, f32::max);
        let mut weights: Vec<(usize, f32)> =
            words.into_iter().map(|(id, z)| (id, (z - greatest).exp())).collect();
        let sum: f32 = weights.iter().map(|(_, weight)| weight).sum();
        weights.sort_by(|a, b| b.1.total_cmp(&a.1));
        weights.truncate(most);
        let named =
            |(id, weight): (usize, f32)| (language.vocabulary.word(id as u32).to_owned(), weight / sum);
        weights.into_iter().map(named).filter(|(_, p)| p.is_finite()).collect()
    }
}

impl Language {
    /// Whether a blank stands between two tokens.
    fn has_gaps(&self) -> bool {
        matches!(self.level, Level::Word | Level::Symbol)
    }

    /// The logits of the tokens of the vocabulary, which may be smaller than the output of the network.
    fn known<'a>(&self, logits: &'a [f32]) -> &'a [f32] {
        logits.get(..self.vocabulary.len()).unwrap_or(logits)
    }

    /// Reads all tokens of `prime` but the last, which it returns, from zero states.
    fn read_prime(&self, stepwise: &mut Stepwise, params: &Params, prime: &str) -> u32 {
        stepwise.reset_states();
        let mut prime = self.vocabulary.encode(prime, self.level);
        let last = prime.pop().or_else(|| self.vocabulary.id("\n")).unwrap_or(Vocabulary::FIRST);
        for id in prime {
            stepwise.read(params, id);
        }
        last
    }

    /// Continues the prime text once with each of `rngs`, all texts token by token; passes number and text of each token to `each`.
    fn generate(
        &self,
        stepwise: &mut Stepwise,
        params: &Params,
        settings: &SampleSpec,
        rngs: &mut [Rng],
        mut each: impl FnMut(usize, &str),
    ) {
        let last = self.read_prime(stepwise, params, &settings.prime);
        stepwise.repeat_states(rngs.len());
        let (mut ids, mut weights) = (vec![last; rngs.len()], Vec::new());
        for number in 0..settings.length {
            let logits = stepwise.read_all(params, &ids);
            let outputs = (logits.len() / rngs.len().max(1)).max(1);
            let gap = self.has_gaps() && (number > 0 || !settings.prime.is_empty());
            for (text, (logits, (id, rng))) in
                logits.chunks_exact(outputs).zip(ids.iter_mut().zip(&mut *rngs)).enumerate()
            {
                let temperature = settings.temperature;
                let Some(next) = sample(self.known(logits), temperature, rng, &mut weights) else { return };
                if gap {
                    each(text, " ");
                }
                each(text, self.vocabulary.word(next));
                *id = next;
            }
        }
    }
}

/// Samples an id from [`Vocabulary::FIRST`] on by `logits` at `temperature`; `None` if there are no such ids. `weights` is a buffer.
fn sample(logits: &[f32], temperature: f64, rng: &mut Rng, weights: &mut Vec<f64>) -> Option<u32> {
    let words = logits.get(Vocabulary::FIRST as usize..)?;
    let (best, greatest) = words.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    let id = |place: usize| Vocabulary::FIRST + place as u32;
    if temperature <= 0.0 {
        return Some(id(best));
    }
    weights.clear();
    weights.extend(words.iter().map(|z| (f64::from(z - greatest) / temperature).exp()));
    let mut left = rng.uniform() * weights.iter().sum::<f64>();
    let sampled = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    Some(id(sampled.unwrap_or(best)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::nn::{Activation, Dense, Embedding, LSTM, LayerNode, Loss, Model, Shape};

    #[test]
    fn the_temperature_scales_the_logits() {
        // Padding and the unknown word would be most likely.
        let logits = [9.0, 9.0, 0.0, 2.0, 1.0];
        let shares = |temperature| {
            let (mut rng, mut buffer) = (Rng::new(1, "sample", 0), Vec::new());
            let mut counts = [0; 5];
            let mut once = || sample(&logits, temperature, &mut rng, &mut buffer).unwrap() as usize;
            (0..3000).for_each(|_| counts[once()] += 1);
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
        assert_eq!(sample(&logits[..2], 1.0, &mut Rng::new(1, "sample", 0), &mut Vec::new()), None);
    }

    #[test]
    fn logits_that_are_not_finite_still_give_a_word() {
        let mut rng = Rng::new(1, "sample", 0);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!((2..4).contains(&sample(&[0.0, 0.0, bad, bad], 1.0, &mut rng, &mut Vec::new()).unwrap()));
        }
    }

    /// An untrained model of words.
    fn generator() -> (Generator, Params) {
        let vocabulary = Vocabulary::build(["to be or not to be that is the question\n"; 9], 30);
        let layers: Vec<LayerNode> = vec![
            Embedding { output_dim: 5, ..Embedding::default() }.into(),
            LSTM { units: 21, return_sequences: true, ..LSTM::default() }.into(),
            Dense { units: 30, activation: Activation::Softmax, ..Dense::default() }.into(),
        ];
        let loss = Loss::SparseCategoricalCrossentropy;
        let mut params =
            Model::build(&layers, Shape::Ids { time: 4, vocabulary: 30 }, loss).unwrap().params();
        params.initialize(5);
        let stepwise = Stepwise::new(&layers, 30, loss).unwrap();
        (Generator { stepwise, language: Language { vocabulary, level: Level::Word } }, params)
    }

    fn rng(number: u64) -> Rng {
        Rng::new(3, "sample", number)
    }

    fn settings(prime: &str, length: usize) -> SampleSpec {
        SampleSpec { prime: prime.into(), temperature: 0.7, length, every: None }
    }

    /// The text of a random stream, generated alone.
    fn alone((generator, params): &mut (Generator, Params), settings: &SampleSpec, number: u64) -> String {
        let mut text = String::new();
        generator.generate(params, settings, &mut rng(number), |token| text.push_str(token));
        text
    }

    #[test]
    fn texts_generated_at_once_are_those_generated_alone_on_any_number_of_threads() {
        let mut model = generator();
        for prime in ["", "to be or"] {
            let settings = settings(prime, 30);
            let expected: Vec<String> = (0..70).map(|number| alone(&mut model, &settings, number)).collect();
            let distinct: HashSet<&String> = expected.iter().collect();
            assert_eq!(distinct.len(), 70, "texts of different random streams differ");
            for (texts, threads) in [(0, 2), (1, 1), (1, 4), (3, 1), (3, 2), (70, 1), (70, 3)] {
                let (generator, params) = &model;
                let mut found = Vec::new();
                generator.generate_on(threads, (params, &settings), (0..texts).map(rng), |text| {
                    found.push(text);
                    true
                });
                assert_eq!(found, expected[..texts as usize], "{texts} texts on {threads} threads");
            }
        }
    }

    #[test]
    fn more_texts_than_a_batch_are_generated_batch_by_batch_while_they_are_taken() {
        let mut model = generator();
        let settings = settings("to", 3);
        let generated = |model: &(Generator, Params), taken: usize| {
            let (mut started, mut found) = (0, Vec::new());
            let rngs = (0..600).inspect(|_| started += 1).map(rng);
            model.0.generate_on(1, (&model.1, &settings), rngs, |text| {
                found.push(text);
                found.len() < taken
            });
            (started, found)
        };
        let (started, found) = generated(&model, usize::MAX);
        assert_eq!((started, found.len()), (600, 600));
        for number in [0, 255, 256, 599] {
            assert_eq!(found[number], alone(&mut model, &settings, number as u64), "text {number}");
        }
        assert_eq!(generated(&model, 10), (BATCH, found[..10].to_vec()));
    }
}
