use crate::interop::NetworkDescription;
use crate::nn::{InputSource, LayerSpec, MaskRule};
use crate::sort::SmallSort as _;

/// The layers in the order of Keras's `model.layers`, by which groups of weights are numbered.
///
/// From the output depth-first over the inputs in their order: the index of a layer is that of its first visit, its depth the longest path
/// to the output. The deepest come first, those of one depth by their index. A `Sequential` has the order of its layers; so has a chain here.
///
/// Paths go through the operations of masks as well, which are nodes of Keras's graph: a layer that a mask is made of lies deeper.
///
/// Source: `map_graph` of `keras/src/ops/function.py`.
pub(super) fn layer_order(network: &NetworkDescription<'_>) -> Vec<usize> {
    let count = network.layers.len();
    let mut index = vec![None; count];
    let (mut visited, mut stack) = (0, count.checked_sub(1).into_iter().collect::<Vec<_>>());
    while let Some(layer) = stack.pop() {
        if index[layer].is_none() {
            index[layer] = Some(visited);
            visited += 1;
            let mut inputs: Vec<usize> = inputs(network, layer).collect();
            inputs.reverse();
            stack.extend(inputs);
        }
    }
    let depth = depths(network);
    let mut order: Vec<usize> = (0..count).collect();
    order.small_sort_by_key(|layer| (std::cmp::Reverse(depth[*layer]), index[*layer]));
    order
}

/// The layers that layer `i` reads.
fn inputs<'a>(network: &'a NetworkDescription<'_>, i: usize) -> impl Iterator<Item = usize> + 'a {
    network.layers[i].inputs.iter().filter_map(|source: &InputSource| source.layer())
}

/// The longest path from each layer to the output.
fn depths(network: &NetworkDescription<'_>) -> Vec<usize> {
    let count = network.layers.len();
    let masks = masks(network);
    let mask_of = |source: &InputSource| source.layer().and_then(|layer| masks[layer]);
    let mut depth = vec![0; count];
    // Of the mask that a layer makes, where it is read.
    let mut made: Vec<Option<usize>> = vec![None; count];
    // A layer reads only those before it.
    for i in (0..count).rev() {
        let described = &network.layers[i];
        if let Some(at) = made[i] {
            for (position, source) in described.inputs.iter().enumerate() {
                let mask = mask_of(source);
                let (of_layer, of_mask) =
                    path(&described.spec, described.inputs.len(), position, mask.is_some());
                if let (Some(layer), Some(steps)) = (source.layer(), of_layer) {
                    depth[layer] = depth[layer].max(at + steps);
                }
                if let (Some(mask), Some(steps)) = (mask, of_mask) {
                    made[mask] = made[mask].max(Some(at + steps));
                }
            }
        }
        let below = depth[i] + 1;
        for source in &described.inputs {
            if let Some(layer) = source.layer() {
                depth[layer] = depth[layer].max(below);
            }
            if let Some(mask) = mask_of(source).filter(|_| reads_mask(&described.spec)) {
                made[mask] = made[mask].max(Some(below));
            }
        }
    }
    depth
}

/// The layer that makes the mask of each layer's output in Keras, if it has one.
fn masks(network: &NetworkDescription<'_>) -> Vec<Option<usize>> {
    let mut masks: Vec<Option<usize>> = Vec::new();
    for (i, described) in network.layers.iter().enumerate() {
        let of = |source: &InputSource| source.layer().and_then(|layer| masks[layer]);
        let first = described.inputs.first().and_then(of);
        let is_vector = described.output.len() < 3;
        masks.push(match described.spec.layer().mask() {
            _ if is_vector => None,
            MaskRule::Drop => None,
            MaskRule::Make => Some(i),
            MaskRule::Keep | MaskRule::First => first,
            // A Concatenate has a mask if any input has one, the others if all have.
            MaskRule::Any => {
                let mut inputs = described.inputs.iter().map(of);
                let joins = match described.spec {
                    LayerSpec::Concatenate(_) => inputs.any(|mask| mask.is_some()),
                    _ => inputs.all(|mask| mask.is_some()),
                };
                joins.then_some(i)
            }
        });
    }
    masks
}

/// How many operations lie between the mask that a layer makes and its input at `position` of `count`, and the mask of that input: those of
/// `compute_mask` of `keras/src/layers/{core/masking,merging/concatenate,merging/base_merge}.py`.
fn path(spec: &LayerSpec, count: usize, position: usize, has_mask: bool) -> (Option<usize>, Option<usize>) {
    match spec {
        // any(not_equal(x))
        LayerSpec::Masking(_) => (Some(2), None),
        // any(concatenate(logical_or(expand_dims(mask), zeros_like(x)), …)), and ones_like(x) without a mask
        LayerSpec::Concatenate(_) if has_mask => (Some(4), Some(4)),
        LayerSpec::Concatenate(_) => (Some(3), None),
        // logical_or(logical_or(first, second), third)
        LayerSpec::Add(_) | LayerSpec::Multiply(_) | LayerSpec::Average(_) | LayerSpec::Maximum(_) => {
            (None, Some(count - position.max(1)))
        }
        // That of token ids is made of the data.
        _ => (None, None),
    }
}

/// Whether the layer is called with the masks of its inputs: the argument `mask` of its `call`.
fn reads_mask(spec: &LayerSpec) -> bool {
    use LayerSpec as L;
    matches!(
        spec,
        L::SimpleRNN(_)
            | L::LSTM(_)
            | L::GRU(_)
            | L::Bidirectional(_)
            | L::TimeDistributed(_)
            | L::GlobalAveragePooling1D(_)
            | L::BatchNormalization(_)
            | L::Attention(_)
            | L::AdditiveAttention(_)
            | L::MultiHeadAttention(_)
    )
}
