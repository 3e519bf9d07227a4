mod event;

use std::path::{Path, PathBuf};

use super::list::{self, Run};
use super::progress::{Monitored, Progress, Recorded};
use super::summary::Summary;
use crate::escape::{foreign, shell_word};
use crate::number;
use crate::preset::{self, Overrides, Settings};
use crate::protocol::{Level, Resumed, RunInfo};
use crate::run::{self, DivergenceReport, Outline, RunState, checkpoint};
use crate::sort::SmallSort as _;

/// The maximum number of warnings on a card; those that follow are counted.
const WARNINGS: usize = 10;

/// The last steps before a divergence on a card.
const RECENT: usize = 5;
/// The maximum number of sequences of a batch named on a card, and of tokens.
const NAMED: usize = 20;

/// All about one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// The run.
    pub run: Run,
    /// The facts of its network and data, if it was prepared.
    pub info: Option<Box<RunInfo>>,
    /// Settings that differ from those of the built-in preset of its name: path, the preset's value, the run's. `None` if there is no such
    /// preset.
    pub changed: Option<Vec<Changed>>,
    /// Commands, alerts and gaps.
    pub recorded: Vec<Recorded>,
    /// Where it went on from a checkpoint, or was branched from another run.
    pub seams: Vec<Resumed>,
    /// Warnings and errors of its log.
    pub warnings: Vec<String>,
    /// How it has diverged, if it has.
    pub divergence: Option<DivergenceReport>,
    /// Its complete checkpoints.
    pub checkpoints: Vec<Checkpoint>,
    /// The fingerprint of the data, which the latest checkpoint has: equal for equal data.
    pub data: Option<String>,
    /// The command that makes the same training: for a run that commands have changed, the one that makes it in a temporary folder.
    pub repeat: String,
}

/// Path of a setting, value in the preset, value in the run.
pub type Changed = (String, Option<String>, Option<String>);

/// A checkpoint of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of its folder: `step-100`.
    pub name: String,
    /// Whether it is the last.
    pub is_last: bool,
    /// Whether it is the best by the monitored metric.
    pub is_best: bool,
    /// The fingerprint of its weights; empty if it cannot be read.
    pub weights: String,
}

impl Card {
    /// Reads the run in the folder `path`, called `name`.
    pub fn read(path: &Path, name: &str) -> Self {
        let run = list::open(path, name);
        let info = Outline::read(path, false).ok().and_then(|outline| outline.info);
        let (log, seams) = run::log_lines(path).unwrap_or_default();
        let progress = Progress::read(&path.join("metrics.jsonl"), Monitored::default()).unwrap_or_default();
        // Alerts are events, too.
        let is_event = |text: &str| {
            progress.recorded.iter().any(|event| {
                event.kind == "alert" && event.fields.get("text").is_some_and(|said| said == text)
            })
        };
        let mut warnings: Vec<String> =
            log.into_iter().filter(|line| line.level != Level::Info).map(|line| line.text).collect();
        warnings.retain(|text| !is_event(text));
        let more = warnings.len().saturating_sub(WARNINGS);
        warnings.truncate(WARNINGS);
        if more > 0 {
            warnings.push(format!("and {more} more"));
        }
        let own: Settings =
            run.summary.settings.iter().map(|(path, value)| (path.to_string(), value.to_string())).collect();
        let changed =
            of_preset(&run.summary.preset, &Overrides::default()).map(|preset| changes(&preset, &own));
        let is_steered = progress.recorded.iter().any(|event| event.kind == "command");
        let repeat = match repeat_branch(&seams) {
            Some(branch) => branch,
            // Commands and changes on resuming are no part of the spec.
            None if is_steered || seams.iter().any(|seam| !seam.changes.is_empty()) => {
                format!("unrolled verify {}", shell_word(&path.to_string_lossy()))
            }
            None if checkpoint::is_imported(path) => String::new(),
            None => repeat(&run.summary, changed.as_deref(), &own, path),
        };
        let (checkpoints, data) = checkpoints(path);
        let divergence = match run.state {
            RunState::Diverged => DivergenceReport::read(path).unwrap_or_else(|error| {
                warnings.push(crate::error::chain(&error));
                None
            }),
            _ => None,
        };
        let recorded = progress.recorded;
        Self { run, info, changed, recorded, seams, warnings, divergence, checkpoints, data, repeat }
    }

    /// The command that goes on with the run, if it has ended before its end and there is something to go on from.
    fn resume(&self) -> Option<String> {
        let Run { path, state, .. } = &self.run;
        if checkpoint::is_imported(path) {
            return Some(format!(
                "unrolled train --from {} --data PATH",
                shell_word(&path.to_string_lossy())
            ));
        }
        let has_good = || self.divergence.as_ref().is_some_and(|report| report.checkpoint.is_some());
        let goes_on = match state {
            RunState::Crashed | RunState::Stopped | RunState::Failed => true,
            // Without another rate it would diverge again.
            RunState::Diverged => has_good(),
            RunState::Live | RunState::Finished | RunState::Damaged => false,
        };
        let set = if *state == RunState::Diverged { " --set train.optimizer.learning_rate=…" } else { "" };
        goes_on.then(|| format!("unrolled resume {}{set}", shell_word(&path.to_string_lossy())))
    }

    /// The card as rows of name and value, escaped; a name may have several rows.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let Run { name, path, state, started, summary, marks } = &self.run;
        let mut rows = vec![
            ("run", path.display().to_string()),
            ("state", state.word().to_owned()),
            ("reason", summary.reason.to_string()),
            ("damage", summary.damage.to_string()),
            ("started", super::format::timestamp(*started)),
            ("preset", summary.preset.to_string()),
        ];
        if path.as_os_str().is_empty() {
            rows.insert(0, ("run", name.to_string()));
        }
        if let Some(info) = &self.info {
            rows.extend(facts(info));
        }
        rows.extend(self.data.iter().map(|data| ("data fingerprint", data.clone())));
        rows.extend(self.changed.iter().flatten().map(|(path, before, after)| {
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "absent".into());
            ("changed", format!("{path} = {} (preset: {})", value(after), value(before)))
        }));
        if self.changed.is_none() {
            let shown = |key: &str| ["from.", "train.", "data."].iter().any(|start| key.starts_with(start));
            let settings = summary.settings.iter().filter(|(key, _)| shown(key));
            rows.extend(settings.map(|(key, value)| ("setting", format!("{key} = {value}"))));
        }
        let epochs = match summary.planned {
            0 => number::count(summary.epochs),
            planned => format!("{} of {}", number::count(summary.epochs), number::count(planned)),
        };
        let time = number::duration(summary.seconds);
        let unit = if epochs == "1" { "epoch" } else { "epochs" };
        let steps = number::counted(summary.steps as usize, "step");
        rows.push(("trained", format!("{steps}, {epochs} {unit}, {time}")));
        let list = |values: &super::Values| {
            let values = values.iter().map(|(name, x)| format!("{name} {}", number::named(name, *x)));
            values.collect::<Vec<String>>().join(", ")
        };
        if let Some(best) = &summary.best {
            let at =
                format!("epoch {}, step {}, by {}", best.epoch, number::count(best.step), summary.monitor);
            rows.push(("best", format!("{at}: {}", list(&best.metrics))));
        }
        if !summary.last.is_empty() {
            rows.push(("last", format!("epoch {}: {}", number::count(summary.epochs), list(&summary.last))));
        }
        rows.extend(self.recorded.iter().map(|event| ("event", event::sentence(event))));
        for Resumed { step, changes, parent, .. } in &self.seams {
            let changes =
                if changes.is_empty() { String::new() } else { format!(", with {}", changes.join(" ")) };
            let after = format!("after step {}{changes}", number::count(*step));
            rows.push(match parent {
                Some(parent) => ("branched", format!("from {} {after}", parent.display())),
                None => ("resumed", after),
            });
        }
        rows.extend(self.warnings.iter().map(|text| ("warning", text.clone())));
        rows.extend(self.divergence.iter().flat_map(divergence));
        rows.extend(self.checkpoints.iter().map(|checkpoint| {
            let marks = [(checkpoint.is_last, "last"), (checkpoint.is_best, "best")];
            let marks: Vec<&str> = marks.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
            let weights = match checkpoint.weights.as_str() {
                "" => "damaged".to_owned(),
                weights => format!("weights {weights}"),
            };
            (
                "checkpoint",
                format!("{} {weights} {}", checkpoint.name, marks.join(", ")).trim_end().to_owned(),
            )
        }));
        rows.push(("tags", marks.tags.join(" ")));
        rows.extend(marks.notes.iter().map(|note| ("note", format!("{}: {}", note.time, note.text))));
        rows.extend(self.resume().map(|command| ("resume", command)));
        rows.push(("repeat", self.repeat.clone()));
        let escaped = rows.into_iter().map(|(name, value)| (name, foreign(&value).into_owned()));
        escaped.filter(|(_, value)| !value.is_empty()).collect()
    }
}

/// How a run has diverged.
fn divergence(report: &DivergenceReport) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let sequences = report.batch.as_ref().and_then(|batch| batch.sequences.as_deref());
    if let Some(first) = &report.non_finite {
        let sequence = first.row.and_then(|row| sequences?.get(row));
        let sequence =
            sequence.map_or(String::new(), |number| format!(", sequence {number} of the training data"));
        rows.push(("not finite", format!("{first}{sequence}")));
    }
    if let Some(batch) = &report.batch {
        let measured = |value: Option<f64>| value.map_or("not finite".into(), number::metric);
        rows.push((
            "step failed",
            format!(
                "step {}, epoch {}, batch {} of it: loss {}, gradient norm {}, learning rate {}",
                number::count(report.step),
                report.epoch,
                number::count(batch.number as u64),
                measured(batch.loss),
                measured(batch.grad_norm),
                number::metric(batch.learning_rate)
            ),
        ));
        rows.extend(batch.tokens.iter().map(|tokens| ("text", named(tokens, " "))));
    }
    rows.extend(sequences.map(|sequences| ("batch", format!("sequences {}", named(sequences, ", ")))));
    let skipped = report.recent_steps.len().saturating_sub(RECENT);
    rows.extend(report.recent_steps.iter().skip(skipped).map(|step| {
        let (loss, norm) = (number::metric(step.loss), number::metric(step.grad_norm));
        let (rate, step) = (number::metric(step.learning_rate), number::count(step.step));
        ("before", format!("step {step}: loss {loss}, gradient norm {norm}, learning rate {rate}"))
    }));
    rows
}

/// The first of `all`, and how many more there are.
fn named(all: &[impl ToString], separator: &str) -> String {
    let first = all.iter().take(NAMED).map(ToString::to_string).collect::<Vec<_>>().join(separator);
    match all.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {} more", number::count(more as u64)),
    }
}

/// The command that makes the branch whose seams these are, if it is one.
fn repeat_branch(seams: &[Resumed]) -> Option<String> {
    let parent = seams.iter().find_map(|seam| seam.parent.as_ref())?;
    let changed = seams.iter().find(|seam| !seam.changes.is_empty());
    let step = changed.or(seams.first()).map_or(0, |seam| seam.step);
    let set =
        changed.iter().flat_map(|seam| &seam.changes).map(|change| format!(" --set {}", shell_word(change)));
    let parent = shell_word(&parent.to_string_lossy());
    Some(format!("unrolled branch {parent} --at {step}{}", set.collect::<String>()))
}

fn facts(info: &RunInfo) -> Vec<(&'static str, String)> {
    let mut rows = vec![("data", info.data.source.clone())];
    let count = |n: usize| number::count(n as u64);
    let (train, validation) = (count(info.data.train), count(info.data.validation));
    rows.push(("sequences", format!("{train} for training, {validation} for validation")));
    if info.data.vocabulary > 0 {
        rows.push(("vocabulary", count(info.data.vocabulary)));
    }
    rows.push(("length", number::counted(info.data.length, "time step")));
    for (i, layer) in info.model.layers.iter().enumerate() {
        let sizes = layer.output.iter().map(|size| size.map_or("None".into(), |size| size.to_string()));
        let shape = sizes.collect::<Vec<String>>().join(", ");
        let detail = if layer.detail.is_empty() { String::new() } else { format!("  {}", layer.detail) };
        let params = number::counted(layer.params, "parameter");
        rows.push(("layer", format!("{i} {} ({shape})  {params}{detail}", layer.class)));
    }
    rows.extend([
        ("parameters", count(info.model.params())),
        ("optimizer", info.optimizer.clone()),
        ("loss", info.loss.clone()),
        ("seed", info.seed.to_string()),
        ("threads", info.threads.to_string()),
    ]);
    rows
}

/// The settings of the built-in preset `name` with `overrides`.
pub(super) fn of_preset(name: &str, overrides: &Overrides) -> Option<Settings> {
    preset::text(name)?;
    preset::load(name, overrides).ok()?.spec.settings().ok()
}

/// The settings that differ: first those that the run has, in its order.
fn changes(preset: &Settings, own: &Settings) -> Vec<Changed> {
    let find = |settings: &Settings, path: &str| {
        settings.iter().find(|(key, _)| key == path).map(|(_, value)| value.clone())
    };
    let gone = preset.iter().filter(|(path, _)| find(own, path).is_none());
    own.iter()
        .map(|(path, value)| (path.clone(), find(preset, path), Some(value.clone())))
        .filter(|(_, before, after)| before != after)
        .chain(gone.map(|(path, value)| (path.clone(), Some(value.clone()), None)))
        .collect()
}

/// The command that trains the same: by the preset's name and its changes, if these give all settings of the run; else by its spec.
fn repeat(summary: &Summary, changed: Option<&[Changed]>, own: &Settings, path: &Path) -> String {
    let mut words = vec!["unrolled".to_owned(), "train".to_owned()];
    let by_name = changed.and_then(|changed| {
        let mut overrides = Overrides::default();
        for (path, _, value) in changed {
            match (path.as_str(), value) {
                ("train.seed", Some(value)) => overrides.seed = value.parse().ok(),
                (path, Some(value)) => overrides.set.push(format!("{path}={value}")),
                (_, None) => {}
            }
        }
        (of_preset(&summary.preset, &overrides)? == *own).then_some(overrides)
    });
    match by_name {
        Some(overrides) => {
            words.push(summary.preset.to_string());
            words.extend(overrides.set.into_iter().flat_map(|set| ["--set".to_owned(), set]));
            words.extend(overrides.seed.into_iter().flat_map(|seed| ["--seed".to_owned(), seed.to_string()]));
        }
        None => words.push(path.join("spec.yaml").display().to_string()),
    }
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}

fn checkpoints(run: &Path) -> (Vec<Checkpoint>, Option<String>) {
    let root = run.join("checkpoints");
    let pointer = |name: &str| -> Option<PathBuf> {
        let content = std::fs::read_to_string(root.join(name)).ok()?;
        Some(PathBuf::from(content.trim_end()))
    };
    let (last, best) = (pointer("last"), pointer("best"));
    let entries = root.read_dir().into_iter().flatten().flatten();
    let complete = entries.filter(|entry| entry.path().join("DONE").is_file());
    let mut names: Vec<String> =
        complete.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.starts_with("step-"));
    let step = |name: &String| name.split('-').nth(1).and_then(|step| step.parse::<u64>().ok());
    names.small_sort_by_key(|name| (step(name), name.clone()));
    let is = |pointer: &Option<PathBuf>, name: &str| pointer.as_deref() == Some(Path::new(name));
    let mut data = None;
    let checkpoint = |name: String| {
        let loaded = checkpoint::read_from(&root.join(&name)).ok();
        let state = loaded.as_ref().and_then(|loaded| loaded.state.get("data"));
        data = state
            .map(|state| format!("{:08x}", crc32fast::hash(state.to_string().as_bytes())))
            .or(data.take());
        let weights = loaded.map(|loaded| loaded.fingerprint()).unwrap_or_default();
        Checkpoint { is_last: is(&last, &name), is_best: is(&best, &name), name, weights }
    };
    let all = names.into_iter().map(checkpoint).collect();
    (all, data)
}
