use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::LayerConfigError;
use super::keras_object::KerasObject;
use crate::kernel::{Elementwise, FastFunction, Function, softmax};

/// A function of every number, or of every row, by Keras's name. Source: `keras/src/activations/activations.py`.
///
/// Written as a name, or as a mapping where there is more to say: `{name: leaky_relu, negative_slope: 0.1}`. Keras's own spelling,
/// `{class_name: LeakyReLU, config: {negative_slope: 0.1}}`, is read as well.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Activation {
    /// `x`.
    #[default]
    Linear,
    /// `max(x, 0)`.
    Relu,
    /// `(eˣ − e⁻ˣ)/(eˣ + e⁻ˣ)`.
    Tanh,
    /// `1/(1 + e⁻ˣ)`.
    Sigmoid,
    /// `x/6 + 1/2`, between 0 and 1.
    HardSigmoid,
    /// `eˣ/Σeˣ` over a row.
    Softmax,
    /// `x − ln Σeˣ` over a row.
    LogSoftmax,
    /// The nearest point of the probability simplex to a row: `max(x − τ, 0)` with `τ` such that the sum is 1 (Martins & Astudillo 2016).
    Sparsemax,
    /// One of the other functions of every number.
    Elementwise(Elementwise),
}

/// The functions that are variants of their own, by Keras's names.
const OWN: [(&str, Activation); 8] = [
    ("linear", Activation::Linear),
    ("relu", Activation::Relu),
    ("tanh", Activation::Tanh),
    ("sigmoid", Activation::Sigmoid),
    ("hard_sigmoid", Activation::HardSigmoid),
    ("softmax", Activation::Softmax),
    ("log_softmax", Activation::LogSoftmax),
    ("sparsemax", Activation::Sparsemax),
];

/// Other spellings of a name: aliases, and the classes of Keras's layers.
const ALIASES: [(&str, &str); 10] = [
    ("swish", "silu"),
    ("hard_swish", "hard_silu"),
    ("LeakyReLU", "leaky_relu"),
    ("leakyrelu", "leaky_relu"),
    ("ReLU", "relu"),
    ("ELU", "elu"),
    ("Softmax", "softmax"),
    ("exp", "exponential"),
    ("GELU", "gelu"),
    ("SELU", "selu"),
];

impl Activation {
    /// The names that a preset may use.
    pub const NAMES: &'static [&'static str] = &[
        "linear",
        "relu",
        "tanh",
        "sigmoid",
        "hard_sigmoid",
        "softmax",
        "log_softmax",
        "sparsemax",
        "elu",
        "selu",
        "celu",
        "gelu",
        "silu",
        "swish",
        "softplus",
        "softsign",
        "exponential",
        "leaky_relu",
        "relu6",
        "mish",
        "hard_tanh",
        "hard_silu",
        "hard_swish",
        "hard_shrink",
        "soft_shrink",
        "tanh_shrink",
        "threshold",
        "log_sigmoid",
        "squareplus",
        "sparse_plus",
        "sparse_sigmoid",
    ];

    /// Keras's name.
    pub fn name(self) -> &'static str {
        if let Some((name, _)) = OWN.iter().find(|(_, own)| *own == self) {
            return name;
        }
        let written = serde_json::to_value(self).unwrap_or_default();
        let name = written.get("name").unwrap_or(&written).as_str().unwrap_or_default();
        Self::NAMES.iter().find(|known| **known == name).copied().unwrap_or_default()
    }

    /// Checks its parameters; `field` is its name in the layer's configuration.
    ///
    /// # Errors
    /// For a parameter out of range.
    pub(super) fn check(self, field: &'static str) -> Result<(), LayerConfigError> {
        let Self::Elementwise(f) = self else { return Ok(()) };
        match f.fault() {
            None => Ok(()),
            Some((name, value, help)) => {
                let found = format!("`{field}` ({}) has {name} {value}", self.name());
                Err(LayerConfigError::of(field, found, help))
            }
        }
    }

    /// Checks that it does not act on a row: recurrent layers need elementwise functions.
    pub(super) fn for_a_state(self, field: &'static str) -> Result<(), LayerConfigError> {
        if self.function().is_some() {
            return self.check(field);
        }
        let found = format!("`{field}` is {}, which acts on a whole row", self.name());
        Err(LayerConfigError::of(
            field,
            found,
            "a recurrent layer takes a function of each number, such as tanh, relu, sigmoid, elu or silu",
        ))
    }

    /// Its elementwise function; `None` for one that acts on a row.
    pub(super) fn function(self) -> Option<Function> {
        match self {
            Self::Linear => Some(Function::Fast(FastFunction::Linear)),
            Self::Relu => Some(Function::Fast(FastFunction::Relu)),
            Self::Tanh => Some(Function::Fast(FastFunction::Tanh)),
            Self::Sigmoid => Some(Function::Fast(FastFunction::Sigmoid)),
            Self::HardSigmoid => Some(Function::Fast(FastFunction::HardSigmoid)),
            Self::Elementwise(f) => Some(Function::Other(f)),
            Self::Softmax | Self::LogSoftmax | Self::Sparsemax => None,
        }
    }

    /// Whether [`Activation::chain`] reads the input `z`, which the layer must save for it.
    pub fn needs_input(self) -> bool {
        matches!(self, Self::Elementwise(f) if f.needs_input())
    }

    /// `a = f(z)`, in place, for rows of `width` numbers.
    pub fn apply(self, values: &mut [f32], width: usize) {
        match (self.function(), self) {
            (Some(function), _) => function.apply(values),
            (None, Self::LogSoftmax) => values.chunks_exact_mut(width.max(1)).for_each(log_softmax),
            (None, Self::Sparsemax) => values.chunks_exact_mut(width.max(1)).for_each(sparsemax),
            (None, _) => softmax(values, width),
        }
    }

    /// `∂L/∂z = ∂L/∂a · f′(z)`, in place, with `f′` from `a = f(z)` (see [`Function::chain`]), or from `z` where
    /// [`Activation::needs_input`]: else `z` may be empty. By rows of `width`:
    ///
    /// ```text
    /// softmax      ∂L/∂z = a ⊙ (∂L/∂a − Σ a·∂L/∂a)
    /// log_softmax  ∂L/∂z = ∂L/∂a − eᵃ·Σ ∂L/∂a
    /// sparsemax    ∂L/∂z = ∂L/∂a − mean of ∂L/∂a over S, on S = {a > 0}, else 0
    /// ```
    pub fn chain(self, d: &mut [f32], a: &[f32], z: &[f32], width: usize) {
        if let Some(function) = self.function() {
            return function.chain(d, if function.needs_input() { z } else { a });
        }
        for (d, a) in d.chunks_exact_mut(width).zip(a.chunks_exact(width)) {
            match self {
                Self::LogSoftmax => {
                    let sum: f32 = d.iter().sum();
                    d.iter_mut().zip(a).for_each(|(d, a)| *d -= a.exp() * sum);
                }
                Self::Sparsemax => {
                    let on = || a.iter().filter(|a| **a > 0.0).count().max(1) as f32;
                    let sum: f32 = d.iter().zip(a).filter(|(_, a)| **a > 0.0).map(|(d, _)| d).sum();
                    let mean = sum / on();
                    d.iter_mut().zip(a).for_each(|(d, a)| *d = if *a > 0.0 { *d - mean } else { 0.0 });
                }
                _ => {
                    let along: f32 = d.iter().zip(a).map(|(d, a)| d * a).sum();
                    d.iter_mut().zip(a).for_each(|(d, a)| *d = a * (*d - along));
                }
            }
        }
    }
}

/// `x − ln Σeˣ`, in place: the logarithms of the softmax, exact where those of a rounded 0 would not be.
fn log_softmax(row: &mut [f32]) {
    let greatest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = row.iter().map(|x| f64::from(x - greatest).exp()).sum();
    let log_sum = sum.ln() + f64::from(greatest);
    row.iter_mut().for_each(|x| *x = (f64::from(*x) - log_sum) as f32);
}

/// `max(x − τ, 0)` with `Σ max(x − τ, 0) = 1`, in place. `τ` is a fixed point of the mean excess over the numbers above it (Michelot
/// 1986): each turn leaves out those that are not, so no sorting and no memory are needed.
fn sparsemax(row: &mut [f32]) {
    let mut tau = f64::NEG_INFINITY;
    loop {
        let above = row.iter().map(|x| f64::from(*x)).filter(|x| *x > tau || x.is_nan());
        let (sum, count) = above.fold((0.0, 0.0), |(sum, count), x| (sum + x, count + 1.0));
        let next = (sum - 1.0) / f64::max(count, 1.0);
        if next <= tau || next.is_nan() {
            tau = if next.is_nan() { next } else { tau };
            break;
        }
        tau = next;
    }
    row.iter_mut().for_each(|x| {
        let excess = f64::from(*x) - tau;
        *x = if excess <= 0.0 { 0.0 } else { excess as f32 };
    });
}

impl Serialize for Activation {
    /// The name alone, if that says it all.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self::Elementwise(f) = self else {
            let own = OWN.iter().find(|(_, own)| own == self);
            return serializer.serialize_str(own.map_or("linear", |(name, _)| name));
        };
        let written = serde_json::to_value(f).unwrap_or_default();
        let name = written.get("name").and_then(serde_json::Value::as_str).unwrap_or_default();
        match Self::named(name, serde_json::Map::new()) {
            Ok(named) if named == *self => serializer.serialize_str(name),
            _ => f.serialize(serializer),
        }
    }
}

impl Activation {
    /// The function `name` with `parameters`; an error in words.
    fn named(name: &str, mut parameters: serde_json::Map<String, serde_json::Value>) -> Result<Self, String> {
        if name == "LeakyReLU" {
            // Keras's layer has another default than the function.
            parameters.entry("negative_slope").or_insert(0.3.into());
        }
        let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| *name);
        parameters.retain(|_, value| !value.is_null());
        if name.ends_with("softmax") || name == "sparsemax" {
            // Features are last in every tensor here.
            parameters.retain(|key, value| key != "axis" || *value != serde_json::json!(-1));
        }
        if let (Some((_, own)), true) = (OWN.iter().find(|(own, _)| *own == name), parameters.is_empty()) {
            return Ok(*own);
        }
        if name == "glu" {
            return Err("glu halves the units of its layer, which is not available: two Dense layers, one of them with sigmoid, \
                        and Multiply are the same"
                .into());
        }
        if !Self::NAMES.contains(&name) {
            return Err(serde_json::Error::unknown_variant(name, Self::NAMES).to_string());
        }
        if let Some((own, _)) = OWN.iter().find(|(own, _)| *own == name && name != "relu") {
            let key = parameters.keys().next().map_or("", String::as_str);
            return Err(format!("unknown field `{key}` of {own}"));
        }
        let keys: Vec<String> = parameters.keys().cloned().collect();
        parameters.insert("name".into(), name.into());
        let f = Elementwise::deserialize(serde_json::Value::Object(parameters)).map_err(|e| e.to_string())?;
        // A name that takes no parameters lets any pass by itself.
        let known = serde_json::to_value(f).unwrap_or_default();
        let stranger = keys.iter().find(|key| known.get(key.as_str()).is_none());
        match stranger {
            Some(key) => Err(format!("unknown field `{key}` of {name}")),
            None if f == (Elementwise::ReluWith { negative_slope: 0.0, max_value: None, threshold: 0.0 }) => {
                Ok(Self::Relu)
            }
            None => Ok(Self::Elementwise(f)),
        }
    }
}

impl<'de> Deserialize<'de> for Activation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrMapping;

        impl<'de> Visitor<'de> for NameOrMapping {
            type Value = Activation;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an activation: a name such as relu, or {name: leaky_relu, negative_slope: 0.1}")
            }

            fn visit_unit<E: Error>(self) -> Result<Activation, E> {
                Ok(Activation::Linear)
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Activation, E> {
                Activation::named(name, serde_json::Map::new()).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Activation, A::Error> {
                let KerasObject { name, config } = KerasObject::read(map)?;
                Activation::named(&name, config).map_err(A::Error::custom)
            }
        }

        deserializer.deserialize_any(NameOrMapping)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_derivative_is_the_slope() {
        for f in OWN.map(|(_, own)| own) {
            let x = [-2.0f32, -0.3, 0.4, 1.7];
            let at = |x: [f32; 4]| {
                let mut v = x;
                f.apply(&mut v, 4);
                v
            };
            // The slope of Σ cᵢ·aᵢ along each x.
            let c = [0.3f32, -1.0, 0.7, 0.2];
            let loss = |x| at(x).iter().zip(c).map(|(a, c)| f64::from(a * c)).sum::<f64>();
            let mut d = c;
            f.chain(&mut d, &at(x), &x, 4);
            for i in 0..4 {
                let (mut up, mut down) = (x, x);
                up[i] += 1e-2;
                down[i] -= 1e-2;
                let slope = (loss(up) - loss(down)) / 2e-2;
                assert!((f64::from(d[i]) - slope).abs() < 1e-4, "{f:?} at {}: {} for {slope}", x[i], d[i]);
            }
        }
    }

    #[test]
    fn not_a_number_gets_through() {
        for f in OWN.map(|(_, own)| own) {
            let mut v = [f32::NAN, 1.0];
            f.apply(&mut v, 2);
            assert!(v[0].is_nan(), "{f:?}");
        }
    }

    #[test]
    fn softmax_survives_large_numbers() {
        let mut v = [1e30, 1e30, -1e30];
        Activation::Softmax.apply(&mut v, 3);
        assert_eq!(v[..2], [0.5, 0.5]);
        assert!(v[2] < 1e-37);
    }

    #[test]
    fn row_functions_agree_with_their_definitions() {
        let x = [1.2f32, 0.3, -2.0, 1.0];
        let of = |f: Activation| {
            let mut v = x;
            f.apply(&mut v, 4);
            v
        };
        let logs = of(Activation::Softmax).map(f32::ln);
        assert!(of(Activation::LogSoftmax).iter().zip(logs).all(|(a, b)| (a - b).abs() < 1e-5));
        // τ = (1.2 + 1.0 − 1)/2 = 0.6
        assert!(
            of(Activation::Sparsemax).iter().zip([0.6, 0.0, 0.0, 0.4]).all(|(a, b)| (a - b).abs() < 1e-6)
        );
    }

    #[test]
    fn every_name_is_read_and_written_as_it_was() {
        let read = |text: &str| serde_yaml::from_str::<Activation>(text).map_err(|e| e.to_string());
        for name in Activation::NAMES.iter().filter(|name| **name != "threshold") {
            let read_once = read(name).unwrap();
            let written = serde_yaml::to_string(&read_once).unwrap();
            let canonical = ALIASES.iter().find(|(alias, _)| alias == name).map_or(*name, |(_, name)| *name);
            assert_eq!(written.trim(), canonical);
            assert_eq!(read_once.name(), canonical);
        }
        for (text, name) in [
            ("{name: leaky_relu, negative_slope: 0.1}", "leaky_relu"),
            ("{class_name: LeakyReLU, config: {negative_slope: 0.1}}", "leaky_relu"),
            ("{class_name: function, config: gelu}", "gelu"),
            ("{name: gelu, approximate: true}", "gelu"),
            ("{name: relu, max_value: 6}", "relu"),
            ("{name: threshold, threshold: 0.5, default_value: 0}", "threshold"),
            ("null", "linear"),
        ] {
            let once = read(text).unwrap();
            assert_eq!(once.name(), name);
            assert_eq!(read(&serde_yaml::to_string(&once).unwrap()), Ok(once), "{text}");
        }
        let slope = |text| match read(text) {
            Ok(Activation::Elementwise(Elementwise::LeakyRelu { negative_slope })) => negative_slope,
            other => panic!("{other:?}"),
        };
        assert_eq!((slope("leaky_relu"), slope("LeakyReLU")), (0.2, 0.3));
        assert!(read("{name: elu, slope: 1}").unwrap_err().contains("slope"));
        assert!(read("{name: selu, alpha: 1}").unwrap_err().contains("unknown field `alpha` of selu"));
        assert!(read("{name: tanh, alpha: 1}").unwrap_err().contains("unknown field `alpha` of tanh"));
        assert!(read("gello").unwrap_err().contains("unknown variant"));
    }
}
