use std::fmt::Write;

use super::pages;
use crate::cli::error::{CliError, CliResult};
use crate::preset::{self, Overrides};

/// Lists the presets, or prints the YAML of one.
pub(super) fn print(name: Option<&str>) -> CliResult {
    let Some(name) = name else {
        let (mut out, mut group) = (String::new(), String::new());
        for entry in preset::entries()? {
            if entry.group != group {
                let gap = if group.is_empty() { "" } else { "\n" };
                writeln!(out, "{gap}{}", entry.group)?;
                group.clone_from(&entry.group);
            }
            writeln!(out, "  {:20} {}", entry.name, entry.title)?;
        }
        return pages::write(out.as_bytes());
    };
    match preset::text(name) {
        Some(text) => pages::write(text.as_bytes()),
        // The error names the valid names.
        None => preset::load(name, &Overrides::default())
            .map_err(Into::into)
            .and_then(|resolved| pages::write(resolved.spec.to_yaml().map_err(CliError::failed)?.as_bytes())),
    }
}
