use std::path::Path;

use super::args::{CoreArgs, NewArgs, SlurmArgs};
use super::{run, slurm};
use crate::cli::ScreenArgs;
use crate::cli::error::{CliError, CliResult};
use crate::experiment::{GridSetting, Halving, Sweep, SweepDefinition};
use crate::preset::{self, Overrides};

/// Makes a sweep, and trains it or submits it.
pub(in crate::cli) fn create(args: &NewArgs, screen: ScreenArgs) -> CliResult {
    let preset = args.preset.clone().unwrap_or_default();
    let grid: Vec<GridSetting> = args.grid.iter().chain(&args.fractions).cloned().collect();
    if grid.is_empty() && args.random.is_none() && args.seeds.is_none() && args.folds.is_none() {
        return Err(CliError::usage(
            "nothing is varied; expected --grid KEY=A,B, --random N --over KEY=RANGE, --fractions 10,25,50,100, --seeds 1..5 or --folds N",
        ));
    }
    let overrides = Overrides { set: args.set.clone(), data: args.data.clone(), seed: args.seed };
    let base = preset::load(&preset, &overrides)?.spec;
    let tree = base.tree().map_err(CliError::usage)?;
    let definition = SweepDefinition {
        grid,
        random: args.random,
        over: args.over.clone(),
        search_seed: args.search_seed,
        seeds: args.seeds.clone().map(|seeds| (*seeds.start(), *seeds.end())),
        folds: args.folds,
        stop_losers: args.stop_losers.map(|first| Halving { first, factor: args.stop_factor }),
        slurm: slurm::options(&args.slurm),
        ..SweepDefinition::of(&preset, tree)
    };
    let sweep = match &args.run {
        Some(folder) if args.goes_on && Sweep::is_in(folder) => Sweep::open_same(folder, &definition)?,
        folder => Sweep::create(folder.clone(), &base.name, definition)?,
    };
    match args.slurm.slurm {
        Some(_) => slurm::submit(&sweep, &args.slurm),
        None => run::train(&sweep, None, args.cores, screen),
    }
}

/// Trains or submits what is missing.
pub(super) fn again(dir: &Path, cores: CoreArgs, args: &SlurmArgs, screen: ScreenArgs) -> CliResult {
    let mut sweep = Sweep::open(dir)?;
    if let Some(options) = slurm::options(args) {
        sweep.definition.slurm = Some(options);
        sweep.write_definition()?;
    }
    match sweep.definition.slurm {
        Some(_) => slurm::submit(&sweep, args),
        None => run::train(&sweep, None, cores, screen),
    }
}
