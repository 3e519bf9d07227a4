//! A finished run put to use: its last or best weights, its vocabulary and its classes, without its data.

use std::ops::Range;
use std::path::Path;
use std::{panic, thread};

use ndarray::{Array2, ArrayView1, Axis, s};
use serde::de::DeserializeOwned;

use super::work::answers;
use crate::data::{
    self, DataError, DataSpec, Scale, SequencesSpec, TargetForm, Targets, TokenSpec, Validation, Vocabulary,
};
use crate::nn::{Answers, Input, Mode, Model, Params, Score, Shape, Shard};
use crate::preset::{self, Overrides, PresetError, RunSpec};
use crate::protocol::{Confusion, LabelCounts, is_told};
use crate::run::RunError;
use crate::run::checkpoint::{self, Which};

/// Sequences that go through the network at once.
const BATCH: usize = 64;

/// A trained network that tells the class of a text, or which of several labels it has; or the class of a sequence of numbers in a file.
#[derive(Debug)]
pub struct Predictor {
    spec: RunSpec,
    model: Model,
    params: Params,
    reads: Reads,
    labels: Vec<String>,
    step: u64,
}

/// How what it is asked becomes what its network reads.
#[derive(Debug)]
enum Reads {
    Texts { tokens: TokenSpec, vocabulary: Vocabulary },
    Sequences { spec: SequencesSpec, scale: Scale },
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
                let both = || has.iter().map(|has| *has > 0.5).zip(output.iter().map(|p| is_told(*p)));
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
    /// The text, or what the sequence is called.
    pub text: String,
    /// Its class; its labels, where it may have several.
    pub truth: Vec<usize>,
    /// The class it was taken for, or the labels it was told to have.
    pub predicted: Vec<usize>,
    /// With this probability; of several labels that of what was most confidently wrong.
    pub probability: f32,
}

impl Predictor {
    /// Opens the run in the folder `run`: `spec.yaml`, `labels.json`, `vocabulary.json` (of texts) or `scale.json` (of numbers), and a
    /// checkpoint are all it takes.
    ///
    /// # Errors
    /// When one of them is missing or does not fit the others, or when the network does not tell classes of texts or of sequences in
    /// files apart.
    pub fn open(run: &Path, which: Which) -> Result<Self, PredictError> {
        let spec = preset::load(&run.join("spec.yaml").to_string_lossy(), &Overrides::default())?.spec;
        let model = spec.model().map_err(|e| PredictError::Task(e.to_string()))?;
        let unable = || {
            let message = format!(
                "{}: this network tells no class of a text or of a recording; forecasts and tags cannot be asked for yet, and how good \
                 they are stands in metrics.jsonl",
                run.display()
            );
            PredictError::Task(message)
        };
        let classes = model.classes().or(model.labels());
        let (Some(classes), Shape::Vector { .. }) = (classes, model.output()) else { return Err(unable()) };
        let labels: Vec<String> = json(run, "labels.json")?;
        if labels.len() != classes {
            let file = run.join("labels.json").display().to_string();
            let what = format!("{} labels; the network of spec.yaml has {classes} classes", labels.len());
            return Err(PredictError::File { file, what });
        }
        let reads = match (&spec.data, spec.data.tokens(spec.tokens.as_ref())) {
            (DataSpec::Sequences(spec), _) => {
                let scale: Scale = json(run, "scale.json")?;
                if !scale.fits(spec.features) {
                    let file = run.join("scale.json").display().to_string();
                    let what = format!("no mean and deviation above 0 of {} features", spec.features);
                    return Err(PredictError::File { file, what });
                }
                Reads::Sequences { spec: spec.clone(), scale }
            }
            (_, Some(tokens)) => Reads::Texts { tokens, vocabulary: json(run, "vocabulary.json")? },
            (_, None) => return Err(unable()),
        };
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
        Ok(Self { spec, model, params, reads, labels, step: loaded.step })
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

    /// What it tells the class of, in a word: `text` or `sequence`.
    pub fn subject(&self) -> &'static str {
        match &self.reads {
            Reads::Texts { .. } => "text",
            Reads::Sequences { .. } => "sequence",
        }
    }

    /// The probability of each class, or label: of every text, or of every sequence in the files that `asked` names; after what each is
    /// called.
    ///
    /// # Errors
    /// When a file is missing or is not as it must be.
    pub fn predict(&self, asked: &[String]) -> Result<Vec<(String, Vec<f32>)>, PredictError> {
        match &self.reads {
            Reads::Texts { tokens, vocabulary } => {
                let encode = |text: &String| vocabulary.encode(text, tokens.level);
                let rows: Vec<Vec<u32>> = asked.iter().map(encode).collect();
                Ok(asked.iter().cloned().zip(self.answers(&rows, tokens)).collect())
            }
            Reads::Sequences { spec, scale } => {
                let mut all = Vec::new();
                for file in asked {
                    let (names, rows) = spec.unlabelled(Path::new(file), scale)?;
                    let (output, _) = self.through(Input::Real(rows.view()), None);
                    all.extend(names.into_iter().zip(output.rows().into_iter().map(|row| row.to_vec())));
                }
                Ok(all)
            }
        }
    }

    /// What the network says after every token of `text` that it reads, as if the text ended there; nothing where it reads no texts.
    pub fn per_token(&self, text: &str) -> Vec<Prefix> {
        let Reads::Texts { tokens, vocabulary } = &self.reads else { return Vec::new() };
        let ids = vocabulary.encode(text, tokens.level);
        let kept = ids.get(tokens.kept(ids.len())).unwrap_or_default();
        let rows: Vec<Vec<u32>> = (1..=kept.len()).map(|end| kept[..end].to_vec()).collect();
        let word = |id: &u32| vocabulary.word(*id).to_owned();
        let prefix = |(id, probabilities)| Prefix { token: word(id), probabilities };
        kept.iter().zip(self.answers(&rows, tokens)).map(prefix).collect()
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
        let source = self.to_judge(&spec, moved.is_some(), &mut |rows, targets, names| {
            let (outputs, part) = self.through(rows, Some(targets));
            score.add(part);
            for (row, (output, text)) in outputs.rows().into_iter().zip(names).enumerate() {
                if let Some(wrong) = told.add(output, targets, row) {
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

    /// Hands what to judge by to `each`, with targets and with what each is called, and says where it is from.
    fn to_judge(
        &self,
        spec: &RunSpec,
        moved: bool,
        each: &mut dyn FnMut(Input<'_>, &Targets, &[String]),
    ) -> Result<String, PredictError> {
        let refuse = |message: String| Err(PredictError::Task(message));
        let (seed, labels, source) = (self.spec.train.seed, self.labels.as_slice(), spec.data.source());
        let validation = match &spec.data {
            DataSpec::Labelled(labelled) => &labelled.validation,
            DataSpec::Sequences(sequences) => &sequences.validation,
            _ => {
                let message = "only labelled texts or sequences can be judged; name some with --data";
                return refuse(format!("{source}: {message}"));
            }
        };
        if matches!(spec.form().targets, TargetForm::Labels(_)) != self.has_labels() {
            let message = match self.has_labels() {
                true => "the network tells several labels at once; add --set data.multi_label=true",
                false => {
                    "the network tells one class of several, and a text of these data may have several labels"
                }
            };
            return refuse(message.to_owned());
        }
        let whole = moved && !matches!(validation, Some(Validation::Given(_)));
        if !whole && validation.is_none() {
            return refuse("the run has no validation data; name some with --data".to_owned());
        }
        match (&spec.data, &self.reads) {
            (DataSpec::Labelled(labelled), Reads::Texts { tokens, vocabulary }) => {
                let known = (labels, vocabulary, tokens);
                Ok(data::labelled_texts(labelled, whole, seed, known, &mut |texts| {
                    each(Input::Ids(texts.rows.view()), &texts.targets, &texts.texts);
                })?)
            }
            (DataSpec::Sequences(sequences), Reads::Sequences { spec: own, scale }) => {
                // What a row is, the run has settled.
                let sequences =
                    SequencesSpec { length: own.length, features: own.features, ..sequences.clone() };
                let (found, source) = sequences.to_judge(whole, seed, labels, scale)?;
                each(Input::Real(found.rows.view()), &Targets::Classes(found.classes), &found.names);
                Ok(source)
            }
            _ => refuse(format!("{source}: this network tells the class of a {}", self.subject())),
        }
    }

    fn answers(&self, ids: &[Vec<u32>], tokens: &TokenSpec) -> Vec<Vec<f32>> {
        let mut rows = Array2::zeros((ids.len(), tokens.length));
        for (mut row, ids) in rows.rows_mut().into_iter().zip(ids) {
            row.iter_mut().zip(tokens.pad(ids)).for_each(|(to, id)| *to = id);
        }
        self.through(Input::Ids(rows.view()), None).0.rows().into_iter().map(|row| row.to_vec()).collect()
    }

    /// The probability of each class, `[sequence, class]`, on all processors; and, where the `targets` are known, loss and accuracy.
    fn through(&self, all: Input<'_>, targets: Option<&Targets>) -> (Array2<f32>, Score) {
        let rows = match all {
            Input::Ids(ids) => ids.nrows(),
            Input::Real(numbers) => numbers.len_of(Axis(0)),
        };
        let mut output = Array2::zeros((rows, self.labels.len()));
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let part = rows.div_ceil(threads).max(BATCH);
        let mut score = Score::default();
        thread::scope(|scope| {
            let parts = output.axis_chunks_iter_mut(Axis(0), part).enumerate();
            let parts: Vec<_> = parts
                .map(|(i, mut out)| {
                    let rows = i * part..i * part + out.nrows();
                    scope.spawn(move || {
                        let (probabilities, score) = self.part(all, rows, targets);
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

    /// The same of some rows, on this thread.
    fn part(&self, all: Input<'_>, rows: Range<usize>, targets: Option<&Targets>) -> (Array2<f32>, Score) {
        let mut probabilities = Array2::zeros((rows.len(), self.labels.len()));
        let (mut shard, mut score) = (Shard::new(&self.model, &self.params), Score::default());
        for start in rows.clone().step_by(BATCH) {
            let end = (start + BATCH).min(rows.end);
            let answers = targets.map_or(Answers::None, |all| answers(all, start..end));
            shard.forget();
            let some = match &all {
                Input::Ids(ids) => Input::Ids(ids.slice(s![start..end, ..])),
                Input::Real(numbers) => Input::Real(numbers.slice(s![start..end, .., ..])),
            };
            shard.load(some, answers);
            shard.forward(&self.model, &self.params, Mode::Evaluate);
            if targets.is_some() {
                score.add(shard.score(&self.model));
            }
            let output = shard.output(&self.model);
            let mut to = probabilities.slice_mut(s![start - rows.start..end - rows.start, ..]);
            for (mut to, from) in to.rows_mut().into_iter().zip(output.outer_iter()) {
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
