//! Errors in one line. The rule of the crate: a message never contains that of its source, which [`chain`] appends.

use std::error::Error;

/// The message of `error`, and those of its sources, each after a colon.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}
