use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::error::{CliError, CliResult};
use crate::escape::foreign;
use crate::infer::Generator;
use crate::preset::SampleSpec;
use crate::rng::Rng;
use crate::run::{self, checkpoint::Which};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run folder of a language model, its name under `runs`, or `latest`
    run: PathBuf,
    /// The beginning of the text
    #[arg(long, value_name = "TEXT", default_value = "")]
    prime: String,
    /// Sampling temperature: below 1 more predictable, above 1 more varied; 0 always takes the likeliest token
    #[arg(long, value_name = "T", default_value_t = 1.0, allow_negative_numbers = true)]
    temperature: f64,
    /// Tokens to generate
    #[arg(long, value_name = "N", default_value_t = 500)]
    length: usize,
    /// Seed of the sampling
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Use the best checkpoint, not the last one
    #[arg(long)]
    best: bool,
}

/// Prints the prime text and what the model of a run makes of it, token by token.
pub(super) fn sample(args: &Args) -> CliResult {
    let Args { prime, temperature, length, seed, .. } = args;
    let ask = SampleSpec { prime: prime.clone(), temperature: *temperature, length: *length, every: None };
    if let Err((field, message)) = ask.check() {
        return Err(CliError::usage(format!("--{field}: {message}")));
    }
    let which = if args.best { Which::Best } else { Which::Last };
    let folder = run::resolve(Path::new("runs"), &args.run)?;
    let (mut generator, params) = Generator::open(&folder, which)?;
    let mut out = Out { to: io::stdout().lock(), is_terminal: io::stdout().is_terminal(), failed: None };
    out.put(prime);
    generator.generate(&params, &ask, &mut Rng::new(*seed, "sample", 0), |token| out.put(token));
    out.put("\n");
    match out.failed {
        // Who has read enough (`| head`) is no failure.
        Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Where the text goes, as it comes: to a file as it is, to a terminal with line ends and nothing else that could steer it.
struct Out<W> {
    to: W,
    is_terminal: bool,
    failed: Option<io::Error>,
}

impl<W: Write> Out<W> {
    fn put(&mut self, text: &str) {
        if self.failed.is_some() {
            return;
        }
        let shown = |line: &str| if self.is_terminal { foreign(line).into_owned() } else { line.to_owned() };
        let text = text.split('\n').map(shown).collect::<Vec<_>>().join("\n");
        self.failed = self.to.write_all(text.as_bytes()).and_then(|()| self.to.flush()).err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_line_ends_and_nothing_that_steers_it() {
        let written = |is_terminal| {
            let mut out = Out { to: Vec::new(), is_terminal, failed: None };
            for text in ["To be,\n", "or\u{1b}[2J", "\n"] {
                out.put(text);
            }
            String::from_utf8(out.to).unwrap()
        };
        assert_eq!(written(true), "To be,\nor␛[2J\n");
        assert_eq!(written(false), "To be,\nor\u{1b}[2J\n");
    }
}
