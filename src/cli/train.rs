use std::ffi::OsString;
use std::path::Path;
use std::time::SystemTime;

use super::branch;
use super::dashboard::{Display, show_training};
use super::error::{CliError, CliResult};
use super::import::import_to_train;
use super::runs::RUNS;
use super::train_args::TrainArgs;
use super::{ScreenArgs, detach, print_error, several, shell_word};
use crate::experiment::{self, FineTuning, Repeat, plan_fine_tuning};
use crate::preset::{self, Overrides, Resolved, RunSpec};
use crate::run;
use crate::run::checkpoint::Which;
use crate::train::Options;

/// Trains one preset, with the dashboard on a terminal.
pub(super) fn train(args: &TrainArgs, screen: ScreenArgs) -> CliResult {
    if let Some(fractions) = &args.fractions {
        return several::train_fractions(args, fractions, screen);
    }
    if args.jobs.is_some() && args.seeds.is_none() && args.folds.is_none() && args.fractions.is_none() {
        return Err(CliError::usage("--jobs needs --seeds, --folds or --fractions"));
    }
    let folds = args.folds.map(Repeat::Folds);
    if let Some(repeat) = args.seeds.clone().map(Repeat::Seeds).or(folds) {
        return several::train(args, &repeat, screen);
    }
    if let Some(folder) = args.run.as_deref().filter(|folder| args.resume_or_start && has_run(folder)) {
        check_same(args, folder)?;
        if args.detach {
            let given = std::env::args_os().skip(1).filter(|arg| arg != "--detach");
            return detach::start(folder, given.chain((!args.headless).then(|| "--headless".into())));
        }
        let options = Options { threads: args.threads.count(), ..Options::default() };
        return super::resume::go_on(
            folder,
            &args.overrides(),
            options,
            args.headless,
            (screen, &args.notice, &args.records),
        );
    }
    let Resolved { spec, notes } = match &args.from {
        Some(from) => fine_tuning(args, from)?,
        None => preset::load(args.preset(), &args.overrides())?,
    };
    if args.detach {
        return detached(args, &spec);
    }
    let display = Display::new(args.headless, screen)?;
    let (folder, threads, watched) = (args.run.clone(), args.threads.count(), display.is_watched());
    let options = Options { folder, threads, watched, notes, ..Options::default() };
    branch::after(show_training(spec, options, display, (&args.notice, &args.records))?, screen)
}

/// Checks that the run in `folder`, with which training goes on, was begun with what `args` name.
fn check_same(args: &TrainArgs, folder: &Path) -> CliResult<()> {
    let begun = preset::load_run(&folder.join("spec.yaml"), &Overrides::default())?.spec;
    let refuse = |begun: String, asked: String| {
        let folder = folder.display();
        let what = format!("{folder} contains a run {begun}, not {asked}; choose another folder with --run");
        Err(CliError::usage(what))
    };
    let Some(from) = &args.from else {
        let asked = preset::load(args.preset(), &args.overrides())?.spec;
        if begun.name != asked.name {
            return refuse(format!("of {}", begun.name), format!("of {}", asked.name));
        }
        if let (Some(source), None) = (&begun.from, &asked.from) {
            return refuse(format!("from {}", source.run.display()), format!("of {} alone", asked.name));
        }
        return Ok(experiment::check_preset(folder, args.preset(), &args.overrides())?);
    };
    let Some(source) = &begun.from else {
        return refuse("that starts from no other".into(), format!("from {}", from.display()));
    };
    for (option, began, given) in [
        ("--extend-vocabulary", source.extend_vocabulary, args.extend_vocabulary.unwrap_or(0)),
        ("--new-labels", source.new_labels.into(), args.new_labels.into()),
    ] {
        if began != given {
            return refuse(format!("with {option} {began}"), format!("with {given}"));
        }
    }
    let resolved = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path));
    // A file was imported as a run, which has another name every time; `latest` names this very run by now, or any other.
    if from.is_file() || from == Path::new(run::LATEST) {
        return Ok(());
    }
    // Going on does not need the other run, which may be gone.
    let asked = resolved(&run::resolve(Path::new(RUNS), from).unwrap_or_else(|_| from.clone()))?;
    match resolved(&source.run)? == asked {
        true => Ok(()),
        false => refuse(format!("from {}", source.run.display()), format!("from {}", asked.display())),
    }
}

/// The settings of a training that starts from the network of a run, or of a file, which becomes a run.
fn fine_tuning(args: &TrainArgs, from: &Path) -> CliResult<Resolved> {
    let is_file = from.is_file();
    let run = match is_file {
        true if args.detach => {
            let file = shell_word(&from.display().to_string());
            let what = format!(
                "--detach: import {file} first, with unrolled import {file}, and train --from that run"
            );
            return Err(CliError::usage(what));
        }
        true => {
            let (run, line) = import_to_train(from.to_owned(), args.given_preset().map(str::to_owned))?;
            print_error(&line.trim_end());
            run
        }
        false => run::resolve(Path::new(RUNS), from)?,
    };
    if let Some(preset) = args.given_preset().filter(|_| !is_file) {
        let what = format!(
            "{preset}: with --from {} the settings are those of the run; omit it, and change settings with --set",
            from.display()
        );
        return Err(CliError::usage(what));
    }
    let weights = if args.best { Which::Best } else { Which::Last };
    let (extend_vocabulary, new_labels) = (args.extend_vocabulary.unwrap_or(0), args.new_labels);
    let plan = FineTuning { run: &run, weights, extend_vocabulary, new_labels };
    Ok(plan_fine_tuning(plan, &args.overrides())?)
}

/// Starts the training in a session of its own.
fn detached(args: &TrainArgs, spec: &RunSpec) -> CliResult {
    let run = match &args.run {
        Some(run) => {
            run::check_empty(run)?;
            std::fs::create_dir_all(run)?;
            run.clone()
        }
        None => run::create_run_dir(Path::new("runs"), &spec.name, SystemTime::now())?,
    };
    let mut given: Vec<OsString> = std::env::args_os().skip(1).filter(|arg| arg != "--detach").collect();
    if !args.headless {
        given.push("--headless".into());
    }
    if args.run.is_none() {
        given.extend(["--run".into(), run.clone().into_os_string()]);
    }
    detach::start(&run, given)
}

/// Whether a training has begun in `folder`.
fn has_run(folder: &Path) -> bool {
    folder.join("spec.yaml").exists()
}
