use serde_json::Value;

use crate::interop::DescribedLayer;

/// Makes the weights before a `hard_sigmoid` of Keras 2 1.2 times as great.
///
/// Keras 2's is `clip(0.2·x + 0.5)`, that of Keras 3 and here `clip(x/6 + 0.5)`, which is the same of a number that is 1.2 times as great: where
/// it is a function of weighted sums alone, the weights are. An activation of a cell state is not.
///
/// # Errors
/// Where no weights could be changed instead.
pub(super) fn hard_sigmoid(layer: &DescribedLayer<'_>, values: &mut [Vec<f32>]) -> Result<(), String> {
    let spec = serde_json::to_value(&layer.spec).map_err(|error| error.to_string())?;
    let (class, config) = match spec.get("of") {
        Some(inner) => (inner["layer"].as_str().unwrap_or_default(), inner),
        None => (layer.spec.layer().class(), &spec),
    };
    let is_hard = |key: &str| config.get(key).and_then(Value::as_str) == Some("hard_sigmoid");
    let (gates, all) = (is_hard("recurrent_activation"), is_hard("activation"));
    if all && !matches!(class, "Dense" | "Conv1D" | "SimpleRNN") {
        let what =
            "its activation is the hard_sigmoid of Keras 2, clip(0.2·x + 0.5), which is not available here";
        return Err(what.into());
    }
    for (tensor, values) in layer.weights.iter().zip(values) {
        let width = tensor.shape.last().copied().unwrap_or(1).max(1);
        let units = config.get("units").and_then(Value::as_u64).map_or(width, |units| units as usize).max(1);
        for (i, value) in values.iter_mut().enumerate() {
            // The third gate is the candidate, which has the other activation.
            let is_gate = gates && i % width / units != 2;
            if is_gate || all {
                *value *= 1.2;
            }
        }
    }
    Ok(())
}
