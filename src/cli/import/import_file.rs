use super::{CliError, CliResult, ImportArgs, follow_labels, read, spec};
use crate::cli::print_error;
use crate::interop::ImportedNetwork;
use crate::interop::keras::{ImportError, KerasFile};
use crate::interop::torch::{NameMap, TorchFile, TorchImportError};
use crate::preset::{self, Overrides, RunSpec};

/// A file with a network of another program.
#[derive(Debug)]
pub(super) enum ImportFile {
    /// Of Keras: a network, or weights alone.
    Keras(KerasFile),
    /// A state dict of PyTorch, and which of its tensors are which weights.
    Torch(TorchFile, NameMap),
}

impl ImportFile {
    /// Opens the file that is to be imported.
    ///
    /// # Errors
    /// If it is of neither program, or `--map` cannot be read.
    pub fn open(args: &ImportArgs) -> CliResult<Self> {
        let fail =
            |error: &dyn std::fmt::Display| CliError::usage(format!("{}: {error}", args.file.display()));
        let has_ending = |ending: &str| args.file.extension().is_some_and(|found| found == ending);
        if has_ending("onnx") {
            return Err(fail(
                &"models of ONNX are written here, and not read; Keras's and PyTorch's files are",
            ));
        }
        let bytes = read(&args.file)?;
        if has_ending("safetensors") || TorchFile::is_one(&bytes) {
            let file = TorchFile::open(bytes).map_err(|error| fail(&error))?;
            let map = match &args.map {
                None => NameMap::default(),
                Some(path) => {
                    let of_map = |what: String| CliError::usage(format!("{}: {what}", path.display()));
                    let text = String::from_utf8(read(path)?).map_err(|error| of_map(error.to_string()))?;
                    NameMap::read(&text).map_err(|error| of_map(error.to_string()))?
                }
            };
            return Ok(Self::Torch(file, map));
        }
        if args.map.is_some() {
            let what =
                "--map names tensors of a state dict of PyTorch; the layers of a file of Keras have an order";
            return Err(CliError::usage(what));
        }
        KerasFile::open(bytes).map(Self::Keras).map_err(|error| fail(&error))
    }

    /// The network with the settings of the run.
    ///
    /// # Errors
    /// If the settings do not fit the file.
    pub fn network(&self, args: &ImportArgs) -> CliResult<ImportedNetwork> {
        let file = args.file.display();
        match self {
            Self::Keras(keras) => {
                let spec = spec(args, keras)?;
                let hint = hint(&spec);
                let fail = |error: ImportError| CliError::usage(format!("{file}: {error}{hint}"));
                ImportedNetwork::of_keras(keras, spec).map_err(fail)
            }
            Self::Torch(torch, map) => {
                let Some(preset) = &args.preset else {
                    let what = format!(
                        "{file} has weights and no network; name a preset whose layers they belong to: --as PRESET"
                    );
                    return Err(CliError::usage(what));
                };
                let overrides = Overrides { set: args.set.clone(), data: args.data.clone(), seed: None };
                let spec = follow_labels(args, preset::load(preset, &overrides)?.spec)?;
                let hint = hint(&spec);
                ImportedNetwork::of_torch(torch, spec, map).map_err(|error| refused(&file, error, hint))
            }
        }
    }

    /// Whether it is of Keras 2.
    pub fn is_keras_2(&self) -> bool {
        matches!(self, Self::Keras(file) if file.is_keras_2())
    }
}

/// What may be amiss with weights that do not fit, if the preset leaves open how many classes there are.
fn hint(spec: &RunSpec) -> &'static str {
    match spec.units_follow_classes {
        true => "; the last layer has as many units as there are classes, which --labels FILE names",
        false => "",
    }
}

/// Faults that are printed at most.
const FAULTS: usize = 40;

/// The error for a file that cannot be imported; several faults are printed, a line each.
fn refused(file: &std::path::Display<'_>, error: TorchImportError, hint: &str) -> CliError {
    match error {
        TorchImportError::Tensors(faults) if faults.len() > 1 => {
            faults.iter().take(FAULTS).for_each(|fault| print_error(fault));
            let more = match faults.len().checked_sub(FAULTS) {
                None | Some(0) => String::new(),
                Some(more) => format!(", of which {more} are not shown"),
            };
            let found = faults.len();
            let what = format!(
                "{file}: {found} faults{more}: these are not the weights of the layers of the preset{hint}"
            );
            CliError::usage(what)
        }
        other => CliError::usage(format!("{file}: {other}{hint}")),
    }
}
