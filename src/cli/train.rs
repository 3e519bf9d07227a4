use std::ffi::OsString;
use std::path::Path;
use std::time::SystemTime;

use super::branch;
use super::dashboard::{Display, show_training};
use super::error::{CliError, CliResult};
use super::train_args::TrainArgs;
use super::{ScreenArgs, detach, several};
use crate::experiment::{self, Repeat};
use crate::preset::{self, Overrides, Resolved, RunSpec};
use crate::run;
use crate::train::Options;

/// Trains one preset, with the dashboard on a terminal.
pub(super) fn train(args: &TrainArgs, screen: ScreenArgs) -> CliResult {
    let folds = args.folds.map(Repeat::Folds);
    if let Some(repeat) = args.seeds.clone().map(Repeat::Seeds).or(folds) {
        return several::train(args, &repeat, screen);
    }
    if let Some(folder) = args.run.as_deref().filter(|folder| args.resume_or_start && has_run(folder)) {
        let name = preset::load_run(&folder.join("spec.yaml"), &Overrides::default())?.spec.name;
        let asked = preset::load(&args.preset, &args.overrides())?.spec.name;
        if name != asked {
            let what = format!(
                "{} contains a run of {name}, not of {asked}; choose another folder with --run",
                folder.display()
            );
            return Err(CliError::usage(what));
        }
        experiment::check_preset(folder, &args.preset, &args.overrides())?;
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
    let Resolved { spec, notes } = preset::load(&args.preset, &args.overrides())?;
    if args.detach {
        return detached(args, &spec);
    }
    let display = Display::new(args.headless, screen)?;
    let (folder, threads, watched) = (args.run.clone(), args.threads.count(), display.is_watched());
    let options = Options { folder, threads, watched, notes, ..Options::default() };
    branch::after(show_training(spec, options, display, (&args.notice, &args.records))?, screen)
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
