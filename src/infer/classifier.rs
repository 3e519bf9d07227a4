use std::path::Path;

use ndarray::{Array2, Axis};

use super::evaluation::{Worst, wrong};
use super::network::{Network, damaged};
use super::{Evaluation, InferError, Mistake, NetworkStream, most_likely};
use crate::data::{
    self, DataSpec, GivenValidation, Inputs, LabelledSpec, Scale, SequencesSpec, TargetForm, Targets,
    TokenSpec, Validation, Vocabulary, archive, test_of, train_and_test,
};
use crate::nn::Score;
use crate::preset::RunSpec;
use crate::protocol::ClassCount;
use crate::run::{checkpoint::Which, read_json};

/// A trained network that predicts the class or labels of a text, or the class of a sequence of numbers in a file.
#[derive(Debug)]
pub struct Classifier {
    pub(super) network: Network,
    input: InputKind,
    labels: Vec<String>,
}

/// The kind of input, and how it is encoded.
#[derive(Debug)]
enum InputKind {
    Texts { tokens: TokenSpec, vocabulary: Vocabulary },
    Sequences { spec: SequencesSpec, scale: Scale },
}

/// The prediction after some tokens of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Prefix {
    /// The last of these tokens, as the text was split.
    pub token: String,
    /// Whether the vocabulary has it not, and the network reads `[UNK]`.
    pub is_unknown: bool,
    /// The probability of each class.
    pub probabilities: Vec<f32>,
}

impl Classifier {
    pub(super) fn open(run: &Path, spec: RunSpec, which: Which) -> Result<Self, InferError> {
        let network = Network::open(run, spec, which)?;
        let labels = network.labels(run)?;
        let spec = &network.spec;
        let input = match (&spec.data, spec.token_spec()) {
            (DataSpec::Sequences(spec), _) => {
                let scale: Scale = read_json(run, "scale.json")?;
                if !scale.fits(spec.features) {
                    let what = format!("no mean and deviation above 0 of {} features", spec.features);
                    return Err(damaged(run, "scale.json", what));
                }
                InputKind::Sequences { spec: spec.clone(), scale }
            }
            (_, Some(tokens)) => {
                let vocabulary: Vocabulary = read_json(run, "vocabulary.json")?;
                if let Some(what) = vocabulary.incompatibility(tokens.vocabulary) {
                    return Err(damaged(run, "vocabulary.json", what));
                }
                InputKind::Texts { tokens, vocabulary }
            }
            (_, None) => {
                let message = format!("{}: this network classifies generated numbers", run.display());
                return Err(InferError::Task(message));
            }
        };
        Ok(Self { network, input, labels })
    }

    /// The classes, in order.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Whether a text may have any number of labels, each with its own probability.
    pub fn has_labels(&self) -> bool {
        self.network.model.labels().is_some()
    }

    /// What is classified: `text` or `sequence`.
    pub fn subject(&self) -> &'static str {
        match &self.input {
            InputKind::Texts { .. } => "text",
            InputKind::Sequences { .. } => "sequence",
        }
    }

    /// The probabilities of all classes or labels for every text of `inputs`, or for every sequence in the files that `inputs` names; with
    /// the name of each.
    ///
    /// # Errors
    /// When a file is missing or invalid, and when a probability is not finite.
    pub fn predict(&self, inputs: &[String]) -> Result<Vec<(String, Vec<f32>)>, InferError> {
        match &self.input {
            InputKind::Texts { tokens, vocabulary } => {
                let encode = |text: &String| vocabulary.encode(text, tokens.tokenizer());
                let rows: Vec<Vec<u32>> = inputs.iter().map(encode).collect();
                Ok(inputs.iter().cloned().zip(self.probabilities(&rows, tokens)?).collect())
            }
            InputKind::Sequences { spec, scale } => {
                let mut all = Vec::new();
                for file in inputs {
                    let (names, rows) = spec.unlabelled(Path::new(file), scale)?;
                    let (output, _) = self.forward(&Inputs::Real(rows), None)?;
                    all.extend(names.into_iter().zip(output.rows().into_iter().map(|row| row.to_vec())));
                }
                Ok(all)
            }
        }
    }

    /// The predictions after every token of `text` that the network reads, as if the text ended there, and how many tokens before or behind
    /// them it does not read; empty if the input is not text.
    ///
    /// # Errors
    /// When a probability is not finite.
    pub fn per_token(&self, text: &str) -> Result<(Vec<Prefix>, usize), InferError> {
        let InputKind::Texts { tokens, vocabulary } = &self.input else { return Ok((Vec::new(), 0)) };
        let all = data::tokens(text, tokens.tokenizer());
        let words = all.get(tokens.truncated_range(all.len())).unwrap_or_default();
        let known: Vec<Option<u32>> = words.iter().map(|word| vocabulary.id(word)).collect();
        let ids: Vec<u32> = known.iter().map(|id| id.unwrap_or(Vocabulary::UNKNOWN)).collect();
        let rows: Vec<Vec<u32>> = (1..=ids.len()).map(|end| ids[..end].to_vec()).collect();
        let prefix = |((word, known), probabilities): ((&String, &Option<u32>), _)| Prefix {
            token: word.clone(),
            is_unknown: known.is_none(),
            probabilities,
        };
        let prefixes = words.iter().zip(&known).zip(self.probabilities(&rows, tokens)?).map(prefix);
        Ok((prefixes.collect(), all.len() - words.len()))
    }

    /// A stream of tokens for this network, before the first one.
    ///
    /// # Errors
    /// When the network does not read texts token by token.
    pub fn stream(&self) -> Result<NetworkStream<'_>, InferError> {
        if let InputKind::Sequences { .. } = &self.input {
            let what = "--stream reads texts and series; this network classifies whole sequences of numbers in files";
            return Err(InferError::Task(format!("{}: {what}", self.network.folder().display())));
        }
        NetworkStream::new(&self.network)
    }

    /// Reads a further part of the text of `stream`; returns the answers after each of its tokens.
    ///
    /// # Errors
    /// When a probability is not finite.
    pub fn read_on(&self, stream: &mut NetworkStream<'_>, text: &str) -> Result<Vec<Prefix>, InferError> {
        let InputKind::Texts { tokens, vocabulary } = &self.input else { return Ok(Vec::new()) };
        let words = stream.tokens(text, tokens.tokenizer());
        let read = |token: String| {
            let known = vocabulary.id(&token);
            let outputs = stream.read(known.unwrap_or(Vocabulary::UNKNOWN))?;
            let probabilities = self.by_label(outputs.iter().copied());
            Ok(Prefix { token, is_unknown: known.is_none(), probabilities })
        };
        words.into_iter().map(read).collect()
    }

    /// The probability of each class or label after the last token of `stream`; `None` before the first.
    pub fn answer(&self, stream: &NetworkStream<'_>) -> Option<Vec<f32>> {
        stream.answer().map(|outputs| self.by_label(outputs.iter().copied()))
    }

    /// Whether `text` has nothing that the network reads; files are no texts.
    pub fn is_empty(&self, text: &str) -> bool {
        let InputKind::Texts { tokens, .. } = &self.input else { return false };
        // Most texts are not looked at twice.
        !text.chars().any(char::is_alphanumeric) && data::tokens(text, tokens.tokenizer()).is_empty()
    }

    /// The number of tokens of a text that the network reads at most, if its input is text.
    pub fn length(&self) -> Option<usize> {
        match &self.input {
            InputKind::Texts { tokens, .. } => Some(tokens.length),
            InputKind::Sequences { .. } => None,
        }
    }

    /// Evaluates the network on the run's validation data, or on the data at `moved`, with the overrides `set` of the spec; lists at
    /// most `mistakes` mistakes. An imported network without validation data is evaluated on all data of its run.
    ///
    /// # Errors
    /// When the data are missing or invalid, have other labels, or when the run has no validation data.
    pub fn evaluate(
        &self,
        moved: Option<&Path>,
        set: &[String],
        mistakes: usize,
    ) -> Result<Evaluation, InferError> {
        let spec = self.network.spec_with(moved, set)?;
        let mut evaluator = self.network.evaluator(None);
        let mut worst = Worst::new(mistakes);
        let mut failed = None;
        let (source, unseen) = self.each_evaluated(&spec, moved, &mut |inputs, targets, names| {
            let (outputs, score) = match self.forward(inputs, Some(targets)) {
                Ok(outputs) if failed.is_none() => outputs,
                Ok(_) => return,
                Err(error) => return failed = Some(error),
            };
            evaluator.add(score, self.network.params.regularization_loss());
            for (row, (output, text)) in outputs.rows().into_iter().zip(names).enumerate() {
                if let (Some(confusion), Targets::Classes(classes)) = (evaluator.confusion(), targets) {
                    let actual = classes.get(row).map_or(usize::MAX, |class| *class as usize);
                    confusion.add(actual, most_likely(output.iter().copied()).0);
                }
                evaluator.add_output(&output.to_vec(), (targets, row), (None, row));
                if let Some((actual, predicted, probability)) = wrong(output, targets, row) {
                    let mistake =
                        || Mistake { text: text.clone(), actual, predicted, probability, sentence: None };
                    worst.add(f64::from(probability), mistake);
                }
            }
        })?;
        match failed {
            Some(error) => Err(error),
            None => Ok(Evaluation {
                result: evaluator.result(),
                mistakes: worst.sorted(),
                source,
                sentences: None,
                unseen,
            }),
        }
    }

    /// Passes the evaluation data to `each`: inputs, targets and names. Returns their source, and labels that the network has not.
    fn each_evaluated(
        &self,
        spec: &RunSpec,
        moved: Option<&Path>,
        each: &mut dyn FnMut(&Inputs, &Targets, &[String]),
    ) -> Result<(String, Vec<ClassCount>), InferError> {
        let refuse = |message: String| Err(InferError::Task(message));
        let (seed, labels, source) =
            (self.network.spec.train.seed, self.labels.as_slice(), spec.data.source().description());
        if let (DataSpec::Generated(_), None) = (&spec.data, moved) {
            return self.each_generated(spec, each);
        }
        let (path, validation) = match &spec.data {
            DataSpec::Labelled(labelled) => (&labelled.path, &labelled.validation),
            DataSpec::Sequences(sequences) => (&sequences.path, &sequences.validation),
            _ => {
                let message = "only labelled texts or sequences can be evaluated; name some with --data";
                return refuse(format!("{source}: {message}"));
            }
        };
        if matches!(spec.form().targets, TargetForm::Labels(_)) != self.has_labels() {
            let message = match self.has_labels() {
                true => "the network predicts several labels; add --set data.multi_label=true",
                false => {
                    "the network predicts a single class, but a text of these data may have several labels"
                }
            };
            return refuse(message.to_owned());
        }
        let own = Some(path.as_path()).filter(|_| self.network.is_untrained() && validation.is_none());
        let moved = moved.or(own);
        // Of a folder of training and test data the test data are evaluated; of another, and of a file that is named, all data.
        let sequences = matches!(spec.data, DataSpec::Sequences(_));
        let is_whole = |path: &Path| {
            path.is_file() || train_and_test(path).or(archive(path).filter(|_| sequences)).is_none()
        };
        let whole = moved.is_some_and(is_whole);
        if !whole && validation.is_none() {
            return refuse("the run has no validation data; name some with --data".to_owned());
        }
        match (&spec.data, &self.input) {
            (DataSpec::Labelled(labelled), InputKind::Texts { tokens, vocabulary }) => {
                let known = (labels, vocabulary, tokens);
                // Training validates on other data of the folder where there are any.
                let test = moved.and_then(test_of);
                let given = test
                    .map(|path| Validation::Given(GivenValidation { path, ..GivenValidation::default() }));
                let labelled = &LabelledSpec {
                    validation: given.or_else(|| labelled.validation.clone()),
                    ..labelled.clone()
                };
                Ok(data::labelled_texts(labelled, whole, seed, known, &mut |texts| {
                    each(&texts.inputs, &texts.targets, &texts.texts);
                })?)
            }
            (DataSpec::Sequences(sequences), InputKind::Sequences { spec: trained, scale }) => {
                // The shape of a row is that of the run.
                let sequences =
                    SequencesSpec { length: trained.length, features: trained.features, ..sequences.clone() };
                let (found, source) = sequences.evaluation_set(whole, seed, labels, scale)?;
                each(&Inputs::Real(found.rows), &Targets::Classes(found.classes), &found.names);
                Ok((source, Vec::new()))
            }
            _ => refuse(format!("{source}: this network classifies a {}", self.subject())),
        }
    }

    /// Passes the validation data of a generated task to `each`, generated again as in training. Returns their source.
    fn each_generated(
        &self,
        spec: &RunSpec,
        each: &mut dyn FnMut(&Inputs, &Targets, &[String]),
    ) -> Result<(String, Vec<ClassCount>), InferError> {
        let (tokens, source) = (spec.token_spec(), spec.data.source().description());
        let data = data::load(&spec.data, tokens.as_ref(), spec.train.seed, 1, &mut |_| {})?;
        let Some(validation) = data.validation else {
            return Err(InferError::Task("the run has no validation data; name some with --data".to_owned()));
        };
        let words = |vocabulary: &Vocabulary, ids: &[u32]| {
            let words = ids.iter().filter(|id| **id != 0).map(|id| vocabulary.word(*id));
            words.collect::<Vec<_>>().join(" ")
        };
        let names: Vec<String> = match (&validation.inputs, &self.input) {
            (Inputs::Tokens(ids), InputKind::Texts { vocabulary, .. }) => {
                ids.rows().into_iter().map(|row| words(vocabulary, &row.to_vec())).collect()
            }
            _ => (1..=validation.len()).map(|number| format!("sequence {number}")).collect(),
        };
        each(&validation.inputs, &validation.targets, &names);
        Ok((source, Vec::new()))
    }

    fn probabilities(&self, ids: &[Vec<u32>], tokens: &TokenSpec) -> Result<Vec<Vec<f32>>, InferError> {
        let mut rows = Array2::zeros((ids.len(), tokens.length));
        for (mut row, ids) in rows.rows_mut().into_iter().zip(ids) {
            row.iter_mut().zip(tokens.pad(ids)).for_each(|(to, id)| *to = id);
        }
        let (probabilities, _) = self.forward(&Inputs::Tokens(rows), None)?;
        Ok(probabilities.rows().into_iter().map(|row| row.to_vec()).collect())
    }

    /// The probability of each class, `[sequence, class]`; with `targets`, also loss and accuracy.
    fn forward(
        &self,
        inputs: &Inputs,
        targets: Option<&Targets>,
    ) -> Result<(Array2<f32>, Score), InferError> {
        let (output, score) = self.network.run(inputs, 0..inputs.len(), targets)?;
        let mut probabilities = Array2::zeros((output.len_of(Axis(0)), self.labels.len()));
        for (mut to, from) in probabilities.rows_mut().into_iter().zip(output.outer_iter()) {
            let from = self.by_label(from.iter().copied());
            to.iter_mut().zip(from).for_each(|(to, p)| *to = p);
        }
        Ok((probabilities, score))
    }

    /// The probability of each class or label, from the outputs of the network: one sigmoid is the probability of the second of two classes.
    fn by_label(&self, outputs: impl ExactSizeIterator<Item = f32>) -> Vec<f32> {
        let outputs: Vec<f32> = outputs.collect();
        match outputs.as_slice() {
            [p] if self.labels.len() == 2 => vec![1.0 - p, *p],
            _ => outputs,
        }
    }
}
