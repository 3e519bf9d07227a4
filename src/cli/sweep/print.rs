use std::io::{self, Write as _};

use crate::escape::foreign;

/// Prints a line; stdout may be closed.
pub(super) fn say(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{}", foreign(line));
}

/// The last part of the path of a setting, which mostly is enough: `units` of `model.1.units`.
pub(super) fn short(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}
