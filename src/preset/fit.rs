//! Whether a network answers what its data ask.

use crate::data::{Form, InputForm, TargetForm};
use crate::nn::{Loss, Model, Shape};

/// A loss or a last layer that does not fit the targets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unfit {
    /// The layer that is to blame; `None` for the loss.
    pub layer: Option<usize>,
    /// Its field, when it is one.
    pub field: Option<&'static str>,
    /// What was found and what would fit.
    pub message: String,
}

/// Checks the loss and the output of `model` against what the data look like.
///
/// # Errors
/// The first thing that does not fit, and what would.
pub fn check(form: &Form, model: &Model) -> Result<(), Unfit> {
    let last = model.table().layers.len().saturating_sub(1);
    let refuse = |layer, field, message: String| Err(Unfit { layer, field, message });
    let asked = match &form.targets {
        TargetForm::Classes(None) => "one class a sequence".to_owned(),
        TargetForm::Classes(Some(labels)) => format!("one of {} classes a sequence", labels.len()),
        TargetForm::Steps(labels) => format!("one of {} classes at every step", labels.len()),
        TargetForm::Real(1) => "a number a sequence".to_owned(),
        TargetForm::Real(outputs) => format!("{outputs} numbers a sequence"),
    };
    let numbers = matches!(form.targets, TargetForm::Real(_));
    if numbers == model.loss().has_classes() {
        let fits = if numbers { "mean_squared_error, mean_absolute_error or huber" } else { CROSS_ENTROPIES };
        return refuse(None, None, format!("{} cannot judge {asked}; expected {fits}", model.loss().name()));
    }
    let units = |units: usize, right: bool| match right {
        true => Ok(()),
        false => refuse(
            Some(last),
            Some("units"),
            format!("the model gives {units} numbers, but the data ask for {asked}; expected as many"),
        ),
    };
    match (&form.targets, model.output()) {
        (TargetForm::Classes(labels), Shape::Vector { features }) => match (model.loss(), labels) {
            (Loss::BinaryCrossentropy, Some(labels)) if labels.len() != 2 => {
                let message = format!(
                    "binary_crossentropy tells two classes apart, but the data ask for {asked}; expected \
                     sparse_categorical_crossentropy and {{layer: Dense, units: {}, activation: softmax}}",
                    labels.len()
                );
                refuse(None, None, message)
            }
            (Loss::SparseCategoricalCrossentropy, Some(labels)) => units(features, features == labels.len()),
            _ => Ok(()),
        },
        (TargetForm::Steps(labels), Shape::Sequence { time, features }) => {
            units(features, features == labels.len())?;
            if time != form.time() {
                let found = format!("the model answers at {time} steps, but the data ask at {}", form.time());
                return refuse(Some(last), None, format!("{found}; expected layers that keep every step"));
            }
            if matches!(form.inputs, InputForm::Tokens { padded: true, .. }) && !model.is_output_masked() {
                let found = "sequences are filled up at the end, and the loss would judge these steps too";
                return refuse(
                    Some(0),
                    None,
                    format!("{found}; expected an Embedding with `mask_zero: true`"),
                );
            }
            Ok(())
        }
        (TargetForm::Real(outputs), Shape::Vector { features }) => units(features, features == *outputs),
        (TargetForm::Steps(_), _) => refuse(
            Some(last),
            None,
            format!(
                "the model answers once a sequence, but the data ask for {asked}; expected `return_sequences: true`"
            ),
        ),
        _ => refuse(
            Some(last),
            None,
            format!(
                "the model answers at every step, but the data ask for {asked}; expected one vector a sequence"
            ),
        ),
    }
}

const CROSS_ENTROPIES: &str = "binary_crossentropy or sparse_categorical_crossentropy";
