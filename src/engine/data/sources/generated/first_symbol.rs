use serde::{Deserialize, Serialize};

use super::task::{GeneratedRows, Task, check_range, id, labels};
use crate::data::error::DataError;
use crate::data::form::{Form, InputForm, TargetForm};
use crate::rng::Rng;

/// The possible first symbols, one a class, and the distractors.
const SYMBOLS: [&str; 16] = ["X", "Y", "Z", "W", "V", "U", "T", "S", "a", "b", "c", "d", "e", "f", "g", "h"];
const MOST_CLASSES: usize = 8;
const LONGEST_GAP: usize = 10_000;

/// The generated task `first-symbol`: which was the first symbol of a long sequence?
///
/// ```text
/// X c a h b … d    →  X          first the symbol of the class, then `gap` random distractors a … h
/// Y e a a f … g    →  Y
/// ```
/// The class depends on the first symbol alone, which a network must remember over all `gap` steps:
/// the purest form of the latching problem (Bengio, Simard & Frasconi 1994, "Learning long-term dependencies with gradient
/// descent is difficult") with the distractors of Hochreiter & Schmidhuber 1997 ("Long short-term memory", experiment 2c).
/// Classes alternate, so that they are equally frequent. `[gap + 1]` token ids → a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FirstSymbol {
    /// Training sequences.
    pub train: usize,
    /// Validation sequences; 0 for none.
    pub validation: usize,
    /// The number of possible first symbols, 2 to 8.
    pub classes: usize,
    /// Distractors after it.
    pub gap: usize,
}

impl Default for FirstSymbol {
    fn default() -> Self {
        Self { train: 4000, validation: 1000, classes: 2, gap: 40 }
    }
}

impl Task for FirstSymbol {
    fn sizes(&self) -> (usize, usize) {
        (self.train, self.validation)
    }

    fn form(&self) -> Form {
        Form {
            inputs: InputForm::Tokens {
                time: self.gap.saturating_add(1),
                vocabulary: SYMBOLS.len() + 2,
                padded: false,
            },
            targets: TargetForm::Classes(Some(labels(SYMBOLS.get(..self.classes).unwrap_or(&SYMBOLS)))),
        }
    }

    fn symbols(&self) -> &'static [&'static str] {
        &SYMBOLS
    }

    fn check(&self) -> Result<(), DataError> {
        check_range("data.classes", self.classes, 2..=MOST_CLASSES)?;
        check_range("data.gap", self.gap, 1..=LONGEST_GAP)
    }

    fn sequence(&self, number: usize, rng: &mut Rng, rows: &mut GeneratedRows) {
        let class = number % self.classes;
        let distractor = |_| id(MOST_CLASSES + rng.below(SYMBOLS.len() - MOST_CLASSES));
        rows.ids.push(id(class));
        rows.ids.extend((0..self.gap).map(distractor));
        rows.classes.push(class as u32);
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
        fn the_class_is_the_first_symbol_and_classes_are_balanced(seed: u64, classes in 2_usize..=8, gap in 16_usize..60) {
            let task = FirstSymbol { train: 40 * classes, validation: 8 * classes, classes, gap };
            let (train, validation) = splits(&GeneratedSpec::FirstSymbol(task), seed);
            prop_assert_eq!(overlap(&train, &validation), 0);
            for (split, size) in [(&train, 40), (&validation, 8)] {
                let Targets::Classes(targets) = &split.targets else { panic!("classes") };
                let rows = split.inputs.tokens().unwrap();
                prop_assert_eq!(rows.dim(), (size * classes, gap + 1));
                for (row, class) in rows.rows().into_iter().zip(targets) {
                    prop_assert_eq!(SYMBOLS[row[0] as usize - 2], SYMBOLS[*class as usize]);
                    prop_assert!(row.iter().skip(1).all(|id| (10..18).contains(id)));
                }
                prop_assert!((0..classes as u32).all(|class| targets.iter().filter(|c| **c == class).count() == size));
            }
        }
    }
}
