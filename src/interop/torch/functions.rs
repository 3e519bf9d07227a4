//! Activations as expressions of PyTorch.

use super::snippet::Snippet;
use crate::nn::Activation;

/// An activation in Python.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Function {
    name: String,
    /// Its arguments behind the first, `, 0.1`.
    arguments: String,
    /// The definition that it needs.
    pub snippet: Option<Snippet>,
}

impl Function {
    /// That of an activation; `None` for the identity.
    pub fn of(activation: Activation) -> Option<Self> {
        let parameters = serde_json::to_value(activation).unwrap_or_default();
        let has = |name: &str| parameters.get(name);
        let number =
            |name: &str, default: f64| has(name).and_then(serde_json::Value::as_f64).unwrap_or(default);
        let flag = |name: &str| has(name).and_then(serde_json::Value::as_bool).unwrap_or_default();
        let (name, arguments) = match activation.name() {
            "linear" => return None,
            "relu" if activation == Activation::Relu => ("torch.relu", String::new()),
            "relu" => {
                let maximum = has("max_value").and_then(serde_json::Value::as_f64);
                let maximum = maximum.map_or("None".to_owned(), |maximum| maximum.to_string());
                let (slope, threshold) = (number("negative_slope", 0.0), number("threshold", 0.0));
                ("bounded_relu", format!(", {slope}, {maximum}, {threshold}"))
            }
            "tanh" => ("torch.tanh", String::new()),
            "sigmoid" => ("torch.sigmoid", String::new()),
            "hard_sigmoid" => ("F.hardsigmoid", String::new()),
            "softmax" => ("F.softmax", ", -1".into()),
            "log_softmax" => ("F.log_softmax", ", -1".into()),
            "elu" => ("F.elu", format!(", {}", number("alpha", 1.0))),
            "selu" => ("F.selu", String::new()),
            "celu" => ("F.celu", format!(", {}", number("alpha", 1.0))),
            "gelu" if flag("approximate") => ("F.gelu", ", approximate=\"tanh\"".into()),
            "gelu" => ("F.gelu", String::new()),
            "silu" | "swish" => ("F.silu", String::new()),
            "softplus" => ("F.softplus", String::new()),
            "softsign" => ("F.softsign", String::new()),
            "exponential" => ("torch.exp", String::new()),
            "leaky_relu" => ("F.leaky_relu", format!(", {}", number("negative_slope", 0.2))),
            "relu6" => ("F.relu6", String::new()),
            "mish" => ("F.mish", String::new()),
            "hard_tanh" => ("F.hardtanh", String::new()),
            "hard_silu" | "hard_swish" => ("F.hardswish", String::new()),
            "hard_shrink" => ("F.hardshrink", format!(", {}", number("threshold", 0.5))),
            "soft_shrink" => ("F.softshrink", format!(", {}", number("threshold", 0.5))),
            "tanh_shrink" => ("F.tanhshrink", String::new()),
            "threshold" => {
                let value = number("default_value", 0.0);
                ("F.threshold", format!(", {}, {value}", number("threshold", 0.0)))
            }
            "log_sigmoid" => ("F.logsigmoid", String::new()),
            "squareplus" => ("squareplus", format!(", {}", number("b", 4.0))),
            "sparse_sigmoid" => ("sparse_sigmoid", String::new()),
            own => (own, String::new()),
        };
        let snippet = match name {
            "bounded_relu" => Some(Snippet::BoundedRelu),
            "squareplus" => Some(Snippet::Squareplus),
            "sparse_plus" => Some(Snippet::SparsePlus),
            "sparse_sigmoid" => Some(Snippet::SparseSigmoid),
            "sparsemax" => Some(Snippet::Sparsemax),
            _ => None,
        };
        Some(Self { name: name.into(), arguments, snippet })
    }

    /// The call with an argument.
    pub fn call(&self, argument: &str) -> String {
        format!("{}({argument}{})", self.name, self.arguments)
    }

    /// The function as a value.
    pub fn value(&self) -> String {
        if self.arguments.is_empty() { self.name.clone() } else { format!("lambda x: {}", self.call("x")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a preset may name is a function of PyTorch or defined.
    #[test]
    fn every_activation_is_written() {
        for name in Activation::NAMES.iter().filter(|name| **name != "linear") {
            let value = match *name {
                "threshold" => serde_json::json!({"name": name, "threshold": 0.1, "default_value": 2}),
                name => name.into(),
            };
            let function = Function::of(serde_json::from_value(value).unwrap()).unwrap();
            let is_known = ["torch.", "F."].iter().any(|module| function.name.starts_with(module));
            assert!(is_known || function.snippet.is_some(), "{name}: {function:?}");
        }
        let relu = serde_json::json!({"name": "relu", "negative_slope": 0.1, "max_value": 6});
        let relu = Function::of(serde_json::from_value(relu).unwrap()).unwrap();
        assert_eq!(relu.call("x"), "bounded_relu(x, 0.1, 6, 0)");
        let elu = Function::of(serde_json::from_value("elu".into()).unwrap()).unwrap();
        assert_eq!(elu.value(), "lambda x: F.elu(x, 1)");
    }
}
