//! Texts with a class each, or with several labels at once.

mod network;

use super::comments::Comments;
use super::{Proposal, chain, classification, counted, length, named_rows, train, vocabulary, whole};
use crate::data::{
    DataSpec, Encoding, Format, GivenValidation, LabelledSpec, Level, Side, TokenSpec, Validation,
};
use crate::nn::Dense;
use crate::number;
use crate::optim::{Adam, EarlyStopping, OptimizerSpec};
use crate::preset::{AlertSpec, Probes, RunSpec, TrainSpec, Value, WatchSpec};
use crate::protocol::Findings;
use network::Kind;

/// Texts below which all words that recur are known.
const SMALL: usize = 50_000;
/// Texts below which words and pairs of words that occur once are known as well. Such a pair tells little, but most texts have some, and together
/// they tell more than an unknown token in the place of each. Of more texts the vectors would be too many.
const FEW: usize = 5_000;
/// The minimum number of words that recur.
const FEWEST_WORDS: usize = 20;
/// Time steps of a document, at most: the steps of a recurrent network come one after the other.
const DOCUMENT: usize = 300;
/// Words or characters of a text that is read without their order, at most.
const MOST_UNORDERED: usize = 300;

/// How the texts are trained on: batches, epochs and learning rate by their number.
struct Training {
    batch: usize,
    epochs: usize,
    learning_rate: f64,
}

impl Training {
    fn of(rows: usize, kind: Kind) -> Self {
        let (batch, epochs) = match rows {
            0..1_000 => (16, 30),
            1_000..5_000 => (32, 20),
            5_000..50_000 => (64, 10),
            50_000..500_000 => (128, 5),
            _ => (256, 2),
        };
        // Steps without order are short, and more of them are needed.
        let epochs = if kind.ngrams() > 1 { 2 * epochs } else { epochs };
        let learning_rate = kind.learning_rate(knows_all(rows, kind));
        Self { batch, epochs, learning_rate }
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
    let steps = if characters { length(findings, 99, 200) } else { length(findings, 90, DOCUMENT) };
    let few = findings.rows < SMALL && !findings.more;
    let kind = Kind::of(level, steps, few);
    // Without order a long text costs little.
    let steps = if kind.ngrams() > 1 { length(findings, 99, MOST_UNORDERED) } else { steps };
    let length = steps * kind.ngrams();
    let (mut vocabulary, mut known) = vocabulary(findings);
    let at_least = at_least.or_else(|| usual_at_least(findings, kind));
    if let Some(least) = at_least {
        vocabulary = findings.vocabulary.as_ref().map_or(3, |found| found.distinct + 2);
        known = occurring(least, kind);
    }
    let training = Training::of(findings.rows, kind);
    let classes = findings.classes.len();
    let (outputs, activation, loss) = classification(classes, findings.several);
    let spec = held_out(findings, spec);
    let mut comments = Comments::default();
    of_data(&mut comments, findings, &spec);
    if spec.validation.is_some() {
        super::of_test(&mut comments, findings);
    }
    let layers = network::layers(
        kind,
        findings.rows,
        length,
        Dense { units: outputs, activation, ..Dense::default() },
    );
    of_tokens(&mut comments, findings, kind, (length, steps), &known);
    for (index, layer) in layers.iter().enumerate() {
        if let Some(comment) = &layer.comment {
            comments.before(&format!("model.{index}"), comment.as_str());
        }
    }
    comments.before(&format!("model.{}", layers.len() - 1), of_output(findings));
    of_training(&mut comments, findings, spec.validation.is_some());
    if !examples.is_empty() {
        comments.before("watch.probes", "Texts shown as they pass through the network.");
    }
    let unit = if characters { "characters" } else { "words" };
    // Behind the vectors is a dropout, or one of 0.5 behind the poolings.
    let dropout = if kind.ngrams() > 1 { "model.4.rate=0.3" } else { "model.1.rate=0.5" };
    let suggested = [
        (
            "tokens",
            format!(
                "{}, length {length} ({} of the texts are no longer)",
                kind.tokens(),
                whole(findings, steps)
            ),
        ),
        (
            "vocabulary",
            if at_least.is_some() {
                known.clone()
            } else {
                format!("{} ({known})", number::count(vocabulary as u64))
            },
        ),
        ("network", chain(&layers.iter().map(|layer| layer.name.clone()).collect::<Vec<_>>())),
        ("reason", kind.reason().into()),
        (
            "training",
            format!(
                "{}, batches of {}, {}",
                loss.name(),
                training.batch,
                counted(training.epochs, "epoch", "epochs")
            ),
        ),
        (
            "to try",
            format!("--set {dropout}, --set train.optimizer.learning_rate={}", training.learning_rate / 2.0),
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
        title: title(findings, unit, kind),
        about: about(findings, kind),
        from: None,
        data: DataSpec::Labelled(spec),
        tokens: Some(TokenSpec {
            level,
            ngrams: kind.ngrams(),
            vocabulary,
            length,
            padding: Side::Pre,
            truncating: Side::Post,
            channels: Vec::new(),
        }),
        model: layers.into_iter().map(|layer| layer.layer).collect(),
        train: TrainSpec {
            early_stopping,
            optimizer: OptimizerSpec::Adam(Adam { learning_rate: training.learning_rate, ..Adam::default() }),
            ..train(loss, training.batch, training.epochs)
        },
        watch: WatchSpec {
            probes: match examples.is_empty() {
                true => Probes::default(),
                false => Probes::Texts(examples),
            },
            ..super::watch(findings.rows / training.batch * training.epochs)
        },
        alerts: AlertSpec::default(),
        units_follow_classes: false,
    };
    Proposal { spec, comments, suggested: named_rows(suggested), at_least }
}

/// Whether all words and pairs of words of `rows` texts are known.
fn knows_all(rows: usize, kind: Kind) -> bool {
    kind == Kind::Phrases && rows < FEW
}

/// All words that occur twice, where those that occur once would be known as well: they are learnt from one text, and nothing is learnt about
/// the words that no training text has. Of pairs and triples, whose number nobody has counted, all where few recur, or where
/// [all are known](knows_all).
fn usual_at_least(findings: &Findings, kind: Kind) -> Option<u64> {
    let words = !kind.has_characters() && findings.rows < SMALL && !findings.more;
    let several = kind.ngrams() > 1;
    let found = findings.vocabulary.as_ref()?;
    let often = found.distinct.saturating_sub(found.once) >= FEWEST_WORDS;
    let twice = often && !knows_all(findings.rows, kind) && (several || words && found.once > 0);
    twice.then_some(2).or(several.then_some(1))
}

/// Which words are known, in words.
fn occurring(least: u64, kind: Kind) -> String {
    let unit = kind.tokens();
    match least {
        1 => format!("all {unit} of the training texts"),
        2 => format!("all {unit} that occur twice or more"),
        least => format!("all {unit} that occur {least} times or more"),
    }
}

fn title(findings: &Findings, unit: &str, kind: Kind) -> String {
    let one_of = if findings.several { "each of" } else { "one of" };
    format!("Texts by their {unit}: {} predicts {one_of} {}", kind.network(), targets(findings))
}

fn about(findings: &Findings, kind: Kind) -> String {
    format!(
        "{} {} are {} decides {} {}. Predicting {} for every text is \
         right in {}: compare val_accuracy.",
        number::count(findings.rows as u64),
        if findings.more { "texts and more" } else { "texts" },
        kind.reading(),
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
    kind: Kind,
    (length, steps): (usize, usize),
    known: &str,
) {
    let per = match kind {
        Kind::Phrases => "one per word and per pair of words",
        Kind::Letters => "one per one, two and three characters",
        Kind::Characters => "one per character",
        Kind::Sentence | Kind::Document => "one per word",
    };
    comments.before(
        "tokens",
        format!(
            "A text becomes a row of {length} numbers, {per}: {known} have a number of their own{}. {} of the texts are no longer; longer ones \
             lose their end.",
            if known.starts_with("all") { "" } else { ", the others share one" },
            whole(findings, steps),
        ),
    );
    ["tokens.level", "tokens.padding", "tokens.truncating"].iter().for_each(|path| comments.show(path));
}

/// What the last layer computes.
fn of_output(findings: &Findings) -> String {
    let classes = findings.classes.len();
    match classes {
        _ if findings.several => {
            format!(
                "A probability for each of the {classes} labels, independently: a text may have several, or none."
            )
        }
        2 => "One number: the probability of the second class in alphabetical order.".to_owned(),
        _ => format!("A probability for each of the {classes} classes."),
    }
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
