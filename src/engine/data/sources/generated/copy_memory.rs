use serde::{Deserialize, Serialize};

use super::task::{GeneratedRows, Task, check_range, id, labels};
use crate::data::error::DataError;
use crate::data::form::{Form, InputForm, TargetForm};
use crate::rng::Rng;

/// The blank, the eight symbols to remember, and the marker to recall them. The first nine are the classes.
const SYMBOLS: [&str; 10] = ["_", "a", "b", "c", "d", "e", "f", "g", "h", "|"];
const BLANK: usize = 0;
const FIRST: usize = 1;
const ALPHABET: usize = 8;
const RECALL: usize = 9;
const CLASSES: usize = 9;

/// The generated task `copy-memory`: remember ten symbols across a long gap, then output them.
///
/// ```text
/// input   c a h f …  _ _ _ … _ |  _ _ _ _ …       `symbols` of eight, `gap` blank steps, the last of them |,
/// target  _ _ _ _ …  _ _ _ … _ _  c a h f …       then as many steps to recall
/// ```
/// With S symbols and a gap of T, a network that predicts the blank until the marker and then guesses has the loss
/// `S · ln 8 / (T + 2S)` a step: a lower loss shows that it remembers. Source: Arjovsky, Shah & Bengio 2016, "Unitary evolution recurrent neural
/// networks", section 4.1 (S = 10, T from 100 to 500), after Hochreiter & Schmidhuber 1997. `[gap + 2 · symbols]` token ids → a class
/// a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CopyMemory {
    /// Training sequences.
    pub train: usize,
    /// Validation sequences; 0 for none.
    pub validation: usize,
    /// Symbols to remember.
    pub symbols: usize,
    /// Steps between the last of them and the first to recall, including the marker.
    pub gap: usize,
}

impl Default for CopyMemory {
    fn default() -> Self {
        Self { train: 8000, validation: 500, symbols: 10, gap: 30 }
    }
}

impl Task for CopyMemory {
    fn sizes(&self) -> (usize, usize) {
        (self.train, self.validation)
    }

    fn form(&self) -> Form {
        let time = self.symbols.saturating_mul(2).saturating_add(self.gap);
        Form {
            inputs: InputForm::Tokens { time, vocabulary: SYMBOLS.len() + 2, padded: false },
            targets: TargetForm::Steps(labels(SYMBOLS.get(..CLASSES).unwrap_or(&SYMBOLS))),
        }
    }

    fn symbols(&self) -> &'static [&'static str] {
        &SYMBOLS
    }

    fn check(&self) -> Result<(), DataError> {
        check_range("data.symbols", self.symbols, 1..=1000)?;
        check_range("data.gap", self.gap, 1..=10_000)
    }

    fn sequence(&self, _number: usize, rng: &mut Rng, rows: &mut GeneratedRows) {
        let start = rows.ids.len();
        rows.ids.extend((0..self.symbols).map(|_| id(FIRST + rng.below(ALPHABET))));
        rows.classes.extend(std::iter::repeat_n(BLANK as u32, self.symbols + self.gap));
        let symbols = rows.ids.get(start..).unwrap_or_default();
        rows.classes.extend(symbols.iter().map(|symbol| symbol - id(BLANK)));
        rows.ids.extend(std::iter::repeat_n(id(BLANK), self.gap - 1));
        rows.ids.push(id(RECALL));
        rows.ids.extend(std::iter::repeat_n(id(BLANK), self.symbols));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{overlap, splits};
    use super::*;
    use crate::data::dataset::Targets;
    use crate::data::sources::generated::GeneratedSpec;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn targets_after_the_marker_repeat_the_symbols(seed: u64, symbols in 1_usize..14, gap in 1_usize..40) {
            let task = CopyMemory { train: 50, validation: 10, symbols, gap };
            let (train, validation) = splits(&GeneratedSpec::CopyMemory(task), seed);
            prop_assert!(symbols < 12 || overlap(&train, &validation) == 0);
            for split in [&train, &validation] {
                let Targets::Steps(targets) = &split.targets else { panic!("a class a step") };
                let read = |row: ndarray::ArrayView1<'_, u32>, first| {
                    row.iter().map(|id| SYMBOLS[*id as usize - first]).collect::<String>()
                };
                for (row, target) in split.inputs.tokens().unwrap().rows().into_iter().zip(targets.rows()) {
                    let (row, target) = (read(row, 2), read(target, 0));
                    let (memory, rest) = row.split_at(symbols);
                    prop_assert!(memory.chars().all(|c| ('a'..='h').contains(&c)));
                    prop_assert_eq!(rest, format!("{}|{}", "_".repeat(gap - 1), "_".repeat(symbols)));
                    prop_assert_eq!(target, format!("{}{memory}", "_".repeat(symbols + gap)));
                }
            }
        }
    }
}
