use serde::{Deserialize, Serialize};

use super::task::{GeneratedRows, Task, check_range};
use crate::data::error::DataError;
use crate::data::form::{Form, InputForm, TargetForm};
use crate::rng::Rng;

/// The generated task `adding-problem`: the sum of two marked numbers among many.
///
/// ```text
/// value   0.31  0.87  0.05  0.64  …  0.22  0.90       uniform in [0, 1)
/// marker  0     1     0     0     …  1     0          one mark in each half
/// target  0.87 + 0.22 = 1.09
/// ```
/// A network that always predicts 1, the mean, has the variance of the sum of two uniform numbers as mean squared error,
/// 2 · 1/12 = 1/6 ≈ 0.167 (0.1767 in Le, Jaitly & Hinton 2015): an error clearly below shows that it remembers both.
/// Source: Hochreiter & Schmidhuber 1997, "Long short-term memory", experiment 4 (values in [−1, 1] there, and scaled sums); in
/// this simpler form Le et al. 2015, "A simple way to initialize recurrent networks of rectified linear units", and Arjovsky et
/// al. 2016. `[length, 2]` numbers → one number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AddingProblem {
    /// Training sequences.
    pub train: usize,
    /// Validation sequences; 0 for none.
    pub validation: usize,
    /// Time steps.
    pub length: usize,
}

impl Default for AddingProblem {
    fn default() -> Self {
        Self { train: 8000, validation: 1000, length: 50 }
    }
}

impl Task for AddingProblem {
    fn sizes(&self) -> (usize, usize) {
        (self.train, self.validation)
    }

    fn form(&self) -> Form {
        Form { inputs: InputForm::Real { time: self.length, features: 2 }, targets: TargetForm::Real(1) }
    }

    fn check(&self) -> Result<(), DataError> {
        check_range("data.length", self.length, 2..=10_000)
    }

    fn sequence(&self, _number: usize, rng: &mut Rng, rows: &mut GeneratedRows) {
        let half = self.length / 2;
        let marks = [rng.below(half), half + rng.below(self.length - half)];
        let mut sum = 0.0;
        for t in 0..self.length {
            // A number just below 1 is rounded to 1, which is not in [0, 1).
            let value = (rng.uniform() as f32).min(1.0_f32.next_down());
            let marked = marks.contains(&t);
            rows.numbers.extend([value, f32::from(u8::from(marked))]);
            sum += if marked { value } else { 0.0 };
        }
        rows.outputs.push(sum);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::splits;
    use super::*;
    use crate::data::dataset::Targets;
    use crate::data::sources::generated::GeneratedSpec;
    use proptest::prelude::*;

    #[test]
    fn a_number_just_below_one_stays_below_one() {
        let task = AddingProblem { train: 60, validation: 20, length: 25 };
        // A seed whose numbers contain one that `f32` rounds to 1.
        let (train, validation) = splits(&GeneratedSpec::AddingProblem(task), 3_850_112_648_102_180_039);
        let below_one = |split: &crate::data::dataset::Dataset| {
            split
                .inputs
                .real()
                .unwrap()
                .outer_iter()
                .all(|row| row.column(0).iter().all(|value| *value < 1.0))
        };
        assert!(below_one(&train) && below_one(&validation));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn the_target_is_the_sum_of_the_one_marked_value_of_each_half(seed: u64, length in 2_usize..80) {
            let task = AddingProblem { train: 60, validation: 20, length };
            let (train, validation) = splits(&GeneratedSpec::AddingProblem(task), seed);
            for split in [&train, &validation] {
                let Targets::Real(targets) = &split.targets else { panic!("numbers") };
                for (row, target) in split.inputs.real().unwrap().outer_iter().zip(targets) {
                    let dot: f32 = row.rows().into_iter().map(|step| step[0] * step[1]).sum();
                    prop_assert_eq!(dot, *target);
                    prop_assert!(row.column(0).iter().all(|value| (0.0..1.0).contains(value)));
                    let marks: Vec<usize> = (0..length).filter(|t| row[[*t, 1]] == 1.0).collect();
                    prop_assert!(marks.len() == 2 && marks[0] < length / 2 && marks[1] >= length / 2);
                }
            }
            prop_assert_ne!(&train.inputs, &validation.inputs);
        }
    }

    #[test]
    fn always_predicting_one_has_an_error_of_a_sixth() {
        let task = AddingProblem { train: 20_000, validation: 1, length: 10 };
        let (train, _) = splits(&GeneratedSpec::AddingProblem(task), 1);
        let Targets::Real(targets) = &train.targets else { panic!("numbers") };
        let mse = targets.iter().map(|sum| f64::from(sum - 1.0).powi(2)).sum::<f64>() / 20_000.0;
        assert!((mse - 1.0 / 6.0).abs() < 0.005, "{mse}");
    }
}
