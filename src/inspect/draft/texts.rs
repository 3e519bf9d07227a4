//! Texts with a class each, or with several labels at once.

use super::yaml::{Yaml, quoted};
use super::{Place, Proposal, chain, counted, length, vocabulary, whole};
use crate::data::{Column, Encoding, Format, LabelledSpec, Level, Validation};
use crate::number;
use crate::protocol::Findings;

/// Words up to which a text is a sentence; longer ones are documents.
const SENTENCE: usize = 60;
/// Time steps of a document, at most: the steps of a recurrent network come one after the other.
const DOCUMENT: usize = 300;

/// What fits a size and kind of texts.
struct Choice {
    units: usize,
    layer: &'static str,
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
        Self { units, layer, embedding, dropout: 0.4, masked: !document, batch, epochs }
    }
}

pub(super) fn propose(
    findings: &Findings,
    spec: &LabelledSpec,
    level: Level,
    examples: &[String],
    place: &Place<'_>,
) -> Result<Proposal, String> {
    let characters = level == Level::Character;
    // Letters cost little, and the last ones of a word tell much.
    let length = if characters { length(findings, 99, 200) } else { length(findings, 90, DOCUMENT) };
    let (vocabulary, known) = vocabulary(findings);
    let choice = Choice::of(findings.rows, level, length);
    let classes = findings.classes.len();
    let mut body = Yaml::default();
    let held_back = data(&mut body, findings, spec, place)?;
    body.line("");
    let unit = if characters { "characters" } else { "words" };
    let others = if known.starts_with("all") { "" } else { ", the others share one" };
    body.comment(&format!(
        "A text becomes a row of {length} numbers, one a {}: {known} have one of their own{others}. {} of the texts are no \
         longer; longer ones lose {}.",
        if characters { "character" } else { "word" },
        whole(findings, length),
        if choice.masked { "their end" } else { "their beginning, since the end often decides" },
    ));
    let name = if characters { "character" } else { "word" };
    let truncating = if choice.masked { "post" } else { "pre" };
    body.line(&format!(
        "tokens: {{level: {name}, vocabulary: {vocabulary}, length: {length}, padding: pre, truncating: {truncating}}}"
    ));
    body.line("");
    body.line("model:");
    body.hint(&format!(
        "A vector for each of the {unit}, learnt with the rest; mask_zero leaves padding out."
    ));
    let mask = if choice.masked { ", mask_zero: true" } else { "" };
    body.line(&format!("  - {{layer: Embedding, output_dim: {}{mask}}}", choice.embedding));
    body.hint(&format!(
        "Reads them one after the other and hands on its last state. Next to try: {} in its place; or both ways: {{layer: Bidirectional, of: \
         {{layer: {}, units: {}}}}}; or windows of three words in place of it: {{layer: Conv1D, filters: 100, kernel_size: 3, activation: \
         relu}} and below it {{layer: GlobalMaxPooling1D}}, without mask_zero.",
        if choice.layer == "GRU" { "LSTM or SimpleRNN" } else { "GRU or SimpleRNN" },
        choice.layer,
        choice.units,
    ));
    body.line(&format!("  - {{layer: {}, units: {}}}", choice.layer, choice.units));
    body.hint("Part of the state is hidden at every step, against learning by heart: more of it when val_loss rises while loss falls.");
    body.line(&format!("  - {{layer: Dropout, rate: {}}}", choice.dropout));
    let outputs = if classes == 2 && !findings.several { 1 } else { classes };
    let loss = match classes {
        _ if findings.several => {
            body.hint(&format!(
                "A probability for each of the {classes} labels, by itself: a text may have several, or none."
            ));
            body.line(&format!("  - {{layer: Dense, units: {classes}, activation: sigmoid}}"));
            "binary_crossentropy"
        }
        2 => {
            body.hint("One number: the probability of the class that comes second in the alphabet.");
            body.line("  - {layer: Dense, units: 1, activation: sigmoid}");
            "binary_crossentropy"
        }
        _ => {
            body.hint(&format!("A probability for each of the {classes} classes."));
            body.line(&format!("  - {{layer: Dense, units: {classes}, activation: softmax}}"));
            "sparse_categorical_crossentropy"
        }
    };
    body.line("");
    train(&mut body, findings, loss, &choice, held_back);
    body.line("");
    body.line("watch:");
    body.line(&format!("  every: {}", super::every(findings.rows / choice.batch * choice.epochs)));
    match examples {
        [] => {}
        examples => {
            body.hint("Texts whose way through the network is shown.");
            body.line("  probes:");
            examples.iter().for_each(|text| body.line(&format!("    - {}", quoted(text))));
        }
    }
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
        ("vocabulary", format!("{} ({known})", number::count(vocabulary as u64))),
        ("network", chain(&layers)),
        (
            "training",
            format!("{loss}, batches of {}, {}", choice.batch, counted(choice.epochs, "epoch", "epochs")),
        ),
    ];
    Ok(Proposal {
        title: format!(
            "Texts by their {unit}: {} {} tells {}",
            article(choice.layer),
            choice.layer,
            told(findings)
        ),
        about: format!(
            "{} {} are read {} by {}; what is kept after the last decides {} {}. Who {} is right in {}: compare val_accuracy.",
            number::count(findings.rows as u64),
            if findings.more { "texts and more" } else { "texts" },
            if characters { "letter" } else { "word" },
            if characters { "letter" } else { "word" },
            if findings.several { "on each of" } else { "among" },
            told(findings),
            if findings.several { "never says any" } else { "always names the most frequent class" },
            without_reading(findings),
        ),
        body,
        suggested: suggested.map(|(name, value)| (name.to_owned(), value)).to_vec(),
    })
}

fn article(layer: &str) -> &'static str {
    if layer.starts_with('L') { "an" } else { "a" }
}

/// How many classes or labels there are, in words.
fn told(findings: &Findings) -> String {
    match findings.several {
        true => counted(findings.classes.len(), "label", "labels"),
        false => counted(findings.classes.len(), "class", "classes"),
    }
}

/// The accuracy of who reads nothing and says what is right most often: the most frequent class, or no label.
fn without_reading(findings: &Findings) -> String {
    let counts = findings.classes.iter().map(|class| class.count);
    let all = counts.clone().sum::<usize>();
    number::percent(match findings.several {
        true => 1.0 - all as f64 / (findings.rows * findings.classes.len()).max(1) as f64,
        false => counts.max().unwrap_or(0) as f64 / all.max(1) as f64,
    })
}

/// What stands under `data:`; whether there is something to validate on.
fn data(
    body: &mut Yaml,
    findings: &Findings,
    spec: &LabelledSpec,
    place: &Place<'_>,
) -> Result<bool, String> {
    body.line("data:");
    match spec.format {
        Some(Format::Jsonl) => body.noted("  source: jsonl", "a JSON object a line"),
        Some(Format::Lines) => body.noted("  source: lines", "a text a line, its label in a file beside it"),
        Some(Format::Folder) => {
            body.noted("  source: folder", "a class a folder, or a file with a text a line")
        }
        Some(Format::Csv) | None => body.line("  source: csv"),
    }
    body.line(&format!("  path: {}", place.path(&spec.path)?));
    if let Some(delimiter) = spec.delimiter {
        body.noted(
            &format!("  delimiter: {}", quoted(&delimiter.to_string())),
            "what stands between columns",
        );
    }
    match spec.header {
        Some(true) => body.noted("  header: true", "the first row names the columns"),
        Some(false) => body.noted("  header: false", "the first row is data, columns go by their number"),
        None => {}
    }
    let label = if spec.multi_label { "its labels" } else { "its class" };
    for (key, column, what) in [("text", &spec.text, "what is read"), ("label", &spec.label, label)] {
        match column {
            Some(Column::Number(number)) => {
                body.noted(&format!("  {key}: {number}"), &format!("the column with {what}"))
            }
            Some(Column::Name(name)) => {
                body.noted(&format!("  {key}: {}", quoted(name)), &format!("the column with {what}"))
            }
            None => {}
        }
    }
    if spec.multi_label {
        body.noted("  multi_label: true", "a text may have several at once, or none");
    }
    if let Some(separator) = spec.separator {
        body.noted(&format!("  separator: {}", quoted(&separator.to_string())), "what stands between them");
    }
    if !spec.label_columns.is_empty() {
        let written = |column: &Column| match column {
            Column::Number(number) => number.to_string(),
            Column::Name(name) => quoted(name),
        };
        let columns: Vec<String> = spec.label_columns.iter().map(written).collect();
        body.hint("Columns of 0 and 1: a text may have several labels at once, or none.");
        body.line(&format!("  label_columns: [{}]", columns.join(", ")));
    }
    if spec.encoding != Encoding::Utf8 {
        body.noted(&format!("  encoding: {}", spec.encoding), "what the bytes mean: they are not UTF-8");
    }
    if spec.skip_bad_rows {
        body.noted("  skip_bad_rows: true", "without this, the first bad row is an error with its line");
    }
    let rarest = findings.classes.iter().map(|class| class.count).min().unwrap_or(0);
    let largest = findings.classes.iter().map(|class| class.count).max().unwrap_or(0);
    Ok(match &spec.validation {
        Some(Validation::Given(given)) => {
            body.noted(
                &format!("  validation: {{path: {}}}", place.path(&given.path)?),
                "measured on after every epoch, never learnt from",
            );
            true
        }
        _ if largest >= 3 => {
            let share = if findings.rows < 1_000 { 0.2 } else { 0.1 };
            let (part, what) = match findings.several {
                true => ("the texts, drawn at random,", "labels"),
                false => ("every class", "classes"),
            };
            body.hint(&format!(
                "A part of {part} is held back: measured on after every epoch, never learnt from. Or {{path: FILE}}."
            ));
            if rarest < 10 {
                body.hint(&format!(
                    "Some {what} have so few texts that what is measured of them says little."
                ));
            }
            body.line(&format!("  validation: {share}"));
            true
        }
        _ => false,
    })
}

/// What stands under `train:`.
fn train(body: &mut Yaml, findings: &Findings, loss: &str, choice: &Choice, held_back: bool) {
    body.line("train:");
    body.line(&format!("  loss: {loss}"));
    body.hint(
        "The first thing to try when loss does not fall: a learning rate ten times as small, or as large.",
    );
    body.line("  optimizer: {name: Adam, learning_rate: 0.001}");
    body.line(&format!("  batch_size: {}", choice.batch));
    body.line(&format!("  epochs: {}", choice.epochs));
    if held_back {
        body.hint("Ends when val_loss was not better for three epochs, and keeps the best weights.");
        body.line("  early_stopping: {monitor: val_loss, patience: 3, restore_best_weights: true}");
    }
    let counts = || findings.classes.iter().map(|class| class.count);
    let (few, many) = (counts().min().unwrap_or(1).max(1), counts().max().unwrap_or(1));
    if many > 3 * few && findings.classes.len() <= 20 && !findings.several {
        let all: usize = counts().sum();
        let weight = |count: usize| all as f64 / (findings.classes.len() * count.max(1)) as f64;
        let weights: Vec<String> = findings
            .classes
            .iter()
            .map(|class| format!("{}: {:.2}", quoted(&class.label), weight(class.count)))
            .collect();
        body.hint("The classes are uneven; these weights let each count alike (accuracy falls, recall of the rare rises):");
        body.line(&format!("  # class_weight: {{{}}}", weights.join(", ")));
    }
    body.line("  seed: 1");
}
