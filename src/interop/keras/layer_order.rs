use crate::interop::NetworkDescription;
use crate::nn::InputSource;

/// The layers in the order of Keras's `model.layers`, by which groups of weights are numbered.
///
/// From the output depth-first over the inputs in their order: the index of a layer is that of its first visit, its depth the longest way
/// to the output. The deepest come first, those of one depth by their index. A `Sequential` has the order of its layers; so has a chain here.
///
/// Source: `map_graph` of `keras/src/ops/function.py`.
pub(super) fn layer_order(network: &NetworkDescription<'_>) -> Vec<usize> {
    let count = network.layers.len();
    let reads = |i: usize| network.layers[i].inputs.iter().filter_map(|source: &InputSource| source.layer());
    let mut index = vec![None; count];
    let (mut visited, mut stack) = (0, count.checked_sub(1).into_iter().collect::<Vec<_>>());
    while let Some(layer) = stack.pop() {
        if index[layer].is_none() {
            index[layer] = Some(visited);
            visited += 1;
            let mut inputs: Vec<usize> = reads(layer).collect();
            inputs.reverse();
            stack.extend(inputs);
        }
    }
    // A layer reads only those before it.
    let mut depth = vec![0; count];
    for layer in (0..count).rev() {
        for input in reads(layer) {
            depth[input] = depth[input].max(depth[layer] + 1);
        }
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|layer| (std::cmp::Reverse(depth[*layer]), index[*layer]));
    order
}
