//! `model.py`: the network as a module of PyTorch that anyone can read and change.

use super::functions::Function;
use super::identifiers::Identifiers;
use super::layers::LayerWriter;
use super::layout::TorchTensor;
use super::snippet::Snippets;
use crate::interop::NetworkDescription;
use crate::nn::Shape;

/// The module of a network.
#[derive(Debug)]
pub(super) struct Module {
    /// The source.
    pub source: String,
    /// The tensors of its state dict, by layer, and the name of the layer before them.
    pub tensors: Vec<(String, Vec<TorchTensor>)>,
}

/// Writes the module of a network.
pub(super) fn module(network: &NetworkDescription<'_>) -> Module {
    let names = Identifiers::of(network);
    let mut writer = LayerWriter::new(network, &names);
    (0..network.layers.len()).for_each(|layer| writer.layer(layer));
    let LayerWriter { snippets, init, forward, tensors, .. } = writer;
    let source = source(network, &names, snippets, (init, forward));
    Module { source, tensors: names.layers.into_iter().zip(tensors).collect() }
}

fn source(
    network: &NetworkDescription<'_>,
    names: &Identifiers,
    mut snippets: Snippets,
    (init, forward): (Vec<String>, Vec<String>),
) -> String {
    let output = output(network, names);
    let last = network.activation.and_then(Function::of);
    snippets.extend(last.as_ref().and_then(|function| function.snippet));
    let inputs = names.inputs.join(", ");
    let answer = match &last {
        Some(function) => function.call(&format!("self({inputs})")),
        None => format!("self({inputs})"),
    };
    let mut class = format!(
        "class Network(nn.Module):\n    \"\"\"{}\"\"\"\n\n    def __init__(self):\n        super().__init__()\n",
        documentation(network, names)
    );
    let states = network.is_stateful.then(|| "self.states = {}".to_owned());
    for line in init.into_iter().chain(states) {
        class.push_str(&format!("        {line}\n"));
    }
    class.push_str(&format!("\n    def forward(self, {inputs}):\n"));
    for line in forward {
        class.push_str(&format!("        {line}\n"));
    }
    class.push_str(&format!("        return {output}\n"));
    if network.is_stateful {
        class.push_str(
            "\n    def reset(self):\n        \"\"\"Begins new sequences: the next call starts from zero states.\"\"\"\n        self.states.clear()\n",
        );
    }
    let logits = match last {
        Some(_) => "Predicts: `forward` gives logits, on which the network was trained.",
        None => "Predicts.",
    };
    class.push_str(&format!(
        "\n    @torch.no_grad()\n    def predict(self, {inputs}):\n        \"\"\"{logits}\"\"\"\n        self.eval()\n        return {answer}\n"
    ));
    let load = "def load(path):\n    \"\"\"The network with the weights of a file.\"\"\"\n    network = Network()\n    \
                network.load_state_dict(load_file(path))\n    return network.eval()\n";
    let definitions: Vec<String> = snippets.into_iter().map(|snippet| snippet.text().to_owned()).collect();
    let parts: Vec<String> = definitions.into_iter().chain([class, load.to_owned()]).collect();
    let body = parts.join("\n\n");
    // A name comes from the preset: in a comment it must not end the comment.
    let name = network.name.replace(['"', '\\'], "'").replace(char::is_control, " ");
    format!("\"\"\"The network {name}, as unrolled exported it.\"\"\"\n\n{}\n\n{body}", imports(&body))
}

/// The variable of the output.
fn output(network: &NetworkDescription<'_>, names: &Identifiers) -> String {
    match names.layers.last() {
        Some(name) if !network.is_chain() => name.clone(),
        _ => "x".to_owned(),
    }
}

fn imports(body: &str) -> String {
    let mut imports = "import torch\n".to_owned();
    if body.contains("F.") {
        imports.push_str("import torch.nn.functional as F\n");
    }
    imports.push_str("from safetensors.torch import load_file\nfrom torch import nn\n");
    if body.contains("pack_padded_sequence") {
        imports.push_str("from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence\n");
    }
    imports
}

/// What the network reads, in words.
fn documentation(network: &NetworkDescription<'_>, names: &Identifiers) -> String {
    let inputs = network.inputs.iter().zip(&names.inputs).map(|(input, name)| match input.shape {
        Shape::Ids { vocabulary, .. } => {
            format!("{name}: token ids below {vocabulary}, [batch, time], of type long")
        }
        Shape::Sequence { features, .. } => format!("{name}: numbers, [batch, time, {features}]"),
        Shape::Vector { features } => format!("{name}: numbers, [batch, {features}]"),
    });
    let inputs: Vec<String> = inputs.collect();
    inputs.join("; ")
}
