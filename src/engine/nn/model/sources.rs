//! What the layers of a network read.

use std::ops::RangeInclusive;

use super::InputSource;
use crate::nn::error::LayerConfigError;
use crate::nn::layer::Shape;
use crate::nn::{InputRef, LayerNode};

/// The inputs of the layer after those `before`: those that it names, or the layer before it.
pub(super) fn sources(
    before: &[LayerNode],
    named: &[InputRef],
    channels: &[(String, Shape)],
    arity: RangeInclusive<usize>,
) -> Result<Vec<InputSource>, LayerConfigError> {
    let i = before.len();
    let layer_called = |name: &str| before.iter().position(|node| node.name.as_deref() == Some(name));
    let source = |reads: &InputRef| match reads {
        InputRef::Layer(layer) if *layer < i => Ok(InputSource::Layer(*layer)),
        InputRef::Layer(late) => {
            let found =
                format!("`inputs` names layer {late}, but only those before layer {i} are there to be read");
            Err(LayerConfigError::of("inputs", found, "layers are numbered from 0"))
        }
        InputRef::Channel(name) => match channels.iter().position(|(channel, _)| channel == name) {
            Some(channel) => Ok(InputSource::Data(channel)),
            None => layer_called(name).map(InputSource::Layer).ok_or_else(|| {
                let found = format!("`inputs` names `{name}`, but the data have no such channel");
                LayerConfigError::of("inputs", found, known(channels))
            }),
        },
    };
    let from = match (named, i.checked_sub(1)) {
        ([], Some(before)) => vec![InputSource::Layer(before)],
        ([], None) if channels.len() > 1 => {
            let found = format!("the data have {} channels, and the layer names none", channels.len());
            let help = format!("add `inputs: [{}]`; {}", channels[0].0, known(channels));
            return Err(LayerConfigError::of("inputs", found, help));
        }
        ([], None) => vec![InputSource::Data(0)],
        (named, _) => named.iter().map(source).collect::<Result<_, _>>()?,
    };
    if !arity.contains(&from.len()) {
        let (least, most) = (arity.start(), arity.end());
        let wants = if least == most { least.to_string() } else { format!("{least} to {most}") };
        let found = format!("it has {} inputs", from.len());
        return Err(LayerConfigError::of("inputs", found, format!("it reads {wants}")));
    }
    Ok(from)
}

/// Which names there are, in words.
fn known(channels: &[(String, Shape)]) -> String {
    match channels {
        [(name, _)] if name.is_empty() => "layers are named by their numbers, from 0".into(),
        channels => {
            let names: Vec<&str> = channels.iter().map(|(name, _)| name.as_str()).collect();
            format!("there are {}", names.join(", "))
        }
    }
}
