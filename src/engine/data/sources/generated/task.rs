//! Tasks that generate rows of symbols or numbers.

use ndarray::{Array2, Array3};

use crate::data::dataset::{Dataset, Inputs, Targets};
use crate::data::error::DataError;
use crate::data::form::{Form, InputForm, TargetForm};
use crate::data::fraction::Fraction;
use crate::data::opened::Data;
use crate::data::text::vocabulary::Vocabulary;
use crate::protocol::{ClassCount, DataFacts};
use crate::rng::Rng;

/// A task that generates rows of symbols or numbers.
pub(super) trait Task {
    /// The numbers of training and validation sequences.
    fn sizes(&self) -> (usize, usize);

    /// The shapes of inputs and targets.
    fn form(&self) -> Form;

    /// The vocabulary, without padding and unknown; empty for numbers.
    fn symbols(&self) -> &'static [&'static str] {
        &[]
    }

    /// Checks the settings of the task.
    ///
    /// # Errors
    /// The first invalid setting.
    fn check(&self) -> Result<(), DataError>;

    /// Generates sequence number `number` of its split into `rows`.
    fn sequence(&self, number: usize, rng: &mut Rng, rows: &mut GeneratedRows);

    /// The legal classes (a bit set) at each step of a row of token ids, if a task has several.
    fn legal(&self, _ids: &[u32]) -> Option<Vec<u32>> {
        None
    }
}

/// The rows generated so far; each kind of data uses some of the fields.
#[derive(Debug, Default)]
pub(super) struct GeneratedRows {
    /// Token ids.
    pub ids: Vec<u32>,
    /// Input numbers.
    pub numbers: Vec<f32>,
    /// Classes, one a sequence or one a step.
    pub classes: Vec<u32>,
    /// Target numbers.
    pub outputs: Vec<f32>,
}

/// The token id of the symbol number `place` of a task.
pub(super) fn id(place: usize) -> u32 {
    Vocabulary::FIRST + place as u32
}

/// Checks that a value is in `range`.
pub(super) fn check_range(
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

/// Generates the data of a task. Each split has its own random stream: the size of one does not change the other.
pub(super) fn make(name: &str, task: &dyn Task, seed: u64, fraction: Fraction) -> Data {
    let form = task.form();
    let split = |index: u64, size: usize| {
        let (mut rng, mut rows) = (Rng::new(seed, name, index), GeneratedRows::default());
        (0..size).for_each(|number| task.sequence(number, &mut rng, &mut rows));
        dataset(&form, size, rows)
    };
    let (train, validation) = task.sizes();
    let (mut train, validation) = (split(0, train), (validation > 0).then(|| split(1, validation)));
    if !fraction.is_all() {
        train = train.select(&fraction.rows(train.len(), seed));
    }
    let facts = DataFacts {
        source: format!("generated: {name}"),
        train: train.len(),
        validation: validation.as_ref().map_or(0, Dataset::len),
        classes: classes(&form.targets, &train),
        vocabulary: form.vocabulary(),
        has_symbols: !task.symbols().is_empty(),
        length: form.time(),
        skipped: 0,
        unknown: 0.0,
        ..DataFacts::default()
    };
    let vocabularies = (!task.symbols().is_empty()).then(|| Vocabulary::of_symbols(task.symbols()).into());
    let labels = form.targets.labels().to_vec();
    Data { validation, vocabularies, labels, ..Data::of(train, facts) }
}

fn dataset(form: &Form, size: usize, rows: GeneratedRows) -> Dataset {
    let time = form.time();
    let fits = "the rows of a task have the length of its form";
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
        TargetForm::Labels(_) => unreachable!("no task has several labels"),
    };
    Dataset {
        inputs: inputs.unwrap_or_else(|_| unreachable!("{fits}")),
        targets: targets.unwrap_or_else(|_| unreachable!("{fits}")),
    }
}

/// The frequency of each class in sequences, or in the steps that are not padding if each step has one.
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
            let steps = ids.iter().zip(classes).filter(|(id, _)| **id != Vocabulary::PADDING);
            steps.for_each(|(_, class)| count(class));
        }
        (Inputs::Real(_) | Inputs::Channels(_), Targets::Steps(classes)) => {
            classes.iter().for_each(&mut count)
        }
        (_, Targets::Real(_) | Targets::Labels(_)) => {}
    }
    counts
}

pub(super) fn labels(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
