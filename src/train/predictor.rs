//! A finished run put to use: its last or best weights, its vocabulary and its classes, without its data.

use std::path::Path;
use std::{panic, thread};

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use serde::de::DeserializeOwned;

use super::work::answers;
use crate::data::{
    self, DataError, DataSpec, LabelledTexts, TargetForm, Targets, TokenSpec, Validation, Vocabulary,
};
use crate::nn::{Answers, Input, Mode, Model, Params, Score, Shape, Shard};
use crate::preset::{self, Overrides, PresetError, RunSpec};
use crate::protocol::{Confusion, LabelCounts};
use crate::run::RunError;
use crate::run::checkpoint::{self, Which};

/// Sequences that go through the network at once.
const BATCH: usize = 64;

/// A probability from which on a text is told to have one of several labels, as in Keras's `binary_accuracy`.
pub const THRESHOLD: f32 = 0.5;

/// A trained network that tells the class of a text, or which of several labels it has.
#[derive(Debug)]
pub struct Predictor {
    spec: RunSpec,
    model: Model,
    params: Params,
    tokens: TokenSpec,
    vocabulary: Vocabulary,
    labels: Vec<String>,
    step: u64,
}

/// Why a run cannot be put to use, or not on these data.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// Its spec cannot be read.
    #[error(transparent)]
    Spec(#[from] PresetError),
    /// Its folder is not as it must be.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file of it is not as it must be.
    #[error("{file}: {what}")]
    File {
        /// The file.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// It does something else.
    #[error("{0}")]
    Task(String),
    /// The data to judge it by are missing or wrong.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// What a network says of a text after some of its tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Prefix {
    /// The last of these tokens, as the vocabulary has it.
    pub token: String,
    /// The probability of each class.
    pub probabilities: Vec<f32>,
}

/// How good a network is on some texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Mean cross-entropy, in nats.
    pub loss: f64,
    /// Share of the texts whose class was told; of several labels the share of all that were.
    pub accuracy: f64,
    /// What was told.
    pub told: Told,
    /// The wrong answers, most confident first.
    pub mistakes: Vec<Mistake>,
    /// What the texts are.
    pub source: String,
}

/// What was told of some texts.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// What class was taken for what.
    Classes(Confusion),
    /// How often each of several labels was told.
    Labels(LabelCounts),
}

/// What one text is, what it was told to be, and how confidently.
type Wrong = (Vec<usize>, Vec<usize>, f32);

impl Told {
    /// Nothing yet, of so many classes or, if `several`, labels at once.
    fn nothing(labels: usize, several: bool) -> Self {
        match several {
            true => Self::Labels(LabelCounts::new(labels)),
            false => Self::Classes(Confusion::new(labels)),
        }
    }

    /// Counts the text that the `row`-th of `targets` belongs to, and for which the network gave `output`; what was wrong, if it was.
    fn add(&mut self, output: ArrayView1<'_, f32>, targets: &Targets, row: usize) -> Option<Wrong> {
        match (self, targets) {
            (Self::Classes(confusion), Targets::Classes(classes)) => {
                let truth = *classes.get(row)? as usize;
                let (predicted, probability) = likeliest(output.iter().copied());
                confusion.add(truth, predicted);
                (predicted != truth).then(|| (vec![truth], vec![predicted], probability))
            }
            (Self::Labels(counts), Targets::Labels(labels)) => {
                let has = labels.row(row);
                let both = || has.iter().map(|has| *has > 0.5).zip(output.iter().map(|p| *p > THRESHOLD));
                counts.add(both());
                let sure = output.iter().map(|p| p.max(1.0 - p));
                let off = both().zip(sure).filter(|((has, told), _)| has != told).map(|(_, sure)| sure);
                let those = |which: fn((bool, bool)) -> bool| {
                    both().enumerate().filter(|(_, both)| which(*both)).map(|(label, _)| label).collect()
                };
                let wrong = |probability| (those(|(has, _)| has), those(|(_, told)| told), probability);
                off.reduce(f32::max).map(wrong)
            }
            // Data that ask for the other are refused before.
            _ => None,
        }
    }

    /// Texts that were judged.
    pub fn texts(&self) -> u64 {
        match self {
            Self::Classes(confusion) => confusion.counts.iter().sum(),
            Self::Labels(counts) => counts.sequences,
        }
    }
}

/// A wrong answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Mistake {
    /// The text.
    pub text: String,
    /// Its class; its labels, where it may have several.
    pub truth: Vec<usize>,
    /// The class it was taken for, or the labels it was told to have.
    pub predicted: Vec<usize>,
    /// With this probability; of several labels that of what was most confidently wrong.
    pub probability: f32,
}

impl Predictor {
    /// Opens the run in the folder `run`: `spec.yaml`, `vocabulary.json`, `labels.json` and a checkpoint are all it takes.
    ///
    /// # Errors
    /// When one of them is missing or does not fit the others, or when the network does not tell classes of token sequences apart.
    pub fn open(run: &Path, which: Which) -> Result<Self, PredictError> {
        let spec = preset::load(&run.join("spec.yaml").to_string_lossy(), &Overrides::default())?.spec;
        let model = spec.model().map_err(|e| PredictError::Task(e.to_string()))?;
        let tokens = spec.data.tokens(spec.tokens.as_ref());
        let classes = model.classes().or(model.labels());
        let (Some(tokens), Some(classes), Shape::Vector { .. }) = (tokens, classes, model.output()) else {
            let message = format!("{}: this network does not tell the class of a text", run.display());
            return Err(PredictError::Task(message));
        };
        let labels: Vec<String> = json(run, "labels.json")?;
        if labels.len() != classes {
            let file = run.join("labels.json").display().to_string();
            let what = format!("{} labels; the network of spec.yaml has {classes} classes", labels.len());
            return Err(PredictError::File { file, what });
        }
        let vocabulary = json(run, "vocabulary.json")?;
        let loaded = checkpoint::read(run, which)?;
        let mut params = model.params();
        let places: Vec<_> = params.table().to_vec();
        for param in places {
            let tensor = loaded.model.iter().find(|tensor| tensor.name == param.name);
            match tensor.filter(|tensor| tensor.shape == param.shape) {
                Some(tensor) => params.values_mut()[param.range].copy_from_slice(&tensor.data),
                None => {
                    let file = loaded.path.join("model.safetensors").display().to_string();
                    let what =
                        format!("no tensor {} of shape {:?}, as spec.yaml has it", param.name, param.shape);
                    return Err(PredictError::File { file, what });
                }
            }
        }
        Ok(Self { spec, model, params, tokens, vocabulary, labels, step: loaded.step })
    }

    /// The classes in their order.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Whether a text may have several of the labels at once, or none: then each has a probability of its own.
    pub fn has_labels(&self) -> bool {
        self.model.labels().is_some()
    }

    /// Updates that made the weights.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The probability of each class, or label, for each text.
    pub fn predict(&self, texts: &[String]) -> Vec<Vec<f32>> {
        let rows: Vec<Vec<u32>> =
            texts.iter().map(|text| self.vocabulary.encode(text, self.tokens.level)).collect();
        self.answers(&rows)
    }

    /// What the network says after every token of `text` that it reads, as if the text ended there.
    pub fn per_token(&self, text: &str) -> Vec<Prefix> {
        let ids = self.vocabulary.encode(text, self.tokens.level);
        let kept = ids.get(self.tokens.kept(ids.len())).unwrap_or_default();
        let rows: Vec<Vec<u32>> = (1..=kept.len()).map(|end| kept[..end].to_vec()).collect();
        let word = |id: &u32| self.vocabulary.word(*id).to_owned();
        let prefix = |(id, probabilities)| Prefix { token: word(id), probabilities };
        kept.iter().zip(self.answers(&rows)).map(prefix).collect()
    }

    /// Judges the network by the run's validation data, or by `data` with `set` laid over the spec; tells at most `mistakes` mistakes.
    ///
    /// # Errors
    /// When the data are missing or wrong, have other labels, or when the run has no validation data.
    pub fn judge(
        &self,
        moved: Option<&Path>,
        set: &[String],
        run: &Path,
        mistakes: usize,
    ) -> Result<Judgement, PredictError> {
        let overrides = Overrides { set: set.to_vec(), data: moved.map(Path::to_owned), seed: None };
        let spec = preset::load(&run.join("spec.yaml").to_string_lossy(), &overrides)?.spec;
        let (mut score, mut worst) = (Score::default(), Vec::new());
        let mut told = Told::nothing(self.labels.len(), self.has_labels());
        let source = self.texts_to_judge(&spec, moved.is_some(), &mut |texts| {
            let (outputs, part) = self.through(texts.rows.view(), Some(&texts.targets));
            score.add(part);
            for (row, (output, text)) in outputs.rows().into_iter().zip(&texts.texts).enumerate() {
                if let Some(wrong) = told.add(output, &texts.targets, row) {
                    let mistake = |(truth, predicted, probability)| Mistake {
                        text: text.clone(),
                        truth,
                        predicted,
                        probability,
                    };
                    keep_worst(&mut worst, mistakes, wrong.2, || mistake(wrong));
                }
            }
        })?;
        Ok(Judgement { loss: score.mean_loss(), accuracy: score.accuracy(), told, mistakes: worst, source })
    }

    /// Hands the texts to judge by to `each`, and says what they are.
    fn texts_to_judge(
        &self,
        spec: &RunSpec,
        moved: bool,
        each: &mut dyn FnMut(&LabelledTexts),
    ) -> Result<String, PredictError> {
        let DataSpec::Labelled(labelled) = &spec.data else {
            let message =
                format!("{}: only labelled texts can be judged; name some with --data", spec.data.source());
            return Err(PredictError::Task(message));
        };
        let given = matches!(labelled.validation, Some(Validation::Given(_)));
        let whole = moved && !given;
        let several = spec.form().targets;
        if matches!(several, TargetForm::Labels(_)) != self.has_labels() {
            let message = match self.has_labels() {
                true => "the network tells several labels at once; add --set data.multi_label=true",
                false => {
                    "the network tells one class of several, and a text of these data may have several labels"
                }
            };
            return Err(PredictError::Task(message.to_owned()));
        }
        if !whole && labelled.validation.is_none() {
            let message = "the run has no validation data; name some with --data".to_owned();
            return Err(PredictError::Task(message));
        }
        let seed = self.spec.train.seed;
        let known = (self.labels.as_slice(), &self.vocabulary, &self.tokens);
        Ok(data::labelled_texts(labelled, whole, seed, known, each)?)
    }

    fn answers(&self, ids: &[Vec<u32>]) -> Vec<Vec<f32>> {
        let mut rows = Array2::zeros((ids.len(), self.tokens.length));
        for (mut row, ids) in rows.rows_mut().into_iter().zip(ids) {
            row.iter_mut().zip(self.tokens.pad(ids)).for_each(|(to, id)| *to = id);
        }
        self.through(rows.view(), None).0.rows().into_iter().map(|row| row.to_vec()).collect()
    }

    /// The probability of each class, `[sequence, class]`, on all processors; and, where the `targets` are known, loss and accuracy.
    fn through(&self, rows: ArrayView2<'_, u32>, targets: Option<&Targets>) -> (Array2<f32>, Score) {
        let mut output = Array2::zeros((rows.nrows(), self.labels.len()));
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let part = rows.nrows().div_ceil(threads).max(BATCH);
        let mut score = Score::default();
        thread::scope(|scope| {
            let parts = output.axis_chunks_iter_mut(Axis(0), part).zip(rows.axis_chunks_iter(Axis(0), part));
            let parts: Vec<_> = parts
                .enumerate()
                .map(|(i, (mut out, rows))| {
                    scope.spawn(move || {
                        let (probabilities, score) = self.part(rows, targets.map(|all| (all, i * part)));
                        out.assign(&probabilities);
                        score
                    })
                })
                .collect();
            for part in parts {
                score.add(part.join().unwrap_or_else(|payload| panic::resume_unwind(payload)));
            }
        });
        (output, score)
    }

    /// The same on this thread, of rows whose targets begin at a place in all.
    fn part(&self, rows: ArrayView2<'_, u32>, targets: Option<(&Targets, usize)>) -> (Array2<f32>, Score) {
        let mut probabilities = Array2::zeros((rows.nrows(), self.labels.len()));
        let (mut shard, mut score) = (Shard::new(&self.model, &self.params), Score::default());
        for start in (0..rows.nrows()).step_by(BATCH) {
            let end = (start + BATCH).min(rows.nrows());
            let answers =
                targets.map_or(Answers::None, |(all, first)| answers(all, first + start..first + end));
            shard.forget();
            shard.load(Input::Ids(rows.slice(s![start..end, ..])), answers);
            shard.forward(&self.model, &self.params, Mode::Evaluate);
            if targets.is_some() {
                score.add(shard.score(&self.model));
            }
            let output = shard.output(&self.model);
            for (mut to, from) in
                probabilities.slice_mut(s![start..end, ..]).rows_mut().into_iter().zip(output.outer_iter())
            {
                match from.as_slice() {
                    // One sigmoid is the probability of class 1.
                    Some([p]) => to.iter_mut().zip([1.0 - p, *p]).for_each(|(to, p)| *to = p),
                    _ => to.iter_mut().zip(&from).for_each(|(to, p)| *to = *p),
                }
            }
        }
        (probabilities, score)
    }
}

/// Takes a wrong answer in among the `most` most confident ones, of equals the first, if it belongs there.
fn keep_worst(worst: &mut Vec<Mistake>, most: usize, probability: f32, mistake: impl FnOnce() -> Mistake) {
    let place = worst.partition_point(|other| other.probability.total_cmp(&probability).is_ge());
    if place < most {
        worst.insert(place, mistake());
        worst.truncate(most);
    }
}

/// The class that is likeliest, of equals the first, and its probability.
pub fn likeliest(probabilities: impl IntoIterator<Item = f32>) -> (usize, f32) {
    let all = probabilities.into_iter().enumerate();
    all.fold((0, f32::NEG_INFINITY), |best, (class, p)| if p > best.1 { (class, p) } else { best })
}

fn json<T: DeserializeOwned>(run: &Path, name: &str) -> Result<T, PredictError> {
    let path = run.join(name);
    let bad = |what: String| PredictError::File { file: path.display().to_string(), what };
    let bytes = std::fs::read(&path).map_err(|error| bad(format!("cannot be read: {error}")))?;
    serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))
}
