//! Which steps of the data a layer's output has read.

use std::ops::Range;

use super::{InputSource, Model, Node};
use crate::nn::LayerSpec;
use crate::nn::layer::{MaskRule, Shape};
use crate::nn::window::Window;

/// The steps of the data that each step of a layer's output has read: step `r` those from `first + r·stride` on, `span` of them. What lies
/// before the first step or behind the last is padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceptiveField {
    /// The first step that step 0 has read; below 0 for padding.
    pub first: i64,
    /// Steps of the data between two steps of the output.
    pub stride: usize,
    /// Steps read.
    pub span: usize,
}

impl ReceptiveField {
    /// That of the data themselves.
    const STEP: Self = Self { first: 0, stride: 1, span: 1 };

    /// The steps of the data, of which there are `time`, that step `step` has read.
    pub(in crate::nn) fn steps(self, step: usize, time: usize) -> Range<usize> {
        let first = self.first + (step * self.stride) as i64;
        let inside = |at: i64| usize::try_from(at).unwrap_or(0).min(time);
        inside(first)..inside(first + self.span as i64)
    }

    /// That of a window over steps with this one, where there are `time` of them.
    fn through(self, window: Window, time: usize) -> Self {
        let before = window.before(time) * self.stride;
        Self {
            first: self.first - before as i64,
            stride: self.stride * window.stride,
            span: self.span + (window.reach() - 1) * self.stride,
        }
    }
}

/// The token ids of the data for which each step of a layer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::nn) struct Tokens {
    /// Their channel.
    pub channel: usize,
    /// Those of each step.
    pub field: ReceptiveField,
}

impl Model {
    /// The token ids for which the steps stand that layer `layer` reads: of a recurrent layer below it those of the same step. `None` where
    /// the data are no ids, or the steps are not theirs any more.
    pub(in crate::nn) fn tokens_read_by(&self, layer: usize) -> Option<Tokens> {
        let mut outputs: Vec<Option<Tokens>> = Vec::new();
        for node in self.nodes.iter().take(layer) {
            outputs.push(input_tokens(node, &outputs).and_then(|input| output_tokens(node, input)));
        }
        input_tokens(self.nodes.get(layer)?, &outputs)
    }

    /// What each step of the output of `layer` has read; `None` where it depends on all steps, or is no sequence.
    pub fn receptive_field(&self, layer: usize) -> Option<ReceptiveField> {
        let mut fields: Vec<Option<ReceptiveField>> = Vec::new();
        for node in self.nodes.iter().take(layer + 1) {
            fields.push(field_of(node, &fields));
        }
        fields.pop().flatten()
    }
}

/// The tokens of the first input of a node, from those of the outputs of the nodes before it.
fn input_tokens(node: &Node, before: &[Option<Tokens>]) -> Option<Tokens> {
    match (node.from.first()?, node.shapes.first()?) {
        (InputSource::Data(channel), Shape::Ids { .. }) => {
            Some(Tokens { channel: *channel, field: ReceptiveField::STEP })
        }
        (InputSource::Data(_), _) => None,
        (InputSource::Layer(layer), _) => *before.get(*layer)?,
    }
}

/// The tokens of the output of a node, from those of its first input.
fn output_tokens(node: &Node, input: Tokens) -> Option<Tokens> {
    let time = time_of(*node.shapes.first()?)?;
    if let Some(window) = window_of(node) {
        return Some(Tokens { field: input.field.through(window, time), ..input });
    }
    let turns = node.spec.cell().is_some_and(|cell| cell.settings().go_backwards);
    // What drops a mask of the same length does something else with time.
    let keeps = matches!(node.spec, LayerSpec::Embedding(_)) || node.spec.layer().mask() != MaskRule::Drop;
    (keeps && !turns && time_of(node.output) == Some(time)).then_some(input)
}

fn time_of(shape: Shape) -> Option<usize> {
    match shape {
        Shape::Sequence { time, .. } | Shape::Ids { time, .. } => Some(time),
        Shape::Vector { .. } => None,
    }
}

/// The window that a node moves over the steps of its input.
fn window_of(node: &Node) -> Option<Window> {
    match &node.spec {
        LayerSpec::Conv1D(layer) => Some(layer.window()),
        LayerSpec::MaxPooling1D(layer) => Some(layer.window()),
        LayerSpec::AveragePooling1D(layer) => Some(layer.window()),
        _ => None,
    }
}

/// That of a node, from those of the nodes before it.
fn field_of(node: &Node, before: &[Option<ReceptiveField>]) -> Option<ReceptiveField> {
    let ([from], [shape]) = (&node.from[..], &node.shapes[..]) else { return None };
    let input = match from {
        InputSource::Data(_) => ReceptiveField::STEP,
        InputSource::Layer(layer) => (*before.get(*layer)?)?,
    };
    let time = time_of(*shape)?;
    if let Some(window) = window_of(node) {
        return Some(input.through(window, time));
    }
    match &node.spec {
        // Each step on its own.
        LayerSpec::Embedding(_)
        | LayerSpec::Masking(_)
        | LayerSpec::TimeDistributed(_)
        | LayerSpec::Dense(_)
        | LayerSpec::Activation(_)
        | LayerSpec::LayerNormalization(_)
        | LayerSpec::BatchNormalization(_)
        | LayerSpec::Dropout(_)
        | LayerSpec::SpatialDropout1D(_)
        | LayerSpec::GaussianNoise(_) => Some(input),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Conv1D, Embedding, GlobalMaxPooling1D, Loss, MaxPooling1D, Padding};

    #[test]
    fn a_field_grows_with_every_window_and_ends_where_all_steps_are_read() {
        let conv = Conv1D { filters: 2, kernel_size: 3, ..Conv1D::default() };
        let layers = [
            Embedding { output_dim: 2, ..Embedding::default() }.into(),
            Conv1D { padding: Padding::Same, ..conv.clone() }.into(),
            MaxPooling1D { pool_size: 2, ..MaxPooling1D::default() }.into(),
            Conv1D { dilation_rate: 2, ..conv }.into(),
            GlobalMaxPooling1D::default().into(),
        ];
        let input = Shape::Ids { time: 12, vocabulary: 5 };
        let model = Model::build(&layers, input, Loss::MeanSquaredError).unwrap();
        let field = |layer| model.receptive_field(layer).map(|field| (field.first, field.stride, field.span));
        // By hand: row 0 of the second convolution reads pools 0, 2 and 4, which read steps 0 and 1, 4 and 5, 8 and 9 of the first
        // convolution, which reads from one before to one after.
        let fields: Vec<_> = (0..5).map(field).collect();
        assert_eq!(fields, [Some((0, 1, 1)), Some((-1, 1, 3)), Some((-1, 2, 4)), Some((-1, 2, 12)), None]);
    }
}
