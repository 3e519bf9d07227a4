//! Names of layers and inputs as identifiers of Python.

use std::collections::BTreeSet;

use crate::interop::NetworkDescription;
use crate::interop::network::snake_case;

/// Keywords of Python, attributes of `nn.Module`, and what the generated code calls its own.
const TAKEN: &str = "
    False None True and as assert async await break class continue def del elif else except finally for from
    global if import in is lambda nonlocal not or pass raise return try while with yield len tuple range
    add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval
    extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict
    modules mtia named_buffers named_children named_modules named_parameters parameters register_backward_hook
    register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook
    register_full_backward_pre_hook register_load_state_dict_post_hook register_load_state_dict_pre_hook
    register_module register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_
    set_extra_state set_submodule share_memory state_dict to to_empty train training type xpu zero_grad predict
    reset states torch nn self x h mask carried load load_file run_masked average_pool sparsemax bounded_relu
    squareplus sparse_plus pack_padded_sequence pad_packed_sequence F
";

/// The identifiers of a network: no two of them are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identifiers {
    /// The parameters of `forward`, in the order of the inputs.
    pub inputs: Vec<String>,
    /// The attributes of the module, in the order of the layers.
    pub layers: Vec<String>,
}

impl Identifiers {
    /// Those of a network: of a layer without a name that of its class.
    pub fn of(network: &NetworkDescription<'_>) -> Self {
        let mut taken: BTreeSet<String> = TAKEN.split_whitespace().map(str::to_owned).collect();
        let mut unique = |name: &str| {
            let name = identifier(name);
            let numbered = (2_usize..).map(|n| format!("{name}_{n}"));
            let mut all = std::iter::once(name.clone()).chain(numbered);
            let free = all.find(|name| !taken.contains(name)).unwrap_or_default();
            taken.insert(free.clone());
            free
        };
        let inputs = network.inputs.iter().map(|input| unique(&input.name)).collect();
        let layers = network.layers.iter().map(|layer| {
            let class = || snake_case(layer.spec.layer().class());
            unique(&layer.node.name.clone().unwrap_or_else(class))
        });
        let layers = layers.collect();
        Self { inputs, layers }
    }
}

/// A name with the letters, digits and `_` that an identifier may have.
fn identifier(name: &str) -> String {
    let mut identifier: String =
        name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    // Names that begin with `_` are Python's and PyTorch's own.
    if !identifier.starts_with(|first: char| first.is_ascii_alphabetic()) {
        identifier.insert_str(0, "layer_");
    }
    if identifier.starts_with("mask_") {
        identifier.push_str("_layer");
    }
    identifier
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Dense, LayerNode, Loss, Model, Shape};

    #[test]
    fn identifiers_are_valid_and_unlike() {
        let named = |name: &str| {
            let mut layer: LayerNode = Dense { units: 2, ..Dense::default() }.into();
            layer.name = Some(name.into());
            layer
        };
        let mut layers: Vec<LayerNode> =
            ["a b", "a.b", "train", "2nd", "mask_2", "__class__", "größe"].map(named).to_vec();
        layers.extend([Dense::default().into(), Dense::default().into()]);
        let channels = [("lambda".to_owned(), Shape::Vector { features: 3 })];
        let params = Model::of_channels(&layers, &channels, Loss::MeanSquaredError).unwrap().params();
        let network =
            NetworkDescription::new("n", &layers, &channels, Loss::MeanSquaredError.into(), &params);
        let Identifiers { inputs, layers } = Identifiers::of(&network.unwrap());
        assert_eq!(inputs, ["lambda_2"]);
        let wanted = [
            "a_b",
            "a_b_2",
            "train_2",
            "layer_2nd",
            "mask_2_layer",
            "layer___class__",
            "gr__e",
            "dense",
            "dense_2",
        ];
        assert_eq!(layers, wanted);
    }
}
