//! Summaries of one tag, as the plugins of TensorBoard read them.

use super::picture::Picture;
use crate::interop::protobuf::Message;

/// `tensorflow.DataType`.
const FLOAT: u64 = 1;
const DOUBLE: u64 = 2;
const STRING: u64 = 7;

/// `tensorflow.DataClass`.
const SCALAR: u64 = 1;
const TENSOR: u64 = 2;
const BLOB_SEQUENCE: u64 = 3;

/// A number.
pub(super) fn scalar(tag: &str, value: f64) -> Message {
    let tensor = Message::default().int(1, FLOAT).message(2, &shape(&[])).float(5, value as f32);
    value_of(tag, "scalars", Some(SCALAR), &[], &tensor)
}

/// Counts in bins, each with its left and right edge.
pub(super) fn histogram(tag: &str, bins: impl ExactSizeIterator<Item = [f64; 3]>) -> Message {
    let shape = shape(&[bins.len(), 3]);
    let content: Vec<u8> = bins.flatten().flat_map(f64::to_le_bytes).collect();
    let tensor = Message::default().int(1, DOUBLE).message(2, &shape).bytes(4, &content);
    value_of(tag, "histograms", Some(TENSOR), &[], &tensor)
}

/// A picture.
pub(super) fn image(tag: &str, picture: &Picture) -> Message {
    let tensor = Message::default().int(1, STRING).message(2, &shape(&[3]));
    let tensor = tensor.bytes(8, picture.width.to_string().as_bytes());
    let tensor = tensor.bytes(8, picture.height.to_string().as_bytes()).bytes(8, &picture.png);
    value_of(tag, "images", Some(BLOB_SEQUENCE), &[], &tensor)
}

/// A text in Markdown.
pub(super) fn text(tag: &str, markdown: &str) -> Message {
    let tensor = Message::default().int(1, STRING).message(2, &shape(&[1])).bytes(8, markdown.as_bytes());
    value_of(tag, "text", Some(TENSOR), &[], &tensor)
}

/// The value of a hyperparameter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum HyperparameterValue<'a> {
    Number(f64),
    Text(&'a str),
}

/// The hyperparameters of a session that begins at `seconds` since 1970.
pub(super) fn session_start<'a>(
    group: &str,
    seconds: f64,
    values: impl Iterator<Item = (&'a str, HyperparameterValue<'a>)>,
) -> Message {
    let info = values.fold(Message::default(), |info, (name, value)| {
        // `google.protobuf.Value`
        let value = match value {
            HyperparameterValue::Number(number) => Message::default().double(2, number),
            HyperparameterValue::Text(text) => Message::default().bytes(3, text.as_bytes()),
        };
        info.message(1, &Message::default().bytes(1, name.as_bytes()).message(2, &value))
    });
    let info = info.bytes(4, group.as_bytes()).double(5, seconds);
    hyperparameters("_hparams_/session_start_info", &Message::default().message(3, &info))
}

/// The end of a session, at `seconds` since 1970.
pub(super) fn session_end(succeeded: bool, seconds: f64) -> Message {
    let info = Message::default().int(1, if succeeded { 1 } else { 2 }).double(2, seconds);
    hyperparameters("_hparams_/session_end_info", &Message::default().message(4, &info))
}

fn hyperparameters(tag: &str, content: &Message) -> Message {
    let nothing = Message::default().int(1, FLOAT).message(2, &shape(&[])).float(5, 0.0);
    value_of(tag, "hparams", None, content.as_bytes(), &nothing)
}

/// `Summary.Value` with its metadata.
fn value_of(tag: &str, plugin: &str, data_class: Option<u64>, content: &[u8], tensor: &Message) -> Message {
    let plugin = Message::default().bytes(1, plugin.as_bytes());
    let plugin = if content.is_empty() { plugin } else { plugin.bytes(2, content) };
    let metadata = Message::default().message(1, &plugin);
    let metadata = data_class.map_or(metadata.clone(), |class| metadata.int(4, class));
    Message::default().bytes(1, tag.as_bytes()).message(9, &metadata).message(8, tensor)
}

/// `TensorShapeProto`.
fn shape(sizes: &[usize]) -> Message {
    sizes
        .iter()
        .fold(Message::default(), |shape, size| shape.message(2, &Message::default().int(1, *size as u64)))
}
