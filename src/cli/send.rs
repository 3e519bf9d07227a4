//! `unrolled send`: commands for a live run.

use std::io::{Write, stdout};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::error::{CliError, CliResult};
use super::live;
use crate::escape::foreign;
use crate::number::{count, metric};
use crate::protocol::{Command, Direction, LayerUnit, ProbeChange};
use crate::run::control::{Client, ControlError};

#[derive(Debug, clap::Args)]
pub(super) struct SendArgs {
    /// A run folder, the name of one in runs/, or `latest`
    run: PathBuf,
    /// What the run does
    #[command(subcommand)]
    message: Message,
}

#[derive(Debug, clap::Subcommand)]
enum Message {
    /// Pause after the current step
    Pause,
    /// Continue
    Resume,
    /// Make a single step, then pause
    Step,
    /// Change the learning rate: 0.5x multiplies it, 1e-3 sets it
    Lr {
        /// A factor such as 0.5x, or a rate such as 1e-3
        #[arg(value_name = "RATE")]
        rate: Rate,
    },
    /// Clip gradients by their global norm; `off` ends that
    Clip {
        /// The maximum norm, or `off`
        #[arg(value_name = "NORM")]
        norm: Norm,
    },
    /// Set the rate of all dropout layers
    Dropout {
        /// From 0 and below 1
        rate: f64,
    },
    /// Set the patience of early stopping
    Patience {
        /// Epochs without an improvement
        epochs: usize,
    },
    /// Set the number of sequences of a batch from the next epoch on
    Batch {
        /// At least 1; stateful layers have the batch size of the preset
        #[arg(value_name = "SEQUENCES")]
        batch_size: usize,
    },
    /// Show the network another text
    Probe {
        /// The text
        text: String,
    },
    /// Show the network an example once more with a change
    Vary {
        /// The number of the example, from 1
        #[arg(value_name = "EXAMPLE")]
        example: NonZeroUsize,
        /// The change
        #[command(subcommand)]
        change: Change,
    },
    /// Measure which tokens drive a unit of a recurrent layer; `off` ends that
    Unit {
        /// LAYER:UNIT such as 1:7, or `off`
        #[arg(value_name = "UNIT")]
        unit: UnitChoice,
        /// `h`, or the name of a gate or cell
        #[arg(long, default_value = "h")]
        quantity: String,
        /// The half of a Bidirectional
        #[arg(long)]
        direction: Option<Half>,
    },
    /// Find the words whose embeddings are nearest to those of a word
    Neighbours {
        /// The word; without it the most frequent ones
        word: Option<String>,
    },
    /// Sample a language model from another beginning or at another temperature
    Sample {
        /// The beginning
        #[arg(long, required_unless_present = "temperature")]
        prime: Option<String>,
        /// 0 or more
        #[arg(long)]
        temperature: Option<f64>,
    },
    /// Sample a language model from a beginning that is longer by a token
    Next {
        /// One of the candidates that its samples have
        token: String,
    },
    /// Undo the last change: training goes back to the step before it
    Undo,
    /// Drop the pace of the preset
    FullSpeed,
    /// Write a checkpoint and continue
    Save,
    /// Write a checkpoint and stop
    Stop {
        /// Stop without a checkpoint: what was trained since the last is lost
        #[arg(long)]
        discard: bool,
    },
    /// Print the state of the run
    Status {
        /// As a JSON object
        #[arg(long)]
        json: bool,
    },
}

/// A change of an example.
#[derive(Debug, clap::Subcommand)]
enum Change {
    /// Read its words in reverse order
    Reverse,
    /// Read another word in place of a token
    Replace {
        /// The number of the token, from 1
        token: NonZeroUsize,
        /// The word
        word: String,
    },
    /// Read padding in place of a token
    Hide {
        /// The number of the token, from 1
        token: NonZeroUsize,
    },
}

impl Change {
    fn of_probe(&self) -> ProbeChange {
        match self {
            Self::Reverse => ProbeChange::Reverse,
            Self::Replace { token, word } => {
                ProbeChange::Replace { token: token.get() - 1, word: word.clone() }
            }
            Self::Hide { token } => ProbeChange::Occlude { token: token.get() - 1 },
        }
    }
}

/// A half of a Bidirectional.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Half {
    Forward,
    Backward,
}

/// The numbers of a layer and of a unit, or none.
#[derive(Debug, Clone, Copy, PartialEq)]
struct UnitChoice(Option<(usize, usize)>);

impl std::str::FromStr for UnitChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = || {
            let (layer, unit) = text.split_once(':')?;
            Some((layer.parse().ok()?, unit.parse().ok()?))
        };
        match text {
            "off" => Ok(Self(None)),
            _ => numbers().map(|numbers| Self(Some(numbers))).ok_or_else(|| {
                "expected the numbers of a layer and of a unit, both from 0, such as 1:7, or off".into()
            }),
        }
    }
}

/// A learning rate, or a factor of it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rate {
    Factor(f64),
    Value(f64),
}

impl std::str::FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let positive = |number: &str| number.parse().ok().filter(|x: &f64| x.is_finite() && *x > 0.0);
        let rate = match text.strip_suffix('x') {
            Some(factor) => positive(factor).map(Self::Factor),
            None => positive(text).map(Self::Value),
        };
        rate.ok_or_else(|| "expected a factor such as 0.5x, or a rate such as 1e-3".into())
    }
}

/// A maximum norm, or none.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Norm(Option<f64>);

impl std::str::FromStr for Norm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self(None)),
            _ => match text.parse() {
                Ok(norm) if f64::is_finite(norm) && norm > 0.0 => Ok(Self(Some(norm))),
                _ => Err("expected a norm such as 1.0, or off".into()),
            },
        }
    }
}

impl Message {
    /// The command; `None` if only the state is wanted.
    fn command(&self) -> Option<Command> {
        Some(match self {
            Self::Pause => Command::Pause,
            Self::Resume => Command::Resume,
            Self::Step => Command::SingleStep,
            Self::Lr { rate: Rate::Factor(factor) } => Command::ScaleLearningRate { factor: *factor },
            Self::Lr { rate: Rate::Value(value) } => Command::SetLearningRate { value: *value },
            Self::Clip { norm: Norm(global_clipnorm) } => {
                Command::SetClipnorm { global_clipnorm: *global_clipnorm }
            }
            Self::Dropout { rate } => Command::SetDropout { rate: *rate },
            Self::Patience { epochs } => Command::SetPatience { patience: *epochs },
            Self::Batch { batch_size } => Command::SetBatchSize { batch_size: *batch_size },
            Self::Probe { text } => Command::AddProbe { text: text.clone() },
            Self::Sample { prime, temperature } => {
                Command::SetSample { prime: prime.clone(), temperature: *temperature }
            }
            Self::Vary { example, change } => {
                Command::VaryProbe { probe: example.get() - 1, change: change.of_probe() }
            }
            Self::Unit { unit: UnitChoice(unit), quantity, direction } => Command::WatchUnit {
                unit: unit.map(|(layer, unit)| LayerUnit {
                    layer,
                    unit,
                    quantity: quantity.clone(),
                    direction: direction.map(|half| match half {
                        Half::Forward => Direction::Forward,
                        Half::Backward => Direction::Backward,
                    }),
                }),
            },
            Self::Neighbours { word } => Command::ShowNeighbours { word: word.clone() },
            Self::FullSpeed => Command::FullSpeed,
            Self::Next { token } => Command::ExtendSample { token: token.clone() },
            Self::Undo => Command::Undo,
            Self::Save => Command::Save,
            Self::Stop { discard: false } => Command::SaveAndStop,
            Self::Stop { discard: true } => Command::Stop,
            Self::Status { .. } => return None,
        })
    }
}

/// Sends a command to a run, waits until it is applied, and prints the state of the run.
pub(super) fn send(args: &SendArgs) -> CliResult {
    let command = args.message.command();
    if let Some(command) = &command {
        command.check().map_err(CliError::usage)?;
    }
    let run = live::resolve(&args.run)?;
    let owner = live::check(&run)?;
    let mut client = match (Client::connect(&run), owner) {
        (Err(ControlError::Silent(_)), Some(owner)) if !owner.is_here() => {
            let there = live::remote_command(&run, &owner).replacen("unrolled attach", "unrolled send", 1);
            let what = format!("{} is trained on {}; there: {there} …", run.display(), owner.host);
            return Err(CliError::failed(what.replace(" --pty", "").replace("ssh -t", "ssh")));
        }
        (client, _) => client?,
    };
    let ends = matches!(command, Some(Command::Stop | Command::SaveAndStop));
    let before = client.status()?;
    let pauses = matches!(command, Some(Command::Pause | Command::SingleStep));
    let done = match command.clone() {
        Some(command) => client.command(&command.by(live::sender()))?,
        None => None,
    };
    let shows = |status: &Value| {
        let applied = command.is_none() || number(status, "commands") > number(&before, "commands");
        applied && (!pauses || text(status, "state") == "paused")
    };
    let status = match status_when(&mut client, shows) {
        Ok(status) => status,
        // It has ended already.
        Err(_) if ends => return Ok(ExitCode::SUCCESS),
        Err(error) => return Err(error.into()),
    };
    let line = match args.message {
        Message::Status { json: true } => status.to_string(),
        _ if ends => format!("stopping at {}", at(&status)),
        _ => format!("{} at {}", text(&status, "state"), at(&status)),
    };
    let line = done.map_or_else(|| line.clone(), |done| format!("{done}\n{line}"));
    for line in line.lines() {
        // Stdout may be closed.
        let _ = writeln!(stdout(), "{}", foreign(line));
    }
    Ok(ExitCode::SUCCESS)
}

/// The state of the run once it is as `expected`: what the trainer has done is seen a moment later; or as it is after a second.
fn status_when(client: &mut Client, expected: impl Fn(&Value) -> bool) -> Result<Value, ControlError> {
    let since = Instant::now();
    loop {
        let status = client.status()?;
        if expected(&status) || since.elapsed() > Duration::from_secs(1) {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// The number in the field `name`.
fn number(status: &Value, name: &str) -> Option<u64> {
    status.get(name).and_then(Value::as_u64)
}

fn text<'v>(status: &'v Value, name: &str) -> &'v str {
    status.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Where a run is: `step 120 of 1,500, loss 0.69, learning rate 0.001`.
fn at(status: &Value) -> String {
    let steps = number(status, "epochs").zip(number(status, "steps_per_epoch"));
    let steps = steps.map(|(epochs, steps)| epochs.saturating_mul(steps));
    let mut out = format!("step {}", count(number(status, "step").unwrap_or(0)));
    if let Some(steps) = steps {
        out += &format!(" of {}", count(steps));
    }
    for (name, label) in [("loss", "loss"), ("learning_rate", "learning rate")] {
        if let Some(value) = status.get(name).and_then(Value::as_f64) {
            out += &format!(", {label} {}", metric(value));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_factors_or_values() {
        assert_eq!("0.5x".parse(), Ok(Rate::Factor(0.5)));
        assert_eq!("1e-3".parse(), Ok(Rate::Value(0.001)));
        assert_eq!("off".parse(), Ok(Norm(None)));
        assert_eq!("1.0".parse(), Ok(Norm(Some(1.0))));
        assert_eq!("off".parse(), Ok(UnitChoice(None)));
        assert_eq!("1:07".parse(), Ok(UnitChoice(Some((1, 7)))));
        for wrong in ["1", "1:", ":7", "a:b", "1:-2", "1:2:3"] {
            assert!(wrong.parse::<UnitChoice>().is_err(), "{wrong}");
        }
        for wrong in ["x", "-1", "0x", "half", "nan", "infx", ""] {
            assert!(wrong.parse::<Rate>().is_err() && wrong.parse::<Norm>().is_err(), "{wrong}");
        }
    }
}
