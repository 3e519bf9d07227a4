use std::time::SystemTime;

use super::key::{Cell, Key, KeyError};
use super::list::Run;

/// Comparisons, the longer before those that they begin with.
const OPERATORS: [(&str, Comparison); 7] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("!=", Comparison::Differs),
    ("==", Comparison::Equals),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
    ("=", Comparison::Equals),
];

/// Conditions on runs, all of which must hold: `val_acc>0.9 lstm !conv units=16`.
///
/// A word must be in the name, the state, the preset, the layers, the tags or the notes of a run; `!` before a condition reverses it;
/// `KEY<X`, `KEY<=X`, `KEY>X`, `KEY>=X`, `KEY=X` and `KEY!=X` compare a column, a metric or a setting. A run without it fulfils none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    terms: Vec<Term>,
}

/// A filter that cannot be read, or compares what no run has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// A comparison without its left side.
    #[error(
        "the filter {0:?} compares nothing; expected the name of a column, a metric or a setting before the sign"
    )]
    NoKey(String),
    /// A comparison with something that is no number.
    #[error(
        "the filter {term:?}: found {found:?}; expected a number, as in val_loss<0.5, accuracy>90% or age<2d"
    )]
    NoNumber {
        /// The comparison.
        term: String,
        /// What is on its right.
        found: String,
    },
    /// What is compared is nowhere.
    #[error("the filter {term:?}")]
    Key {
        /// The comparison.
        term: String,
        /// Why.
        #[source]
        source: KeyError,
    },
}

#[derive(Debug, Clone, PartialEq)]
struct Term {
    is_reversed: bool,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    /// In lower case.
    Word(String),
    Compare {
        key: Key,
        comparison: Comparison,
        with: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equals,
    Differs,
}

impl Filter {
    /// Reads the conditions in `text` on `runs`, one of which must have what is compared.
    ///
    /// # Errors
    /// For the first condition that cannot be read.
    pub fn parse<'r>(
        text: &str,
        runs: impl IntoIterator<Item = &'r Run> + Clone,
    ) -> Result<Self, FilterError> {
        let terms = text.split_whitespace().map(|term| Term::parse(term, runs.clone()));
        Ok(Self { terms: terms.collect::<Result<_, _>>()? })
    }

    /// Whether all conditions hold for `run`.
    pub fn passes(&self, run: &Run, now: SystemTime) -> bool {
        self.terms.iter().all(|term| term.test.holds(run, now) != term.is_reversed)
    }
}

impl Term {
    fn parse<'r>(term: &str, runs: impl IntoIterator<Item = &'r Run> + Clone) -> Result<Self, FilterError> {
        let (rest, is_reversed) = match term.strip_prefix('!') {
            Some(rest) if !rest.is_empty() && !rest.starts_with('=') => (rest, true),
            _ => (term, false),
        };
        let first = rest.char_indices().find_map(|(at, _)| {
            let rest = rest.get(at..)?;
            let (sign, comparison) = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign))?;
            Some((at, *sign, *comparison))
        });
        let Some((at, sign, comparison)) = first else {
            return Ok(Self { is_reversed, test: Test::Word(rest.to_lowercase()) });
        };
        let (name, with) = (&rest[..at], &rest[at + sign.len()..]);
        if name.is_empty() {
            return Err(FilterError::NoKey(term.to_owned()));
        }
        let key =
            Key::find(name, runs).map_err(|source| FilterError::Key { term: term.to_owned(), source })?;
        let needs_number = !matches!(comparison, Comparison::Equals | Comparison::Differs);
        if needs_number && number(with, &key).is_none() {
            return Err(FilterError::NoNumber { term: term.to_owned(), found: with.to_owned() });
        }
        Ok(Self { is_reversed, test: Test::Compare { key, comparison, with: with.to_owned() } })
    }
}

impl Test {
    fn holds(&self, run: &Run, now: SystemTime) -> bool {
        match self {
            Self::Word(word) => {
                // At the beginning of a word: `dd` is no part of Embedding that anybody looks for.
                let has = |text: &str| {
                    let text = text.to_lowercase();
                    let begins = |at: usize| {
                        let before = text.get(..at).and_then(|before| before.chars().next_back());
                        !before.is_some_and(char::is_alphanumeric) || !word.starts_with(char::is_alphanumeric)
                    };
                    text.match_indices(word.as_str()).any(|(at, _)| begins(at))
                };
                let summary = &run.summary;
                [&*run.name, run.state.word(), &summary.preset, &summary.layers].into_iter().any(has)
                    || run.marks.tags.iter().any(|tag| has(tag))
                    || run.marks.notes.iter().any(|note| has(&note.text))
            }
            Self::Compare { key, comparison, with } => {
                let number = number(with, key);
                let values = key.values(run, now);
                let holds = |cell: &Cell| comparison.holds(cell, with, number);
                match comparison {
                    Comparison::Differs => !values.is_empty() && values.iter().all(holds),
                    _ => values.iter().any(holds),
                }
            }
        }
    }
}

impl Comparison {
    fn holds(self, cell: &Cell, with: &str, number: Option<f64>) -> bool {
        let is_equal = match (cell, number) {
            (Cell::Number(value), Some(number)) => *value == number,
            _ => cell.text().to_lowercase() == with.to_lowercase(),
        };
        match (self, cell, number) {
            (Self::Equals, ..) => is_equal,
            (Self::Differs, ..) => !is_equal,
            (Self::Less, Cell::Number(value), Some(number)) => *value < number,
            (Self::AtMost, Cell::Number(value), Some(number)) => *value <= number,
            (Self::Greater, Cell::Number(value), Some(number)) => *value > number,
            (Self::AtLeast, Cell::Number(value), Some(number)) => *value >= number,
            _ => false,
        }
    }
}

/// A number: `0.9`, `90%`, and of a time `10m`, `2d`.
fn number(text: &str, key: &Key) -> Option<f64> {
    let parsed = |text: &str| text.parse::<f64>().ok();
    let units = [("s", 1.0), ("min", 60.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0), ("w", 604_800.0)];
    let number = parsed(text).or_else(|| match key.is_time() {
        true => units.iter().find_map(|(unit, size)| Some(parsed(text.strip_suffix(unit)?)? * size)),
        // Divided: 95 · 0.01 is not 0.95.
        false => Some(parsed(text.strip_suffix('%')?)? / 100.0),
    });
    number.filter(|number| !number.is_nan())
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;
    use crate::run::RunState;
    use crate::runs::marks::{Marks, Note};
    use crate::runs::summary::{Best, Summary};

    pub fn run(name: &str, val_accuracy: f64, settings: &[(&str, &str)]) -> Run {
        let metrics = vec![("val_accuracy".into(), val_accuracy), ("loss".into(), 0.5)];
        let best = Best { value: val_accuracy, step: 8, epoch: 1, metrics: metrics.clone() };
        let summary = Summary {
            preset: "word-order".into(),
            layers: "Embedding, Bidirectional(LSTM), Dense".into(),
            monitor: "val_accuracy".into(),
            best: (!val_accuracy.is_nan()).then_some(best),
            last: metrics,
            seconds: 90.0,
            settings: settings.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
            ..Summary::default()
        };
        let marks = Marks {
            tags: vec!["keep".into()],
            notes: vec![Note { time: String::new(), text: "rate was too high".into() }],
        };
        Run {
            name: name.into(),
            path: PathBuf::from(name),
            state: RunState::Finished,
            started: UNIX_EPOCH,
            summary: Arc::new(summary),
            marks: Arc::new(marks),
        }
    }

    fn passes(text: &str, run: &Run) -> bool {
        let filter = Filter::parse(text, [run]).unwrap();
        filter.passes(run, UNIX_EPOCH + Duration::from_secs(3600))
    }

    #[test]
    fn all_conditions_must_hold() {
        let one =
            run("lstm-1", 0.95, &[("model.1.units", "16"), ("model.2.units", "1"), ("train.loss", "mse")]);
        for right in [
            "",
            "val_acc>0.9 lstm !conv",
            "val_accuracy>=95%",
            "embedding keep high finished",
            "units=16 units=1 !units=8",
            "train.loss=MSE loss=0.5 last.val_accuracy<1",
            "best>0.9 age<2h age>=60min time<2m state=finished",
            "model.1.units!=17 name=lstm-1",
        ] {
            assert!(passes(right, &one), "{right}");
        }
        for wrong in ["val_acc>0.96", "conv", "!lstm", "units=8", "age<5min", "lstm conv", "!units=16"] {
            assert!(!passes(wrong, &one), "{wrong}");
        }
        // What a run does not have fulfils no comparison.
        let none = run("none", f64::NAN, &[]);
        let filter = Filter::parse("val_accuracy<2", [&one, &none]).unwrap();
        assert!(filter.passes(&one, UNIX_EPOCH) && !filter.passes(&none, UNIX_EPOCH));
        assert!(Filter::parse("!best<2", [&none]).unwrap().passes(&none, UNIX_EPOCH));
    }

    #[test]
    fn a_condition_that_cannot_be_read_is_named() {
        let one = run("a", 0.5, &[("train.loss", "mse")]);
        let message = |text| Filter::parse(text, [&one]).unwrap_err().to_string();
        assert!(message("a >0.5").starts_with("the filter \">0.5\" compares nothing"));
        assert!(message("val_acc>high").contains("found \"high\"; expected a number"));
        let unknown = crate::error::chain(&Filter::parse("val_los>1", [&one]).unwrap_err());
        assert!(
            unknown.starts_with("the filter \"val_los>1\": unknown column, metric or setting `val_los`"),
            "{unknown}"
        );
        assert!(message("!=3").contains("compares nothing"));
    }

    proptest! {
        #[test]
        fn no_filter_panics(text in "[ -~äß!<>=%. ]{0,40}", other in any::<String>()) {
            let one = run("a", 0.5, &[("train.loss", "mse"), ("é", "ü")]);
            for text in [text, other] {
                if let Ok(filter) = Filter::parse(&text, [&one]) {
                    filter.passes(&one, UNIX_EPOCH);
                }
            }
        }

        #[test]
        fn a_reversed_condition_passes_what_the_other_does_not(word in "[a-z]{1,6}", x in 0.0..1.0f64) {
            let one = run("lstm", 0.5, &[]);
            for term in [word, format!("val_acc<{x}"), format!("best>={x}")] {
                prop_assert_ne!(passes(&term, &one), passes(&format!("!{term}"), &one));
            }
        }
    }
}
