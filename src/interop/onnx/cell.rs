//! One direction of a recurrent layer: an operator of ONNX, or a loop over its formulas where its activations are not the operator's.

use super::activation;
use super::graph::{Attribute, Dimension, Graph, Type};
use super::packing::Packing;
use crate::interop::recurrent_layer::{RecurrentKind, RecurrentLayer};
use crate::interop::{DescribedLayer, NamedWeights};
use crate::nn::Activation;

/// Hidden state and, of an LSTM, cell state: `[batch, units]` each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub hidden: String,
    pub cell: Option<String>,
}

/// What a direction gives.
#[derive(Debug)]
pub(super) struct Steps {
    /// The hidden state after every packed step, `[batch, time, units]`.
    pub outputs: String,
    /// The state after the last.
    pub last: State,
}

/// The weights of one direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct CellWeights<'a> {
    /// What the names in the model begin with: that of the direction, or nothing.
    pub prefix: &'a str,
    pub kernel: NamedWeights<'a>,
    pub recurrent_kernel: NamedWeights<'a>,
    pub bias: Option<NamedWeights<'a>>,
}

impl<'a> CellWeights<'a> {
    /// Those of a layer, or of the direction of it whose weights have this prefix.
    pub fn of(layer: &DescribedLayer<'a>, prefix: &'a str) -> Self {
        let find = |name: &str| {
            let mut weights = layer.weights.iter().copied();
            weights.find(|weights| weights.name.strip_prefix(prefix) == Some(name))
        };
        let none = NamedWeights { name: "", shape: &[], values: &[] };
        Self {
            prefix,
            kernel: find("kernel").unwrap_or(none),
            recurrent_kernel: find("recurrent_kernel").unwrap_or(none),
            bias: find("bias"),
        }
    }
}

impl RecurrentLayer {
    pub(in crate::interop::onnx) fn has_cell_state(self) -> bool {
        self.kind == RecurrentKind::Lstm
    }

    fn gates(self) -> usize {
        match self.kind {
            RecurrentKind::SimpleRnn => 1,
            RecurrentKind::Lstm => 4,
            RecurrentKind::Gru { .. } => 3,
        }
    }

    /// The gates of ONNX, each by its place among those of Keras: i f c o are i o f c there.
    fn order(self) -> &'static [usize] {
        match self.kind {
            RecurrentKind::SimpleRnn => &[0],
            RecurrentKind::Lstm => &[0, 3, 1, 2],
            RecurrentKind::Gru { .. } => &[0, 1, 2],
        }
    }

    /// The functions of the operator: of gates, of the candidate and, in an LSTM, of the output.
    fn functions(self) -> Vec<Activation> {
        match self.kind {
            RecurrentKind::SimpleRnn => vec![self.activation],
            RecurrentKind::Lstm => vec![self.recurrent_activation, self.activation, self.activation],
            RecurrentKind::Gru { .. } => vec![self.recurrent_activation, self.activation],
        }
    }

    /// The attributes of the operator; `None` if it does not have the functions. Functions with parameters must come first: runtimes differ in
    /// whether the others are counted among those.
    fn attributes(self) -> Option<Vec<(&'static str, Attribute)>> {
        let functions: Vec<_> =
            self.functions().into_iter().map(activation::recurrent).collect::<Option<_>>()?;
        let parameters: Vec<(f64, f64)> = functions.iter().filter_map(|(_, given)| *given).collect();
        if functions.iter().skip(parameters.len()).any(|(_, given)| given.is_some()) {
            return None;
        }
        let mut attributes = vec![
            ("hidden_size", Attribute::Int(self.units as i64)),
            ("activations", Attribute::Texts(functions.iter().map(|(name, _)| *name).collect())),
        ];
        if !parameters.is_empty() {
            let (alpha, beta) = parameters.into_iter().unzip();
            attributes.push(("activation_alpha", Attribute::Floats(alpha)));
            attributes.push(("activation_beta", Attribute::Floats(beta)));
        }
        if let RecurrentKind::Gru { reset_after } = self.kind {
            attributes.push(("linear_before_reset", Attribute::Int(reset_after.into())));
        }
        Some(attributes)
    }

    /// The states after every step of `x`, `[batch, time, features]` in the order of reading and packed by `packing`, from the state `from`,
    /// or from zeros.
    pub(in crate::interop::onnx) fn run(
        self,
        graph: &mut Graph,
        x: &str,
        weights: CellWeights<'_>,
        packing: Option<&Packing>,
        from: Option<&State>,
    ) -> Steps {
        match self.attributes() {
            Some(attributes) => self.operator(graph, x, weights, (packing, from), &attributes),
            None => self.scan(graph, x, weights, packing, from),
        }
    }

    fn operator(
        self,
        graph: &mut Graph,
        x: &str,
        weights: CellWeights<'_>,
        (packing, from): (Option<&Packing>, Option<&State>),
        attributes: &[(&'static str, Attribute)],
    ) -> Steps {
        let (op, outputs): (_, &[&str]) = match self.kind {
            RecurrentKind::SimpleRnn => ("RNN", &["states", "last"]),
            RecurrentKind::Lstm => ("LSTM", &["states", "last", "last_cell"]),
            RecurrentKind::Gru { .. } => ("GRU", &["states", "last"]),
        };
        let CellWeights { prefix, kernel, recurrent_kernel, bias } = weights;
        let w = self.by_rows(graph, &format!("{prefix}W"), kernel);
        let r = self.by_rows(graph, &format!("{prefix}R"), recurrent_kernel);
        let b = bias.map(|bias| self.biases(graph, &format!("{prefix}B"), bias)).unwrap_or_default();
        let x = graph.transpose(x, &[1, 0, 2]);
        let lengths = packing.map(|packing| packing.lengths.clone()).unwrap_or_default();
        let hidden = from.map(|state| graph.unsqueeze(&state.hidden, 0)).unwrap_or_default();
        let cell = from.and_then(|state| Some(graph.unsqueeze(state.cell.as_ref()?, 0))).unwrap_or_default();
        let mut inputs = vec![&x[..], &w, &r, &b, &lengths, &hidden, &cell];
        while inputs.last().is_some_and(|name| name.is_empty()) {
            inputs.pop();
        }
        let results = graph.op_with_outputs(op, &inputs, outputs, attributes);
        // [time, directions, batch, units]
        let states = graph.squeeze(&results[0], 1);
        let outputs = graph.transpose(&states, &[1, 0, 2]);
        let hidden = graph.squeeze(&results[1], 0);
        let cell = results.get(2).map(|cell| graph.squeeze(cell, 0));
        Steps { outputs, last: State { hidden, cell } }
    }

    /// A kernel `[rows, gates·units]` as ONNX has it, `[1, gates·units, rows]`.
    fn by_rows(self, graph: &mut Graph, name: &str, kernel: NamedWeights<'_>) -> String {
        let (units, columns) = (self.units, self.gates() * self.units);
        let rows = kernel.shape.first().copied().unwrap_or(0);
        let columns_in_order = self.order().iter().flat_map(|gate| gate * units..(gate + 1) * units);
        let values: Vec<f32> = columns_in_order
            .flat_map(|column| (0..rows).map(move |row| kernel.values[row * columns + column]))
            .collect();
        graph.weights(name, &[1, columns, rows], &values)
    }

    /// The biases of inputs and of states, `[1, 2·gates·units]`; those of states are 0 where there are none.
    fn biases(self, graph: &mut Graph, name: &str, bias: NamedWeights<'_>) -> String {
        let (units, columns) = (self.units, self.gates() * self.units);
        let of = |first: usize| {
            self.order().iter().flat_map(move |gate| {
                let start = first + gate * units;
                (start..start + units).map(|i| bias.values.get(i).copied().unwrap_or(0.0))
            })
        };
        let values: Vec<f32> = of(0).chain(of(columns)).collect();
        graph.weights(name, &[1, 2 * columns], &values)
    }

    fn scan(
        self,
        graph: &mut Graph,
        x: &str,
        weights: CellWeights<'_>,
        packing: Option<&Packing>,
        from: Option<&State>,
    ) -> Steps {
        let (units, columns) = (self.units, self.gates() * self.units);
        let CellWeights { prefix, kernel, bias, .. } = weights;
        let w = graph.weights(&format!("{prefix}kernel"), kernel.shape, kernel.values);
        let mut projected = graph.matmul(x, &w);
        if let Some(bias) = bias {
            let values = &bias.values[..columns];
            let b = graph.weights(&format!("{prefix}bias"), &[columns], values);
            projected = graph.add(&projected, &b);
        }
        let from = from.cloned().unwrap_or_else(|| self.zeros(graph, x));
        let states = 1 + usize::from(self.has_cell_state());
        let of = |size| vec![Dimension::any("batch"), Dimension::Size(size)];
        let mut inputs = vec![("hidden", Type::Float, of(units))];
        let mut given = vec![from.hidden];
        if let Some(cell) = from.cell {
            inputs.push(("cell", Type::Float, of(units)));
            given.push(cell);
        }
        inputs.push(("projected", Type::Float, of(columns)));
        // Over the first axis: not every runtime takes another one.
        given.push(graph.transpose(&projected, &[1, 0, 2]));
        if let Some(packing) = packing {
            inputs.push(("counts", Type::Bool, of(1)));
            let counts = graph.transpose(&packing.packed_mask, &[1, 0]);
            given.push(graph.unsqueeze(&counts, 2));
        }
        let parts = Recurrence::new(self, graph, weights);
        let body = graph.body(&inputs, &vec![of(units); states + 1], |graph, names| {
            let state = &names[..states];
            let mut next = parts.step(graph, state, &names[states]);
            if let Some(counts) = names.get(states + 1) {
                for (next, before) in next.iter_mut().zip(state) {
                    *next = graph.select(counts, next, before);
                }
            }
            next.push(graph.op("Identity", &[&next[0].clone()], &[]));
            next
        });
        let scanned = given.len() - states;
        let attributes = [("body", body), ("num_scan_inputs", Attribute::Int(scanned as i64))];
        let given: Vec<&str> = given.iter().map(String::as_str).collect();
        let names: &[&str] = if states == 2 { &["last", "last_cell", "states"] } else { &["last", "states"] };
        let results = graph.op_with_outputs("Scan", &given, names, &attributes);
        let cell = self.has_cell_state().then(|| results[1].clone());
        let outputs = graph.transpose(&results[states], &[1, 0, 2]);
        Steps { outputs, last: State { hidden: results[0].clone(), cell } }
    }

    /// A state of zeros for each sequence of `x`.
    fn zeros(self, graph: &mut Graph, x: &str) -> State {
        let (batch, units) = (graph.size(x, 0), graph.ints(&[self.units as i64]));
        let shape = graph.op("Concat", &[&batch, &units], &[("axis", Attribute::Int(0))]);
        // The default of the operator is 0 in single precision.
        let hidden = graph.op("ConstantOfShape", &[&shape], &[]);
        State { cell: self.has_cell_state().then(|| hidden.clone()), hidden }
    }
}

/// The weights that a step of a loop reads: constants of the graph around it.
#[derive(Debug)]
struct Recurrence {
    cell: RecurrentLayer,
    /// Columns of the recurrent kernel: all, or those of z and r and those of the candidate.
    kernels: Vec<String>,
    /// The bias of the recurrent product.
    bias: Option<String>,
    /// Units for each gate, and for z and r.
    sizes: [String; 2],
}

impl Recurrence {
    fn new(cell: RecurrentLayer, graph: &mut Graph, weights: CellWeights<'_>) -> Self {
        let (units, columns) = (cell.units, cell.gates() * cell.units);
        let CellWeights { prefix, recurrent_kernel: kernel, bias, .. } = weights;
        let name = format!("{prefix}recurrent_kernel");
        let kernels = match cell.kind {
            RecurrentKind::Gru { reset_after: false } => {
                let columns_of = |from: usize, to: usize| -> Vec<f32> {
                    kernel
                        .values
                        .chunks_exact(columns.max(1))
                        .flat_map(|row| row[from..to].to_vec())
                        .collect()
                };
                vec![
                    graph.weights(&format!("{name}_gates"), &[units, 2 * units], &columns_of(0, 2 * units)),
                    graph.weights(
                        &format!("{name}_candidate"),
                        &[units, units],
                        &columns_of(2 * units, columns),
                    ),
                ]
            }
            _ => vec![graph.weights(&name, kernel.shape, kernel.values)],
        };
        let bias = bias.filter(|bias| bias.values.len() > columns).map(|bias| {
            graph.weights(&format!("{prefix}recurrent_bias"), &[columns], &bias.values[columns..])
        });
        let sizes = [cell.gates(), 2].map(|gates| graph.ints(&vec![units as i64; gates]));
        Self { cell, kernels, bias, sizes }
    }

    fn split(&self, graph: &mut Graph, value: &str, sizes: &str, names: &[&str]) -> Vec<String> {
        graph.op_with_outputs("Split", &[value, sizes], names, &[("axis", Attribute::Int(-1))])
    }

    /// The state after one step, from the state before it and the projection of the input.
    fn step(&self, graph: &mut Graph, state: &[String], projected: &str) -> Vec<String> {
        let RecurrentLayer { kind, activation, recurrent_activation, .. } = self.cell;
        let hidden = &state[0];
        let mut product = graph.matmul(hidden, &self.kernels[0]);
        if let Some(bias) = &self.bias {
            product = graph.add(&product, bias);
        }
        let [sizes, two] = &self.sizes;
        match kind {
            RecurrentKind::SimpleRnn => {
                let sum = graph.add(projected, &product);
                vec![activation::apply(graph, activation, &sum)]
            }
            RecurrentKind::Lstm => {
                let sum = graph.add(projected, &product);
                let z = self.split(graph, &sum, sizes, &["i", "f", "g", "o"]);
                let [i, f, o] =
                    [0, 1, 3].map(|gate| activation::apply(graph, recurrent_activation, &z[gate]));
                let candidate = activation::apply(graph, activation, &z[2]);
                let kept = graph.mul(&f, &state[1]);
                let new = graph.mul(&i, &candidate);
                let cell = graph.add(&kept, &new);
                let shown = activation::apply(graph, activation, &cell);
                vec![graph.mul(&o, &shown), cell]
            }
            RecurrentKind::Gru { reset_after } => {
                let x = self.split(graph, projected, sizes, &["z", "r", "candidate"]);
                let names = ["z", "r", "candidate"];
                let (sizes, names) = if reset_after { (sizes, &names[..]) } else { (two, &names[..2]) };
                let h = self.split(graph, &product, sizes, names);
                let [z, r] = [0, 1].map(|gate| {
                    let sum = graph.add(&x[gate], &h[gate]);
                    activation::apply(graph, recurrent_activation, &sum)
                });
                let product = match h.get(2) {
                    Some(product) => graph.mul(&r, product),
                    None => {
                        let reset = graph.mul(&r, hidden);
                        graph.matmul(&reset, &self.kernels[1])
                    }
                };
                let sum = graph.add(&x[2], &product);
                let candidate = activation::apply(graph, activation, &sum);
                // z·h + (1 − z)·candidate
                let difference = graph.sub(hidden, &candidate);
                let kept = graph.mul(&z, &difference);
                vec![graph.add(&candidate, &kept)]
            }
        }
    }
}
