//! Texts with a class each, or with several labels at once.

use super::comments::Comments;
use super::{Proposal, chain, classification, counted, length, named_rows, train, vocabulary, whole};
use crate::data::{
    DataSpec, Encoding, Format, GivenValidation, LabelledSpec, Level, Side, TokenSpec, Validation,
};
use crate::nn::{Dense, Dropout, Embedding, GRU, LSTM, LayerNode};
use crate::number;
use crate::optim::EarlyStopping;
use crate::preset::{Probes, RunSpec, TrainSpec, Value, WatchSpec};
use crate::protocol::Findings;

/// Words up to which a text is a sentence; longer ones are documents.
const SENTENCE: usize = 60;
/// Texts below which all words that recur are known.
const SMALL: usize = 50_000;
/// The minimum number of words that recur.
const FEWEST_WORDS: usize = 20;
/// Time steps of a document, at most: the steps of a recurrent network come one after the other.
const DOCUMENT: usize = 300;

/// What fits the size and kind of the texts.
struct Choice {
    layer: &'static str,
    units: usize,
    embedding: usize,
    dropout: f64,
    masked: bool,
    batch: usize,
    epochs: usize,
}

impl Choice {
    fn of(rows: usize, level: Level, length: usize) -> Self {
        let (batch, epochs) = match rows {
            0..1_000 => (16, 30),
            1_000..5_000 => (32, 20),
            5_000..50_000 => (64, 10),
            50_000..500_000 => (128, 5),
            _ => (256, 2),
        };
        let (layer, units, embedding) = match level {
            Level::Character if rows < 5_000 => ("GRU", 64, 32),
            Level::Character => ("GRU", 128, 64),
            _ if length > SENTENCE => ("LSTM", 32, 32),
            _ if rows < 2_000 => ("GRU", 32, 32),
            _ => ("GRU", 64, 64),
        };
        let document = level != Level::Character && length > SENTENCE;
        let epochs = if document { epochs.min(5) } else { epochs };
        Self { layer, units, embedding, dropout: 0.4, masked: !document, batch, epochs }
    }

    fn recurrent(&self) -> LayerNode {
        match self.layer {
            "LSTM" => LSTM { units: self.units, ..LSTM::default() }.into(),
            _ => GRU { units: self.units, ..GRU::default() }.into(),
        }
    }
}

pub(super) fn propose(
    findings: &Findings,
    spec: LabelledSpec,
    level: Level,
    examples: Vec<String>,
    at_least: Option<u64>,
) -> Proposal {
    let characters = level == Level::Character;
    // Letters cost little, and the last ones of a word tell much.
    let length = if characters { length(findings, 99, 200) } else { length(findings, 90, DOCUMENT) };
    let (mut vocabulary, mut known) = vocabulary(findings);
    let at_least = at_least.or_else(|| usual_at_least(findings, level));
    if let Some(least) = at_least {
        vocabulary = findings.vocabulary.as_ref().map_or(3, |found| found.distinct + 2);
        known = occurring(least, level);
    }
    let choice = Choice::of(findings.rows, level, length);
    let classes = findings.classes.len();
    let (outputs, activation, loss) = classification(classes, findings.several);
    let spec = held_out(findings, spec);
    let mut comments = Comments::default();
    of_data(&mut comments, findings, &spec);
    if spec.validation.is_some() {
        super::of_test(&mut comments, findings);
    }
    of_tokens(&mut comments, findings, &choice, characters, length, &known);
    of_model(&mut comments, findings, &choice, characters);
    of_training(&mut comments, findings, spec.validation.is_some());
    if !examples.is_empty() {
        comments.before("watch.probes", "Texts shown as they pass through the network.");
    }
    let unit = if characters { "characters" } else { "words" };
    let layers = [
        format!("Embedding {}", choice.embedding),
        format!("{} {}", choice.layer, choice.units),
        format!("Dropout {}", choice.dropout),
        format!("Dense {outputs}"),
    ];
    let suggested = [
        (
            "tokens",
            format!("{unit}, length {length} ({} of the texts are no longer)", whole(findings, length)),
        ),
        (
            "vocabulary",
            if at_least.is_some() {
                known.clone()
            } else {
                format!("{} ({known})", number::count(vocabulary as u64))
            },
        ),
        ("network", chain(&layers)),
        (
            "training",
            format!(
                "{}, batches of {}, {}",
                loss.name(),
                choice.batch,
                counted(choice.epochs, "epoch", "epochs")
            ),
        ),
    ];
    let early_stopping = spec.validation.is_some().then(|| EarlyStopping {
        monitor: Some("val_loss".into()),
        patience: 3,
        restore_best_weights: true,
        ..EarlyStopping::default()
    });
    let spec = RunSpec {
        name: String::new(),
        title: title(findings, &choice, unit),
        about: about(findings, characters),
        data: DataSpec::Labelled(spec),
        tokens: Some(TokenSpec {
            level,
            vocabulary,
            length,
            padding: Side::Pre,
            truncating: if choice.masked { Side::Post } else { Side::Pre },
            channels: Vec::new(),
        }),
        model: vec![
            Embedding { output_dim: choice.embedding, mask_zero: choice.masked, ..Embedding::default() }
                .into(),
            choice.recurrent(),
            Dropout { rate: choice.dropout }.into(),
            Dense { units: outputs, activation, ..Dense::default() }.into(),
        ],
        train: TrainSpec { early_stopping, ..train(loss, choice.batch, choice.epochs) },
        watch: WatchSpec {
            every: super::every(findings.rows / choice.batch * choice.epochs),
            probes: match examples.is_empty() {
                true => Probes::default(),
                false => Probes::Texts(examples),
            },
            ..WatchSpec::default()
        },
        units_follow_classes: false,
    };
    Proposal { spec, comments, suggested: named_rows(suggested), at_least }
}

/// All words that occur twice, where those that occur once would be known as well: they are learnt from one text, and nothing is learnt about
/// the words that no training text has.
fn usual_at_least(findings: &Findings, level: Level) -> Option<u64> {
    let words = level != Level::Character && findings.rows < SMALL && !findings.more;
    let found = findings.vocabulary.as_ref()?;
    let often = found.distinct.saturating_sub(found.once);
    (words && often >= FEWEST_WORDS && found.once > 0).then_some(2)
}

/// Which words are known, in words.
fn occurring(least: u64, level: Level) -> String {
    let unit = if level == Level::Character { "characters" } else { "words" };
    match least {
        1 => format!("all {unit} of the training texts"),
        2 => format!("all {unit} that occur twice or more"),
        least => format!("all {unit} that occur {least} times or more"),
    }
}

fn title(findings: &Findings, choice: &Choice, unit: &str) -> String {
    let article = if choice.layer.starts_with('L') { "an" } else { "a" };
    let one_of = if findings.several { "each of" } else { "one of" };
    format!("Texts by their {unit}: {article} {} predicts {one_of} {}", choice.layer, targets(findings))
}

fn about(findings: &Findings, characters: bool) -> String {
    let unit = if characters { "character" } else { "word" };
    format!(
        "{} {} are read {unit} by {unit}; the state after the last one decides {} {}. Predicting {} for every text is \
         right in {}: compare val_accuracy.",
        number::count(findings.rows as u64),
        if findings.more { "texts and more" } else { "texts" },
        if findings.several { "on each of" } else { "among" },
        targets(findings),
        if findings.several { "no label" } else { "the most frequent class" },
        without_reading(findings),
    )
}

/// How many classes or labels there are, in words.
fn targets(findings: &Findings) -> String {
    match findings.several {
        true => counted(findings.classes.len(), "label", "labels"),
        false => counted(findings.classes.len(), "class", "classes"),
    }
}

/// The accuracy of the most frequent class, or of no label, for every text.
fn without_reading(findings: &Findings) -> String {
    let counts = findings.classes.iter().map(|class| class.count);
    let all = counts.clone().sum::<usize>();
    number::percent(match findings.several {
        true => 1.0 - all as f64 / (findings.rows * findings.classes.len()).max(1) as f64,
        false => counts.max().unwrap_or(0) as f64 / all.max(1) as f64,
    })
}

/// The spec with validation data: those it has, or a share, if there are enough texts.
fn held_out(findings: &Findings, spec: LabelledSpec) -> LabelledSpec {
    let largest = findings.classes.iter().map(|class| class.count).max().unwrap_or(0);
    let share = if findings.rows < 1_000 { 0.2 } else { 0.1 };
    let validation = match spec.validation {
        Some(Validation::Given(given)) => Some(Validation::Given(given)),
        _ => (largest >= 3).then_some(Validation::Share(share)),
    };
    LabelledSpec { format: spec.format.or(Some(Format::Csv)), validation, ..spec }
}

fn of_data(comments: &mut Comments, findings: &Findings, spec: &LabelledSpec) {
    match spec.format {
        Some(Format::Jsonl) => comments.beside("data.source", "one JSON object per line"),
        Some(Format::Lines) => {
            comments.beside("data.source", "one text per line, the labels in a file beside it")
        }
        Some(Format::Folder) => {
            comments.beside("data.source", "one folder per class, or one file with a text per line")
        }
        Some(Format::FastText) => {
            comments
                .beside("data.source", "one text per line, with labels of fastText such as __label__good");
        }
        Some(Format::Arff) => comments.beside("data.source", "an attribute-relation file of Weka"),
        Some(Format::LabelFirst) => comments.beside("data.source", "one text per line, its label before it"),
        Some(Format::LabelLast) => comments.beside("data.source", "one text per line, its label behind it"),
        Some(Format::Csv) | None => {}
    }
    if spec.delimiter.is_some() {
        let inline =
            spec.format.is_some_and(|format| matches!(format, Format::LabelFirst | Format::LabelLast));
        let between = if inline { "label and text" } else { "columns" };
        comments.beside("data.delimiter", format!("the character between {between}"));
    }
    match spec.header {
        Some(true) => comments.beside("data.header", "the first row has the names of the columns"),
        Some(false) => comments.beside("data.header", "the first row is data; columns are given by number"),
        None => {}
    }
    if spec.text.is_some() {
        comments.beside("data.text", "the column with the text");
    }
    if spec.label.is_some() {
        let labels = if spec.multi_label { "labels" } else { "class" };
        comments.beside("data.label", format!("the column with the {labels}"));
    }
    if spec.multi_label {
        comments.beside("data.multi_label", "a text may have several labels, or none");
    }
    if spec.separator.is_some() {
        comments.beside("data.separator", "the character between labels");
    }
    if !spec.label_columns.is_empty() {
        comments.before("data.label_columns", "Columns of 0 and 1: a text may have several labels, or none.");
    }
    if spec.encoding != Encoding::Utf8 {
        comments.beside("data.encoding", "the character encoding, which is not UTF-8");
    }
    if spec.skip_bad_rows {
        comments.beside("data.skip_bad_rows", "without this, the first bad row is an error with its line");
    }
    match &spec.validation {
        Some(Validation::Given(GivenValidation { .. })) => {
            comments.beside("data.validation", "evaluated after every epoch, never trained on")
        }
        Some(_) => {
            let (part, what) = match findings.several {
                true => ("the texts, drawn at random,", "labels"),
                false => ("every class", "classes"),
            };
            comments.before(
                "data.validation",
                format!(
                    "A part of {part} is evaluated after every epoch, never trained on. Or {{path: FILE}}."
                ),
            );
            if findings.classes.iter().any(|class| class.count < 10) {
                comments.before(
                    "data.validation",
                    format!("Some {what} have so few texts that their metrics mean little."),
                );
            }
        }
        None => {}
    }
}

fn of_tokens(
    comments: &mut Comments,
    findings: &Findings,
    choice: &Choice,
    characters: bool,
    length: usize,
    known: &str,
) {
    comments.before(
        "tokens",
        format!(
            "A text becomes a row of {length} numbers, one per {}: {known} have a number of their own{}. {} of the texts are no longer; longer ones \
             lose {}.",
            if characters { "character" } else { "word" },
            if known.starts_with("all") { "" } else { ", the others share one" },
            whole(findings, length),
            if choice.masked { "their end" } else { "their beginning, since the end often decides" },
        ),
    );
    ["tokens.level", "tokens.padding", "tokens.truncating"].iter().for_each(|path| comments.show(path));
}

fn of_model(comments: &mut Comments, findings: &Findings, choice: &Choice, characters: bool) {
    let Choice { layer, units, .. } = choice;
    let (classes, unit) = (findings.classes.len(), if characters { "characters" } else { "words" });
    comments.before(
        "model.0",
        format!("A vector for each of the {unit}, trained with the rest; mask_zero leaves padding out."),
    );
    comments.before(
        "model.1",
        format!(
            "Reads them one after the other and returns its last state. Next to try: {} in its place; or both directions: {{layer: \
             Bidirectional, of: {{layer: {layer}, units: {units}}}}}; or windows of three {unit} in place of it: {{layer: Conv1D, filters: 100, \
             kernel_size: 3, activation: relu}} and below it {{layer: GlobalMaxPooling1D}}, without mask_zero.",
            if *layer == "GRU" { "LSTM or SimpleRNN" } else { "GRU or SimpleRNN" },
        ),
    );
    comments.before(
        "model.2",
        "A part of the state is set to 0 at random, against overfitting: try more when val_loss rises while loss falls.",
    );
    comments.before(
        "model.3",
        match classes {
            _ if findings.several => {
                format!(
                    "A probability for each of the {classes} labels, independently: a text may have several, or none."
                )
            }
            2 => "One number: the probability of the second class in alphabetical order.".to_owned(),
            _ => format!("A probability for each of the {classes} classes."),
        },
    );
}

fn of_training(comments: &mut Comments, findings: &Findings, has_validation: bool) {
    comments.before(
        "train.optimizer",
        "The first thing to try when loss does not fall: a learning rate ten times as small, or as large.",
    );
    if has_validation {
        comments.before(
            "train.early_stopping",
            "Stops when val_loss has not improved for three epochs, and restores the best weights.",
        );
    }
    let counts = || findings.classes.iter().map(|class| class.count);
    let (few, many) = (counts().min().unwrap_or(1).max(1), counts().max().unwrap_or(1));
    if many > 3 * few && findings.classes.len() <= 20 && !findings.several {
        let all: usize = counts().sum();
        let weight = |count: usize| all as f64 / (findings.classes.len() * count.max(1)) as f64;
        let weights = findings.classes.iter().map(|class| {
            (Value::from(class.label.as_str()), Value::from((weight(class.count) * 100.0).round() / 100.0))
        });
        comments.before(
            "train.class_weight",
            "The classes are unbalanced; with these weights each counts the same (accuracy falls, recall of rare classes rises):",
        );
        comments.suggest("train.class_weight", Value::Mapping(weights.collect()));
    }
}
