//! Activation functions by operators of ONNX.

use super::graph::{Attribute, Graph, Type};
use crate::nn::Activation;
use crate::nn::Elementwise;

/// The nodes of an activation of `x`, by rows of its last axis where it acts on rows.
pub(super) fn apply(graph: &mut Graph, activation: Activation, x: &str) -> String {
    let last = || [("axis", Attribute::Int(-1))];
    match activation {
        Activation::Linear => x.to_owned(),
        Activation::Relu => graph.op("Relu", &[x], &[]),
        Activation::Tanh => graph.op("Tanh", &[x], &[]),
        Activation::Sigmoid => graph.op("Sigmoid", &[x], &[]),
        Activation::HardSigmoid => hard_sigmoid(graph, x),
        Activation::Softmax => graph.softmax(x),
        Activation::LogSoftmax => graph.op("LogSoftmax", &[x], &last()),
        Activation::Sparsemax => sparsemax(graph, x),
        Activation::Elementwise(function) => elementwise(graph, function, x),
    }
}

/// The function by its name in the attribute `activations` of a recurrent operator, and its alpha and beta; `None` if it has none that all
/// runtimes read alike.
pub(super) fn recurrent(activation: Activation) -> Option<(&'static str, Option<(f64, f64)>)> {
    match activation {
        Activation::Tanh => Some(("Tanh", None)),
        Activation::Sigmoid => Some(("Sigmoid", None)),
        Activation::Relu => Some(("Relu", None)),
        Activation::HardSigmoid => Some(("HardSigmoid", Some((1.0 / 6.0, 0.5)))),
        _ => None,
    }
}

fn hard_sigmoid(graph: &mut Graph, x: &str) -> String {
    let attributes = [("alpha", Attribute::Float(1.0 / 6.0)), ("beta", Attribute::Float(0.5))];
    graph.op("HardSigmoid", &[x], &attributes)
}

fn clip(graph: &mut Graph, x: &str, from: f64, to: Option<f64>) -> String {
    let from = graph.scalar(from);
    let to = to.map_or_else(String::new, |to| graph.scalar(to));
    let inputs = [x, &from, &to];
    graph.op("Clip", if to.is_empty() { &inputs[..2] } else { &inputs }, &[])
}

fn elementwise(graph: &mut Graph, function: Elementwise, x: &str) -> String {
    use Elementwise as E;
    let alpha = |alpha| [("alpha", Attribute::Float(alpha))];
    match function {
        E::Elu { alpha: a } => graph.op("Elu", &[x], &alpha(a)),
        E::Selu => graph.op("Selu", &[x], &[]),
        E::Celu { alpha: a } => graph.op("Celu", &[x], &alpha(a)),
        E::Gelu { approximate } => gelu(graph, x, approximate),
        E::Silu => {
            let gate = graph.op("Sigmoid", &[x], &[]);
            graph.mul(x, &gate)
        }
        E::Softplus => graph.op("Softplus", &[x], &[]),
        E::Softsign => graph.op("Softsign", &[x], &[]),
        E::Exponential => graph.op("Exp", &[x], &[]),
        E::LeakyRelu { negative_slope } => graph.op("LeakyRelu", &[x], &alpha(negative_slope)),
        E::Relu6 => clip(graph, x, 0.0, Some(6.0)),
        E::ReluWith { negative_slope, max_value, threshold } => {
            let (slope, threshold) = (graph.scalar(negative_slope), graph.scalar(threshold));
            let above = graph.op("Greater", &[x, &threshold], &[]);
            let within = clip(graph, x, 0.0, max_value);
            let below = graph.sub(x, &threshold);
            let below = graph.mul(&below, &slope);
            graph.select(&above, &within, &below)
        }
        E::Mish => {
            let softplus = graph.op("Softplus", &[x], &[]);
            let gate = graph.op("Tanh", &[&softplus], &[]);
            graph.mul(x, &gate)
        }
        E::HardTanh => clip(graph, x, -1.0, Some(1.0)),
        E::HardSilu => {
            let gate = hard_sigmoid(graph, x);
            graph.mul(x, &gate)
        }
        E::HardShrink { threshold } => shrink(graph, x, threshold, 0.0),
        E::SoftShrink { threshold } => shrink(graph, x, threshold, threshold),
        E::TanhShrink => {
            let tanh = graph.op("Tanh", &[x], &[]);
            graph.sub(x, &tanh)
        }
        E::Threshold { threshold, default_value } => {
            let (threshold, default) = (graph.scalar(threshold), graph.scalar(default_value));
            let above = graph.op("Greater", &[x, &threshold], &[]);
            graph.select(&above, x, &default)
        }
        E::LogSigmoid => {
            let negative = graph.op("Neg", &[x], &[]);
            let softplus = graph.op("Softplus", &[&negative], &[]);
            graph.op("Neg", &[&softplus], &[])
        }
        E::Squareplus { b } => {
            let (b, half) = (graph.scalar(b), graph.scalar(0.5));
            let square = graph.mul(x, x);
            let sum = graph.add(&square, &b);
            let root = graph.op("Sqrt", &[&sum], &[]);
            let sum = graph.add(x, &root);
            graph.mul(&sum, &half)
        }
        E::SparsePlus => {
            let (one, minus_one, quarter) = (graph.scalar(1.0), graph.scalar(-1.0), graph.scalar(0.25));
            // The parabola is 0 at −1 and 1 at 1: with x held between, it is right below 1.
            let between = clip(graph, x, -1.0, Some(1.0));
            let sum = graph.sub(&between, &minus_one);
            let square = graph.mul(&sum, &sum);
            let parabola = graph.mul(&square, &quarter);
            let below = graph.op("Less", &[x, &one], &[]);
            graph.select(&below, &parabola, x)
        }
        E::SparseSigmoid => {
            let half = graph.scalar(0.5);
            let scaled = graph.mul(x, &half);
            let sum = graph.add(&scaled, &half);
            clip(graph, &sum, 0.0, Some(1.0))
        }
    }
}

fn shrink(graph: &mut Graph, x: &str, threshold: f64, bias: f64) -> String {
    let attributes = [("lambd", Attribute::Float(threshold)), ("bias", Attribute::Float(bias))];
    graph.op("Shrink", &[x], &attributes)
}

/// `x·Φ(x)`, or `x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2`.
fn gelu(graph: &mut Graph, x: &str, approximate: bool) -> String {
    let (half, one) = (graph.scalar(0.5), graph.scalar(1.0));
    let gate = if approximate {
        let (scale, cube) = (graph.scalar((2.0 / std::f64::consts::PI).sqrt()), graph.scalar(0.044_715));
        let square = graph.mul(x, x);
        let square = graph.mul(&square, &cube);
        let factor = graph.add(&square, &one);
        let sum = graph.mul(x, &factor);
        let argument = graph.mul(&sum, &scale);
        graph.op("Tanh", &[&argument], &[])
    } else {
        let scale = graph.scalar(std::f64::consts::FRAC_1_SQRT_2);
        let argument = graph.mul(x, &scale);
        graph.op("Erf", &[&argument], &[])
    };
    let gate = graph.add(&gate, &one);
    let gate = graph.mul(&gate, &half);
    graph.mul(x, &gate)
}

/// The nearest point of the probability simplex (Martins & Astudillo 2016): with the numbers of a row in descending order, the first `k`
/// are those with `1 + k·z > Σ z` up to them, and `τ = (their sum − 1)/k`.
fn sparsemax(graph: &mut Graph, x: &str) -> String {
    let (zero, one, last) = (graph.scalar(0.0), graph.scalar(1.0), graph.int(-1));
    let size = graph.size(x, -1);
    let sorted =
        graph.op_with_outputs("TopK", &[x, &size], &["values", "indices"], &[("axis", Attribute::Int(-1))]);
    let sorted = &sorted[0];
    let sums = graph.op("CumSum", &[sorted, &last], &[]);
    let (first, width) = (graph.int(1), graph.squeeze(&size, 0));
    let end = graph.add(&width, &first);
    let ranks = graph.op("Range", &[&first, &end, &first], &[]);
    let ranks = graph.cast(&ranks, Type::Float);
    let scaled = graph.mul(sorted, &ranks);
    let scaled = graph.add(&scaled, &one);
    let within = graph.op("Greater", &[&scaled, &sums], &[]);
    let marks = graph.cast(&within, Type::Float);
    let count = graph.sum(&marks, -1, true);
    let kept = graph.select(&within, sorted, &zero);
    let sum = graph.sum(&kept, -1, true);
    let excess = graph.sub(&sum, &one);
    let tau = graph.div(&excess, &count);
    let over = graph.sub(x, &tau);
    graph.op("Relu", &[&over], &[])
}
