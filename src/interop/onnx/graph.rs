use std::collections::{BTreeMap, BTreeSet};

use crate::interop::protobuf::Message;

/// The type of the numbers of a tensor (`TensorProto.DataType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Float = 1,
    Int32 = 6,
    Int64 = 7,
    Bool = 9,
    Double = 11,
}

/// The size of an axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Dimension {
    /// Always this.
    Size(usize),
    /// Whatever it is; the same where the name is the same.
    Any(String),
}

impl Dimension {
    pub fn any(name: &str) -> Self {
        Self::Any(name.to_owned())
    }
}

/// An attribute of a node.
#[derive(Debug)]
pub(super) enum Attribute {
    Int(i64),
    Float(f64),
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Texts(Vec<&'static str>),
    /// A graph, and the names of values around it that it may read.
    Graph(Message, Vec<String>),
}

impl Attribute {
    /// Sizes, or places of axes.
    pub fn sizes(sizes: &[usize]) -> Self {
        Self::Ints(sizes.iter().map(|size| *size as i64).collect())
    }

    /// `AttributeProto`.
    fn encode(&self, name: &str) -> Message {
        let named = Message::default().text(1, name);
        let (message, kind) = match self {
            Self::Float(value) => (named.float(2, *value as f32), 1),
            Self::Int(value) => (named.int(3, *value as u64), 2),
            Self::Graph(graph, _) => (named.message(6, graph), 5),
            Self::Floats(values) => (values.iter().fold(named, |named, v| named.float(7, *v as f32)), 6),
            Self::Ints(values) => (values.iter().fold(named, |named, v| named.int(8, *v as u64)), 7),
            Self::Texts(values) => (values.iter().fold(named, |named, v| named.text(9, v)), 8),
        };
        message.int(20, kind)
    }
}

/// The attributes of a node.
pub(super) type Attributes<'a> = &'a [(&'a str, Attribute)];

/// A node with the names of what it reads and writes: one that nobody reads is left out.
#[derive(Debug)]
struct Node {
    reads: Vec<String>,
    writes: Vec<String>,
    message: Message,
}

/// A graph while it is built: nodes, constants, and the values that go in and out. Values are known by their names.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    /// Weights and other constants by their names.
    initializers: Vec<(String, Message)>,
    inputs: Vec<Message>,
    outputs: Vec<(String, Message)>,
    /// All names, of values and of nodes.
    names: BTreeSet<String>,
    /// The names of constants that are not weights, by what they are.
    constants: BTreeMap<String, String>,
    /// The layer that is being written, of which nodes and values have their names.
    scope: String,
}

impl Graph {
    /// Begins a layer.
    pub fn enter(&mut self, layer: &str) {
        self.scope = layer.to_owned();
    }

    /// `name`, or it with a number where there is one already.
    fn unique(&mut self, name: String) -> String {
        let numbered = (2_usize..).map(|n| format!("{name}_{n}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !self.names.contains(name));
        let free = free.unwrap_or(name);
        self.names.insert(free.clone());
        free
    }

    /// A node with one output, whose name is returned. An input without a name is left out.
    pub fn op(&mut self, op: &str, inputs: &[&str], attributes: Attributes<'_>) -> String {
        let output = self.unique(format!("{}/{op}", self.scope));
        self.node(op, &output, inputs, &[&output], attributes);
        output
    }

    /// A node with several outputs, of which each has its name behind that of the node.
    pub fn op_with_outputs(
        &mut self,
        op: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: Attributes<'_>,
    ) -> Vec<String> {
        let node = self.unique(format!("{}/{op}", self.scope));
        let names: Vec<String> =
            outputs.iter().map(|output| self.unique(format!("{node}.{output}"))).collect();
        let outputs: Vec<&str> = names.iter().map(String::as_str).collect();
        self.node(op, &node, inputs, &outputs, attributes);
        names
    }

    /// `NodeProto`.
    fn node(&mut self, op: &str, name: &str, inputs: &[&str], outputs: &[&str], attributes: Attributes<'_>) {
        let node = inputs.iter().fold(Message::default(), |node, input| node.text(1, input));
        let node = outputs.iter().fold(node, |node, output| node.text(2, output)).text(3, name).text(4, op);
        let node = attributes.iter().fold(node, |node, (name, value)| node.message(5, &value.encode(name)));
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let captured = attributes.iter().flat_map(|(_, value)| match value {
            Attribute::Graph(_, reads) => reads.clone(),
            _ => Vec::new(),
        });
        let given = owned(inputs).into_iter().filter(|name| !name.is_empty());
        let reads = given.chain(captured).collect();
        self.nodes.push(Node { reads, writes: owned(outputs), message: node });
    }

    /// Weights of the layer, as `LAYER/name`.
    pub fn weights(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let name = self.unique(format!("{}/{name}", self.scope));
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(&name, Type::Float, shape, bytes);
        name
    }

    /// `TensorProto`.
    fn initializer(&mut self, name: &str, of: Type, shape: &[usize], bytes: Vec<u8>) {
        let tensor = shape.iter().fold(Message::default(), |tensor, size| tensor.int(1, *size as u64));
        let tensor = tensor.int(2, of as u64).text(8, name).bytes(9, &bytes);
        self.initializers.push((name.to_owned(), tensor));
    }

    /// A constant; the same where it is there already.
    fn constant(&mut self, of: Type, shape: &[usize], text: &str, bytes: Vec<u8>) -> String {
        let key = format!("{of:?} {shape:?} {text}");
        if let Some(name) = self.constants.get(&key) {
            return name.clone();
        }
        let name = self.unique(format!("constant/{text}"));
        self.initializer(&name, of, shape, bytes);
        self.constants.insert(key, name.clone());
        name
    }

    /// A number.
    pub fn scalar(&mut self, value: f64) -> String {
        let value = value as f32;
        self.constant(Type::Float, &[], &value.to_string(), value.to_le_bytes().into())
    }

    /// Numbers in double precision, a row.
    pub fn doubles(&mut self, values: &[f64]) -> String {
        let text: Vec<String> = values.iter().map(f64::to_string).collect();
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(Type::Double, &[values.len()], &text.join(","), bytes)
    }

    /// Whole numbers: sizes, or places of axes.
    pub fn ints(&mut self, values: &[i64]) -> String {
        let text: Vec<String> = values.iter().map(i64::to_string).collect();
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(Type::Int64, &[values.len()], &text.join(","), bytes)
    }

    /// A whole number.
    pub fn int(&mut self, value: i64) -> String {
        self.constant(Type::Int64, &[], &value.to_string(), value.to_le_bytes().into())
    }

    /// An input of the model.
    pub fn input(&mut self, name: &str, of: Type, shape: &[Dimension]) -> String {
        let name = self.unique(name.to_owned());
        self.inputs.push(value_info(&name, of, shape));
        name
    }

    /// An output of the model: `value` by its own name.
    pub fn output(&mut self, name: &str, value: &str, of: Type, shape: &[Dimension]) {
        let name = self.unique(name.to_owned());
        self.node("Identity", &name, &[value], &[&name], &[]);
        let info = value_info(&name, of, shape);
        self.outputs.push((name, info));
    }

    /// A graph that a node repeats. `build` gets the names of its `inputs` and gives those of its outputs; it may use all values of this graph.
    pub fn body(
        &mut self,
        inputs: &[(&str, Type, Vec<Dimension>)],
        outputs: &[Vec<Dimension>],
        build: impl FnOnce(&mut Self, &[String]) -> Vec<String>,
    ) -> Attribute {
        let outer = std::mem::take(&mut self.nodes);
        let names: Vec<String> =
            inputs.iter().map(|(name, ..)| self.unique(format!("{}/{name}", self.scope))).collect();
        let results = build(self, &names);
        let nodes = std::mem::replace(&mut self.nodes, outer);
        let body = nodes.iter().fold(Message::default(), |body, node| body.message(1, &node.message));
        let body = body.text(2, "step");
        let body = inputs
            .iter()
            .zip(&names)
            .fold(body, |body, ((_, of, shape), name)| body.message(11, &value_info(name, *of, shape)));
        let body = results
            .iter()
            .zip(outputs)
            .fold(body, |body, (name, shape)| body.message(12, &value_info(name, Type::Float, shape)));
        Attribute::Graph(body, nodes.into_iter().flat_map(|node| node.reads).collect())
    }

    /// `GraphProto`, without what no output depends on.
    pub fn finish(self, name: &str) -> Message {
        let mut read: BTreeSet<String> = self.outputs.iter().map(|(name, _)| name.clone()).collect();
        let mut nodes = Vec::new();
        for node in self.nodes.into_iter().rev() {
            if node.writes.iter().any(|name| read.contains(name)) {
                read.extend(node.reads);
                nodes.push(node.message);
            }
        }
        let graph = nodes.iter().rev().fold(Message::default(), |graph, node| graph.message(1, node));
        let graph = graph.text(2, name);
        let constants = self.initializers.into_iter().filter(|(name, _)| read.contains(name));
        let graph = constants.fold(graph, |graph, (_, tensor)| graph.message(5, &tensor));
        let graph = self.inputs.iter().fold(graph, |graph, input| graph.message(11, input));
        self.outputs.iter().fold(graph, |graph, (_, output)| graph.message(12, output))
    }
}

/// `ValueInfoProto`.
fn value_info(name: &str, of: Type, shape: &[Dimension]) -> Message {
    let sizes = shape.iter().fold(Message::default(), |sizes, size| {
        let size = match size {
            Dimension::Size(size) => Message::default().int(1, *size as u64),
            Dimension::Any(name) => Message::default().text(2, name),
        };
        sizes.message(1, &size)
    });
    let tensor = Message::default().int(1, of as u64).message(2, &sizes);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}

/// Nodes that are there often.
impl Graph {
    pub fn add(&mut self, a: &str, b: &str) -> String {
        self.op("Add", &[a, b], &[])
    }

    pub fn sub(&mut self, a: &str, b: &str) -> String {
        self.op("Sub", &[a, b], &[])
    }

    pub fn mul(&mut self, a: &str, b: &str) -> String {
        self.op("Mul", &[a, b], &[])
    }

    pub fn div(&mut self, a: &str, b: &str) -> String {
        self.op("Div", &[a, b], &[])
    }

    pub fn matmul(&mut self, a: &str, b: &str) -> String {
        self.op("MatMul", &[a, b], &[])
    }

    /// `yes` where `condition` holds, else `no`.
    pub fn select(&mut self, condition: &str, yes: &str, no: &str) -> String {
        self.op("Where", &[condition, yes, no], &[])
    }

    pub fn cast(&mut self, value: &str, to: Type) -> String {
        self.op("Cast", &[value], &[("to", Attribute::Int(to as i64))])
    }

    pub fn unsqueeze(&mut self, value: &str, axis: i64) -> String {
        let axes = self.ints(&[axis]);
        self.op("Unsqueeze", &[value, &axes], &[])
    }

    pub fn squeeze(&mut self, value: &str, axis: i64) -> String {
        let axes = self.ints(&[axis]);
        self.op("Squeeze", &[value, &axes], &[])
    }

    pub fn transpose(&mut self, value: &str, axes: &[usize]) -> String {
        self.op("Transpose", &[value], &[("perm", Attribute::sizes(axes))])
    }

    pub fn reshape(&mut self, value: &str, shape: &[i64]) -> String {
        let shape = self.ints(shape);
        self.op("Reshape", &[value, &shape], &[])
    }

    /// From `start` to before `end` along the second axis, time.
    pub fn steps(&mut self, value: &str, start: i64, end: i64) -> String {
        let (start, end, axis) = (self.ints(&[start]), self.ints(&[end]), self.ints(&[1]));
        self.op("Slice", &[value, &start, &end, &axis], &[])
    }

    /// The other way round along the second axis, time.
    pub fn reversed(&mut self, value: &str) -> String {
        let (last, beyond_first, axis) = (self.ints(&[-1]), self.ints(&[i64::MIN + 1]), self.ints(&[1]));
        self.op("Slice", &[value, &last, &beyond_first, &axis, &last], &[])
    }

    /// The size of an axis, a row of one number.
    pub fn size(&mut self, value: &str, axis: i64) -> String {
        let end = if axis == -1 { Vec::new() } else { vec![("end", Attribute::Int(axis + 1))] };
        let start = std::iter::once(("start", Attribute::Int(axis)));
        let attributes: Vec<(&str, Attribute)> = start.chain(end).collect();
        self.op("Shape", &[value], &attributes)
    }

    /// The sum over an axis, which stays with size 1 if `keep`.
    pub fn sum(&mut self, value: &str, axis: i64, keep: bool) -> String {
        let axes = self.ints(&[axis]);
        self.op("ReduceSum", &[value, &axes], &[("keepdims", Attribute::Int(keep.into()))])
    }

    /// `softmax` over the last axis.
    pub fn softmax(&mut self, value: &str) -> String {
        self.op("Softmax", &[value], &[("axis", Attribute::Int(-1))])
    }
}
