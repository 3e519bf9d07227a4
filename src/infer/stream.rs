use serde::{Deserialize, Serialize};

use super::InferError;
use super::network::Network;
use crate::data::{self, InputForm, Level, Tokenizer};
use crate::nn::{Block, CarriedState, Shape, Stepwise};

/// The version of [`StreamState`]s that are written.
const VERSION: u32 = 1;

/// A network that reads one token, or row of numbers, after the other and answers after each: the time for one does not depend on how many came before.
///
/// ```text
/// h_t, answer_t = network(h_{t−1}, token_t)       h_0 = 0, or a state that was saved
/// ```
/// Unlike a prediction for a whole text, it reads no padding, and never truncates.
#[derive(Debug)]
pub struct NetworkStream<'n> {
    network: &'n Network,
    stepwise: Stepwise,
    read: u64,
    answer: Option<Vec<f32>>,
    /// The last tokens of the text, with which the next n-grams begin: one fewer than an n-gram has at most.
    words: Vec<String>,
}

/// What a [`NetworkStream`] carries from one token or row to the next, to be saved between two calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamState {
    version: u32,
    /// The fingerprint of the weights.
    weights: String,
    /// Tokens or rows read so far.
    read: u64,
    /// After the last of them.
    answer: Option<Vec<f32>>,
    /// Of each recurrent layer, in order; empty before the first token.
    states: Vec<LayerState>,
    /// The last rows of a series, transformed, of which the next changes and forecasts are made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) rows: Vec<Vec<f64>>,
    /// The last tokens of a text that is read in n-grams, with which the next ones begin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    words: Vec<String>,
}

impl StreamState {
    /// Tokens or rows read so far.
    pub(super) fn read(&self) -> u64 {
        self.read
    }
}

/// The state of one recurrent layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LayerState {
    h: Vec<f32>,
    /// Zeros for cells without a cell state.
    c: Vec<f32>,
}

impl<'n> NetworkStream<'n> {
    /// A stream of `network`, before the first token.
    ///
    /// # Errors
    /// When the network reads more than the present token and a state, or several channels or inputs.
    pub(super) fn new(network: &'n Network) -> Result<Self, InferError> {
        let spec = &network.spec;
        let stepwise = match spec.form().inputs {
            InputForm::Tokens { .. } if spec.channels().len() > 1 => {
                let what = "--stream reads tokens of one channel, and this network reads several";
                return Err(InferError::Task(format!("{}: {what}", network.folder().display())));
            }
            InputForm::Tokens { vocabulary, .. } => Stepwise::new(&spec.model, vocabulary, spec.train.loss),
            InputForm::Real { features, .. } => Stepwise::of_numbers(&spec.model, features, spec.train.loss),
        };
        let stepwise =
            stepwise.map_err(|error| InferError::Task(format!("{}: {error}", network.folder().display())))?;
        Ok(Self { network, stepwise, read: 0, answer: None, words: Vec::new() })
    }

    /// The tokens of `text`, which goes on behind the texts before: with n-grams that begin there.
    pub(super) fn tokens(&mut self, text: &str, tokenizer: Tokenizer) -> Vec<String> {
        let Tokenizer { level, ngrams } = tokenizer;
        if ngrams < 2 {
            return data::tokens(text, level);
        }
        let gap = if level == Level::Character { "" } else { " " };
        let text = format!("{}{gap}{text}", self.words.join(gap));
        // Each token is followed by the n-grams that end with it.
        let before: usize = (1..=self.words.len()).map(|token| token.min(ngrams)).sum();
        let mut words = data::tokens(&text, level);
        self.words = words.split_off(words.len().saturating_sub(ngrams - 1));
        data::tokens(&text, tokenizer).into_iter().skip(before).collect()
    }

    /// Reads the next token; returns the answer after it, activated.
    ///
    /// # Errors
    /// When the answer is not finite.
    pub fn read(&mut self, id: u32) -> Result<&[f32], InferError> {
        self.stepwise.read(&self.network.params, id);
        self.answer_now()
    }

    /// Reads the next row of scaled numbers; returns the answer after it.
    ///
    /// # Errors
    /// When the answer is not finite.
    pub(super) fn read_row(&mut self, numbers: &[f32]) -> Result<&[f32], InferError> {
        self.stepwise.read_row(&self.network.params, numbers);
        self.answer_now()
    }

    fn answer_now(&mut self) -> Result<&[f32], InferError> {
        let answer = self.stepwise.answer();
        if answer.iter().any(|x| !x.is_finite()) {
            return Err(self.network.not_finite());
        }
        self.read = self.read.saturating_add(1);
        Ok(self.answer.insert(answer))
    }

    /// Tokens or rows read so far.
    pub fn tokens_read(&self) -> u64 {
        self.read
    }

    /// The answer after the last token; `None` before the first.
    pub fn answer(&self) -> Option<&[f32]> {
        self.answer.as_deref()
    }

    /// What is carried on to the next token.
    pub fn state(&self) -> StreamState {
        let states = self.stepwise.states();
        let states = states.iter().filter(|state| !state.is_empty());
        StreamState {
            version: VERSION,
            weights: self.network.fingerprint(),
            read: self.read,
            answer: self.answer.clone(),
            states: states
                .map(|state| LayerState { h: state.h.data().into(), c: state.c.data().into() })
                .collect(),
            rows: Vec::new(),
            words: self.words.clone(),
        }
    }

    /// Goes on from `state`.
    ///
    /// # Errors
    /// A message when it is of another version, of other weights, or none of this network.
    pub fn restore(&mut self, state: StreamState) -> Result<(), String> {
        if state.version != VERSION {
            return Err(format!("it is of version {}; this program reads version {VERSION}", state.version));
        }
        if state.weights != self.network.fingerprint() {
            let now = self.network.fingerprint();
            return Err(format!("it belongs to the weights {}, not to {now}", state.weights));
        }
        let outputs = match self.network.model.output() {
            Shape::Vector { features } | Shape::Sequence { features, .. } => features,
            Shape::Ids { .. } => 0,
        };
        let is_answer = |answer: &Vec<f32>| answer.len() == outputs && answer.iter().all(|x| x.is_finite());
        let (begun, answer) = (state.read > 0, &state.answer);
        if answer.is_some() != begun || !answer.iter().all(is_answer) {
            return Err(format!("its answer is not that of a network with {outputs} outputs"));
        }
        let most = self.network.spec.token_spec().map_or(0, |tokens| tokens.ngrams.saturating_sub(1));
        if state.words.len() > most {
            return Err(format!("it has {} words; n-grams need {most} at most", state.words.len()));
        }
        let block = |values: Vec<f32>| {
            let mut block = Block::default();
            block.reshape(1, 1, values.len());
            block.data_mut().copy_from_slice(&values);
            block
        };
        if begun || !state.states.is_empty() {
            let states = state.states.into_iter();
            let states = states.map(|layer| CarriedState { h: block(layer.h), c: block(layer.c) }).collect();
            self.stepwise.set_states(states).map_err(|error| error.to_string())?;
        }
        (self.read, self.answer, self.words) = (state.read, state.answer, state.words);
        Ok(())
    }
}
