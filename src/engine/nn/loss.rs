use super::{Activation, LayerConfigError, Shape};

/// The loss, by Keras's name. A new one is a variant here, whose formulas in `nn/loss_terms.rs` the compiler then asks for;
/// `help/layers.md` lists it, and one with classes also needs `preset/target_check.rs`. Source: `keras/src/losses/losses.py`. Its options
/// are in [`LossSpec`](super::LossSpec): `s` is `label_smoothing`.
///
/// Cross-entropies work on *logits*: the model takes the last layer's sigmoid or softmax off and hands it to the loss, which is the
/// same function and exact where a rounded probability of 0 or 1 would not be (Keras does so as well: `from_logits`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// ```text
    /// L = −y·ln p − (1−y)·ln(1−p),  p = σ(z)        = max(z,0) − z·y + ln(1 + e^{−|z|})
    /// ∂L/∂z = p − y
    /// ```
    /// Of several labels at once, each by itself, the mean over the labels; accuracy is then the share of the labels that were predicted
    /// (Keras's `binary_accuracy`). With smoothing `y ← y·(1 − s) + s/2`.
    BinaryCrossentropy,
    /// The same, less for what is right already (Lin et al. 2018):
    ///
    /// ```text
    /// L = w·(1 − q)^γ·BCE,   q = y·p + (1 − y)·(1 − p),   w = 1, or y·α + (1 − y)·(1 − α) with `apply_class_balancing`
    /// ∂L/∂z = w·((1 − q)^γ·(p − y) − BCE·γ·(1 − q)^(γ−1)·(2y − 1)·p·(1 − p))
    /// ```
    BinaryFocalCrossentropy,
    /// ```text
    /// L = −ln p_y,  p = softmax(z)                  = ln Σeᶻ − z_y
    /// ∂L/∂z = p − [y]
    /// ```
    /// With smoothing the target is `t = [y]·(1 − s) + s/K` of K classes: `L = ln Σeᶻ − Σ t·z`, `∂L/∂z = p − t`. (Keras offers it for
    /// `categorical_crossentropy` only.)
    SparseCategoricalCrossentropy,
    /// The same: targets are numbers of classes here in any case.
    CategoricalCrossentropy,
    /// The same, less for what is right already:
    ///
    /// ```text
    /// L = −α·Σ t·(1 − p)^γ·ln p
    /// ∂L/∂z = u − p·Σu,   u = α·t·(γ·p·(1 − p)^(γ−1)·ln p − (1 − p)^γ)
    /// ```
    CategoricalFocalCrossentropy,
    /// `L = Σ [y]·ln([y]/p) = −ln p_y`: of targets without uncertainty the cross-entropy.
    KlDivergence,
    /// `L = mean (a − y)²` over the outputs; `∂L/∂a = 2(a − y)/n`.
    MeanSquaredError,
    /// `L = mean |a − y|` over the outputs; `∂L/∂a = sign(a − y)/n`.
    MeanAbsoluteError,
    /// `L = mean ½(a − y)²` where `|a − y| ≤ δ`, else `δ·|a − y| − ½δ²` (Huber 1964); `∂L/∂a = clamp(a − y, ±δ)/n`.
    Huber,
    /// `L = mean ln cosh(a − y)`; `∂L/∂a = tanh(a − y)/n`.
    LogCosh,
    /// `L = mean a − y·ln(a + ε)`, for counts; `∂L/∂a = (1 − y/(a + ε))/n`; ε = 1e-7 here and below.
    Poisson,
    /// `L = mean 100·|a − y|/max(|y|, ε)`; `∂L/∂a = 100·sign(a − y)/max(|y|, ε)/n`.
    MeanAbsolutePercentageError,
    /// `L = mean e²`, `e = ln(max(a, ε) + 1) − ln(max(y, ε) + 1)`; `∂L/∂a = 2e/(a + 1)/n` above ε, else 0.
    MeanSquaredLogarithmicError,
}

/// All losses by Keras's names.
const NAMES: [(&str, Loss); 13] = [
    ("binary_crossentropy", Loss::BinaryCrossentropy),
    ("binary_focal_crossentropy", Loss::BinaryFocalCrossentropy),
    ("sparse_categorical_crossentropy", Loss::SparseCategoricalCrossentropy),
    ("categorical_crossentropy", Loss::CategoricalCrossentropy),
    ("categorical_focal_crossentropy", Loss::CategoricalFocalCrossentropy),
    ("kl_divergence", Loss::KlDivergence),
    ("mean_squared_error", Loss::MeanSquaredError),
    ("mean_absolute_error", Loss::MeanAbsoluteError),
    ("huber", Loss::Huber),
    ("log_cosh", Loss::LogCosh),
    ("poisson", Loss::Poisson),
    ("mean_absolute_percentage_error", Loss::MeanAbsolutePercentageError),
    ("mean_squared_logarithmic_error", Loss::MeanSquaredLogarithmicError),
];

/// The output that [`Loss::BinaryCrossentropy`] fits, and a layer that has it.
const ONE_NUMBER: &str = "one number a sequence, (None, 1)";
const ONE_SIGMOID: &str = "end with `{layer: Dense, units: 1, activation: sigmoid}`";

/// The loss of a class that only the data to evaluate on have: −ln 10⁻⁷, the greatest of Keras's cross-entropy of probabilities, which it
/// clips at its `epsilon` (`keras/src/backend/config.py`).
pub(super) const UNSEEN_LOSS: f64 = 16.118_095_650_958_32;

impl Loss {
    /// The names that a preset may use.
    pub fn names() -> Vec<&'static str> {
        NAMES.iter().map(|(name, _)| *name).collect()
    }

    /// The loss of Keras's name, short name or class.
    pub fn of_name(name: &str) -> Option<Self> {
        if let Some((_, loss)) = NAMES.iter().find(|(own, _)| *own == name) {
            return Some(*loss);
        }
        // Classes have no underscores; a name with a wrong one is a slip.
        let class = name.to_lowercase();
        let class = match class.as_str() {
            "mse" => "meansquarederror",
            "mae" => "meanabsoluteerror",
            "mape" => "meanabsolutepercentageerror",
            "msle" => "meansquaredlogarithmicerror",
            "bce" => "binarycrossentropy",
            "kld" | "kullbackleiblerdivergence" => "kldivergence",
            other => other,
        };
        NAMES.iter().find(|(own, _)| own.replace('_', "") == class).map(|(_, loss)| *loss)
    }

    /// Keras's name.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, loss)| *loss == self).map_or("", |(name, _)| name)
    }

    /// Whether it is for two classes, or for several labels at once.
    pub fn is_binary(self) -> bool {
        matches!(self, Self::BinaryCrossentropy | Self::BinaryFocalCrossentropy)
    }

    /// Whether the targets are classes; else they are numbers.
    pub fn has_classes(self) -> bool {
        self.required_activation().is_some()
    }

    /// Whether outputs of so many numbers are several labels at once.
    pub(super) fn has_labels(self, width: usize) -> bool {
        self.is_binary() && width > 1
    }

    /// The activation that the last layer must have, which the loss applies itself; numbers take any.
    pub(super) fn required_activation(self) -> Option<Activation> {
        match self {
            Self::BinaryCrossentropy | Self::BinaryFocalCrossentropy => Some(Activation::Sigmoid),
            Self::SparseCategoricalCrossentropy
            | Self::CategoricalCrossentropy
            | Self::CategoricalFocalCrossentropy
            | Self::KlDivergence => Some(Activation::Softmax),
            Self::MeanSquaredError
            | Self::MeanAbsoluteError
            | Self::Huber
            | Self::LogCosh
            | Self::Poisson
            | Self::MeanAbsolutePercentageError
            | Self::MeanSquaredLogarithmicError => None,
        }
    }

    /// Checks the model's output.
    ///
    /// # Errors
    /// When the loss does not fit, with what would fit.
    ///
    /// `from_logits`: the last layer's activation is left out.
    pub(super) fn fits(
        self,
        output: Shape,
        activation: Option<Activation>,
        from_logits: bool,
    ) -> Result<(), LayerConfigError> {
        let shape = || {
            let sizes =
                output.keras().iter().map(|n| n.map_or("None".into(), |n| n.to_string())).collect::<Vec<_>>();
            format!("({})", sizes.join(", "))
        };
        let refuse = |expected: &str, help: &str| {
            let found = format!("{} expects {expected}, but the model's output is {}", self.name(), shape());
            Err(LayerConfigError::new(found, help))
        };
        match (self.required_activation(), output) {
            (Some(Activation::Sigmoid), Shape::Vector { features: 1 }) => {}
            // Several labels at once.
            (Some(Activation::Sigmoid), Shape::Vector { .. }) if activation.is_some() => {}
            (Some(Activation::Sigmoid), _) => return refuse(ONE_NUMBER, ONE_SIGMOID),
            (Some(_), Shape::Vector { features } | Shape::Sequence { features, .. }) if features > 1 => {}
            (Some(_), _) => {
                return refuse(
                    "a probability for each of several classes",
                    "end with `{layer: Dense, units: CLASSES, activation: softmax}`",
                );
            }
            (None, Shape::Vector { .. }) => {}
            (None, _) => {
                return refuse(
                    "numbers a sequence, (None, n)",
                    "end with `{layer: Dense, units: 1}` after a single vector",
                );
            }
        }
        match self.required_activation() {
            Some(_) if from_logits => match activation {
                Some(Activation::Linear) => Ok(()),
                _ => {
                    let found = "the loss has `from_logits: true`, but the last layer has an activation";
                    Err(LayerConfigError::of("activation", found, "leave out one of the two"))
                }
            },
            Some(required) if activation != Some(required) => {
                let has = activation.map_or("none", Activation::name);
                let found = format!(
                    "{} expects probabilities, but the last layer's activation is {has}",
                    self.name()
                );
                Err(LayerConfigError::of("activation", found, format!("it must be {}", required.name())))
            }
            _ => Ok(()),
        }
    }

    /// The predicted class of logits `z`: the first of the greatest, as Keras's argmax; of one logit, 1 above 0.
    pub(super) fn predicted(self, z: &[f32]) -> usize {
        if self.is_binary() {
            return usize::from(z.first().is_some_and(|z| *z > 0.0));
        }
        let greatest = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        z.iter().position(|z| *z == greatest).unwrap_or(0)
    }
}
