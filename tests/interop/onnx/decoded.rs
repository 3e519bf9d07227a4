//! An ONNX model decoded again, and as text.

/// A field of a message of protobuf.
pub enum Field<'a> {
    Number(u64),
    Float(f32),
    Bytes(&'a [u8]),
}

/// A message as its fields in their order.
pub struct Message<'a>(Vec<(u64, Field<'a>)>);

impl<'a> Message<'a> {
    pub fn read(mut bytes: &'a [u8]) -> Self {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let tag = varint(&mut bytes);
            let field = match tag & 7 {
                0 => Field::Number(varint(&mut bytes)),
                2 => {
                    let size = varint(&mut bytes) as usize;
                    let (content, rest) = bytes.split_at(size);
                    bytes = rest;
                    Field::Bytes(content)
                }
                5 => {
                    let (content, rest) = bytes.split_first_chunk().unwrap();
                    bytes = rest;
                    Field::Float(f32::from_le_bytes(*content))
                }
                other => panic!("wire type {other}"),
            };
            fields.push((tag >> 3, field));
        }
        Self(fields)
    }

    fn all(&self, number: u64) -> impl Iterator<Item = &Field<'a>> {
        self.0.iter().filter(move |(field, _)| *field == number).map(|(_, field)| field)
    }

    fn bytes(&self, number: u64) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.all(number).filter_map(|field| if let Field::Bytes(bytes) = field { Some(*bytes) } else { None })
    }

    pub fn messages(&self, number: u64) -> Vec<Message<'a>> {
        self.bytes(number).map(Message::read).collect()
    }

    pub fn texts(&self, number: u64) -> Vec<&'a str> {
        self.bytes(number).map(|bytes| std::str::from_utf8(bytes).unwrap()).collect()
    }

    pub fn text(&self, number: u64) -> &'a str {
        self.texts(number).first().copied().unwrap_or_default()
    }

    pub fn numbers(&self, number: u64) -> Vec<i64> {
        let whole = |field: &Field<'_>| if let Field::Number(n) = field { Some(*n as i64) } else { None };
        self.all(number).filter_map(whole).collect()
    }

    fn floats(&self, number: u64) -> Vec<f32> {
        let float = |field: &Field<'_>| if let Field::Float(x) = field { Some(*x) } else { None };
        self.all(number).filter_map(float).collect()
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

fn type_name(of: i64) -> &'static str {
    match of {
        1 => "float",
        6 => "int32",
        7 => "int64",
        9 => "bool",
        11 => "double",
        other => panic!("type {other}"),
    }
}

/// A tensor's type, shape and numbers.
fn tensor(tensor: &Message<'_>) -> String {
    let of = type_name(tensor.numbers(2)[0]);
    let bytes = tensor.bytes(9).next().unwrap();
    let numbers: Vec<String> = match of {
        "float" => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b).to_string()).collect(),
        "double" => bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b).to_string()).collect(),
        _ => bytes.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b).to_string()).collect(),
    };
    format!("{of} {:?} = {}", tensor.numbers(1), numbers.join(" "))
}

/// An input's or output's name, type and shape.
fn value_info(value: &Message<'_>) -> String {
    let tensor = &value.messages(2)[0].messages(1)[0];
    let size = |size: &Message<'_>| match size.numbers(1).first() {
        Some(size) => size.to_string(),
        None => size.text(2).to_owned(),
    };
    let sizes: Vec<String> = tensor.messages(2)[0].messages(1).iter().map(size).collect();
    format!("{} {} [{}]", value.text(1), type_name(tensor.numbers(1)[0]), sizes.join(", "))
}

/// A graph in lines.
fn lines(graph: &Message<'_>, indent: &str) -> Vec<String> {
    let mut lines: Vec<String> =
        graph.messages(11).iter().map(|input| format!("{indent}input {}", value_info(input))).collect();
    for weights in graph.messages(5) {
        lines.push(format!("{indent}{} {}", weights.text(8), tensor(&weights)));
    }
    for node in graph.messages(1) {
        let mut line =
            format!("{indent}{} = {}({})", node.texts(2).join(", "), node.text(4), node.texts(1).join(", "));
        let mut bodies = Vec::new();
        for attribute in node.messages(5) {
            let value = match attribute.numbers(20)[0] {
                1 => format!("{:?}", attribute.floats(2)[0]),
                2 => attribute.numbers(3)[0].to_string(),
                5 => {
                    bodies.extend(lines_of_body(&attribute, indent));
                    "below".into()
                }
                6 => format!("{:?}", attribute.floats(7)),
                7 => format!("{:?}", attribute.numbers(8)),
                _ => format!("{:?}", attribute.texts(9)),
            };
            line.push_str(&format!(" {}={value}", attribute.text(1)));
        }
        lines.push(line);
        lines.extend(bodies);
    }
    lines.extend(graph.messages(12).iter().map(|output| format!("{indent}output {}", value_info(output))));
    lines
}

fn lines_of_body(attribute: &Message<'_>, indent: &str) -> Vec<String> {
    lines(&attribute.messages(6)[0], &format!("{indent}    "))
}

/// A model as text.
pub fn described(bytes: &[u8]) -> String {
    let model = Message::read(bytes);
    let opset = &model.messages(8)[0];
    let mut all =
        vec![format!("IR {}, opset {}, {}", model.numbers(1)[0], opset.numbers(2)[0], model.text(2))];
    all.extend(model.messages(14).iter().map(|entry| format!("{}: {}", entry.text(1), entry.text(2))));
    let graph = &model.messages(7)[0];
    all.push(format!("graph {}", graph.text(2)));
    all.extend(lines(graph, ""));
    all.join("\n")
}
