//! A network in a file of Keras or PyTorch as a run.

mod import_file;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use import_file::ImportFile;

use super::error::{CliError, CliResult};
use super::runs::RUNS;
use super::{pages, print_error, shell_word};
use crate::data::{TargetForm, Vocabulary};
use crate::durable::{self, FileError};
use crate::escape::foreign;
use crate::interop::ImportedNetwork;
use crate::interop::keras::{ImportError, KerasFile};
use crate::number::counted;
use crate::preset::{self, Overrides, RunSpec};
use crate::run::Folder;

#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    /// A .keras archive, a .h5 file of `model.save`, also of Keras 2; with --as also a .weights.h5 file, or a state dict of PyTorch in a
    /// .safetensors file
    file: PathBuf,
    /// A preset for data, tokens and training; its layers are replaced by those of the file, if the file has any. By default a classifier
    /// of texts by words
    #[arg(long = "as", value_name = "PRESET")]
    preset: Option<String>,
    /// Which tensors of a state dict the weights are, a line each, `1.kernel: lstm.weight_ih_l0` or, of all of a layer, `1: encoder.lstm`;
    /// by default by names and shapes
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// The data of the run, for `evaluate`: all of them, unless the preset holds some back for validation
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// The tokens in the order of their ids: a JSON list, or one a line; by default vocabulary.json beside the file
    #[arg(long, value_name = "FILE")]
    vocabulary: Option<PathBuf>,
    /// The classes or labels in the order of the outputs: a JSON list, or one a line; by default labels.json beside the file, or numbers
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// The mean and standard deviation of numbers; by default scale.json beside the file
    #[arg(long, value_name = "FILE")]
    scale: Option<PathBuf>,
    /// Set a field of the preset, e.g. tokens.padding=post; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The run folder to create; by default runs/NAME-DATE-TIME
    #[arg(long = "run", value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Imports a network.
pub(super) fn import(args: &ImportArgs) -> CliResult {
    let (folder, line) = import_run(args, false)?;
    drop(folder);
    pages::write(line.as_bytes())
}

/// Imports the network in `file` as a run to be trained further, with the settings of a preset and the files beside it; returns the folder
/// of the run, and a line about it.
pub(super) fn import_to_train(file: PathBuf, preset: Option<String>) -> CliResult<(PathBuf, String)> {
    let args = ImportArgs {
        file,
        preset,
        map: None,
        data: None,
        vocabulary: None,
        labels: None,
        scale: None,
        set: Vec::new(),
        folder: None,
    };
    let (folder, line) = import_run(&args, true)?;
    Ok((folder.path().to_owned(), line))
}

/// Imports a network; `to_train` refuses what cannot be trained further for want of a file.
fn import_run(args: &ImportArgs, to_train: bool) -> CliResult<(Folder, String)> {
    let file = ImportFile::open(args)?;
    let network = file.network(args)?;
    if to_train
        && network.spec.token_spec().is_some()
        && !args.file.with_file_name("vocabulary.json").is_file()
    {
        let file = shell_word(&args.file.display().to_string());
        let what = format!(
            "there is no vocabulary.json beside {file}, without which its inputs mean nothing; import it with one: \
             unrolled import {file} --vocabulary FILE, and then train --from latest"
        );
        return Err(CliError::usage(what));
    }
    let files = RunFiles::of(args, &network.spec, network.classes())?;
    let folder = match &args.folder {
        Some(folder) => Folder::create(folder)?,
        None => Folder::create_named(Path::new(RUNS), &network.spec.name, SystemTime::now())?,
    };
    folder.write_spec(&network.spec.to_yaml().map_err(CliError::usage)?)?;
    for (name, value) in &files.all {
        folder.write_json(name, value)?;
    }
    let saved = network.write(&folder, &args.file)?;
    let line = report(&folder, &network, &files, &saved.weights, file.is_keras_2());
    Ok((folder, line))
}

fn read(path: &Path) -> CliResult<Vec<u8>> {
    durable::read_regular(path).map_err(|error| CliError::usage(FileError::at("read", path)(error)))
}

/// The settings of the run.
fn spec(args: &ImportArgs, file: &KerasFile) -> CliResult<RunSpec> {
    let fail = |error: ImportError| CliError::usage(format!("{}: {error}", args.file.display()));
    let Some(preset) = &args.preset else {
        let data = args.data.as_deref().map(std::path::absolute).transpose()?;
        return file.spec(data.as_deref(), &args.set).map_err(fail)?.ok_or_else(|| {
            let file = args.file.display();
            let what = format!(
                "{file} has weights and no network; name a preset whose layers they belong to: --as PRESET"
            );
            CliError::usage(what)
        });
    };
    let overrides = |set| Overrides { set, data: args.data.clone(), seed: None };
    let given = || preset::load(preset, &overrides(args.set.clone())).map(|resolved| resolved.spec);
    // The layers of the preset are replaced, and need not fit; only where the network has several inputs are their names those of its channels.
    let channels: Vec<String> = match file.inputs().len() {
        0 | 1 => Vec::new(),
        _ => given()?.channels().into_iter().map(|(name, _)| name).filter(|name| !name.is_empty()).collect(),
    };
    match file.model(&channels).map_err(fail)? {
        None => follow_labels(args, given()?),
        Some(model) => {
            let mut set = args.set.clone();
            set.push(format!("model={model}"));
            let resolved = preset::load(preset, &overrides(set));
            Ok(resolved.map_err(|error| fail(file.in_file(&error)))?.spec)
        }
    }
}

/// Sets the units of a last layer that follow the data, `units: classes`, by the labels of the run.
fn follow_labels(args: &ImportArgs, mut spec: RunSpec) -> CliResult<RunSpec> {
    let Some(path) = beside(args, &args.labels, "labels.json").filter(|_| spec.units_follow_classes) else {
        return Ok(spec);
    };
    let labels: Vec<String> = serde_json::from_value(list(&path)?)
        .map_err(|error| CliError::usage(format!("{}: {error}; expected a list of names", path.display())))?;
    let mut form = spec.form();
    match &mut form.targets {
        TargetForm::Classes(known) | TargetForm::Labels(known) => *known = Some(labels),
        TargetForm::Steps(known) => *known = labels,
        TargetForm::Next | TargetForm::Real(_) => {}
    }
    spec.set_units(&form);
    Ok(spec)
}

/// The file that is given, or else that with this name beside the network, if there is one.
fn beside(args: &ImportArgs, given: &Option<PathBuf>, name: &str) -> Option<PathBuf> {
    let beside = args.file.with_file_name(name);
    given.clone().or_else(|| beside.is_file().then_some(beside))
}

/// The files of the run beside its spec and weights.
struct RunFiles {
    /// Their names and contents.
    all: Vec<(&'static str, serde_json::Value)>,
    /// Whether the labels are numbers for want of a file.
    has_numbers: bool,
}

impl RunFiles {
    fn of(args: &ImportArgs, spec: &RunSpec, classes: Option<usize>) -> CliResult<Self> {
        let (mut files, mut has_numbers) = (Vec::new(), false);
        if let Some(tokens) = spec.token_spec() {
            match beside(args, &args.vocabulary, "vocabulary.json") {
                Some(path) => {
                    let value = list(&path)?;
                    if tokens.channels.is_empty() {
                        check_vocabulary(&path, &value, tokens.vocabulary)?;
                    }
                    files.push(("vocabulary.json", value));
                }
                None => print_error(
                    &"warning: without --vocabulary the run reads no text: name the file of the tokens in the order of their ids",
                ),
            }
        }
        if let Some(classes) = classes {
            let labels = match beside(args, &args.labels, "labels.json") {
                Some(path) => (path.display().to_string(), list(&path)?),
                None => {
                    has_numbers = true;
                    (String::new(), (0..classes).map(|class| class.to_string()).collect())
                }
            };
            let found = labels.1.as_array().map_or(0, Vec::len);
            // The labels of a language model are its tokens, which may be fewer than it has outputs for.
            let is_language = matches!(spec.form().targets, TargetForm::Next);
            if found != classes && !(is_language && found < classes) {
                let what = format!("{}: {found} labels; the network has {classes} outputs", labels.0);
                return Err(CliError::usage(what));
            }
            files.push(("labels.json", labels.1));
        }
        if let Some(path) = beside(args, &args.scale, "scale.json").filter(|_| spec.token_spec().is_none()) {
            let value = serde_json::from_slice(&read(&path)?);
            let value = value.map_err(|error| CliError::usage(format!("{}: {error}", path.display())))?;
            files.push(("scale.json", value));
        }
        Ok(Self { all: files, has_numbers })
    }
}

/// A list of strings: JSON, or one a line.
fn list(path: &Path) -> CliResult<serde_json::Value> {
    let bytes = read(path)?;
    if let Ok(value) = serde_json::from_slice(&bytes) {
        return Ok(value);
    }
    let text = String::from_utf8(bytes);
    let text =
        text.map_err(|_| CliError::usage(format!("{}: neither JSON nor UTF-8 text", path.display())))?;
    Ok(text.lines().map(|line| line.trim_end_matches('\r')).collect())
}

/// Checks that a vocabulary has an entry for padding, one for unknown tokens, and no more entries than the network reads.
fn check_vocabulary(path: &Path, value: &serde_json::Value, size: usize) -> CliResult<()> {
    let fail = |what: String| Err(CliError::usage(format!("{}: {what}", path.display())));
    match serde_json::from_value::<Vocabulary>(value.clone()) {
        Err(error) => {
            fail(format!("{error}; expected the list of get_vocabulary(): \"\", \"[UNK]\" and the tokens"))
        }
        Ok(vocabulary) if vocabulary.len() > size => {
            fail(format!("{} entries; the network reads {size}", vocabulary.len()))
        }
        Ok(_) => Ok(()),
    }
}

fn report(
    folder: &Folder,
    network: &ImportedNetwork,
    files: &RunFiles,
    weights: &str,
    is_keras_2: bool,
) -> String {
    let path = folder.path().display().to_string();
    let layers = counted(network.spec.model.len(), "layer");
    let numbers = counted(network.params.values().len(), "parameter");
    let is_read = |name: &str| name != "labels.json" || !files.has_numbers;
    let names: Vec<&str> = files.all.iter().map(|(name, _)| *name).filter(|name| is_read(name)).collect();
    let mut with = if names.is_empty() { String::new() } else { format!(", with {}", names.join(" and ")) };
    if files.has_numbers {
        with.push_str("; its classes are called by their numbers (--labels FILE names them)");
    }
    let of = if is_keras_2 { " of a file of Keras 2" } else { "" };
    format!("{}: {layers}, {numbers}, weights {weights}{of}{with}\n", foreign(&path))
}
