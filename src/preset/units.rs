//! The units of a last layer that follow the data: `units: classes`, or no `units` at all.

use serde_yaml::Value;

use crate::data::{Form, TargetForm};
use crate::nn::{LayerNode, LayerSpec, Loss};

/// The word for units that follow the data.
pub(super) const CLASSES: &str = "classes";
/// The units until data are read: the least with which a network has classes.
const PLACEHOLDER: usize = 2;

/// Whether the units of the last of `layers` follow the data; if so, sets them to a placeholder.
pub(super) fn follow(layers: &mut [Value]) -> bool {
    let Some(Value::Mapping(layer)) = layers.last_mut() else { return false };
    let is_dense = layer.get("layer").and_then(Value::as_str) == Some("Dense");
    let follows = layer.get("units").is_none_or(|units| units.is_null() || units.as_str() == Some(CLASSES));
    if is_dense && follows {
        layer.insert("units".into(), PLACEHOLDER.into());
    }
    is_dense && follows
}

/// Sets the units of the last of `layers` by the shapes of the data, as far as they are known; returns whether they are.
pub(super) fn set(layers: &mut [LayerNode], form: &Form, loss: Loss) -> bool {
    let Some(units) = outputs(form, loss) else { return false };
    if let Some(LayerNode { spec: LayerSpec::Dense(layer), .. }) = layers.last_mut() {
        layer.units = units;
    }
    true
}

/// The outputs of a network for the targets of `form`.
fn outputs(form: &Form, loss: Loss) -> Option<usize> {
    match &form.targets {
        TargetForm::Classes(_)
            if matches!(loss, Loss::BinaryCrossentropy | Loss::BinaryFocalCrossentropy) =>
        {
            Some(1)
        }
        TargetForm::Classes(labels) | TargetForm::Labels(labels) => labels.as_ref().map(Vec::len),
        TargetForm::Steps(labels) => Some(labels.len()).filter(|count| *count > 0),
        TargetForm::Next => Some(form.vocabulary()),
        TargetForm::Real(outputs) => Some(*outputs),
    }
}
