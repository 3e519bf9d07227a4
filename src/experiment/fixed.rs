//! Settings that cannot be changed while training: the weights, or the place in the data, would be those of another training.

/// Settings, and the beginnings of the paths of settings.
const FIXED: [&str; 10] = [
    "from",
    "data",
    "tokens",
    "model",
    "train.loss",
    "train.class_weight",
    "train.fraction",
    "train.batch_size",
    "train.seed",
    "train.optimizer.name",
];

/// Whether the setting with this path cannot be changed while training.
pub(super) fn is_fixed(setting: &str) -> bool {
    FIXED
        .iter()
        .any(|fixed| setting.strip_prefix(fixed).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}
