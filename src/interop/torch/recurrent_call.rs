//! A recurrent layer as lines of Python.

use super::functions::Function;
use super::layers::LayerWriter;
use super::place::Place;
use super::snippet::Snippet;
use crate::interop::recurrent_layer::{RecurrentKind, RecurrentLayer};
use crate::nn::{Activation, Merge};

impl LayerWriter<'_> {
    /// Writes a recurrent layer: PyTorch's own module where it has one that computes the same, else one that is written out.
    pub(super) fn recurrent(&mut self, place: &Place<'_>, layer: &RecurrentLayer) {
        let builtin = layer.builtin();
        self.module(place, layer, builtin);
        self.call(place, layer, builtin.is_some());
        self.give(place, layer);
    }

    /// The line of `__init__`.
    fn module(&mut self, place: &Place<'_>, layer: &RecurrentLayer, builtin: Option<&str>) {
        let (class, snippet) = match (builtin, layer.kind) {
            (Some(class), _) => (class, None),
            (None, RecurrentKind::SimpleRnn) => ("StepwiseRNN", None),
            (None, RecurrentKind::Lstm) => ("StepwiseLSTM", Some(Snippet::Lstm)),
            (None, RecurrentKind::Gru { reset_after: true }) => ("StepwiseGRU", Some(Snippet::Gru)),
            (None, RecurrentKind::Gru { reset_after: false }) => {
                ("ResetBeforeGRU", Some(Snippet::GruResetBefore))
            }
        };
        let mut arguments = format!("{}, {}", place.features(0), layer.units);
        if !layer.use_bias {
            arguments.push_str(", bias=False");
        }
        if layer.merge.is_some() {
            arguments.push_str(", bidirectional=True");
        }
        if builtin.is_some() {
            arguments.push_str(", batch_first=True");
            if layer.activation == Activation::Relu {
                arguments.push_str(", nonlinearity=\"relu\"");
            }
        } else {
            self.snippets.insert(Snippet::Rnn);
            self.snippets.extend(snippet);
            let gate = (layer.kind != RecurrentKind::SimpleRnn).then_some(layer.recurrent_activation);
            let functions = [("activation", Some(layer.activation)), ("gate", gate)];
            let usual = [Activation::Tanh, Activation::Sigmoid];
            for ((name, function), usual) in functions.into_iter().zip(usual) {
                let Some(function) = function.filter(|function| *function != usual) else { continue };
                let function = Function::of(function);
                self.snippets.extend(function.as_ref().and_then(|function| function.snippet));
                let value = function.map_or_else(|| "nn.Identity()".to_owned(), |function| function.value());
                arguments.push_str(&format!(", {name}={value}"));
            }
        }
        self.init.push(format!("{} = {class}({arguments})", place.module));
    }

    /// The line of `forward` that calls the module: its outputs in the order of reading, and its last state.
    fn call(&mut self, place: &Place<'_>, layer: &RecurrentLayer, is_builtin: bool) {
        let (x, module) = (place.input(), &place.module);
        let read = |variable: &str| {
            if layer.go_backwards { format!("{variable}.flip(1)") } else { variable.to_owned() }
        };
        let mut arguments = vec![read(x)];
        arguments.extend(place.mask().map(read));
        let state = format!("self.states.get(\"{}\")", place.name);
        if layer.stateful {
            let name = if is_builtin && place.mask().is_none() { "" } else { "state=" };
            arguments.push(format!("{name}{state}"));
        }
        let arguments = arguments.join(", ");
        let call = match place.mask() {
            Some(_) if is_builtin => {
                self.snippets.insert(Snippet::RunMasked);
                format!("run_masked({module}, {arguments})")
            }
            _ => format!("{module}({arguments})"),
        };
        let needs_last = layer.merge.is_some() && !layer.return_sequences;
        let is_pair = !is_builtin || layer.kind == RecurrentKind::Lstm;
        let last = match (needs_last || layer.stateful, is_pair && !layer.stateful) {
            (false, _) => "_",
            (true, true) => "(h, _)",
            (true, false) => "h",
        };
        self.forward.push(format!("{}, {last} = {call}", place.output));
        if layer.stateful {
            self.snippets.insert(Snippet::Carried);
            self.forward.push(format!("self.states[\"{}\"] = carried(h)", place.name));
            if needs_last && is_pair {
                self.forward.push("h, _ = h".into());
            }
        }
    }

    /// The lines of `forward` that make the output of the layer of it.
    fn give(&mut self, place: &Place<'_>, layer: &RecurrentLayer) {
        let (x, units) = (&place.output, layer.units);
        let mask = place.mask();
        if let Some(merge) = layer.merge {
            let halves = match layer.return_sequences {
                true => (format!("{x}[..., :{units}]"), format!("{x}[..., {units}:]")),
                false => ("h[0]".into(), "h[1]".into()),
            };
            let value = match (merge, &halves) {
                (Merge::Concat, _) if layer.return_sequences => x.clone(),
                (Merge::Concat, (a, b)) => format!("torch.cat([{a}, {b}], -1)"),
                (Merge::Sum, (a, b)) => format!("{a} + {b}"),
                (Merge::Ave, (a, b)) => format!("({a} + {b}) / 2"),
                (Merge::Mul, (a, b)) => format!("{a} * {b}"),
            };
            self.assign(place, &value);
            let cleared = match (mask, layer.return_sequences) {
                (Some(mask), true) => Some(mask.to_owned()),
                (Some(mask), false) if layer.stateful => Some(format!("{mask}.any(1)")),
                _ => None,
            };
            if let Some(mask) = cleared {
                self.assign(place, &format!("{x} * {mask}.unsqueeze(-1)"));
            }
            return;
        }
        // Masks are in the order of time.
        let read = |mask: &str| if layer.go_backwards { format!("{mask}.flip(1)") } else { mask.to_owned() };
        let zeroed = mask.filter(|_| layer.zero_output_for_mask).map(read);
        match (layer.return_sequences, zeroed) {
            (true, None) => {}
            (true, Some(mask)) => self.assign(place, &format!("{x} * {mask}.unsqueeze(-1)")),
            (false, None) => self.assign(place, &format!("{x}[:, -1]")),
            (false, Some(mask)) => self.assign(place, &format!("{x}[:, -1] * {mask}[:, -1:]")),
        }
    }
}
