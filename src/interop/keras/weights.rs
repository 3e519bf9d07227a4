//! The groups of `model.weights.h5`.

use std::collections::BTreeMap;

use super::layer_order::layer_order;
use crate::interop::hdf5::Item;
use crate::interop::network::{NamedWeights, snake_case};
use crate::interop::{DescribedLayer, NetworkDescription};
use crate::nn::LayerSpec;
use crate::sort::SmallSort as _;

/// All weights of a network.
pub(super) fn tree<'a>(network: &'a NetworkDescription<'a>) -> Item<'a> {
    let mut root = Item::default();
    root.at("layers");
    for (layer, group) in network.layers.iter().zip(groups(network)) {
        for (NamedWeights { shape, values, .. }, path) in layer.weights.iter().zip(paths(layer)) {
            *root.at(&format!("layers/{group}/{path}")) = Item::Tensor { shape, values };
        }
    }
    root
}

/// The paths of the weights of a layer within its group.
pub(super) fn paths(layer: &DescribedLayer<'_>) -> Vec<String> {
    let mut counts = BTreeMap::<&str, usize>::new();
    let path = |weights: &NamedWeights<'_>| {
        let part = part(&layer.spec, weights.name);
        let number = counts.entry(part).or_default();
        *number += 1;
        format!("{part}/vars/{}", *number - 1).trim_start_matches('/').to_owned()
    };
    layer.weights.iter().map(path).collect()
}

/// The name of the group of each layer of a network.
pub(super) fn groups(network: &NetworkDescription<'_>) -> Vec<String> {
    let order = layer_order(network);
    let classes = order.iter().map(|i| network.layers[*i].spec.layer().class());
    let mut named: Vec<(usize, String)> = order.iter().copied().zip(group_names(classes)).collect();
    named.small_sort_by(Ord::cmp);
    named.into_iter().map(|(_, name)| name).collect()
}

/// The names of the groups of layers of these `classes` in Keras's order: the class, from the second of a class on with a number.
pub(super) fn group_names<'a>(classes: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut counts = BTreeMap::<String, usize>::new();
    let name = |class: &str| {
        let class = snake_case(class);
        let count = counts.entry(class.clone()).or_default();
        *count += 1;
        if *count == 1 { class } else { format!("{class}_{}", *count - 1) }
    };
    classes.map(name).collect()
}

/// The group of a weight within its layer.
fn part(spec: &LayerSpec, name: &str) -> &'static str {
    match (spec, name.split_once('.')) {
        (LayerSpec::SimpleRNN(_) | LayerSpec::LSTM(_) | LayerSpec::GRU(_), _) => "cell",
        (LayerSpec::TimeDistributed(_), _) => "layer",
        (_, Some(("fwd", _))) => "forward_layer/cell",
        (_, Some(("bwd", _))) => "backward_layer/cell",
        (_, Some(("query", _))) => "query_dense",
        (_, Some(("key", _))) => "key_dense",
        (_, Some(("value", _))) => "value_dense",
        (_, Some(("attention_output", _))) => "output_dense",
        _ => "",
    }
}
