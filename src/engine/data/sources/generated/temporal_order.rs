use serde::{Deserialize, Serialize};

use super::task::{GeneratedRows, Task, check_range, id, labels};
use crate::data::error::DataError;
use crate::data::form::{Form, InputForm, TargetForm};
use crate::rng::Rng;

/// The two relevant symbols, the first and last symbol of every sequence, and the distractors.
const SYMBOLS: [&str; 8] = ["X", "Y", "E", "B", "a", "b", "c", "d"];
const FIRST: usize = 2;
const LAST: usize = 3;
const DISTRACTORS: usize = 4;
const CLASSES: [&str; 4] = ["XX", "XY", "YX", "YY"];
const SHORTEST: usize = 10;
const LONGEST: usize = 10_000;

/// The generated task `temporal-order`: in which order do X and Y appear, far apart and among distractors?
///
/// ```text
/// E d b X a … c Y b … a B   →  XY        one of X, Y after a tenth to a fifth of the sequence,
/// E a a Y c … d Y d … c B   →  YY        one of X, Y after five to six tenths
/// ```
/// Four classes, equally frequent: XX, XY, YX, YY. A network must remember the first until the second appears, and both until
/// the end. Source: Hochreiter & Schmidhuber 1997, "Long short-term memory", experiment 6a, with lengths of 100 to 110; here
/// every sequence has the same `length`, and positions scale with it. `[length]` token ids → a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TemporalOrder {
    /// Training sequences.
    pub train: usize,
    /// Validation sequences; 0 for none.
    pub validation: usize,
    /// Time steps, at least 10.
    pub length: usize,
}

impl Default for TemporalOrder {
    fn default() -> Self {
        Self { train: 4000, validation: 1000, length: 60 }
    }
}

impl Task for TemporalOrder {
    fn sizes(&self) -> (usize, usize) {
        (self.train, self.validation)
    }

    fn form(&self) -> Form {
        Form {
            inputs: InputForm::Tokens { time: self.length, vocabulary: SYMBOLS.len() + 2, padded: false },
            targets: TargetForm::Classes(Some(labels(&CLASSES))),
        }
    }

    fn symbols(&self) -> &'static [&'static str] {
        &SYMBOLS
    }

    fn check(&self) -> Result<(), DataError> {
        check_range("data.length", self.length, SHORTEST..=LONGEST)
    }

    fn sequence(&self, number: usize, rng: &mut Rng, rows: &mut GeneratedRows) {
        let class = number % CLASSES.len();
        let tenths = |n: usize| n * self.length / 10;
        let mut between = |from, to| tenths(from) + rng.below(tenths(to) - tenths(from));
        let places = [between(1, 2), between(5, 6)];
        for t in 0..self.length {
            let symbol = match t {
                0 => FIRST,
                t if t == places[0] => class / 2,
                t if t == places[1] => class % 2,
                t if t + 1 == self.length => LAST,
                _ => DISTRACTORS + rng.below(SYMBOLS.len() - DISTRACTORS),
            };
            rows.ids.push(id(symbol));
        }
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
        fn the_class_is_the_order_of_the_two_symbols(seed: u64, length in 20_usize..120) {
            let task = TemporalOrder { train: 80, validation: 16, length };
            let (train, validation) = splits(&GeneratedSpec::TemporalOrder(task), seed);
            prop_assert_eq!(overlap(&train, &validation), 0);
            for (split, size) in [(&train, 20), (&validation, 4)] {
                let Targets::Classes(targets) = &split.targets else { panic!("classes") };
                for (row, class) in split.inputs.tokens().unwrap().rows().into_iter().zip(targets) {
                    let text: String = row.iter().map(|id| SYMBOLS[*id as usize - 2]).collect();
                    let order: String = text.chars().filter(|c| "XY".contains(*c)).collect();
                    prop_assert_eq!(&order, CLASSES[*class as usize], "{}", text);
                    prop_assert!(text.len() == length && text.starts_with('E') && text.ends_with('B'));
                    let places: Vec<usize> = text.match_indices(['X', 'Y']).map(|(at, _)| at).collect();
                    prop_assert!(places[1] - places[0] > length / 4, "{}", text);
                }
                prop_assert!((0..4).all(|class| targets.iter().filter(|c| **c == class).count() == size));
            }
        }
    }
}
