//! Checks that the loss and the output of a network fit the targets of its data.

use crate::data::{Form, InputForm, TargetForm};
use crate::nn::{Model, Shape};

/// A loss or a last layer that does not fit the targets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TargetError {
    /// The layer that does not fit; `None` for the loss.
    pub layer: Option<usize>,
    /// Its field, if it is a single one.
    pub field: Option<&'static str>,
    /// What was found and what was expected.
    pub message: String,
}

/// Checks the loss and the output of `model` against the shapes of the data.
///
/// # Errors
/// The first mismatch, and what was expected.
pub fn check(form: &Form, model: &Model) -> Result<(), TargetError> {
    let last = model.table().layers.len().saturating_sub(1);
    let refuse = |layer, field, message: String| Err(TargetError { layer, field, message });
    let targets = match &form.targets {
        TargetForm::Classes(None) => "one class a sequence".to_owned(),
        TargetForm::Classes(Some(labels)) => format!("one of {} classes a sequence", labels.len()),
        TargetForm::Labels(None) => "several labels a sequence".to_owned(),
        TargetForm::Labels(Some(labels)) => format!("any of {} labels a sequence", labels.len()),
        TargetForm::Steps(labels) if labels.is_empty() => "a class at every step".to_owned(),
        TargetForm::Steps(labels) => format!("one of {} classes at every step", labels.len()),
        TargetForm::Next => format!("the next of {} tokens at every step", form.vocabulary()),
        TargetForm::Real(1) => "a number a sequence".to_owned(),
        TargetForm::Real(outputs) => format!("{outputs} numbers a sequence"),
    };
    let numbers = matches!(form.targets, TargetForm::Real(_));
    if numbers == model.loss().has_classes() {
        let fits = if numbers { "mean_squared_error, mean_absolute_error or huber" } else { CROSS_ENTROPIES };
        return refuse(
            None,
            None,
            format!("{} does not fit targets of {targets}; expected {fits}", model.loss().name()),
        );
    }
    let units = |units: usize, expected: usize| match units == expected {
        true => Ok(()),
        false => {
            let found =
                format!("the model outputs {}, but the targets are {targets}", numbers_in_words(units));
            refuse(
                Some(last),
                Some("units"),
                format!("{found}; expected {expected} (--set model.{last}.units={expected})"),
            )
        }
    };
    match (&form.targets, model.output()) {
        (TargetForm::Classes(labels), Shape::Vector { features }) => match (model.loss(), labels) {
            (loss, Some(labels)) if loss.is_binary() && labels.len() != 2 => {
                let message = format!(
                    "{} is for two classes, but the targets are {targets}; expected \
                     sparse_categorical_crossentropy and {{layer: Dense, units: {}, activation: softmax}}",
                    loss.name(),
                    labels.len()
                );
                refuse(None, None, message)
            }
            (loss, Some(labels)) if !loss.is_binary() => units(features, labels.len()),
            (loss, labels) if loss.is_binary() && features > 1 => {
                // A generated task has no other classes.
                let several = if labels.is_none() { ", or `data.multi_label: true`" } else { "" };
                let message = format!(
                    "the model outputs {features} labels, but the targets are {targets}; expected 1{several}"
                );
                refuse(Some(last), Some("units"), message)
            }
            _ => Ok(()),
        },
        (TargetForm::Labels(labels), Shape::Vector { features }) => {
            let count = labels.as_ref().map_or("LABELS".to_owned(), |labels| labels.len().to_string());
            if !model.loss().is_binary() {
                let message = format!(
                    "{} is for one class of several, but the targets are {targets}; expected binary_crossentropy \
                     and {{layer: Dense, units: {count}, activation: sigmoid}}",
                    model.loss().name()
                );
                return refuse(None, None, message);
            }
            match labels {
                Some(labels) => units(features, labels.len()),
                None if features > 1 => Ok(()),
                None => refuse(
                    Some(last),
                    Some("units"),
                    format!(
                        "the model outputs a number, but the targets are {targets}; expected as many as there are labels"
                    ),
                ),
            }
        }
        (TargetForm::Steps(_) | TargetForm::Next, Shape::Sequence { time, features }) => {
            let classes = match &form.targets {
                TargetForm::Steps(labels) if labels.is_empty() => features,
                TargetForm::Steps(labels) => labels.len(),
                _ => form.vocabulary(),
            };
            units(features, classes)?;
            if time != form.time() {
                let found =
                    format!("the model has outputs at {time} steps, but the targets are at {}", form.time());
                return refuse(
                    Some(last),
                    None,
                    format!("{found}; expected layers that preserve the number of steps"),
                );
            }
            if matches!(form.inputs, InputForm::Tokens { padded: true, .. }) && !model.is_output_masked() {
                let found = "sequences are padded at the end, and the loss would include the padding";
                return refuse(
                    Some(0),
                    None,
                    format!("{found}; expected an Embedding with `mask_zero: true`"),
                );
            }
            Ok(())
        }
        (TargetForm::Real(outputs), Shape::Vector { features }) => units(features, *outputs),
        (TargetForm::Steps(_) | TargetForm::Next, _) => refuse(
            Some(last),
            None,
            format!(
                "the model has one output a sequence, but the targets are {targets}; expected `return_sequences: true`"
            ),
        ),
        _ => refuse(
            Some(last),
            None,
            format!(
                "the model has an output at every step, but the targets are {targets}; expected one vector a sequence"
            ),
        ),
    }
}

fn numbers_in_words(count: usize) -> String {
    if count == 1 { "a number".into() } else { format!("{count} numbers") }
}

const CROSS_ENTROPIES: &str = "binary_crossentropy or sparse_categorical_crossentropy";

#[cfg(test)]
mod tests {
    use crate::preset::{Overrides, load};

    #[test]
    fn mismatches_of_output_and_targets_name_the_field() {
        let cases: [(&str, &[&str], &str); 11] = [
            ("word-order", &["train.loss=huber"], "train.loss"),
            (
                "adding-problem",
                &[
                    "train.loss=sparse_categorical_crossentropy",
                    "model.1={layer: Dense, units: 2, activation: softmax}",
                ],
                "train.loss",
            ),
            (
                "temporal-order",
                &["train.loss=binary_crossentropy", "model.2={layer: Dense, units: 1, activation: sigmoid}"],
                "train.loss",
            ),
            ("temporal-order", &["model.2.units=5"], "model.2.units"),
            ("adding-problem", &["model.1.units=3"], "model.1.units"),
            ("sine-forecast", &["data.horizon=4"], "model.1.units"),
            ("copy-memory", &["model.2.units=10"], "model.2.units"),
            ("copy-memory", &["model.1.return_sequences=false"], "model.2"),
            ("temporal-order", &["model.1.return_sequences=true"], "model.2"),
            ("copy-memory", &["model.1={layer: Conv1D, filters: 8, kernel_size: 3}"], "model.2"),
            ("reber-grammar", &["model.0.mask_zero=false"], "model.0"),
        ];
        crate::messages::assert_messages("presets_targets", cases.map(refused));
    }

    /// The settings, and the message; checks the field.
    fn refused((name, set, field): (&str, &[&str], &str)) -> (String, String) {
        let overrides = set.iter().map(|s| (*s).to_owned()).collect();
        let error = load(name, &Overrides { set: overrides, ..Overrides::default() }).unwrap_err();
        assert_eq!(error.field, field, "{error}");
        (format!("{name}: {}", set.join(" ")), error.message)
    }

    #[test]
    fn settings_of_the_data_are_refused_by_field() {
        let cases: [(&str, &[&str], &str); 10] = [
            ("vanishing-rnn", &["data.gap=0"], "data.gap"),
            ("vanishing-rnn", &["data.lenght=3"], "data.lenght"),
            ("vanishing-rnn", &["data.task=first-symbl"], "data.task"),
            ("vanishing-rnn", &["tokens={vocabulary: 9, length: 9}"], "tokens"),
            ("word-order", &["tokens="], "tokens"),
            ("vanishing-rnn", &["watch.probes=[X a q]"], "watch.probes.0"),
            ("vanishing-rnn", &["watch.probes=['']"], "watch.probes.0"),
            ("adding-problem", &["watch.probes=[X]"], "watch.probes"),
            ("adding-problem", &["watch.probes=-1"], "watch.probes"),
            ("word-order", &["watch.probes=[good, 7]"], "watch.probes.1"),
        ];
        crate::messages::assert_messages("presets_data_settings", cases.map(refused));
    }
}
