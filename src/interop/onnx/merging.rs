//! Layers that merge several inputs. Vectors count for every time step of sequences.

use super::graph::{Attribute, Graph};

/// An input: its value, `[batch, features]` or `[batch, time, features]`, and its mask, `[batch, time, 1]`.
#[derive(Debug, Clone)]
pub(super) struct Merged {
    pub value: String,
    pub mask: Option<String>,
}

pub(super) fn concatenate(graph: &mut Graph, inputs: &[Merged]) -> String {
    let values: Vec<&str> = inputs.iter().map(|input| &input.value[..]).collect();
    graph.op("Concat", &values, &[("axis", Attribute::Int(-1))])
}

pub(super) fn add(graph: &mut Graph, inputs: &[Merged]) -> String {
    let values: Vec<&str> = inputs.iter().map(|input| &input.value[..]).collect();
    graph.op("Sum", &values, &[])
}

pub(super) fn average(graph: &mut Graph, inputs: &[Merged]) -> String {
    let (sum, share) = (add(graph, inputs), graph.scalar(1.0 / inputs.len() as f64));
    graph.mul(&sum, &share)
}

/// A masked step of an input counts as 1; one that is masked in all of them gives 0.
pub(super) fn multiply(graph: &mut Graph, inputs: &[Merged]) -> String {
    let one = graph.scalar(1.0);
    let factors: Vec<String> = inputs
        .iter()
        .map(|input| match &input.mask {
            Some(mask) => graph.select(mask, &input.value, &one),
            None => input.value.clone(),
        })
        .collect();
    let product = fold(graph, "Mul", &factors);
    let masks: Option<Vec<String>> = inputs.iter().map(|input| input.mask.clone()).collect();
    match masks {
        Some(masks) => {
            let (any, zero) = (fold(graph, "Or", &masks), graph.scalar(0.0));
            graph.select(&any, &product, &zero)
        }
        None => product,
    }
}

/// A masked step of an input does not count beside others.
pub(super) fn maximum(graph: &mut Graph, inputs: &[Merged]) -> String {
    let Some((first, rest)) = inputs.split_first() else { return String::new() };
    let mut greatest = first.value.clone();
    // Whether any input so far counts; `None` where one does at every step.
    let mut counts = first.mask.clone();
    for input in rest {
        let greater = graph.op("Max", &[&greatest, &input.value], &[]);
        let mut with_input = greater;
        if let Some(counts) = &counts {
            with_input = graph.select(counts, &with_input, &input.value);
        }
        greatest = match &input.mask {
            Some(mask) => graph.select(mask, &with_input, &greatest),
            None => with_input,
        };
        counts = match (counts, &input.mask) {
            (Some(counts), Some(mask)) => Some(graph.op("Or", &[&counts, mask], &[])),
            _ => None,
        };
    }
    greatest
}

/// One operator between all `values`.
pub(super) fn fold(graph: &mut Graph, op: &str, values: &[String]) -> String {
    let Some((first, rest)) = values.split_first() else { return String::new() };
    rest.iter().fold(first.clone(), |folded, value| graph.op(op, &[&folded, value], &[]))
}
