//! The layers that are drawn, and how.

use super::Network;
use crate::protocol::LayerRow;

/// How a layer reads time steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Each step by itself; a vector.
    Cells,
    /// From the first step to the last.
    Recurrent,
    /// Both ways.
    Bidirectional,
    /// Neighbouring steps.
    Window,
    /// All steps become a vector.
    Pool,
    /// Each step reads all steps.
    All,
    /// A vector becomes a sequence.
    Repeat,
}

/// A layer that is drawn.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    /// `1 SimpleRNN 24`
    pub name: String,
    pub kind: Kind,
    /// A letter for its cells.
    pub sign: char,
    /// Whether it has an output at every time step.
    pub is_sequence: bool,
    /// Whether it reads something else than the layer below it.
    pub is_apart: bool,
}

/// The layers of `network` that are drawn, in order.
pub(super) fn stages(network: &Network<'_>) -> Vec<Stage> {
    let layers = &network.model.layers;
    let mut before = true;
    let mut stages = Vec::new();
    for (i, row) in layers.iter().enumerate() {
        let is_sequence = row.output.len() > 2;
        let reads = network.reads.get(i).map_or(&[][..], Vec::as_slice);
        // The first layer that it reads; a channel of the data is a sequence.
        let read = reads.first().map(|first| first.parse::<usize>().ok().and_then(|n| layers.get(n)));
        let was_sequence = match read {
            Some(Some(read)) => read.output.len() > 2,
            Some(None) => true,
            None => before,
        };
        before = is_sequence;
        let Some((kind, sign)) = kind(row, was_sequence) else { continue };
        let size = row.output.last().copied().flatten().map(|size| format!(" {size}"));
        let below = i.checked_sub(1).map(|below| below.to_string());
        let is_apart = i > 0 && !reads.is_empty() && reads.iter().all(|read| Some(read) != below.as_ref());
        let of = if reads.is_empty() || i == 0 && layers.len() == 1 {
            String::new()
        } else {
            format!(" of {}", reads.join(", "))
        };
        // The names of poolings are long.
        let class = row.class.replace("GlobalAveragePooling1D", "GlobalAvgPool1D");
        let class = class.replace("GlobalMaxPooling1D", "GlobalMaxPool1D");
        let name = format!("{i} {class}{}{of}", size.unwrap_or_default());
        stages.push(Stage { name, kind, sign, is_sequence, is_apart });
    }
    stages
}

/// How a layer is drawn, and a letter for it; `None` for one that only changes values.
fn kind(row: &LayerRow, reads_sequence: bool) -> Option<(Kind, char)> {
    let is_sequence = row.output.len() > 2;
    let kind = match row.class.as_str() {
        "Embedding" => (Kind::Cells, 'e'),
        "Bidirectional" => (Kind::Bidirectional, 'h'),
        "SimpleRNN" | "LSTM" | "GRU" => (Kind::Recurrent, 'h'),
        "Conv1D" | "MaxPooling1D" | "AveragePooling1D" => (Kind::Window, 'c'),
        "Attention" | "AdditiveAttention" | "MultiHeadAttention" => (Kind::All, 'a'),
        "Dense" | "TimeDistributed" => (Kind::Cells, 'y'),
        "Concatenate" | "Add" | "Subtract" | "Multiply" | "Average" | "Maximum" | "Minimum" | "Dot" => {
            (Kind::Cells, '+')
        }
        _ if reads_sequence && !is_sequence => (Kind::Pool, 'p'),
        _ if !reads_sequence && is_sequence => (Kind::Repeat, 'r'),
        _ => return None,
    };
    Some(kind)
}
