//! The network and the record of a run in the files of other programs.

mod onnx;
mod output_folder;
mod torch;

use std::fmt;
use std::path::{Path, PathBuf};

use clap::ArgGroup;

use output_folder::OutputFolder;

use super::error::{CliError, CliResult};
use super::{pages, records, shell_word};
use crate::durable::{self, FileError};
use crate::escape::foreign;
use crate::infer::{InferError, Network};
use crate::interop::{NetworkDescription, keras};
use crate::number::{count, counted};
use crate::run::{self, checkpoint::Which};

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["keras", "weights", "torch", "onnx", "tensorboard", "csv"]))]
pub(super) struct ExportArgs {
    /// A run folder, the name of one in runs/, or `latest`
    run: PathBuf,
    /// Write the network as a .keras file, for `keras.saving.load_model`; vocabulary, labels, scale and a script that loads it beside
    #[arg(long, value_name = "FILE", value_parser = keras_file)]
    keras: Option<PathBuf>,
    /// Write the weights alone as a .weights.h5 file, for `load_weights` of the same network in Keras
    #[arg(long, value_name = "FILE", value_parser = weights_file)]
    weights: Option<PathBuf>,
    /// Write the network as an ONNX model, with vocabulary, labels and scale within; a script that runs it beside
    #[arg(long, value_name = "FILE", value_parser = onnx::file)]
    onnx: Option<PathBuf>,
    /// Write the network for PyTorch: model.py, a module that anyone can read, model.safetensors, and example.py, which checks recorded
    /// answers
    #[arg(long, value_name = "DIR")]
    torch: Option<PathBuf>,
    /// Write the record of the training as event files for TensorBoard
    #[arg(long, value_name = "DIR")]
    tensorboard: Option<PathBuf>,
    /// Write the metrics of each epoch as Keras's CSVLogger does
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Use the best checkpoint, not the last one
    #[arg(long)]
    best: bool,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
}

/// Files of a run without which the inputs and outputs of its network mean nothing.
const BESIDE: [&str; 3] = ["vocabulary.json", "labels.json", "scale.json"];
/// The script that loads a network.
const SCRIPT: &str = "load_in_keras.py";

/// A path that Keras takes for an archive: it looks at the ending.
fn keras_file(path: &str) -> Result<PathBuf, String> {
    with_ending(path, ".keras")
}

fn weights_file(path: &str) -> Result<PathBuf, String> {
    with_ending(path, ".weights.h5")
}

fn with_ending(path: &str, ending: &str) -> Result<PathBuf, String> {
    let is_named =
        Path::new(path).file_name().is_some_and(|name| name.to_string_lossy().len() > ending.len());
    match path.ends_with(ending) && is_named {
        true => Ok(path.into()),
        false => {
            Err(format!("the name must end in {ending}, or Keras does not open it, as in model{ending}"))
        }
    }
}

/// Writes the network of a run, and its record.
pub(super) fn export(args: &ExportArgs) -> CliResult {
    let folder = run::resolve(Path::new("runs"), &args.run)?;
    let of_network =
        args.keras.is_some() || args.weights.is_some() || args.torch.is_some() || args.onnx.is_some();
    let (mut lines, mut files, torch) = match of_network {
        true => network(args, &folder)?,
        false => ("the record of the training:\n".into(), Vec::new(), None),
    };
    if let Some(path) = &args.csv {
        files.push((path.clone(), records::csv_of(&folder)?.into_bytes()));
    }
    if let Some(torch) = &torch {
        torch.check(args.force)?;
    }
    write(&files, args.force)?;
    if let Some(torch) = torch {
        files.extend(torch.write()?);
    }
    for (path, content) in &files {
        let size = counted(content.len(), "byte");
        lines.push_str(&format!("  {}  {size}\n", foreign(&path.display().to_string())));
    }
    if let Some(to) = &args.tensorboard {
        records::export_tensorboard(&folder, to)?;
        let to = to.display().to_string();
        lines.push_str(&format!(
            "  {}  event files: tensorboard --logdir {}\n",
            foreign(&to),
            shell_word(&foreign(&to))
        ));
    }
    pages::write(lines.as_bytes())
}

/// A file to be written: its path and its bytes.
type OutputFile = (PathBuf, Vec<u8>);

/// The files of the network, a folder of it, and a line about it.
fn network(args: &ExportArgs, folder: &Path) -> CliResult<(String, Vec<OutputFile>, Option<OutputFolder>)> {
    let which = if args.best { Which::Best } else { Which::Last };
    let network = Network::open(folder, Network::spec(folder, None, &[])?, which)?;
    network.check_files()?;
    let fail =
        |error: &dyn fmt::Display| CliError::from(InferError::Task(format!("{}: {error}", folder.display())));
    let description =
        NetworkDescription::of_run(&network.spec, &network.params).map_err(|error| fail(&error))?;
    let mut files: Vec<OutputFile> = Vec::new();
    if let Some(path) = &args.keras {
        files.push((path.clone(), keras::archive(&description).map_err(|error| fail(&error))?));
        let beside = path.parent().unwrap_or(Path::new(""));
        for name in BESIDE.into_iter().filter(|name| folder.join(name).exists()) {
            files.push((beside.join(name), read(&folder.join(name))?));
        }
        let archive = path.file_name().unwrap_or_default().to_string_lossy();
        let task = network.spec.task(&network.model);
        let script = keras::example(&network.spec, task, &description, &archive);
        files.push((beside.join(SCRIPT), script.into_bytes()));
    }
    if let Some(path) = &args.weights {
        files.push((path.clone(), keras::weights(&description).map_err(|error| fail(&error))?));
    }
    if let Some(path) = &args.onnx {
        files.extend(onnx::files(folder, &network, &description, path)?);
    }
    let torch = match &args.torch {
        Some(to) => Some(torch::folder(to, folder, &network, &description)?),
        None => None,
    };
    let step = count(network.step);
    let numbers = counted(network.params.values().len(), "number");
    Ok((format!("the network after step {step}, {numbers}:\n"), files, torch))
}

fn read(path: &Path) -> CliResult<Vec<u8>> {
    Ok(durable::read_regular(path).map_err(FileError::at("read", path))?)
}

/// Writes the files; none if one exists with another content and may not be replaced.
fn write(files: &[(PathBuf, Vec<u8>)], force: bool) -> CliResult<()> {
    let differs = |path: &Path, content: &[u8]| {
        path.symlink_metadata().is_ok() && durable::read_regular(path).ok().as_deref() != Some(content)
    };
    if let Some((path, _)) = files.iter().find(|(path, content)| !force && differs(path, content)) {
        let what = format!(
            "{} exists with another content; --force replaces it, in another folder both stay",
            path.display()
        );
        return Err(CliError::usage(what));
    }
    for (path, content) in files {
        durable::write(path, content)?;
    }
    Ok(())
}
