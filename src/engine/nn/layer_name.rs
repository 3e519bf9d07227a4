use super::{LayerConfigError, LayerNode, Shape};

/// Checks that no layer `before` and no channel has the `name` of a layer.
pub(super) fn check_name(
    name: Option<&str>,
    before: &[LayerNode],
    channels: &[(String, Shape)],
) -> Result<(), LayerConfigError> {
    let Some(name) = name else { return Ok(()) };
    let refuse = |found: String| Err(LayerConfigError::of("name", found, "give it a name of its own"));
    if let Some(other) = before.iter().position(|node| node.name.as_deref() == Some(name)) {
        return refuse(format!("layer {other} is called `{name}` as well"));
    }
    match channels.iter().any(|(channel, _)| channel == name) || name.is_empty() {
        true if name.is_empty() => refuse("`name` is empty".into()),
        true => refuse(format!("a channel of the data is called `{name}` as well")),
        false => Ok(()),
    }
}
