//! The check of the number of folds of a cross-validation.

use crate::data::error::DataError;
use crate::data::source::FoldSizes;
use crate::data::spec::DataSpec;
use crate::number;

/// Checks, before training starts, that none of `folds` folds would be empty or contain all data. Streamed texts are not checked.
///
/// # Errors
/// When a fold would be empty; those of reading the data.
pub fn check_folds(spec: &DataSpec, folds: usize, seed: u64) -> Result<(), DataError> {
    let Some(FoldSizes { path, unit, sizes }) = spec.source().fold_sizes(folds, seed)? else { return Ok(()) };
    let all: usize = sizes.iter().sum();
    let empty = sizes.iter().filter(|size| **size == 0 || **size == all).count();
    if empty == 0 {
        return Ok(());
    }
    let [all, empty, folds] = [all, empty, sizes.len()].map(|n| number::count(n as u64));
    let found = format!(
        "{all} {unit}, with which {empty} of {folds} folds would have no validation or no training data"
    );
    Err(DataError::content(&path, None, found, "fewer folds: equal ones stay in one fold"))
}
