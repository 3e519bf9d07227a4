//! Predictions for a text that arrives line by line: what was read before is carried on.

use std::fs;
use std::path::Path;

use super::PredictArgs;
use super::input::{Form, for_each_batch};
use crate::cli::error::{CliError, CliResult};
use crate::durable;
use crate::infer::{StreamState, TokenStream};

/// Goes on from the state in the file of `--state`, if it exists, passes every input to `each`, and saves the state after each.
pub(super) fn for_each(
    args: &PredictArgs,
    stream: &mut TokenStream<'_>,
    form: Form,
    each: &mut dyn FnMut(&mut TokenStream<'_>, &super::input::Input) -> CliResult<bool>,
) -> CliResult<()> {
    let path = args.state.as_deref();
    if let Some(path) = path.filter(|path| path.exists()) {
        restore(stream, path)?;
    }
    for_each_batch(&args.text, form, 1, &mut |inputs| {
        for input in inputs {
            let is_open = each(stream, input)?;
            if let Some(path) = path {
                save(stream, path)?;
            }
            if !is_open {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

fn restore(stream: &mut TokenStream<'_>, path: &Path) -> CliResult<()> {
    let refuse = |what: String| {
        let help = "name another file to begin anew";
        CliError::usage(format!("--state {}: {what}; {help}", path.display()))
    };
    let text = fs::read(path).map_err(|error| refuse(format!("cannot be read: {error}")))?;
    let state: StreamState = serde_json::from_slice(&text)
        .map_err(|error| refuse(format!("is not the state of a stream: {error}")))?;
    stream.restore(state).map_err(refuse)
}

fn save(stream: &TokenStream<'_>, path: &Path) -> CliResult<()> {
    let text = serde_json::to_vec(&stream.state()).map_err(CliError::failed)?;
    Ok(durable::write(path, &text)?)
}
