use crate::number::count;

/// Numbers that a layer may make of one sequence: 1 GiB of them, and a batch has many sequences.
const MAX_NUMBERS: usize = 1 << 28;

/// A layer's configuration does not fit its inputs, or itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found}; {help}")]
pub struct LayerConfigError {
    /// The fault.
    pub found: String,
    /// How to correct it.
    pub help: String,
    /// The field of the configuration where the fault is, when it is in one.
    pub field: Option<String>,
}

impl LayerConfigError {
    /// A fault of the layer as a whole.
    pub fn new(found: impl Into<String>, help: impl Into<String>) -> Self {
        Self { found: found.into(), help: help.into(), field: None }
    }

    /// A fault of one field.
    pub fn of(field: impl Into<String>, found: impl Into<String>, help: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::new(found, help) }
    }

    /// Limits the numbers computed of one sequence: `sizes` are those of the tensor, `what` is in it.
    ///
    /// # Errors
    /// When there are more than 2²⁸.
    pub(super) fn spacious(what: &str, sizes: &[usize]) -> Result<(), Self> {
        let numbers = sizes.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
        if numbers.is_some_and(|numbers| numbers <= MAX_NUMBERS) {
            return Ok(());
        }
        let sizes: Vec<String> = sizes.iter().map(|size| count(*size as u64)).collect();
        let found = format!("it makes {} {what} of each sequence", sizes.join(" × "));
        Err(Self::new(found, format!("{} are possible", count(MAX_NUMBERS as u64))))
    }

    /// Refuses 0 where at least 1 is needed.
    ///
    /// # Errors
    /// When `value` is 0.
    pub fn positive(field: &str, value: usize) -> Result<usize, Self> {
        if value > 0 {
            Ok(value)
        } else {
            Err(Self::of(field, format!("`{field}` is 0"), "it must be at least 1"))
        }
    }
}
