//! Convolution and pooling: windows that move over time. ONNX wants the time steps last.

use super::activation;
use super::graph::{Attribute, Attributes, Graph};
use crate::interop::NamedWeights;
use crate::nn::{AveragePooling1D, Conv1D, MaxPooling1D, Padding};

/// A window of `taps` steps, `dilation` apart, that moves on by `stride`.
#[derive(Debug, Clone, Copy)]
struct Window {
    taps: usize,
    stride: usize,
    dilation: usize,
    padding: Padding,
}

impl Window {
    /// Steps before and after the sequence that it covers; `None` if that depends on the length of the sequence.
    fn ends(self) -> Option<[usize; 2]> {
        let beyond = self.taps.saturating_sub(1) * self.dilation;
        match self.padding {
            Padding::Valid => Some([0, 0]),
            Padding::Causal => Some([beyond, 0]),
            Padding::Same if self.stride == 1 => Some([beyond / 2, beyond - beyond / 2]),
            Padding::Same => None,
        }
    }

    /// `x`, `[batch, time, features]`, with the steps of `fill` around it that [`Window::ends`] does not know: as many as the last window
    /// lacks, half of them before, as TensorFlow pads.
    fn padded(self, graph: &mut Graph, x: &str, fill: f64) -> String {
        let (time, stride) = (graph.size(x, 1), graph.ints(&[self.stride as i64]));
        let reach = graph.ints(&[(self.taps.saturating_sub(1) * self.dilation + 1) as i64]);
        let (zero, one, two) = (graph.ints(&[0]), graph.ints(&[1]), graph.ints(&[2]));
        // The place of the last window, ⌈time/stride⌉ − 1 strides on.
        let last = graph.sub(&time, &one);
        let last = graph.div(&last, &stride);
        let last = graph.mul(&last, &stride);
        let end = graph.add(&last, &reach);
        let beyond = graph.sub(&end, &time);
        let beyond = graph.op("Max", &[&beyond, &zero], &[]);
        let before = graph.div(&beyond, &two);
        let after = graph.sub(&beyond, &before);
        let parts = [&zero[..], &before, &zero, &zero, &after, &zero];
        let ends = graph.op("Concat", &parts, &[("axis", Attribute::Int(0))]);
        let fill = graph.scalar(fill);
        graph.op("Pad", &[x, &ends, &fill], &[])
    }

    /// The operator `op` over `x`, `[batch, time, features]`, and its `weights`.
    fn operator(self, graph: &mut Graph, op: &str, x: &str, weights: &[&str]) -> String {
        let x = graph.transpose(x, &[0, 2, 1]);
        let ends = self.ends().unwrap_or_default();
        let sizes = |name, sizes: &[usize]| (name, Attribute::sizes(sizes));
        let mut attributes =
            vec![sizes("kernel_shape", &[self.taps]), sizes("strides", &[self.stride]), sizes("pads", &ends)];
        if self.dilation > 1 {
            attributes.push(sizes("dilations", &[self.dilation]));
        }
        let inputs: Vec<&str> = std::iter::once(&x[..]).chain(weights.iter().copied()).collect();
        let attributes: Attributes<'_> = &attributes;
        let out = graph.op(op, &inputs, attributes);
        graph.transpose(&out, &[0, 2, 1])
    }
}

pub(super) fn conv1d(graph: &mut Graph, layer: &Conv1D, weights: &[NamedWeights<'_>], x: &str) -> String {
    let window = Window {
        taps: layer.kernel_size,
        stride: layer.strides,
        dilation: layer.dilation_rate,
        padding: layer.padding,
    };
    let mut given = Vec::new();
    for weights in weights {
        given.push(match weights.shape {
            [taps, features, filters] => {
                // [filters, features, taps]
                let at = |tap: usize, feature: usize, filter: usize| {
                    weights.values[(tap * features + feature) * filters + filter]
                };
                let values: Vec<f32> = (0..filters * features * taps)
                    .map(|i| at(i % taps, i / taps % features, i / (taps * features)))
                    .collect();
                graph.weights(weights.name, &[*filters, *features, *taps], &values)
            }
            shape => graph.weights(weights.name, shape, weights.values),
        });
    }
    let x = if window.ends().is_none() { window.padded(graph, x, 0.0) } else { x.to_owned() };
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    let z = window.operator(graph, "Conv", &x, &given);
    activation::apply(graph, layer.activation, &z)
}

fn pool(taps: usize, stride: Option<usize>, padding: Padding) -> Window {
    Window { taps, stride: stride.unwrap_or(taps), dilation: 1, padding }
}

pub(super) fn max_pooling(graph: &mut Graph, layer: &MaxPooling1D, x: &str) -> String {
    let window = pool(layer.pool_size, layer.strides, layer.padding);
    let x = match window.ends() {
        Some(_) => x.to_owned(),
        None => window.padded(graph, x, f64::NEG_INFINITY),
    };
    window.operator(graph, "MaxPool", &x, &[])
}

/// Steps beyond the ends do not count: where their number is unknown, the mean of `x` is divided by that of ones.
pub(super) fn average_pooling(graph: &mut Graph, layer: &AveragePooling1D, x: &str) -> String {
    let window = pool(layer.pool_size, layer.strides, layer.padding);
    if window.ends().is_some() {
        return window.operator(graph, "AveragePool", x, &[]);
    }
    let (one, shape) = (graph.scalar(1.0), graph.op("Shape", &[x], &[]));
    let ones = graph.op("Expand", &[&one, &shape], &[]);
    let [sum, count] = [x, &ones].map(|values| {
        let padded = window.padded(graph, values, 0.0);
        window.operator(graph, "AveragePool", &padded, &[])
    });
    graph.div(&sum, &count)
}
