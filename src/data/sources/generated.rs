//! Data that the program makes by itself from the run's seed: the classic tasks that show what a network can remember.
//!
//! A task is its settings; [`GeneratedSpec`] names one. `word-order` makes texts, which go the way of all texts; the others
//! make rows of symbols or numbers themselves, a [`Task::sequence`] at a time.

mod adding_problem;
mod copy_memory;
mod first_symbol;
mod reber_grammar;
mod sine_forecast;
mod temporal_order;
pub(crate) mod word_order;

use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize};

use crate::data::Data;
use crate::data::dataset::{Dataset, Inputs, Targets};
use crate::data::error::DataError;
use crate::data::form::{Form, InputForm, TargetForm};
use crate::data::text::vocabulary::Vocabulary;
use crate::protocol::{ClassCount, DataFacts};
use crate::rng::Rng;

pub use adding_problem::AddingProblem;
pub use copy_memory::CopyMemory;
pub use first_symbol::FirstSymbol;
pub use reber_grammar::ReberGrammar;
pub use sine_forecast::SineForecast;
pub use temporal_order::TemporalOrder;
pub use word_order::WordOrder;

/// Sequences of a split at most.
const MOST_SEQUENCES: usize = 1_000_000;

/// Time steps of a split, all sequences together, at most: what a machine holds in memory with ease.
const MOST_STEPS: usize = 100_000_000;

/// Makes [`GeneratedSpec`] from the list of tasks: the one place that a new task is added to.
macro_rules! tasks {
    ($($name:literal $task:ident),* $(,)?) => {
        /// Data that the program makes by itself: what a preset has as `{source: generated, task: …, …}`.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(tag = "task")]
        pub enum GeneratedSpec {
            $(
                #[doc = concat!("See [`", stringify!($task), "`].")]
                #[serde(rename = $name)]
                $task($task),
            )*
        }

        impl GeneratedSpec {
            /// The names that a preset may use.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// Reads the settings of the task called `name`; `None` when there is no such task.
            ///
            /// # Errors
            /// The deserialiser's own, of bad settings.
            pub fn read<'de, D: serde::Deserializer<'de>>(name: &str, settings: D) -> Option<Result<Self, D::Error>> {
                match name {
                    $($name => Some($task::deserialize(settings).map(Self::$task)),)*
                    _ => None,
                }
            }

            /// The task's name.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$task(_) => $name,)*
                }
            }
        }
    };
}

tasks!(
    "word-order" WordOrder,
    "first-symbol" FirstSymbol,
    "temporal-order" TemporalOrder,
    "adding-problem" AddingProblem,
    "copy-memory" CopyMemory,
    "reber-grammar" ReberGrammar,
    "sine-forecast" SineForecast,
);

impl GeneratedSpec {
    /// Sequences to train on and to validate with.
    pub fn sizes(&self) -> (usize, usize) {
        match self.task() {
            Some(task) => task.sizes(),
            None => self.texts().map_or((0, 0), |texts| (texts.train, texts.validation)),
        }
    }

    /// Whether these settings can be met.
    ///
    /// # Errors
    /// [`DataError::Setting`] with the first that cannot.
    pub fn check(&self) -> Result<(), DataError> {
        if let Some(texts) = self.texts() {
            return texts.check();
        }
        let Some(task) = self.task() else { return Ok(()) };
        task.check()?;
        let (train, validation) = task.sizes();
        let most = (MOST_STEPS / task.form().time().max(1)).min(MOST_SEQUENCES);
        for (field, size, least) in [("data.train", train, 1), ("data.validation", validation, 0)] {
            setting(field, size, least..=most)?;
        }
        Ok(())
    }

    /// The task, unless it makes texts.
    pub(crate) fn task(&self) -> Option<&dyn Task> {
        match self {
            Self::WordOrder(_) => None,
            Self::FirstSymbol(task) => Some(task),
            Self::TemporalOrder(task) => Some(task),
            Self::AddingProblem(task) => Some(task),
            Self::CopyMemory(task) => Some(task),
            Self::ReberGrammar(task) => Some(task),
            Self::SineForecast(task) => Some(task),
        }
    }

    /// The task that makes texts.
    pub(crate) fn texts(&self) -> Option<&WordOrder> {
        if let Self::WordOrder(task) = self { Some(task) } else { None }
    }
}

/// A task whose sequences are made as rows of symbols or numbers.
pub(crate) trait Task {
    /// Sequences to train on and to validate with.
    fn sizes(&self) -> (usize, usize);

    /// What they look like.
    fn form(&self) -> Form;

    /// The vocabulary, without padding and unknown; empty for numbers.
    fn symbols(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether the task's own settings can be met.
    ///
    /// # Errors
    /// The first that cannot, and what could.
    fn check(&self) -> Result<(), DataError>;

    /// Adds sequence number `number` of its split to `rows`.
    fn sequence(&self, number: usize, rng: &mut Rng, rows: &mut Rows);

    /// Which classes (bit by bit) would be right at each step of a row of token ids, where a task leaves a choice.
    fn legal(&self, _ids: &[u32]) -> Option<Vec<u32>> {
        None
    }
}

/// Sequences in the making: what each form needs of it, row after row.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// Token ids.
    ids: Vec<u32>,
    /// Numbers to read.
    numbers: Vec<f32>,
    /// Classes, one a sequence or one a step.
    classes: Vec<u32>,
    /// Numbers to give.
    outputs: Vec<f32>,
}

/// The token id of a task's symbol number `place`.
fn id(place: usize) -> u32 {
    Vocabulary::FIRST + place as u32
}

/// Refuses a value that is not in `range`.
fn setting(
    field: &'static str,
    value: usize,
    range: std::ops::RangeInclusive<usize>,
) -> Result<(), DataError> {
    if range.contains(&value) {
        return Ok(());
    }
    let expected = format!("a number from {} to {}", range.start(), range.end());
    Err(DataError::Setting { field: field.into(), found: value.to_string(), expected })
}

/// Makes the data of a task. Each split has a stream of its own: the size of one does not change the other.
pub(crate) fn make(name: &str, task: &dyn Task, seed: u64) -> Data {
    let form = task.form();
    let split = |index: u64, size: usize| {
        let (mut rng, mut rows) = (Rng::new(seed, name, index), Rows::default());
        (0..size).for_each(|number| task.sequence(number, &mut rng, &mut rows));
        dataset(&form, size, rows)
    };
    let (train, validation) = task.sizes();
    let (train, validation) = (split(0, train), (validation > 0).then(|| split(1, validation)));
    let facts = DataFacts {
        source: format!("generated: {name}"),
        train: train.len(),
        validation: validation.as_ref().map_or(0, Dataset::len),
        classes: classes(&form.targets, &train),
        vocabulary: form.vocabulary(),
        length: form.time(),
        skipped: 0,
        unknown: 0.0,
    };
    let vocabularies = (!task.symbols().is_empty()).then(|| Vocabulary::of_symbols(task.symbols()).into());
    let labels = form.targets.labels().to_vec();
    Data { validation, vocabularies, labels, ..Data::of(train, facts) }
}

fn dataset(form: &Form, size: usize, rows: Rows) -> Dataset {
    let time = form.time();
    let fits = "a task's rows are as long as its form says";
    let inputs = match form.inputs {
        InputForm::Tokens { .. } => Array2::from_shape_vec((size, time), rows.ids).map(Inputs::Tokens),
        InputForm::Real { features, .. } => {
            Array3::from_shape_vec((size, time, features), rows.numbers).map(Inputs::Real)
        }
    };
    let targets = match form.targets {
        TargetForm::Classes(_) => Ok(Targets::Classes(rows.classes)),
        TargetForm::Steps(_) | TargetForm::Next => {
            Array2::from_shape_vec((size, time), rows.classes).map(Targets::Steps)
        }
        TargetForm::Real(outputs) => Array2::from_shape_vec((size, outputs), rows.outputs).map(Targets::Real),
        TargetForm::Labels(_) => unreachable!("no task asks for several labels"),
    };
    Dataset {
        inputs: inputs.unwrap_or_else(|_| unreachable!("{fits}")),
        targets: targets.unwrap_or_else(|_| unreachable!("{fits}")),
    }
}

/// How often each class comes: in sequences, or in the steps that are asked for where each has one.
fn classes(form: &TargetForm, data: &Dataset) -> Vec<ClassCount> {
    let mut counts: Vec<_> =
        form.labels().iter().map(|label| ClassCount { label: label.clone(), count: 0 }).collect();
    let mut count = |class: &u32| {
        if let Some(class) = counts.get_mut(*class as usize) {
            class.count += 1;
        }
    };
    match (&data.inputs, &data.targets) {
        (_, Targets::Classes(classes)) => classes.iter().for_each(&mut count),
        (Inputs::Tokens(ids), Targets::Steps(classes)) => {
            let asked = ids.iter().zip(classes).filter(|(id, _)| **id != Vocabulary::PADDING);
            asked.for_each(|(_, class)| count(class));
        }
        (Inputs::Real(_) | Inputs::Channels(_), Targets::Steps(classes)) => {
            classes.iter().for_each(&mut count)
        }
        (_, Targets::Real(_) | Targets::Labels(_)) => {}
    }
    counts
}

fn labels(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::spec::DataSpec;
    use std::collections::HashSet;

    /// Both splits of a task.
    pub(crate) fn splits(spec: &GeneratedSpec, seed: u64) -> (Dataset, Dataset) {
        spec.check().unwrap();
        let data = make(spec.name(), spec.task().unwrap(), seed);
        let none = Dataset { inputs: data.train.inputs.clone(), targets: data.train.targets.clone() };
        (data.train, data.validation.unwrap_or(none))
    }

    /// Validation sequences that are training sequences too.
    pub(crate) fn overlap(train: &Dataset, validation: &Dataset) -> usize {
        let [train, validation] = [train, validation].map(|split| split.inputs.tokens().unwrap());
        let known: HashSet<Vec<u32>> = train.rows().into_iter().map(|row| row.to_vec()).collect();
        validation.rows().into_iter().filter(|row| known.contains(&row.to_vec())).count()
    }

    fn all() -> impl Iterator<Item = GeneratedSpec> {
        let read = |name: &&str| GeneratedSpec::read(name, serde_json::json!({})).unwrap().unwrap();
        GeneratedSpec::NAMES.iter().map(read)
    }

    #[test]
    fn every_task_has_defaults_that_can_be_met_and_serialises_flat() {
        for spec in all() {
            spec.check().unwrap();
            let written = serde_json::to_value(&spec).unwrap();
            let mut map = written.as_object().unwrap().clone();
            assert_eq!(map.remove("task").unwrap(), spec.name());
            assert_eq!(map["train"], spec.sizes().0);
            let again = GeneratedSpec::read(spec.name(), serde_json::Value::from(map.clone())).unwrap();
            assert_eq!(again.unwrap(), spec);
            map.insert("trian".into(), 5.into());
            assert!(GeneratedSpec::read(spec.name(), serde_json::Value::from(map)).unwrap().is_err());
        }
        assert!(GeneratedSpec::read("word-ordre", serde_json::json!({})).is_none());
    }

    #[test]
    fn the_seed_decides_and_the_size_of_one_split_leaves_the_other_alone() {
        for name in GeneratedSpec::NAMES.iter().filter(|name| **name != "word-order") {
            let made = |seed, train| {
                let settings = serde_json::json!({"train": train, "validation": 20});
                splits(&GeneratedSpec::read(name, settings).unwrap().unwrap(), seed)
            };
            let (first, again, other, larger) = (made(1, 40), made(1, 40), made(2, 40), made(1, 60));
            assert_eq!(first, again, "{name}");
            assert_ne!(first.0.inputs, other.0.inputs, "{name}");
            assert_eq!(first.1, larger.1, "{name}");
            assert_ne!(first.0, first.1);
        }
    }

    #[test]
    fn tokens_and_classes_are_within_what_the_form_says() {
        for spec in all() {
            let Some(task) = spec.task() else { continue };
            let (form, data) = (task.form(), make(spec.name(), task, 3));
            assert_eq!(data.vocabularies.as_ref().map_or(0, |all| all.first().len()), form.vocabulary());
            assert_eq!(data.labels, form.targets.labels());
            if let Some(ids) = data.train.inputs.tokens() {
                let InputForm::Tokens { padded, vocabulary, .. } = form.inputs else { panic!("tokens") };
                assert!(ids.iter().all(|id| *id != 1 && (*id as usize) < vocabulary));
                assert_eq!(ids.iter().any(|id| *id == 0), padded, "{}", spec.name());
            }
            let (Targets::Classes(_) | Targets::Steps(_)) = &data.train.targets else { continue };
            assert!(data.facts.classes.iter().all(|class| class.count > 0), "{:?}", data.facts.classes);
        }
    }

    #[test]
    fn what_is_to_be_said_is_legal_and_padding_asks_nothing() {
        let spec = DataSpec::Generated(GeneratedSpec::ReberGrammar(ReberGrammar::default()));
        let data = crate::data::load(&spec, None, 4, 1, &mut |_| {}).unwrap();
        let legal = spec.legal(&data.train).unwrap();
        let (Some(ids), Targets::Steps(targets)) = (data.train.inputs.tokens(), &data.train.targets) else {
            panic!("tokens and a class a step")
        };
        for ((id, legal), target) in ids.iter().zip(&legal).zip(targets) {
            assert_eq!(*legal == 0, *id == 0);
            assert!(*id == 0 || legal >> target & 1 == 1);
        }
        let free = DataSpec::Generated(GeneratedSpec::CopyMemory(CopyMemory::default()));
        assert!(free.legal(&data.train).is_none());
    }

    #[test]
    fn settings_that_cannot_be_met_name_the_field_and_what_can() {
        let refused = |name: &str, settings: serde_json::Value| {
            GeneratedSpec::read(name, settings).unwrap().unwrap().check().unwrap_err().to_string()
        };
        for (name, field, value, expected) in [
            ("first-symbol", "classes", 9, "a number from 2 to 8"),
            ("first-symbol", "gap", 0, "a number from 1 to 10000"),
            ("first-symbol", "train", 0, "a number from 1 to 1000000"),
            ("temporal-order", "length", 9, "a number from 10 to 10000"),
            ("adding-problem", "length", 1, "a number from 2 to 10000"),
            ("copy-memory", "symbols", 0, "a number from 1 to 1000"),
            ("reber-grammar", "length", 7, "a number from 8 to 1000"),
            ("sine-forecast", "horizon", 0, "a number from 1 to 1000"),
            (
                "word-order",
                "train",
                3,
                "an even number from 2 to 100,000: every sentence comes with its twin",
            ),
        ] {
            let message = refused(name, serde_json::json!({field: value}));
            assert_eq!(message, format!("data.{field}: found {value}; expected {expected}"));
        }
        let message = refused("sine-forecast", serde_json::json!({"noise": -1.0}));
        assert_eq!(message, "data.noise: found -1; expected a standard deviation from 0 to 10");
    }
}
