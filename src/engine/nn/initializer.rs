use serde::de::value::MapDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::LayerConfigError;
use super::keras_object::KerasObject;
use crate::rng::Rng;

/// Weight initializers. Names and definitions are Keras 3's (`keras/src/initializers`).
///
/// Written as a name (`he_normal`, or Keras's class name `HeNormal`), or as a mapping where there is more to say:
/// `{name: identity, gain: 0.9}`. With fan the number of inputs (`fan_in`) and outputs (`fan_out`) of a weight tensor:
///
/// ```text
///            variance 1/fan_in    2/fan_in (He et al. 2015)    2/(fan_in + fan_out) (Glorot & Bengio 2010)
/// uniform    lecun_uniform        he_uniform                   glorot_uniform        in ±√(3·variance)
/// normal     lecun_normal         he_normal                    glorot_normal         truncated at two deviations
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum Initializer {
    /// All 0.
    #[serde(alias = "Zeros")]
    Zeros,
    /// All 1.
    #[serde(alias = "Ones")]
    Ones,
    /// All the same.
    #[serde(alias = "Constant")]
    Constant {
        /// Every weight; 0 by default.
        #[serde(default)]
        value: f64,
    },
    /// Uniform with the variance 2/(fan in + fan out).
    #[serde(alias = "GlorotUniform")]
    GlorotUniform,
    /// Truncated normal with the variance 2/(fan in + fan out).
    #[serde(alias = "GlorotNormal")]
    GlorotNormal,
    /// Uniform with the variance 2/fan in, for relu.
    #[serde(alias = "HeUniform")]
    HeUniform,
    /// Truncated normal with the variance 2/fan in, for relu.
    #[serde(alias = "HeNormal")]
    HeNormal,
    /// Uniform with the variance 1/fan in (LeCun et al. 1998).
    #[serde(alias = "LecunUniform")]
    LecunUniform,
    /// Truncated normal with the variance 1/fan in.
    #[serde(alias = "LecunNormal")]
    LecunNormal,
    /// Rows or columns, whichever are fewer, orthonormal times `gain` (Saxe et al. 2013).
    #[serde(alias = "Orthogonal", alias = "OrthogonalInitializer")]
    Orthogonal {
        /// Their length; 1 by default.
        #[serde(default = "one")]
        gain: f64,
    },
    /// `gain` on the diagonal, 0 elsewhere: as the recurrent kernel of relu units, an IRNN (Le et al. 2015).
    #[serde(alias = "Identity", alias = "IdentityInitializer")]
    Identity {
        /// 1 by default.
        #[serde(default = "one")]
        gain: f64,
    },
    /// Uniform from `minval` to `maxval`; ±0.05 by default, the default of an `Embedding`.
    #[serde(alias = "RandomUniform", alias = "uniform")]
    RandomUniform {
        /// Least.
        #[serde(default = "minus_a_twentieth")]
        minval: f64,
        /// Greatest.
        #[serde(default = "a_twentieth")]
        maxval: f64,
    },
    /// Normal.
    #[serde(alias = "RandomNormal", alias = "normal")]
    RandomNormal {
        /// 0 by default.
        #[serde(default)]
        mean: f64,
        /// Standard deviation; 0.05 by default.
        #[serde(default = "a_twentieth")]
        stddev: f64,
    },
    /// Normal, but drawn again beyond two standard deviations.
    #[serde(alias = "TruncatedNormal")]
    TruncatedNormal {
        /// 0 by default.
        #[serde(default)]
        mean: f64,
        /// Standard deviation before anything is drawn again; 0.05 by default.
        #[serde(default = "a_twentieth")]
        stddev: f64,
    },
    /// The variance `scale` divided by a fan, of which those above are cases.
    #[serde(alias = "VarianceScaling")]
    VarianceScaling {
        /// 1 by default.
        #[serde(default = "one")]
        scale: f64,
        /// The fan; `fan_in` by default.
        #[serde(default)]
        mode: FanMode,
        /// `truncated_normal` by default.
        #[serde(default)]
        distribution: Distribution,
    },
}

/// The fan by which the variance of [`Initializer::VarianceScaling`] is divided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FanMode {
    /// The number of inputs.
    #[default]
    FanIn,
    /// The number of outputs.
    FanOut,
    /// Their mean.
    FanAvg,
}

/// The distribution of [`Initializer::VarianceScaling`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Normal, but drawn again beyond two standard deviations.
    #[default]
    #[serde(alias = "normal")]
    TruncatedNormal,
    /// Normal.
    UntruncatedNormal,
    /// Uniform.
    Uniform,
}

fn one() -> f64 {
    1.0
}

fn a_twentieth() -> f64 {
    0.05
}

fn minus_a_twentieth() -> f64 {
    -0.05
}

/// The standard deviation of a standard normal cut off at ±2.
const TRUNCATED: f64 = 0.879_625_661_034_239_8;

/// A distribution whose parameters are known.
enum Draw {
    Uniform { middle: f64, limit: f64 },
    Normal { mean: f64, stddev: f64 },
    Truncated { mean: f64, stddev: f64 },
}

impl Initializer {
    /// The default of recurrent kernels.
    pub const ORTHOGONAL: Self = Self::Orthogonal { gain: 1.0 };
    /// The default of embeddings: within ±0.05.
    pub const RANDOM_UNIFORM: Self = Self::RandomUniform { minval: -0.05, maxval: 0.05 };

    /// Draws `values`, a tensor of `shape`, row-major.
    pub fn fill(self, shape: &[usize], values: &mut [f32], rng: &mut Rng) {
        let (fan_in, fan_out) = fans(shape);
        let cols = shape.last().copied().unwrap_or(1).max(1);
        let uniform = |variance: f64| Draw::Uniform { middle: 0.0, limit: (3.0 * variance).sqrt() };
        let normal = |variance: f64| Draw::Truncated { mean: 0.0, stddev: variance.sqrt() / TRUNCATED };
        let draw = match self {
            Self::Zeros => return values.fill(0.0),
            Self::Ones => return values.fill(1.0),
            Self::Constant { value } => return values.fill(value as f32),
            Self::Orthogonal { gain } => {
                return orthogonal(values, values.len() / cols, cols, gain, rng);
            }
            Self::Identity { gain } => {
                values.fill(0.0);
                return values.iter_mut().step_by(cols + 1).take(cols).for_each(|w| *w = gain as f32);
            }
            Self::GlorotUniform => uniform(2.0 / (fan_in + fan_out)),
            Self::GlorotNormal => normal(2.0 / (fan_in + fan_out)),
            Self::HeUniform => uniform(2.0 / fan_in),
            Self::HeNormal => normal(2.0 / fan_in),
            Self::LecunUniform => uniform(1.0 / fan_in),
            Self::LecunNormal => normal(1.0 / fan_in),
            Self::VarianceScaling { scale, mode, distribution } => {
                let fan = match mode {
                    FanMode::FanIn => fan_in,
                    FanMode::FanOut => fan_out,
                    FanMode::FanAvg => (fan_in + fan_out) / 2.0,
                };
                match distribution {
                    Distribution::TruncatedNormal => normal(scale / fan),
                    Distribution::UntruncatedNormal => {
                        Draw::Normal { mean: 0.0, stddev: (scale / fan).sqrt() }
                    }
                    Distribution::Uniform => uniform(scale / fan),
                }
            }
            Self::RandomUniform { minval, maxval } => {
                Draw::Uniform { middle: (minval + maxval) / 2.0, limit: (maxval - minval) / 2.0 }
            }
            Self::RandomNormal { mean, stddev } => Draw::Normal { mean, stddev },
            Self::TruncatedNormal { mean, stddev } => Draw::Truncated { mean, stddev },
        };
        values.iter_mut().for_each(|w| *w = draw.one(rng) as f32);
    }

    /// Checks that it fits a tensor of `rank` sizes; `field` is its name in the layer's configuration.
    ///
    /// # Errors
    /// For numbers that are not finite, a negative deviation, an empty range, and a matrix where there is none.
    pub fn fits(self, field: &str, rank: usize) -> Result<(), LayerConfigError> {
        let name = self.name();
        let refuse =
            |found: String, help: &str| Err(LayerConfigError::of(field, format!("`{field}` {found}"), help));
        let numbers = match self {
            Self::Constant { value: x } | Self::Orthogonal { gain: x } | Self::Identity { gain: x } => {
                [x, 0.0]
            }
            Self::RandomUniform { minval, maxval } => [minval, maxval],
            Self::VarianceScaling { scale, .. } => [scale, 0.0],
            Self::RandomNormal { mean, stddev } | Self::TruncatedNormal { mean, stddev } => [mean, stddev],
            _ => [0.0; 2],
        };
        if let Some(bad) = numbers.iter().find(|x| !x.is_finite()) {
            return refuse(format!("({name}) has {bad}"), "its numbers must be finite");
        }
        match self {
            Self::RandomNormal { stddev, .. } | Self::TruncatedNormal { stddev, .. } if stddev < 0.0 => {
                refuse(format!("has stddev {stddev}"), "it must be 0 or more")
            }
            Self::VarianceScaling { scale, .. } if scale <= 0.0 => {
                refuse(format!("has scale {scale}"), "it must be above 0")
            }
            Self::RandomUniform { minval, maxval } if minval > maxval => {
                refuse(format!("goes from {minval} to {maxval}"), "minval must not be above maxval")
            }
            Self::Orthogonal { .. } if rank < 2 => {
                refuse(format!("is {name}, which needs a matrix"), "a vector can be zeros or ones")
            }
            Self::Identity { .. } if rank != 2 => {
                refuse(format!("is {name}, which needs a matrix"), "glorot_uniform fits any tensor")
            }
            _ => Ok(()),
        }
    }

    /// Keras's name: `glorot_uniform`.
    pub fn name(self) -> String {
        let written = serde_json::to_value(InitializerValue(self)).unwrap_or_default();
        written.get("name").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    }
}

impl Draw {
    fn one(&self, rng: &mut Rng) -> f64 {
        match *self {
            Self::Uniform { middle, limit } => middle + (rng.uniform() * 2.0 - 1.0) * limit,
            Self::Normal { mean, stddev } => mean + stddev * rng.normal(),
            Self::Truncated { mean, stddev } => loop {
                let z = rng.normal();
                if z.abs() < 2.0 {
                    break mean + stddev * z;
                }
            },
        }
    }
}

/// An initializer as a mapping, with all its numbers.
#[derive(Serialize)]
struct InitializerValue(#[serde(with = "Initializer")] Initializer);

impl Serialize for Initializer {
    /// The name alone, if that says it all.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = self.name();
        let named = MapDeserializer::<_, serde::de::value::Error>::new([("name", name.as_str())].into_iter());
        match Self::deserialize(named) {
            Ok(named) if named == *self => serializer.serialize_str(&name),
            _ => Self::serialize(self, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Initializer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrMapping;

        impl<'de> Visitor<'de> for NameOrMapping {
            type Value = Initializer;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an initializer: a name such as he_normal, or {name: orthogonal, gain: 1.0}")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Initializer, E> {
                Initializer::deserialize(MapDeserializer::new([("name", name)].into_iter()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Initializer, A::Error> {
                let KerasObject { name, config: mut fields } = KerasObject::read(map)?;
                // Keras's own draws: here `train.seed` decides.
                fields.remove("seed");
                fields.retain(|_, value| !value.is_null());
                fields.insert("name".into(), name.into());
                let init = Initializer::deserialize(serde_json::Value::Object(fields.clone()));
                let init = init.map_err(A::Error::custom)?;
                // A name that takes no numbers lets any pass by itself.
                let known = serde_json::to_value(InitializerValue(init)).unwrap_or_default();
                match fields.keys().find(|key| known.get(key).is_none()) {
                    Some(key) => {
                        Err(A::Error::custom(format_args!("unknown field `{key}` of {}", init.name())))
                    }
                    None => Ok(init),
                }
            }
        }

        deserializer.deserialize_any(NameOrMapping)
    }
}

/// Inputs and outputs of a weight tensor: the last two sizes times the receptive field before them; at least 1.
fn fans(shape: &[usize]) -> (f64, f64) {
    let (fan_in, fan_out) = match *shape {
        [] => (1, 1),
        [n] => (n, n),
        [ref field @ .., fan_in, fan_out] => {
            let field = field.iter().product::<usize>();
            (fan_in * field, fan_out * field)
        }
    };
    (fan_in.max(1) as f64, fan_out.max(1) as f64)
}

/// Orthonormal rows times `gain`, or columns if these are fewer: Gram & Schmidt on normal vectors in f64, each vector twice, which keeps the
/// products of two of them at rounding error (Giraud et al. 2005). The result is distributed as Q of a QR with positive diagonal.
fn orthogonal(values: &mut [f32], rows: usize, cols: usize, gain: f64, rng: &mut Rng) {
    let (count, size) = (rows.min(cols), rows.max(cols));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    while vectors.len() < count {
        let mut v: Vec<f64> = (0..size).map(|_| rng.normal()).collect();
        for _ in 0..2 {
            for u in &vectors {
                let along: f64 = u.iter().zip(&v).map(|(a, b)| a * b).sum();
                v.iter_mut().zip(u).for_each(|(x, a)| *x -= along * a);
            }
        }
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        if norm > 1e-6 {
            v.iter_mut().for_each(|x| *x /= norm);
            vectors.push(v);
        }
    }
    for (i, value) in values.iter_mut().enumerate() {
        let (row, col) = (i / cols, i % cols);
        *value = (gain * if rows <= cols { vectors[row][col] } else { vectors[col][row] }) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(init: Initializer, shape: &[usize]) -> Vec<f64> {
        let mut values = vec![9.0; shape.iter().product()];
        init.fill(shape, &mut values, &mut Rng::new(1, "weights", 0));
        values.into_iter().map(f64::from).collect()
    }

    fn read(text: &str) -> Result<Initializer, String> {
        serde_yaml::from_str(text).map_err(|e| e.to_string())
    }

    #[test]
    fn orthogonal_vectors_are_orthonormal_either_way() {
        for (rows, cols, gain) in [(8, 8, 1.0), (64, 64, 1.0), (5, 20, 1.0), (20, 5, 2.0), (1, 3, 0.5)] {
            let w = drawn(Initializer::Orthogonal { gain }, &[rows, cols]);
            let at = |i: usize, k: usize| if rows <= cols { w[i * cols + k] } else { w[k * cols + i] };
            for i in 0..rows.min(cols) {
                for j in 0..rows.min(cols) {
                    let dot: f64 = (0..rows.max(cols)).map(|k| at(i, k) * at(j, k)).sum();
                    let expected = if i == j { gain * gain } else { 0.0 };
                    assert!((dot - expected).abs() < 1e-5, "{rows}×{cols}: {i}·{j} = {dot}");
                }
            }
        }
    }

    #[test]
    fn draws_have_their_mean_variance_and_bounds() {
        use Initializer::*;
        let (fan_in, fan_out) = (300.0, 200.0);
        // Expected mean, variance and the most that a draw can be off the mean.
        for (init, mean, variance, bound) in [
            (GlorotUniform, 0.0, 2.0 / (fan_in + fan_out), (6.0f64 / (fan_in + fan_out)).sqrt()),
            (
                GlorotNormal,
                0.0,
                2.0 / (fan_in + fan_out),
                2.0 * (2.0f64 / (fan_in + fan_out)).sqrt() / 0.8796,
            ),
            (HeUniform, 0.0, 2.0 / fan_in, (6.0f64 / fan_in).sqrt()),
            (HeNormal, 0.0, 2.0 / fan_in, 2.0 * (2.0f64 / fan_in).sqrt() / 0.8796),
            (LecunUniform, 0.0, 1.0 / fan_in, (3.0f64 / fan_in).sqrt()),
            (LecunNormal, 0.0, 1.0 / fan_in, 2.0 * (1.0f64 / fan_in).sqrt() / 0.8796),
            (RandomUniform { minval: 0.5, maxval: 1.5 }, 1.0, 1.0 / 12.0, 0.5),
            (RandomNormal { mean: -1.0, stddev: 0.2 }, -1.0, 0.04, f64::INFINITY),
            (TruncatedNormal { mean: 2.0, stddev: 0.5 }, 2.0, 0.25 * 0.773_741_3, 1.0),
        ] {
            let w = drawn(init, &[300, 200]);
            let n = w.len() as f64;
            let found = w.iter().sum::<f64>() / n;
            let spread = w.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            assert!((found - mean).abs() < 5.0 * (variance / n).sqrt(), "{init:?}: mean {found}");
            assert!((spread / variance - 1.0).abs() < 0.02, "{init:?}: variance {spread} for {variance}");
            assert!(w.iter().all(|x| (x - mean).abs() <= bound * 1.000_1), "{init:?}");
        }
    }

    #[test]
    fn the_field_of_a_convolution_counts_to_both_fans() {
        assert_eq!(fans(&[5, 100, 120]), (500.0, 600.0));
        assert_eq!((fans(&[7]), fans(&[])), ((7.0, 7.0), (1.0, 1.0)));
    }

    #[test]
    fn constants_and_the_identity_are_what_they_say() {
        let of = |init| drawn(init, &[2, 3]);
        assert_eq!(of(Initializer::Zeros), [0.0; 6]);
        assert_eq!(of(Initializer::Ones), [1.0; 6]);
        assert_eq!(of(Initializer::Constant { value: -2.5 }), [-2.5; 6]);
        assert_eq!(of(Initializer::Identity { gain: 0.5 }), [0.5, 0.0, 0.0, 0.0, 0.5, 0.0]);
        assert_eq!(drawn(Initializer::Identity { gain: 1.0 }, &[3, 2]), [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn names_of_both_forms_and_mappings_are_read_and_written_back_as_short_as_they_can_be() {
        for (text, short) in [
            ("he_normal", "he_normal"),
            ("HeNormal", "he_normal"),
            ("{name: Identity, gain: 0.9}", "name: identity\ngain: 0.9"),
            ("{name: Identity, gain: 1}", "identity"),
            ("Orthogonal", "orthogonal"),
            ("uniform", "random_uniform"),
            ("{name: RandomNormal, stddev: 0.01}", "name: random_normal\nmean: 0.0\nstddev: 0.01"),
            ("{name: constant, value: 1}", "name: constant\nvalue: 1.0"),
        ] {
            let init = read(text).unwrap();
            let written = serde_yaml::to_string(&init).unwrap();
            assert_eq!(written.trim_end(), short, "{text}");
            assert_eq!(read(&written), Ok(init));
        }
        assert!(read("he_norml").unwrap_err().contains("unknown variant `he_norml`"));
        assert!(read("{name: zeros, gain: 2}").unwrap_err().contains("`gain` of zeros"));
        assert!(read("{name: identity, gian: 2}").unwrap_err().contains("gian"));
        assert!(read("3").unwrap_err().contains("expected an initializer"));
    }

    #[test]
    fn what_a_tensor_cannot_begin_with_is_refused() {
        use Initializer::*;
        for (init, rank) in [
            (Orthogonal { gain: 1.0 }, 1),
            (Identity { gain: 1.0 }, 3),
            (Constant { value: f64::NAN }, 2),
            (RandomNormal { mean: 0.0, stddev: -1.0 }, 2),
            (RandomUniform { minval: 1.0, maxval: 0.0 }, 2),
        ] {
            assert_eq!(
                init.fits("bias_initializer", rank).unwrap_err().field.as_deref(),
                Some("bias_initializer")
            );
        }
        assert_eq!(Identity { gain: 1.0 }.fits("kernel_initializer", 2), Ok(()));
    }
}
