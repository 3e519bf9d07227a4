//! Attention: scores, softmax under a mask, weighted sum.

use super::graph::Graph;
use crate::interop::NamedWeights;
use crate::nn::{Attention, MultiHeadAttention, ScoreMode};

/// A query or a value: `[batch, time, features]`, and its mask `[batch, time]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attended<'a> {
    pub value: &'a str,
    pub mask: Option<&'a str>,
}

/// By how much Keras lowers the scores of masked keys.
const LOWERED: f64 = 1e9;

pub(super) fn attention(
    graph: &mut Graph,
    layer: &Attention,
    weights: &[NamedWeights<'_>],
    [query, value]: [Attended<'_>; 2],
) -> String {
    let weight = |graph: &mut Graph, name: &str| {
        let found = weights.iter().find(|weights| weights.name == name);
        found.map(|weights| graph.weights(name, weights.shape, weights.values))
    };
    let scale = weight(graph, "scale");
    let scores = match layer.score_mode {
        ScoreMode::Dot => {
            let keys = graph.transpose(value.value, &[0, 2, 1]);
            let products = graph.matmul(query.value, &keys);
            scaled(graph, products, scale.as_ref())
        }
        ScoreMode::Concat => {
            let sums = pairs(graph, query.value, value.value);
            let sums = scaled(graph, sums, scale.as_ref());
            let tanh = graph.op("Tanh", &[&sums], &[]);
            let sum = graph.sum(&tanh, -1, false);
            let weight = weight(graph, "concat_score_weight");
            scaled(graph, sum, weight.as_ref())
        }
    };
    combined(graph, &scores, query, value)
}

pub(super) fn additive_attention(
    graph: &mut Graph,
    weights: &[NamedWeights<'_>],
    [query, value]: [Attended<'_>; 2],
) -> String {
    let sums = pairs(graph, query.value, value.value);
    let tanh = graph.op("Tanh", &[&sums], &[]);
    let scale = weights.first().map(|scale| graph.weights(scale.name, scale.shape, scale.values));
    let terms = scaled(graph, tanh, scale.as_ref());
    let scores = graph.sum(&terms, -1, false);
    combined(graph, &scores, query, value)
}

fn scaled(graph: &mut Graph, value: String, scale: Option<&String>) -> String {
    match scale {
        Some(scale) => graph.mul(&value, scale),
        None => value,
    }
}

/// The sum of every query and every key, `[batch, query time, key time, features]`.
fn pairs(graph: &mut Graph, query: &str, key: &str) -> String {
    let (query, key) = (graph.unsqueeze(query, 2), graph.unsqueeze(key, 1));
    graph.add(&query, &key)
}

/// Masked keys have lowered scores, so that where all are masked the weights are still those of the scores; masked queries give 0.
fn combined(graph: &mut Graph, scores: &str, query: Attended<'_>, value: Attended<'_>) -> String {
    let mut scores = scores.to_owned();
    if let Some(mask) = value.mask {
        let (counts, amount) = (graph.unsqueeze(mask, 1), graph.scalar(LOWERED));
        let lowered = graph.sub(&scores, &amount);
        scores = graph.select(&counts, &scores, &lowered);
    }
    let weights = graph.softmax(&scores);
    let out = graph.matmul(&weights, value.value);
    match query.mask {
        Some(mask) => {
            let (counts, zero) = (graph.unsqueeze(mask, 2), graph.scalar(0.0));
            graph.select(&counts, &out, &zero)
        }
        None => out,
    }
}

/// Where a query is masked, or all its keys, its weights are all alike, or all 0 with a `dropout`, as in Keras.
pub(super) fn multi_head_attention(
    graph: &mut Graph,
    layer: &MultiHeadAttention,
    weights: &[NamedWeights<'_>],
    [query, value]: [Attended<'_>; 2],
) -> String {
    let heads = layer.num_heads;
    let (key_dim, value_dim) = (layer.key_dim, layer.value_dim.unwrap_or(layer.key_dim));
    let project = |graph: &mut Graph, name: &str, x: &str, rows: usize| {
        let part = |part: &str| weights.iter().find(|weights| weights.name == format!("{name}.{part}"));
        let Some(kernel) = part("kernel") else { return x.to_owned() };
        let columns = kernel.values.len() / rows.max(1);
        let w = graph.weights(kernel.name, &[rows, columns], kernel.values);
        let product = graph.matmul(x, &w);
        match part("bias") {
            Some(bias) => {
                let b = graph.weights(bias.name, &[columns], bias.values);
                graph.add(&product, &b)
            }
            None => product,
        }
    };
    let rows = |name: &str| {
        let kernel = weights.iter().find(|weights| weights.name == name);
        kernel.and_then(|kernel| kernel.shape.first().copied()).unwrap_or(1)
    };
    let by_heads = |graph: &mut Graph, name: &str, x: &str, dim: usize, axes: [usize; 4]| {
        let all = project(graph, name, x, rows(&format!("{name}.kernel")));
        let split = graph.reshape(&all, &[0, 0, heads as i64, dim as i64]);
        graph.transpose(&split, &axes)
    };
    let q = by_heads(graph, "query", query.value, key_dim, [0, 2, 1, 3]);
    let k = by_heads(graph, "key", value.value, key_dim, [0, 2, 3, 1]);
    let v = by_heads(graph, "value", value.value, value_dim, [0, 2, 1, 3]);
    let (products, scale) = (graph.matmul(&q, &k), graph.scalar(1.0 / (key_dim as f64).sqrt()));
    let mut scores = graph.mul(&products, &scale);
    let queries = query.mask.map(|mask| graph.unsqueeze(mask, 2));
    let keys = value.mask.map(|mask| graph.unsqueeze(mask, 1));
    let reach = match (queries, keys) {
        (Some(queries), Some(keys)) => Some(graph.op("And", &[&queries, &keys], &[])),
        (one, other) => one.or(other),
    };
    let reach = reach.map(|reach| graph.unsqueeze(&reach, 1));
    if let Some(reach) = &reach {
        let low = graph.scalar(-LOWERED);
        scores = graph.select(reach, &scores, &low);
    }
    let mut weights = graph.softmax(&scores);
    if let Some(reach) = reach.filter(|_| layer.dropout > 0.0) {
        let zero = graph.scalar(0.0);
        weights = graph.select(&reach, &weights, &zero);
    }
    let context = graph.matmul(&weights, &v);
    let context = graph.transpose(&context, &[0, 2, 1, 3]);
    let context = graph.reshape(&context, &[0, 0, (heads * value_dim) as i64]);
    project(graph, "attention_output", &context, heads * value_dim)
}
