mod data;
mod keras;
mod layer;
mod limits;
mod minimal;
mod probes;
mod vectors;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_yaml::{Mapping, Value};

use super::CheckpointSpec;
use super::alerts::AlertSpec;
use super::builtin;
use super::document::{Document, Overrides};
use super::error::{PresetError, unknown};
use super::from_spec::FromSpec;
use super::spec::{RunSpec, TrainSpec, WatchSpec};
use super::{target_check, units};
use crate::data::{self as sources, DataError, DataSpec, RawTokenSpec, TargetForm, TokenRules, TokenUse};
use crate::nn::{LayerConfigError, Loss, LossSpec, Stepwise};
use crate::optim::{EarlyStopping, OptimizerSpec, Schedule};

pub use minimal::minimal;

/// A spec ready to run, and what a person should know of how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The spec.
    pub spec: RunSpec,
    /// Notes, e.g. that there is no validation data.
    pub notes: Vec<String>,
}

/// Finds `preset` (a built-in name, or the path of a YAML file), applies `overrides`, resolves and checks it.
///
/// Relative paths are relative to the preset's file; on the command line and in built-in presets to the current folder.
///
/// # Errors
/// With file, line and field, what was found and what was expected.
pub fn load(preset: &str, overrides: &Overrides) -> Result<Resolved, PresetError> {
    read(preset, overrides, Origin::Preset)
}

/// As [`load`] for the `spec.yaml` at `path` in the folder of a run.
///
/// # Errors
/// As [`load`].
pub fn load_run(path: &Path, overrides: &Overrides) -> Result<Resolved, PresetError> {
    resolve_text(read_file(path)?, &path.to_string_lossy(), overrides, Origin::Run)
}

/// As [`load_run`] for the text of a run's `spec.yaml`.
///
/// # Errors
/// As [`load`].
pub fn reload(text: &str, overrides: &Overrides) -> Result<Resolved, PresetError> {
    resolve_text(("run".into(), text.to_owned(), PathBuf::new()), "spec.yaml", overrides, Origin::Run)
}

/// Reads the preset `text`, called `name`; paths in it are relative to the folder `base`.
///
/// # Errors
/// As [`load`].
pub fn parse(name: &str, text: &str, base: &Path) -> Result<Resolved, PresetError> {
    let document = Document::parse(&format!("preset {name}"), text)?;
    resolve(&document, name, base, None, Origin::Preset)
}

/// Where a text of settings comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A preset for training: settings that cannot be used are errors.
    Preset,
    /// The folder of a run. Earlier versions wrote `padding: pre`, `truncating: pre` and `level: word` for taggers and language models,
    /// although `post` and unchanged words were used: settings that cannot be used are ignored, as they were in training.
    Run,
}

fn read(preset: &str, overrides: &Overrides, from: Origin) -> Result<Resolved, PresetError> {
    if let Some(text) = builtin::text(preset) {
        let text = (preset.to_owned(), text.to_owned(), PathBuf::new());
        return resolve_text(text, &format!("preset {preset}"), overrides, from);
    }
    let path = Path::new(preset);
    let looks_like_a_name = path.components().count() == 1 && path.extension().is_none();
    if looks_like_a_name && !path.exists() {
        let names: Vec<&str> = builtin::names().collect();
        let message = unknown("preset", preset, &names) + "; or give the path of a YAML file";
        return Err(PresetError { place: preset.into(), field: String::new(), message });
    }
    resolve_text(read_file(path)?, preset, overrides, from)
}

/// Resolves the name, text and folder of a preset; `origin` is its name in messages.
fn resolve_text(
    (name, text, base): (String, String, PathBuf),
    origin: &str,
    overrides: &Overrides,
    from: Origin,
) -> Result<Resolved, PresetError> {
    let mut document = Document::parse(origin, &text)?;
    lay_over(&mut document, overrides)?;
    resolve(&document, &name, &base, overrides.data.as_deref(), from)
}

/// The maximum size of a preset in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// Name, text and folder of a preset file.
pub(super) fn read_file(path: &Path) -> Result<(String, String, PathBuf), PresetError> {
    let place = path.to_string_lossy();
    let refuse = |message: String| PresetError { place: place.clone().into(), field: String::new(), message };
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|e| refuse(format!("the preset cannot be read: {e}")))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refuse("found more than 4 MiB; a preset is a YAML file of a few KiB".into()));
    }
    let mut text = String::from_utf8(bytes).map_err(|e| not_text(&place, &e))?;
    if text.starts_with('\u{feff}') {
        text.remove(0); // A byte-order mark, which the YAML crate reads as a separate document.
    }
    let name = path.file_stem().map_or_else(|| "preset".into(), |stem| stem.to_string_lossy().into_owned());
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((name, text, folder.to_owned()))
}

/// The error for a file that is not UTF-8, with its position.
fn not_text(preset: &str, error: &std::string::FromUtf8Error) -> PresetError {
    let (good, rest) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
    let good = String::from_utf8_lossy(good);
    let line = good.matches('\n').count() + 1;
    let column = good.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let byte = rest.first().copied().unwrap_or_default();
    PresetError {
        place: format!("{preset}:{line}:{column}"),
        field: String::new(),
        message: format!("found the byte 0x{byte:02x}; a preset is UTF-8 text"),
    }
}

/// Applies `--data` first, so that a more specific `--set` overrides it.
pub(super) fn lay_over(document: &mut Document, overrides: &Overrides) -> Result<(), PresetError> {
    if let Some(path) = &overrides.data {
        data::lay_over(document, path)?;
    }
    overrides.set.iter().try_for_each(|assignment| document.set(assignment))?;
    if let Some(seed) = overrides.seed {
        let steps = vec!["train".to_owned(), "seed".to_owned()];
        let source = format!("--seed {seed}");
        let refuse = |message| PresetError { place: source.clone(), field: "train.seed".into(), message };
        document.put(steps, Value::from(seed), source.clone()).map_err(refuse)?;
    }
    Ok(())
}

/// The top level of a preset; nested settings are parsed separately.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPreset {
    name: Option<String>,
    #[serde(default)]
    title: String,
    #[serde(default)]
    about: String,
    from: Option<FromSpec>,
    data: Value,
    tokens: Option<RawTokenSpec>,
    model: Vec<Value>,
    train: RawTrain,
    #[serde(default)]
    watch: WatchSpec,
    #[serde(default)]
    alerts: AlertSpec,
}

/// Defaults are those of Keras's `compile` and `fit`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTrain {
    loss: LossSpec,
    #[serde(default = "adam")]
    optimizer: Value,
    #[serde(default = "constant")]
    schedule: Value,
    #[serde(default)]
    early_stopping: Option<EarlyStopping>,
    #[serde(default)]
    class_weight: Mapping,
    #[serde(default = "all")]
    fraction: f64,
    #[serde(default = "thirty_two")]
    batch_size: usize,
    #[serde(default = "one")]
    epochs: usize,
    #[serde(default)]
    validate_every: Option<u64>,
    #[serde(default)]
    checkpoint: CheckpointSpec,
    #[serde(default = "first_seed")]
    seed: u64,
}

fn adam() -> Value {
    Value::String("Adam".into())
}

fn constant() -> Value {
    Value::String("constant".into())
}

fn all() -> f64 {
    1.0
}

fn thirty_two() -> usize {
    32
}

fn one() -> usize {
    1
}

fn first_seed() -> u64 {
    1
}

fn steps<const N: usize>(path: [&str; N]) -> Vec<String> {
    path.map(str::to_owned).to_vec()
}

pub(super) fn resolve(
    document: &Document,
    name: &str,
    base: &Path,
    moved: Option<&Path>,
    from: Origin,
) -> Result<Resolved, PresetError> {
    let mut written: RawPreset = document.read(&[], document.tree().clone())?;
    limits::check_counts(document, written.model.len(), &written.watch.probes)?;
    for path in [&["model"][..], &["train", "loss"]] {
        let mut steps = path.iter().map(|step| (*step).to_owned()).collect();
        document.get(path).map_or(Ok(()), |value| limits::check_numbers(document, &mut steps, value))?;
    }
    let mut notes = Vec::new();
    let data = data::read(document, written.data, base, moved, &mut notes)?;
    let rules = match data.source().token_use() {
        TokenUse::Required(rules) => rules,
        // An error below, if there are token settings.
        TokenUse::Own { .. } | TokenUse::Numbers { .. } => TokenRules::TEXTS,
    };
    let at_least = written.tokens.as_ref().and_then(RawTokenSpec::at_least);
    let mut tokens = written.tokens.map(|tokens| match from {
        Origin::Preset => tokens.resolve(&rules),
        Origin::Run => tokens.allowed(&rules).resolve(&rules),
    });
    let units_follow_classes = units::follow(&mut written.model);
    if let (Some(tokens), Some(least)) = (&mut tokens, at_least) {
        tokens.vocabulary =
            sources::vocabulary_at_least(&data, tokens, written.train.seed, least).map_err(|error| {
                match error {
                    DataError::Setting { found, expected, .. } => document.error(
                        &steps(["tokens", "vocabulary"]),
                        format!("found {found}; expected {expected}"),
                    ),
                    other => document.error(&steps(["tokens", "vocabulary"]), other.to_string()),
                }
            })?;
    }
    let model = written.model.into_iter().enumerate();
    let model =
        model.map(|(i, value)| layer::read(document, i, value, base)).collect::<Result<Vec<_>, _>>()?;
    let RawTrain {
        loss,
        optimizer,
        schedule,
        early_stopping,
        class_weight,
        fraction,
        batch_size,
        epochs,
        validate_every,
        checkpoint,
        seed,
    } = written.train;
    let train = TrainSpec {
        loss,
        optimizer: named(document, "optimizer", optimizer, OptimizerSpec::NAMES, |name, rest| {
            OptimizerSpec::read(name, rest)
        })?,
        schedule: named(document, "schedule", schedule, Schedule::NAMES, |name, rest| {
            Schedule::read(name, rest)
        })?,
        early_stopping,
        class_weight: self::class_weight(document, class_weight)?,
        fraction,
        batch_size,
        epochs,
        validate_every,
        checkpoint,
        seed,
    };
    let is_relative = matches!(
        train.loss.loss,
        Loss::Poisson | Loss::MeanAbsolutePercentageError | Loss::MeanSquaredLogarithmicError
    );
    if is_relative && matches!(data, DataSpec::Series(_)) {
        let found = format!(
            "found {}, which is for counts or amounts; a series is scaled to mean 0 and deviation 1: expected mean_squared_error, \
             mean_absolute_error, huber or log_cosh",
            train.loss.name()
        );
        return Err(document.error(&steps(["train", "loss"]), found));
    }
    let name = written.name.unwrap_or_else(|| name.to_owned());
    let absolute = |run: &Path| document.absolute(&["from", "run"], run, base);
    let from = written.from.map(|from| FromSpec { run: absolute(&from.run), ..from });
    let mut spec = RunSpec {
        title: if written.title.is_empty() { name.clone() } else { written.title },
        about: written.about,
        name,
        from,
        data,
        tokens,
        model,
        train,
        watch: written.watch,
        alerts: written.alerts,
        units_follow_classes,
    };
    if units_follow_classes {
        spec.set_units(&spec.form());
    }
    check(document, &spec)?;
    Ok(Resolved { spec, notes })
}

/// Parses `train.KEY`: `{name: Adam, …}`, or the name alone.
fn named<T>(
    document: &Document,
    key: &str,
    value: Value,
    known: &[&str],
    read: impl for<'t, 'p> FnOnce(
        &str,
        serde_path_to_error::Deserializer<'t, 'p, Value>,
    ) -> Option<Result<T, serde_yaml::Error>>,
) -> Result<T, PresetError> {
    let value = match value {
        Value::String(name) => Value::Mapping([("name".into(), Value::String(name))].into_iter().collect()),
        other => other,
    };
    document.read_tagged(&steps(["train", key]), value, "name", known, read)
}

/// `{LABEL: WEIGHT}`; a label may be a number.
fn class_weight(document: &Document, written: Mapping) -> Result<BTreeMap<String, f64>, PresetError> {
    let weight = |(label, weight): (Value, Value)| {
        let label = match label {
            Value::String(label) => label,
            Value::Number(label) => label.to_string(),
            Value::Bool(label) => label.to_string(),
            _ => return Err(document.error(&steps(["train", "class_weight"]), "a label must be a text")),
        };
        let path = steps(["train", "class_weight", &label]);
        let weight: f64 = document.read(&path, weight)?;
        if !(weight.is_finite() && weight >= 0.0) {
            return Err(document.error(&path, format!("found {weight}; a weight must be 0 or more")));
        }
        Ok((label, weight))
    };
    written.into_iter().map(weight).collect()
}

/// Checks beyond those of the types.
fn check(document: &Document, spec: &RunSpec) -> Result<(), PresetError> {
    let positive = [
        (["train", "batch_size"], spec.train.batch_size),
        (["train", "epochs"], spec.train.epochs),
        (["watch", "every"], spec.watch.every),
    ];
    for (path, value) in positive {
        if value == 0 {
            return Err(document.error(&steps(path), "found 0; it must be at least 1"));
        }
    }
    let fraction = spec.train.fraction;
    if !(fraction > 0.0 && fraction <= 1.0) {
        let found = format!("found {fraction}; expected a share of the training data above 0 and at most 1");
        return Err(document.error(&steps(["train", "fraction"]), found));
    }
    if spec.train.validate_every == Some(0) {
        return Err(
            document.error(&steps(["train", "validate_every"]), "found 0; it must be at least 1 step")
        );
    }
    if let Some((field, found)) = spec.train.checkpoint.invalid() {
        return Err(document.error(&steps(["train", "checkpoint", field]), found));
    }
    if let Some(pace) = spec.watch.pace.filter(|pace| !(pace.is_finite() && *pace > 0.0)) {
        return Err(document.error(
            &steps(["watch", "pace"]),
            format!("found {pace}; steps a second must be above 0 and finite"),
        ));
    }
    let setting = |e: DataError| match e {
        DataError::Setting { field, found, expected } => {
            let path: Vec<String> = field.split('.').map(str::to_owned).collect();
            document.error(&path, format!("found {found}; expected {expected}"))
        }
        other => document.error(&[], other.to_string()),
    };
    sources::check(&spec.data, spec.tokens.as_ref()).map_err(setting)?;
    probes::check_probes(document, spec)?;
    let loss = &spec.train.loss;
    loss.check().map_err(|e| document.error(&loss_path(&e), e.to_string()))?;
    let optimizer = &spec.train.optimizer;
    optimizer.check().map_err(|e| document.error(&steps(["train", "optimizer", e.field]), e.to_string()))?;
    let train = &spec.train;
    train
        .schedule
        .check()
        .map_err(|e| document.error(&steps(["train", "schedule", e.field]), e.to_string()))?;
    let stopping = train.early_stopping.as_ref();
    stopping
        .map_or(Ok(()), EarlyStopping::check)
        .map_err(|e| document.error(&steps(["train", "early_stopping", e.field]), e.to_string()))?;
    if !train.loss.has_classes() && !train.class_weight.is_empty() {
        let message = format!("{} is for numbers, which have no classes", train.loss.name());
        return Err(document.error(&steps(["train", "class_weight"]), message));
    }
    if matches!(spec.form().targets, TargetForm::Labels(_)) && !train.class_weight.is_empty() {
        let message = "classes have a weight where a text has one of them; several labels at once have none";
        return Err(document.error(&steps(["train", "class_weight"]), message));
    }
    let model = spec.model().map_err(|e| {
        let Some(layer) = spec.model.get(e.layer) else {
            return document.error(&steps(["model"]), e.error.to_string());
        };
        let mut path = steps(["model", &e.layer.to_string()]);
        path.extend(e.error.field.clone());
        document.error(&path, format!("layer {} ({}): {}", e.layer, layer.title(), e.error))
    })?;
    check_sample(document, spec)?;
    spec.alerts.check().map_err(|(field, message)| document.error(&steps(["alerts", field]), message))?;
    target_check::check(&spec.form(), &model).map_err(|unfit| match unfit.layer {
        None => document.error(&steps(["train", "loss"]), unfit.message),
        Some(layer) => {
            let mut path = steps(["model", &layer.to_string()]);
            path.extend(unfit.field.map(str::to_owned));
            document.error(&path, unfit.message)
        }
    })?;
    let task = spec.task(&model);
    match spec.monitored().find(|(_, name)| !task.has_metric(name)) {
        Some((field, name)) => {
            let known = task.metric_names();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let message = unknown("metric of this task", name, &known);
            Err(document.error(&steps(["train", field, "monitor"]), message))
        }
        None => Ok(()),
    }
}

/// Where an option of the loss is.
fn loss_path(error: &LayerConfigError) -> Vec<String> {
    steps(["train", "loss"]).into_iter().chain(error.field.clone()).collect()
}

/// Samples are for language models.
fn check_sample(document: &Document, spec: &RunSpec) -> Result<(), PresetError> {
    let Some(sample) = &spec.watch.sample else { return Ok(()) };
    let path = steps(["watch", "sample"]);
    let form = spec.form();
    if form.targets != TargetForm::Next {
        let message = "only a language model generates text: its data are `source: text`";
        return Err(document.error(&path, message));
    }
    sample
        .check()
        .map_err(|(field, message)| document.error(&[path.as_slice(), &steps([field])].concat(), message))?;
    let stepwise = Stepwise::new(&spec.model, form.vocabulary(), spec.train.loss);
    stepwise.map(drop).map_err(|e| document.error(&path, e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Level, Side};

    fn with(assignments: &[&str]) -> Result<RunSpec, PresetError> {
        let set = assignments.iter().map(|a| (*a).to_owned()).collect();
        load("word-order", &Overrides { set, ..Overrides::default() }).map(|resolved| resolved.spec)
    }

    #[test]
    fn wrong_training_settings_are_refused_with_field_and_remedy() {
        for (assignment, field, words) in [
            ("train.optimizer=Adamax", "train.optimizer.name", "did you mean `Adam"),
            ("train.optimizer={name: AdamW, weight_decay: -1}", "train.optimizer.weight_decay", "0 or more"),
            ("train.optimizer.beta_1=1", "train.optimizer.beta_1", "below 1"),
            ("train.optimizer.learning_rate=0", "train.optimizer.learning_rate", "above 0"),
            ("train.schedule=cosin", "train.schedule.name", "did you mean `cosine`"),
            ("train.schedule={name: cosine}", "train.schedule", "`decay_steps` is missing"),
            ("train.schedule={name: constant, every: 2}", "train.schedule.every", "unknown key `every`"),
            ("train.schedule={name: step, every: 0}", "train.schedule.every", "above 0"),
            ("train.schedule={name: plateau, factor: 2}", "train.schedule.factor", "below 1"),
            ("train.schedule={name: plateau, monitor: f1}", "train.schedule.monitor", "val_loss"),
            ("train.early_stopping.patience=-1", "train.early_stopping.patience", "0 or more"),
            ("train.early_stopping.min_delta=-1", "train.early_stopping.min_delta", "0 or more"),
            (
                "train.early_stopping.monitor=val_los",
                "train.early_stopping.monitor",
                "did you mean `val_loss`",
            ),
            ("train.validate_every=0", "train.validate_every", "at least 1"),
            ("train.fraction=0", "train.fraction", "above 0 and at most 1"),
            ("train.fraction=25", "train.fraction", "above 0 and at most 1"),
            ("train.class_weight={negative: heavy}", "train.class_weight.negative", "expected a number"),
            ("train.class_weight={negative: -1}", "train.class_weight.negative", "0 or more"),
            ("model.2.kernel_initializer=he_norml", "model.2.kernel_initializer", "did you mean `he_normal`"),
            ("model.2.bias_initializer=orthogonal", "model.2.bias_initializer", "needs a matrix"),
            ("model.2.kernel_regularizer={l2: -1}", "model.2.kernel_regularizer", "0 or more"),
            (
                "model.0.embeddings_initializer={name: normal, stddev: -1}",
                "model.0.embeddings_initializer",
                "0 or",
            ),
        ] {
            let error = with(&[assignment]).unwrap_err();
            assert_eq!(error.field, field, "{assignment}: {error}");
            assert!(error.message.contains(words), "{assignment}: {error}");
        }
        let numbers = ["train.loss=mean_squared_error", "model.2.activation=linear"];
        let set = vec!["train.early_stopping.monitor=accuracy".to_owned()];
        let error = load("sine-forecast", &Overrides { set, ..Overrides::default() }).unwrap_err();
        assert_eq!(error.field, "train.early_stopping.monitor");
        let error = with(&[&numbers[..], &["train.class_weight={negative: 2}"]].concat()).unwrap_err();
        assert_eq!(error.field, "train.class_weight");
    }

    #[test]
    fn training_settings_are_read_and_written_as_they_were() {
        let spec = with(&[
            "train.optimizer={name: Nadam, weight_decay: 0.01}",
            "train.schedule={name: cosine, decay_steps: 100, warmup_steps: 10, warmup_target: 0.01}",
            "train.early_stopping={monitor: val_accuracy, patience: 3, restore_best_weights: true}",
            "train.class_weight={0: 2, negative: 0.5}",
            "model.0.embeddings_initializer={name: RandomNormal, stddev: 0.1}",
            "model.2.kernel_regularizer={l1: 0.001}",
            "train.validate_every=100",
        ])
        .unwrap();
        assert_eq!(spec.train.class_weight, [("0".into(), 2.0), ("negative".into(), 0.5)].into());
        let again = parse("word-order", &spec.to_yaml().unwrap(), Path::new("")).unwrap();
        assert_eq!(again.spec, spec);
    }

    #[test]
    fn token_settings_are_resolved_by_the_source() {
        let tokens = |name: &str| load(name, &Overrides::default()).unwrap().spec.tokens.unwrap();
        let tags = tokens("tags-bilstm");
        assert_eq!((tags.level, tags.padding, tags.truncating), (Level::Symbol, Side::Post, Side::Post));
        let language = tokens("shakespeare-lstm");
        assert_eq!((language.level, language.padding), (Level::Character, Side::Post));
        assert_eq!(tokens("imdb-lstm").padding, Side::Pre);
    }

    #[test]
    fn token_settings_that_a_source_cannot_use_are_refused_with_what_is_allowed() {
        for (name, set, field, words) in [
            ("tags-bilstm", "tokens.padding=pre", "tokens.padding", "found pre; expected post: a tagger"),
            ("tags-bilstm", "tokens.level=character", "tokens.level", "found character; expected symbol:"),
            ("shakespeare-lstm", "tokens.truncating=pre", "tokens.truncating", "found pre; expected post:"),
            ("shakespeare-lstm", "tokens.level=symbol", "tokens.level", "expected word or character:"),
            (
                "shakespeare-lstm",
                "tokens.ngrams=2",
                "tokens.ngrams",
                "found 2; expected no such key: a language model",
            ),
            ("tags-bilstm", "tokens.ngrams=2", "tokens.ngrams", "found 2; expected no such key: a tagger"),
            ("word-order", "tokens.ngrams=9", "tokens.ngrams", "found 9; expected 1 to 8"),
            ("word-order", "tokens.level=symbol", "tokens.level", "expected word or character:"),
        ] {
            let error = load(name, &Overrides { set: vec![set.into()], ..Overrides::default() }).unwrap_err();
            assert_eq!(error.field, field, "{error}");
            assert!(error.message.contains(words), "{error}");
        }
    }

    #[test]
    fn a_run_of_an_earlier_version_is_read_with_the_settings_that_it_was_trained_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spec.yaml");
        std::fs::write(&path, include_str!("read/tags-spec-0.1.0.yaml")).unwrap();
        let tokens = load_run(&path, &Overrides::default()).unwrap().spec.tokens.unwrap();
        assert_eq!(
            (tokens.level, tokens.padding, tokens.truncating),
            (Level::Symbol, Side::Post, Side::Post)
        );
        let error = load(&path.to_string_lossy(), &Overrides::default()).unwrap_err();
        assert!(error.message.contains("found word; expected symbol"), "{error}");
    }
}
