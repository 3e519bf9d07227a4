//! Whether data can be cut into as many folds as a cross-validation asks for.

use std::path::Path;

use crate::data::error::DataError;
use crate::data::progress::ProgressSender;
use crate::data::sources::labelled::{split, streamed};
use crate::data::spec::DataSpec;
use crate::data::text::tokens::Level;
use crate::number;

/// Refuses `folds` of which one would be empty, or all there is, before the first is trained on. Texts that are streamed are not read for
/// that.
///
/// # Errors
/// When a fold would be empty; as reading the data.
pub fn check_folds(spec: &DataSpec, folds: usize, seed: u64) -> Result<(), DataError> {
    // Nobody listens.
    let report = ProgressSender::to_nobody();
    let (path, unit, counts) = match spec {
        DataSpec::Labelled(spec) if !streamed::is_wanted(spec)? => {
            let corpus = spec.read(Level::Word, false, &report)?;
            (&spec.path, "texts", split::folds(corpus.prints(), folds, seed))
        }
        DataSpec::Sequences(spec) => (&spec.path, "sequences", spec.folds(folds, seed)?),
        _ => return Ok(()),
    };
    refuse_empty(path, unit, &counts)
}

fn refuse_empty(path: &Path, unit: &str, counts: &[usize]) -> Result<(), DataError> {
    let all: usize = counts.iter().sum();
    let empty = counts.iter().filter(|count| **count == 0 || **count == all).count();
    if empty == 0 {
        return Ok(());
    }
    let [all, empty, folds] = [all, empty, counts.len()].map(|n| number::count(n as u64));
    let found = format!(
        "{all} {unit}, with which {empty} of {folds} folds would have nothing to judge by or to learn from"
    );
    Err(DataError::content(path, None, found, "fewer folds: those that are alike stay together"))
}
