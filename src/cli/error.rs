use std::error::Error;
use std::process::ExitCode;
use std::{fmt, io};

use super::exit;
use crate::bench::{MeasureError, WorkloadError};
use crate::data::DataError;
use crate::durable::FileError;
use crate::experiment::ExperimentError;
use crate::fetch::FetchError;
use crate::infer::InferError;
use crate::preset::PresetError;
use crate::run::RunError;
use crate::run::control::ControlError;
use crate::runs::{FilterError, KeyError, MarksError, RankError, RemoveError};
use crate::ui::UiError;

/// Why a command failed, and its exit code.
#[derive(Debug)]
pub(super) struct CliError {
    code: u8,
    source: Box<dyn Error + Send + Sync>,
}

/// The result of a command.
pub(super) type CliResult<T = ExitCode> = Result<T, CliError>;

impl CliError {
    /// An error of arguments, preset or data.
    pub fn usage(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { code: exit::USAGE, source: source.into() }
    }

    /// Any other error.
    pub fn failed(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { code: exit::FAILED, source: source.into() }
    }

    /// An error with the exit code of another process.
    pub fn with_code(code: u8, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { code, source: source.into() }
    }

    /// The exit code.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::error::chain(&*self.source))
    }
}

macro_rules! exit_codes {
    ($($kind:ident: $($error:ty),+;)+) => {
        $($(impl From<$error> for CliError {
            fn from(error: $error) -> Self {
                Self::$kind(error)
            }
        })+)+
    };
}

exit_codes! {
    usage: PresetError, DataError, WorkloadError, FilterError, KeyError, RankError;
    failed: FileError, UiError, ControlError, FetchError, MeasureError, io::Error, fmt::Error, serde_json::Error;
}

impl From<RunError> for CliError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Missing { .. }
            | RunError::Several { .. }
            | RunError::NoRuns(_)
            | RunError::Occupied(_)
            | RunError::NotEmpty { .. }
            | RunError::Locked { .. } => Self::usage(error),
            _ => Self::failed(error),
        }
    }
}

impl From<MarksError> for CliError {
    fn from(error: MarksError) -> Self {
        match error {
            MarksError::Tag { .. } => Self::usage(error),
            MarksError::Damaged { .. } | MarksError::File(_) => Self::failed(error),
        }
    }
}

impl From<RemoveError> for CliError {
    fn from(error: RemoveError) -> Self {
        match error {
            RemoveError::Io { .. } => Self::failed(error),
            RemoveError::Live(_) | RemoveError::NoRun(_) | RemoveError::Current(_) => Self::usage(error),
        }
    }
}

impl From<InferError> for CliError {
    fn from(error: InferError) -> Self {
        match error {
            InferError::Run(error) => error.into(),
            InferError::Spec(_) | InferError::Task(_) | InferError::Data(_) => Self::usage(error),
        }
    }
}

impl From<ExperimentError> for CliError {
    fn from(error: ExperimentError) -> Self {
        match error {
            ExperimentError::Preset(_)
            | ExperimentError::Data(_)
            | ExperimentError::NoFolds(_)
            | ExperimentError::Race(_)
            | ExperimentError::Sweep(_)
            | ExperimentError::Unchangeable(_)
            | ExperimentError::Edited(_)
            | ExperimentError::Imported { .. }
            | ExperimentError::NoStep { .. } => Self::usage(error),
            ExperimentError::Diverged(_) => Self::with_code(exit::DIVERGED, error),
            ExperimentError::Run(error) => error.into(),
            ExperimentError::System(_) | ExperimentError::NotAgain(_) => Self::failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_printed_once_and_the_code_is_that_of_the_kind() {
        let disk = FileError { action: "write", path: "x".into(), source: io::Error::other("disk full") };
        let error = CliError::from(RunError::from(disk));
        assert_eq!((error.to_string().as_str(), error.code), ("cannot write x: disk full", exit::FAILED));
        assert_eq!(
            CliError::from(InferError::from(RunError::Missing { name: "x".into(), near: None })).code,
            exit::USAGE
        );
    }
}
