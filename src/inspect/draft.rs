//! A preset for somebody's own data: a [`RunSpec`] with comments that explain its parts and say what to try next.
//!
//! ```text
//! texts, language, tags, sequences, series ─→ Proposal: RunSpec, Comments ─ render ─→ YAML ─ preset::parse ─→ the same RunSpec
//! ```

mod comments;
mod language;
mod render;
mod sequences;
mod series;
mod tags;
mod texts;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::data::{DataError, DataSpec};
use crate::escape::foreign;
use crate::inspect::{DetectedData, InspectOptions, Inspection, inspect};
use crate::nn::{Activation, Loss};
use crate::number;
use crate::optim::{Adam, OptimizerSpec, Schedule};
use crate::preset::{CheckpointSpec, RunSpec, TrainSpec, Value, WatchSpec, minimal, parse};
use crate::protocol::{Draft, Findings};
use comments::Comments;
use render::render;
use yaml::Yaml;

/// What is proposed for data of some kind.
struct Proposal {
    /// The preset without its name; paths are those of the data as they were found.
    spec: RunSpec,
    /// Its comments.
    comments: Comments,
    /// Its main settings, as rows of name and value.
    suggested: Vec<(String, String)>,
    /// The vocabulary has all words that occur so often.
    at_least: Option<u64>,
}

/// Looks at `path` and drafts a preset for what is there: to be saved at `to`, to which its paths are relative, else in the current
/// folder under the name it gets.
///
/// # Errors
/// As [`inspect`]. Where nothing can be trained on the data, the draft says why.
pub fn draft(path: &Path, options: &InspectOptions, to: Option<&Path>) -> Result<Draft, DataError> {
    let Inspection { mut findings, detected } = inspect(path, options)?;
    let name = to
        .and_then(Path::file_stem)
        .map_or_else(|| name_of(path), |stem| stem.to_string_lossy().into_owned());
    let preset = detected.and_then(|detected| {
        if options.at_least.is_some() && !matches!(detected, DetectedData::Texts { .. }) {
            return Err("--at-least is for labelled texts: these data have no vocabulary of words, or channels with their own".into());
        }
        let proposal = match detected {
            DetectedData::Texts { spec, level, examples } => {
                texts::propose(&findings, spec, level, examples, options.at_least)
            }
            DetectedData::Text { spec, prime } => language::propose(&findings, spec, &prime)?,
            DetectedData::Tags { spec, examples } => tags::propose(&findings, spec, examples),
            DetectedData::Sequences(spec) => sequences::propose(&findings, spec),
            DetectedData::Series(spec) => series::propose(&findings, spec),
        };
        findings.suggested = proposal.suggested.clone();
        let file = to.map_or_else(|| format!("{name}.yaml"), |to| to.display().to_string());
        let place = Place { inspected: path, file: &file, folder: to.and_then(Path::parent) };
        written(&name, proposal, &place)
    });
    Ok(Draft { findings, name, preset })
}

/// The preset `name` as text, which is read as what was proposed; else why there is none.
fn written(name: &str, proposal: Proposal, place: &Place<'_>) -> Result<String, String> {
    let Proposal { spec, mut comments, at_least, .. } = proposal;
    if spec.watch.pace.is_some() {
        comments.beside("watch.pace", "steps a second on a screen; f there: full speed");
    }
    let mut spec = RunSpec { name: name.into(), ..spec };
    let mut expected = spec.clone();
    for_each_path(&mut spec.data, |path| place.path(path))?;
    for_each_path(&mut expected.data, |path| Ok(std::path::absolute(path).unwrap_or_else(|_| path.into())))?;
    let refused = |error: &dyn std::fmt::Display| format!("the preset for it would be refused: {error}");
    let tree = minimal(&spec, place.base(), &|path| comments.keeps(&path.join(".")))
        .map_err(|error| refused(&error))?;
    debug_assert!(comments.lost(&tree).is_empty(), "{:?}", comments.lost(&tree));
    // What people may uncomment is right as well.
    comments.retain_suggestions(|path, value| {
        let text = with(&tree, path, value).map(|tree| place.text(&tree, &Comments::default()));
        text.is_some_and(|text| parse(name, &text, place.base()).is_ok())
    });
    let tree = match at_least {
        Some(least) => with_vocabulary(tree, least),
        None => tree,
    };
    let text = place.text(&tree, &comments);
    let parsed = parse(name, &text, place.base());
    if let (Ok(read), Some(tokens)) = (&parsed, expected.tokens.as_mut().filter(|_| at_least.is_some())) {
        // The size follows from the part of the texts that is trained on.
        tokens.vocabulary = read.spec.tokens.as_ref().map_or(0, |tokens| tokens.vocabulary);
    }
    match parsed {
        Ok(read) if read.spec == expected => Ok(text),
        Ok(_) => Err(refused(&"it would be read as another one than was meant")),
        Err(error) => Err(refused(&error)),
    }
}

/// `tree` with the vocabulary of all words that occur at least `least` times.
fn with_vocabulary(mut tree: Value, least: u64) -> Value {
    let size = [("at_least".into(), least.into())];
    if let Some(tokens) = tree.get_mut("tokens").and_then(Value::as_mapping_mut) {
        tokens.insert("vocabulary".into(), Value::Mapping(size.into_iter().collect()));
    }
    tree
}

/// `tree` with `value` at `path`, a key of one of its sections.
fn with(tree: &Value, path: &str, value: &Value) -> Option<Value> {
    let mut tree = tree.clone();
    let (section, key) = path.split_once('.')?;
    tree.get_mut(section)?.as_mapping_mut()?.insert(key.into(), value.clone());
    Some(tree)
}

/// Replaces each path of `data` by what `change` makes of it.
fn for_each_path(
    data: &mut DataSpec,
    change: impl Fn(&Path) -> Result<PathBuf, String>,
) -> Result<(), String> {
    let source = data.source_mut();
    for setting in source.paths_mut() {
        *setting.path = change(setting.path)?;
    }
    if let Some(path) = source.validation_path_mut() {
        *path = change(path)?;
    }
    Ok(())
}

/// A name for a preset: that of the file without its extensions, in characters that need no quoting in a shell.
fn name_of(path: &Path) -> String {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let file = whole.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut stem = file.as_str();
    let endings =
        [".gz", ".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".conllu", ".conll", ".arff", ".ts"];
    while let Some(shorter) =
        endings.iter().find_map(|end| stem.strip_suffix(end)).filter(|rest| !rest.is_empty())
    {
        stem = shorter;
    }
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = stem.chars().map(plain).take(60).collect();
    let name = name.trim_matches(['-', '.']).to_owned();
    if name.is_empty() { "mine".into() } else { name }
}

/// Where the preset will be.
struct Place<'a> {
    /// The data it is for.
    inspected: &'a Path,
    /// Its file.
    file: &'a str,
    /// The folder of that; `None` and the empty one are the current folder.
    folder: Option<&'a Path>,
}

impl Place<'_> {
    /// The folder that paths in the preset are relative to.
    fn base(&self) -> &Path {
        self.folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// `path` as the preset has it; in words what is wrong with one that YAML cannot hold.
    fn path(&self, path: &Path) -> Result<PathBuf, String> {
        let path = match self.base() == Path::new(".") {
            true => PathBuf::from(path),
            false => std::path::absolute(path).unwrap_or_else(|_| path.into()),
        };
        match path.to_str() {
            Some(_) => Ok(path),
            None => Err(format!(
                "the path {} is not Unicode, which a preset cannot hold: rename it",
                foreign(&path.to_string_lossy())
            )),
        }
    }

    /// The file's content.
    fn text(&self, tree: &Value, comments: &Comments) -> String {
        let mut out = Yaml::default();
        out.wrapped(
            "# ",
            &format!(
                "Written by “unrolled new {}”. Change it as you like; it can be trained as it is:",
                self.inspected.display()
            ),
        );
        out.line(&format!("#   unrolled train {}", foreign(self.file)));
        out.wrapped(
            "# ",
            "To try another value without changing the file: --set train.epochs=20, --set train.batch_size=16.",
        );
        out.line("");
        render(tree, comments, &mut out);
        out.text()
    }
}

/// A length up to which `percent` of the sequences are whole, rounded up to what people write.
fn length(findings: &Findings, percent: u8, most: usize) -> usize {
    let length = findings.lengths.as_ref().and_then(|lengths| lengths.quantile(percent)).unwrap_or(1);
    let step = match length {
        0..=12 => 1,
        13..=30 => 5,
        31..=120 => 10,
        _ => 50,
    };
    length.next_multiple_of(step).clamp(2, most)
}

/// The share of the sequences that are no longer than `length`, in words: `90.3 %`.
fn whole(findings: &Findings, length: usize) -> String {
    let Some(lengths) = &findings.lengths else { return String::new() };
    let fit = |(from, to, count): &(usize, usize, usize)| match length {
        _ if *to <= length => *count as f64,
        _ if *from > length => 0.0,
        // Within a bar as if all its lengths were alike frequent.
        _ => *count as f64 * (length + 1 - from) as f64 / (to + 1 - from) as f64,
    };
    let all: usize = lengths.bins.iter().map(|(.., count)| count).sum();
    let interpolated = 100.0 * lengths.bins.iter().map(fit).sum::<f64>() / all.max(1) as f64;
    // One long sequence makes wide bars: the quantiles know better.
    let known =
        lengths.quantiles.iter().filter(|(_, most)| *most <= length).map(|(percent, _)| *percent).max();
    let share = interpolated.max(f64::from(known.unwrap_or_default()));
    format!("{:.0} %", share.min(if length >= lengths.most { 100.0 } else { 99.0 }))
}

/// Entries of a vocabulary that knows 95 % of the running words, or 20,000; and what it knows, in words.
fn vocabulary(findings: &Findings) -> (usize, String) {
    let Some(found) = &findings.vocabulary else { return (1_000, String::new()) };
    let enough = found.shares.iter().find(|(size, share)| *share >= 0.95 || *size >= 20_000);
    let all = (found.distinct + 2).max(3);
    match enough {
        Some((size, share)) if *size < all => {
            (*size, format!("{} of all {} in the texts", number::percent(*share), found.unit))
        }
        _ => (all, format!("all {} of the texts", found.unit)),
    }
}

/// Names the test data that no training uses.
fn of_test(comments: &mut Comments, findings: &Findings) {
    if let Some(test) = &findings.test {
        comments.before(
            "data.validation",
            format!("Left for the test: unrolled evaluate RUN --data {}", test.display()),
        );
    }
}

/// Layers as one line: `Embedding 64 → GRU 64 → Dense 2`.
fn chain(layers: &[String]) -> String {
    layers.join(" → ")
}

/// How to train: with Adam at its default learning rate.
fn train(loss: Loss, batch_size: usize, epochs: usize) -> TrainSpec {
    TrainSpec {
        loss: loss.into(),
        optimizer: OptimizerSpec::Adam(Adam::default()),
        schedule: Schedule::Constant,
        early_stopping: None,
        class_weight: BTreeMap::new(),
        fraction: 1.0,
        batch_size,
        epochs,
        validate_every: None,
        checkpoint: CheckpointSpec::default(),
        seed: 1,
    }
}

/// Adam with gradients of at most this norm.
fn clipped_adam(learning_rate: f64, norm: f64) -> OptimizerSpec {
    OptimizerSpec::Adam(Adam { learning_rate, global_clipnorm: Some(norm), ..Adam::default() })
}

/// Settings for people.
fn named_rows<const N: usize>(suggested: [(&str, String); N]) -> Vec<(String, String)> {
    suggested.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

/// Steps from one recorded step to the next, in a training of so many `steps`: the default of presets, but at least some twenty recorded steps in a
/// short one.
fn every(steps: usize) -> usize {
    (steps / 20).clamp(1, WatchSpec::default().every)
}

/// How a training of so many `steps` is watched. A short one is slowed down on a screen, as small presets are, so that there is something to
/// see.
fn watch(steps: usize) -> WatchSpec {
    /// Steps above which a training lasts long enough by itself.
    const SHORT: usize = 3_000;
    /// For how many seconds a short one lasts.
    const SECONDS: usize = 15;
    let pace = (steps <= SHORT).then(|| (steps / SECONDS).next_multiple_of(10).clamp(10, 100) as f64);
    WatchSpec { every: every(steps), pace, ..WatchSpec::default() }
}

/// The units and the activation of the last layer for so many classes, or labels of which a text may have `several`; and the loss.
fn classification(classes: usize, several: bool) -> (usize, Activation, Loss) {
    match classes {
        _ if several => (classes, Activation::Sigmoid, Loss::BinaryCrossentropy),
        2 => (1, Activation::Sigmoid, Loss::BinaryCrossentropy),
        _ => (classes, Activation::Softmax, Loss::SparseCategoricalCrossentropy),
    }
}

/// `1 class`, `18 classes`.
fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", number::count(count as u64), if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests;
