use serde::{Deserialize, Serialize};

use super::task::{GeneratedRows, Task, check_range, id, labels};
use crate::data::error::DataError;
use crate::data::form::{Form, InputForm, TargetForm};
use crate::data::text::vocabulary::Vocabulary;
use crate::rng::Rng;

const SYMBOLS: [&str; 7] = ["B", "T", "P", "S", "X", "V", "E"];
const B: usize = 0;
const T: usize = 1;
const P: usize = 2;
const S: usize = 3;
const X: usize = 4;
const V: usize = 5;
const E: usize = 6;

/// The transitions of the inner graph from its states 0 to 5: symbol, and offset to the next state.
const INNER: [&[(usize, isize)]; 6] = [
    &[(T, 1), (P, 2)],
    &[(S, 0), (X, 2)],
    &[(T, 0), (V, 2)],
    &[(X, -1), (S, 2)],
    &[(P, -1), (V, 1)],
    &[(E, 1)],
];

/// Symbols of the shortest string, `BTBTXSETE`.
const SHORTEST: usize = 9;

/// The generated task `reber-grammar`: which symbol comes next in an embedded Reber string?
///
/// ```text
/// B ─┬─ T ─ ⟨Reber string⟩ ─ T ─┬─ E
///    └─ P ─ ⟨Reber string⟩ ─ P ─┘
///
/// a Reber string is B, a path from state 0 to state 5, and E:
/// 0: T → 1, P → 2   1: S → 1, X → 3   2: T → 2, V → 4   3: X → 2, S → 5   4: P → 3, V → 5
/// ```
/// Inside, at most two symbols may follow, equally likely, and the last one or two decide. The last but one symbol of the whole
/// string repeats the second, which must be remembered across the inner string: the papers found that hard for simple networks (Hochreiter
/// & Schmidhuber 1997, "Long short-term memory", experiment 1; Cleeremans, Servan-Schreiber & McClelland 1989; Reber 1967). Since
/// most steps have several legal symbols, accuracy cannot reach 100 %: the measure is the share of steps whose predicted symbol is
/// legal. Strings with more than `length` steps are rejected and sampled again; shorter ones are padded at the end with id 0. The
/// most frequent strings appear in both splits, as in the papers. `[length]` token ids → a class a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReberGrammar {
    /// Training strings.
    pub train: usize,
    /// Validation strings; 0 for none.
    pub validation: usize,
    /// Time steps: a string's symbols without its last one, which is only predicted.
    pub length: usize,
}

impl Default for ReberGrammar {
    fn default() -> Self {
        Self { train: 2000, validation: 500, length: 24 }
    }
}

impl Task for ReberGrammar {
    fn sizes(&self) -> (usize, usize) {
        (self.train, self.validation)
    }

    fn form(&self) -> Form {
        Form {
            inputs: InputForm::Tokens { time: self.length, vocabulary: SYMBOLS.len() + 2, padded: true },
            targets: TargetForm::Steps(labels(&SYMBOLS)),
        }
    }

    fn symbols(&self) -> &'static [&'static str] {
        &SYMBOLS
    }

    fn check(&self) -> Result<(), DataError> {
        check_range("data.length", self.length, SHORTEST - 1..=1000)
    }

    fn sequence(&self, _number: usize, rng: &mut Rng, rows: &mut GeneratedRows) {
        let mut string = embedded(rng);
        while string.len() > self.length + 1 {
            string = embedded(rng);
        }
        let steps = string.len() - 1;
        let padding = self.length - steps;
        rows.ids.extend(string.iter().take(steps).map(|symbol| id(*symbol)));
        rows.ids.extend(std::iter::repeat_n(Vocabulary::PADDING, padding));
        rows.classes.extend(string.iter().skip(1).map(|symbol| *symbol as u32));
        rows.classes.extend(std::iter::repeat_n(0, padding));
    }

    fn legal(&self, ids: &[u32]) -> Option<Vec<u32>> {
        let mut state = Some(0_usize);
        let step = |read: &u32| {
            let transition = transitions(state?).iter().find(|(symbol, _)| id(*symbol) == *read);
            state = transition.and_then(|(_, offset)| state?.checked_add_signed(*offset));
            Some(transitions(state?).iter().fold(0, |legal, (symbol, _)| legal | 1 << symbol))
        };
        Some(ids.iter().map(step).map(Option::unwrap_or_default).collect())
    }
}

/// The transitions from a state of the whole graph, which contains the inner one twice: symbol, and offset to the next state.
fn transitions(state: usize) -> &'static [(usize, isize)] {
    match state {
        0 | 2 | 10 => &[(B, 1)],
        1 => &[(T, 1), (P, 9)],
        3..=8 => INNER[state - 3],
        9 => &[(T, 9)],
        11..=16 => INNER[state - 11],
        17 => &[(P, 1)],
        18 => &[(E, 1)],
        _ => &[],
    }
}

/// Samples a string of the embedded grammar.
fn embedded(rng: &mut Rng) -> Vec<usize> {
    let (mut string, mut state) = (Vec::new(), 0_usize);
    while let Some((symbol, offset)) = rng.choose(transitions(state)) {
        string.push(*symbol);
        state = state.saturating_add_signed(*offset);
    }
    string
}

#[cfg(test)]
mod tests {
    use super::super::tests::splits;
    use super::*;
    use crate::data::dataset::{Dataset, Targets};
    use crate::data::sources::generated::GeneratedSpec;
    use crate::rng::Rng;
    use proptest::prelude::*;

    /// Whether `string` is embedded Reber, by reading it from left to right.
    fn is_embedded(string: &str) -> bool {
        let inner = |rest: &str| match rest.strip_prefix('T') {
            Some(rest) => rest.trim_start_matches('S').strip_prefix('X').is_some_and(after_x),
            None => rest.strip_prefix('P').is_some_and(looped),
        };
        ['T', 'P'].iter().any(|branch| {
            let inside = string.strip_prefix(&format!("B{branch}B"));
            inside.and_then(|rest| rest.strip_suffix(&format!("E{branch}E"))).is_some_and(inner)
        })
    }

    fn after_x(rest: &str) -> bool {
        rest == "S" || rest.strip_prefix('X').is_some_and(looped)
    }

    fn looped(rest: &str) -> bool {
        let rest = rest.trim_start_matches('T').strip_prefix('V');
        rest.is_some_and(|rest| rest == "V" || rest.strip_prefix('P').is_some_and(after_x))
    }

    /// Every row as its string, last symbol included.
    fn strings(split: &Dataset) -> Vec<String> {
        let Targets::Steps(targets) = &split.targets else { panic!("a class a step") };
        let rows = split.inputs.tokens().unwrap();
        let string = |(row, next): (ndarray::ArrayView1<'_, u32>, ndarray::ArrayView1<'_, u32>)| {
            let steps = row.iter().filter(|id| **id > 0).count();
            let read: String = row.iter().take(steps).map(|id| SYMBOLS[*id as usize - 2]).collect();
            let next: String = next.iter().take(steps).map(|class| SYMBOLS[*class as usize]).collect();
            assert_eq!(read[1..], next[..steps - 1], "targets are the next symbols");
            assert!(row.iter().skip(steps).all(|id| *id == 0), "padding is at the end");
            read + &next[steps - 1..]
        };
        rows.rows().into_iter().zip(targets.rows()).map(string).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn every_string_is_of_the_grammar_and_both_branches_appear(seed: u64, length in 8_usize..40) {
            let task = ReberGrammar { train: 200, validation: 100, length };
            let (train, validation) = splits(&GeneratedSpec::ReberGrammar(task), seed);
            let all = [strings(&train), strings(&validation)].concat();
            prop_assert_eq!(all.len(), 300);
            for string in &all {
                prop_assert!(is_embedded(string) && string.len() <= length + 1, "{}", string);
            }
            let branch = all.iter().filter(|string| string.starts_with("BT")).count();
            prop_assert!((100..200).contains(&branch), "{} of 300 with T", branch);
        }

        #[test]
        fn exactly_the_possible_next_symbols_are_legal(seed: u64) {
            let task = ReberGrammar { train: 40, validation: 0, length: 24 };
            let string = embedded(&mut Rng::new(seed, "test", 0));
            let ids: Vec<u32> = string.iter().map(|symbol| id(*symbol)).collect();
            let legal = task.legal(&ids).unwrap();
            let grown = |prefix: &[usize], next: usize| -> bool {
                // A prefix can be continued with `next` if and only if some short ending completes it.
                let prefix: String = prefix.iter().chain([&next]).map(|symbol| SYMBOLS[*symbol]).collect();
                ENDINGS.iter().any(|ending| is_embedded(&format!("{prefix}{ending}")))
            };
            for (t, legal) in legal.iter().enumerate() {
                for next in 0..SYMBOLS.len() {
                    prop_assert_eq!(legal >> next & 1 == 1, grown(&string[..=t], next), "{:?} {}", &string[..=t], next);
                }
            }
        }
    }

    /// The shortest endings from every state of the graph.
    const ENDINGS: [&str; 21] = [
        "",
        "E",
        "TE",
        "PE",
        "ETE",
        "EPE",
        "SETE",
        "SEPE",
        "VETE",
        "VEPE",
        "VVETE",
        "VVEPE",
        "XSETE",
        "XSEPE",
        "TXSETE",
        "TXSEPE",
        "BTXSETE",
        "BTXSEPE",
        "TBTXSETE",
        "PBTXSEPE",
        "BTBTXSETE",
    ];
}
