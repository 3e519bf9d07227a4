//! `source: generated`: the classic synthetic tasks of memory, generated from the run's seed.
//!
//! [`GeneratedSpec`] has a variant for the settings of each task. `word-order` generates texts, which are tokenized like all texts; the
//! others generate rows of symbols or numbers, a [`Task::sequence`] at a time.

mod adding_problem;
mod copy_memory;
mod first_symbol;
mod reber_grammar;
mod sine_forecast;
mod task;
mod temporal_order;
mod word_order;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::data::dataset::Dataset;
use crate::data::error::DataError;
use crate::data::form::{Form, InputForm, TargetForm};
use crate::data::opened::Opened;
use crate::data::source::{Context, Source, TokenUse};
use crate::data::text::splits::TextSplits;
use crate::data::text::tokenizer::Level;
use crate::data::text::tokens::{Side, TokenRules, TokenSpec};
use task::{Task, check_range};

pub use adding_problem::AddingProblem;
pub use copy_memory::CopyMemory;
pub use first_symbol::FirstSymbol;
pub use reber_grammar::ReberGrammar;
pub use sine_forecast::SineForecast;
pub use temporal_order::TemporalOrder;
pub use word_order::WordOrder;

/// The maximum number of sequences of a split.
const MOST_SEQUENCES: usize = 1_000_000;

/// The maximum total of time steps of a split, to bound the memory.
const MOST_STEPS: usize = 100_000_000;

/// Defines [`GeneratedSpec`] from the list of tasks: the one place that a new task is added to.
macro_rules! tasks {
    ($($name:literal $task:ident),* $(,)?) => {
        /// A generated task: `{source: generated, task: …, …}` in a preset.
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

            /// Reads the settings of the task `name`; `None` if there is no such task.
            ///
            /// # Errors
            /// Those of the deserializer, for invalid settings.
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

/// The kind of a task.
enum Kind<'a> {
    /// Generates rows of symbols or numbers.
    Rows(&'a dyn Task),
    /// Generates texts.
    Texts(&'a WordOrder),
}

impl GeneratedSpec {
    fn kind(&self) -> Kind<'_> {
        match self {
            Self::WordOrder(task) => Kind::Texts(task),
            Self::FirstSymbol(task) => Kind::Rows(task),
            Self::TemporalOrder(task) => Kind::Rows(task),
            Self::AddingProblem(task) => Kind::Rows(task),
            Self::CopyMemory(task) => Kind::Rows(task),
            Self::ReberGrammar(task) => Kind::Rows(task),
            Self::SineForecast(task) => Kind::Rows(task),
        }
    }
}

impl Source for GeneratedSpec {
    fn description(&self) -> String {
        format!("generated: {}", self.name())
    }

    fn check(&self) -> Result<(), DataError> {
        let task = match self.kind() {
            Kind::Texts(task) => return task.check(),
            Kind::Rows(task) => task,
        };
        task.check()?;
        let (train, validation) = task.sizes();
        let most = (MOST_STEPS / task.form().time().max(1)).min(MOST_SEQUENCES);
        for (field, size, least) in [("data.train", train, 1), ("data.validation", validation, 0)] {
            check_range(field, size, least..=most)?;
        }
        Ok(())
    }

    fn token_use(&self) -> TokenUse {
        let Kind::Rows(task) = self.kind() else { return TokenUse::Required(TokenRules::TEXTS) };
        let source = format!("the task {}", self.name());
        let Form { inputs: InputForm::Tokens { time, vocabulary, .. }, targets } = task.form() else {
            return TokenUse::Numbers { source };
        };
        // With one target a sequence the symbols end at the last step, with a target a step they begin at the first.
        let side = if matches!(targets, TargetForm::Steps(_)) { Side::Post } else { Side::Pre };
        let tokens = TokenSpec {
            level: Level::Symbol,
            ngrams: 1,
            vocabulary,
            length: time,
            padding: side,
            truncating: side,
            channels: Vec::new(),
        };
        TokenUse::Own { source, tokens }
    }

    fn form(&self, tokens: Option<&TokenSpec>) -> Form {
        match self.kind() {
            Kind::Rows(task) => task.form(),
            Kind::Texts(_) => Form {
                inputs: InputForm::of_tokens(tokens, true),
                targets: TargetForm::Classes(Some(word_order::LABELS.map(String::from).to_vec())),
            },
        }
    }

    fn open(&self, context: Context<'_>) -> Result<Opened, DataError> {
        match self.kind() {
            Kind::Rows(task) => {
                (context.progress)(format!("generating the sequences of {}", self.name()));
                Ok(task::make(self.name(), task, context.seed, context.fraction).into())
            }
            Kind::Texts(task) => {
                let tokens = context.required_tokens()?;
                (context.progress)("generating the texts of word-order".into());
                let (train, validation) = task.generate(context.seed);
                let splits = TextSplits::new(train, validation).keep(context.fraction, context.seed);
                Ok(splits.encode(self.description(), tokens, context.known, context.progress)?.into())
            }
        }
    }

    fn sizes(&self) -> (usize, usize) {
        match self.kind() {
            Kind::Rows(task) => task.sizes(),
            Kind::Texts(task) => (task.train, task.validation),
        }
    }

    fn symbols(&self) -> Option<&'static [&'static str]> {
        let Kind::Rows(task) = self.kind() else { return None };
        Some(task.symbols()).filter(|symbols| !symbols.is_empty())
    }

    fn legal(&self, data: &Dataset) -> Option<Array2<u32>> {
        let (Kind::Rows(task), Some(ids)) = (self.kind(), data.inputs.tokens()) else { return None };
        let rows = ids.rows().into_iter().map(|row| task.legal(&row.to_vec())).collect::<Option<Vec<_>>>()?;
        Array2::from_shape_vec(ids.dim(), rows.concat()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::task::make;
    use super::*;
    use crate::data::dataset::Targets;
    use crate::data::fraction::Fraction;
    use crate::data::load;
    use crate::data::spec::DataSpec;
    use std::collections::HashSet;

    fn task(spec: &GeneratedSpec) -> Option<&dyn Task> {
        if let Kind::Rows(task) = spec.kind() { Some(task) } else { None }
    }

    /// Both splits of a task.
    pub(crate) fn splits(spec: &GeneratedSpec, seed: u64) -> (Dataset, Dataset) {
        spec.check().unwrap();
        let data = make(spec.name(), task(spec).unwrap(), seed, Fraction::ALL);
        let none = Dataset { inputs: data.train.inputs.clone(), targets: data.train.targets.clone() };
        (data.train, data.validation.unwrap_or(none))
    }

    /// The number of validation sequences that are training sequences too.
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
    fn every_task_has_valid_defaults_and_serializes_flat() {
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
    fn data_depend_on_the_seed_and_splits_are_independent() {
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
    fn tokens_and_classes_are_within_the_form() {
        for spec in all() {
            let Some(task) = task(&spec) else { continue };
            let (form, data) = (task.form(), make(spec.name(), task, 3, Fraction::ALL));
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
    fn targets_are_legal_and_padding_has_none() {
        let spec = DataSpec::Generated(GeneratedSpec::ReberGrammar(ReberGrammar::default()));
        let data = load(&spec, None, 4, 1, &mut |_| {}).unwrap();
        let legal = spec.source().legal(&data.train).unwrap();
        let (Some(ids), Targets::Steps(targets)) = (data.train.inputs.tokens(), &data.train.targets) else {
            panic!("tokens and a class a step")
        };
        for ((id, legal), target) in ids.iter().zip(&legal).zip(targets) {
            assert_eq!(*legal == 0, *id == 0);
            assert!(*id == 0 || legal >> target & 1 == 1);
        }
        let free = DataSpec::Generated(GeneratedSpec::CopyMemory(CopyMemory::default()));
        assert!(free.source().legal(&data.train).is_none());
    }

    #[test]
    fn errors_name_the_field_and_the_valid_values() {
        let message_of = |name: &str, settings: serde_json::Value| {
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
            ("word-order", "train", 3, "an even number from 2 to 100,000: sentences are generated in pairs"),
        ] {
            let message = message_of(name, serde_json::json!({field: value}));
            assert_eq!(message, format!("data.{field}: found {value}; expected {expected}"));
        }
        let message = message_of("sine-forecast", serde_json::json!({"noise": -1.0}));
        assert_eq!(message, "data.noise: found -1; expected a standard deviation from 0 to 10");
    }
}
