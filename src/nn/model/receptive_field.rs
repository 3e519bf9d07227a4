//! Which steps of the data a layer's output has read.

use super::{InputSource, Model, Node};
use crate::nn::LayerSpec;
use crate::nn::layer::Shape;
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

impl Model {
    /// What each step of the output of `layer` has read; `None` where it depends on all steps, or is no sequence.
    pub fn receptive_field(&self, layer: usize) -> Option<ReceptiveField> {
        let mut fields: Vec<Option<ReceptiveField>> = Vec::new();
        for node in self.nodes.iter().take(layer + 1) {
            fields.push(field_of(node, &fields));
        }
        fields.pop().flatten()
    }
}

/// That of a node, from those of the nodes before it.
fn field_of(node: &Node, before: &[Option<ReceptiveField>]) -> Option<ReceptiveField> {
    let ([from], [shape]) = (&node.from[..], &node.shapes[..]) else { return None };
    let input = match from {
        InputSource::Data(_) => ReceptiveField::STEP,
        InputSource::Layer(layer) => (*before.get(*layer)?)?,
    };
    let (Shape::Sequence { time, .. } | Shape::Ids { time, .. }) = *shape else { return None };
    match &node.spec {
        LayerSpec::Conv1D(layer) => Some(input.through(layer.window(), time)),
        LayerSpec::MaxPooling1D(layer) => Some(input.through(layer.window(), time)),
        LayerSpec::AveragePooling1D(layer) => Some(input.through(layer.window(), time)),
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
