//! Predictions for a text that arrives line by line: what was read before is carried on.

use std::fs;
use std::path::Path;

use super::PredictArgs;
use super::input::{Form, for_each_batch};
use crate::cli::error::{CliError, CliResult};
use crate::durable;
use crate::infer::{ForecastStream, NetworkStream, StreamState};

/// What carries a state from one input to the next.
pub(super) trait Carrying {
    /// The state.
    fn state(&self) -> StreamState;
    /// Goes on from a state; a message when it is another one's.
    fn restore(&mut self, state: StreamState) -> Result<(), String>;
}

impl Carrying for NetworkStream<'_> {
    fn state(&self) -> StreamState {
        self.state()
    }

    fn restore(&mut self, state: StreamState) -> Result<(), String> {
        self.restore(state)
    }
}

impl Carrying for ForecastStream<'_> {
    fn state(&self) -> StreamState {
        self.state()
    }

    fn restore(&mut self, state: StreamState) -> Result<(), String> {
        self.restore(state)
    }
}

/// Goes on from the state in the file of `--state`, if it exists, passes every input to `each`, and saves the state after each.
pub(super) fn for_each<S: Carrying>(
    args: &PredictArgs,
    stream: &mut S,
    form: Form,
    each: &mut dyn FnMut(&mut S, &super::input::Input) -> CliResult<bool>,
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

fn restore(stream: &mut impl Carrying, path: &Path) -> CliResult<()> {
    let refuse = |what: String| {
        let help = "name another file to begin anew";
        CliError::usage(format!("--state {}: {what}; {help}", path.display()))
    };
    let text = fs::read(path).map_err(|error| refuse(format!("cannot be read: {error}")))?;
    let state: StreamState = serde_json::from_slice(&text)
        .map_err(|error| refuse(format!("is not the state of a stream: {error}")))?;
    stream.restore(state).map_err(refuse)
}

fn save(stream: &impl Carrying, path: &Path) -> CliResult<()> {
    let text = serde_json::to_vec(&stream.state()).map_err(CliError::failed)?;
    Ok(durable::write(path, &text)?)
}
