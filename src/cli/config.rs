//! `unrolled config`: the choices that are remembered.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use super::error::{CliError, CliResult};
use super::{pages, print_error};
use crate::durable::{self, FileError};
use crate::escape::foreign;
use crate::ui::config::{Config, SETTINGS, with_setting};

#[derive(Debug, clap::Args)]
pub(super) struct ConfigArgs {
    /// The choice: theme, colors, glyphs, fps or mouse
    key: Option<String>,
    /// Its value, or `default` to forget the choice
    #[arg(requires = "key")]
    value: Option<String>,
}

/// The place of the file.
fn path() -> Option<PathBuf> {
    Config::path(|name| std::env::var(name).ok())
}

/// What is remembered.
pub(super) fn read() -> Config {
    path().map(|path| Config::read(&path)).unwrap_or_default()
}

/// Prints what is wrong with the file, and returns what to say of it on the screen.
pub(super) fn report() -> Option<&'static str> {
    let problems = read().problems;
    problems.iter().for_each(|problem| print_error(problem));
    (!problems.is_empty()).then_some("the configuration file has errors: `unrolled config` prints them")
}

/// Lists the choices, or makes one.
///
/// # Errors
/// For a key or value that there is not, and where the file cannot be written.
pub(super) fn config(args: &ConfigArgs) -> CliResult {
    let path = path().ok_or_else(|| {
        CliError::failed("neither XDG_CONFIG_HOME nor HOME is set: there is no place for the configuration")
    })?;
    let Some(key) = &args.key else { return list(&path) };
    let Some(value) = &args.value else {
        let values = SETTINGS.iter().find(|(name, ..)| name == key).map(|(_, values, _)| *values);
        let known: Vec<&str> = SETTINGS.iter().map(|(name, ..)| *name).collect();
        let expected = values.map_or_else(
            || format!("a key of {}", known.join(", ")),
            |values| format!("{key} and a value: {values}, or default"),
        );
        return Err(CliError::usage(format!("config {}: expected {expected}", foreign(key))));
    };
    Config::default().set(key, value).map_err(CliError::usage)?;
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(CliError::failed(format!("{}: {error}", path.display()))),
    };
    let value = Some(value.as_str()).filter(|value| *value != "default");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(FileError::at("create", folder))?;
    }
    durable::write(&path, with_setting(&text, key, value).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn list(path: &std::path::Path) -> CliResult {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut out = format!("{}\n\n", foreign(&path.to_string_lossy()));
    for (key, values, meaning) in SETTINGS {
        let value = Config::value(&text, key).unwrap_or("default");
        out += &format!("{key:<8} {:<12} {meaning}; {values}\n", foreign(value));
    }
    let code = pages::write(out.as_bytes())?;
    Config::parse(&text, path).problems.iter().for_each(|problem| print_error(problem));
    Ok(code)
}
