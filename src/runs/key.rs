//! What runs are sorted, filtered and grouped by: a column, a metric or a setting.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use super::list::Run;
use super::summary::Summary;
use crate::preset::unknown;

/// Before the name of a metric: that of the last epoch, not of the best.
const LAST: &str = "last.";
/// The names of columns, each with its other names.
const FACTS: [(&str, Fact); 18] = [
    ("name", Fact::Name),
    ("state", Fact::State),
    ("preset", Fact::Preset),
    ("task", Fact::Task),
    ("layers", Fact::Layers),
    ("layer", Fact::Layers),
    ("params", Fact::Params),
    ("seed", Fact::Seed),
    ("monitor", Fact::Monitor),
    ("best", Fact::Best),
    ("last", Fact::Last),
    ("steps", Fact::Steps),
    ("epochs", Fact::Epochs),
    ("time", Fact::Seconds),
    ("seconds", Fact::Seconds),
    ("age", Fact::Age),
    ("tags", Fact::Tags),
    ("notes", Fact::Notes),
];

/// What a run is sorted, filtered or grouped by.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    /// A column.
    Fact(Fact),
    /// A metric of the best evaluation.
    Metric(Arc<str>),
    /// A metric of the last epoch.
    LastMetric(Arc<str>),
    /// A setting; several paths that end with what was given.
    Settings(Vec<Arc<str>>),
}

/// A column that all runs have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names of columns")]
pub enum Fact {
    Name,
    State,
    Preset,
    Task,
    Layers,
    Params,
    Seed,
    Monitor,
    Best,
    Last,
    Steps,
    Epochs,
    Seconds,
    Age,
    Tags,
    Notes,
}

/// A name that is no column, metric or setting of the runs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No run has it.
    #[error("{0}")]
    Unknown(String),
    /// Several settings end with it.
    #[error("`{name}` is several settings: {paths}; name one")]
    Ambiguous {
        /// What was given.
        name: String,
        /// The settings.
        paths: String,
    },
}

/// A value of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// A number; never NaN.
    Number(f64),
    /// Untrusted text: escape it before printing.
    Text(Arc<str>),
}

impl Cell {
    /// A text, or the number that it is.
    pub(super) fn of_text(text: &Arc<str>) -> Self {
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Self::Number(number),
            _ => Self::Text(Arc::clone(text)),
        }
    }

    /// The text of the cell, not escaped.
    pub fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.to_string(),
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        }
    }
}

impl Key {
    /// Returns the column, metric or setting called `name` of `runs`. The beginning of the name of a metric suffices, as in `val_acc`, and the
    /// end of the path of a setting, as in `learning_rate`.
    ///
    /// # Errors
    /// If no run has it.
    pub fn find<'r>(name: &str, runs: impl IntoIterator<Item = &'r Run> + Clone) -> Result<Self, KeyError> {
        if let Some((_, fact)) = FACTS.iter().find(|(known, _)| *known == name) {
            return Ok(Self::Fact(*fact));
        }
        let mut metrics = BTreeSet::new();
        let mut settings = BTreeSet::new();
        for run in runs {
            let Summary { best, last, settings: own, .. } = &*run.summary;
            let best = best.iter().flat_map(|best| &best.metrics);
            metrics.extend(best.chain(last).map(|(name, _)| Arc::clone(name)));
            settings.extend(own.iter().map(|(path, _)| Arc::clone(path)));
        }
        let (metric, is_last) = name.strip_prefix(LAST).map_or((name, false), |metric| (metric, true));
        let exact = |name: &str| metrics.get(name).cloned();
        let begins = || metrics.iter().find(|known| !metric.is_empty() && known.starts_with(metric)).cloned();
        let of_metric = |name| if is_last { Self::LastMetric(name) } else { Self::Metric(name) };
        if let Some(metric) = exact(metric) {
            return Ok(of_metric(metric));
        }
        if let Some(path) = settings.get(name) {
            return Ok(Self::Settings(vec![Arc::clone(path)]));
        }
        let ends = |path: &&Arc<str>| path.strip_suffix(name).is_some_and(|front| front.ends_with('.'));
        let ends: Vec<Arc<str>> = settings.iter().filter(ends).cloned().collect();
        if !ends.is_empty() && !name.is_empty() {
            return Ok(Self::Settings(ends));
        }
        if let Some(metric) = begins() {
            return Ok(of_metric(metric));
        }
        let known: Vec<&str> =
            FACTS.iter().map(|(name, _)| *name).chain(metrics.iter().map(|name| &**name)).collect();
        Err(KeyError::Unknown(
            unknown("column, metric or setting", name, &known) + ", and the settings in spec.yaml",
        ))
    }

    /// As [`find`](Self::find), for a key of which a run has one value.
    ///
    /// # Errors
    /// Also if it is the end of several settings.
    pub fn find_one<'r>(
        name: &str,
        runs: impl IntoIterator<Item = &'r Run> + Clone,
    ) -> Result<Self, KeyError> {
        match Self::find(name, runs)? {
            Self::Settings(paths) if paths.len() > 1 => {
                Err(KeyError::Ambiguous { name: name.to_owned(), paths: paths.join(", ") })
            }
            key => Ok(key),
        }
    }

    /// The values of `run`: none if it does not have the metric or setting.
    pub fn values(&self, run: &Run, now: SystemTime) -> Vec<Cell> {
        let summary = &run.summary;
        let text =
            |text: &Arc<str>| if text.is_empty() { Vec::new() } else { vec![Cell::Text(Arc::clone(text))] };
        let number = |x: Option<f64>| x.filter(|x| !x.is_nan()).map(Cell::Number).into_iter().collect();
        let setting = |path: &str| summary.settings.get(path).map(Cell::of_text);
        match self {
            Self::Metric(name) => number(summary.metric(name)),
            Self::LastMetric(name) => number(summary.last_metric(name)),
            Self::Settings(paths) => paths.iter().filter_map(|path| setting(path)).collect(),
            Self::Fact(fact) => match fact {
                Fact::Name => text(&run.name),
                Fact::State => vec![Cell::Text(run.state.word().into())],
                Fact::Preset => text(&summary.preset),
                Fact::Task => text(&summary.task),
                Fact::Layers => text(&summary.layers),
                Fact::Params => number((summary.params > 0).then_some(summary.params as f64)),
                Fact::Seed => setting("train.seed").into_iter().collect(),
                Fact::Monitor => text(&summary.monitor),
                Fact::Best => number(summary.best.as_ref().map(|best| best.value)),
                Fact::Last => number(summary.last_metric(&summary.monitor)),
                Fact::Steps => number(Some(summary.steps as f64)),
                Fact::Epochs => number(Some(summary.epochs as f64)),
                Fact::Seconds => number(Some(summary.seconds)),
                Fact::Age => number(Some(run.age(now))),
                Fact::Tags => run.marks.tags.iter().map(|tag| Cell::Text(tag.as_str().into())).collect(),
                Fact::Notes => {
                    run.marks.notes.iter().map(|note| Cell::Text(note.text.as_str().into())).collect()
                }
            },
        }
    }

    /// The value of `run`, if it has one.
    pub fn value(&self, run: &Run, now: SystemTime) -> Option<Cell> {
        self.values(run, now).into_iter().next()
    }

    /// Whether it is a span of time.
    pub(super) fn is_time(&self) -> bool {
        matches!(self, Self::Fact(Fact::Age | Fact::Seconds))
    }
}

/// Sorts `runs` by `key`, from the greatest if `descending`; those without a value are last. The order of equal ones stays.
pub fn sort(runs: &mut [Run], key: &Key, descending: bool, now: SystemTime) {
    runs.sort_by_cached_key(|run| Sorted { cell: key.value(run, now), descending });
}

struct Sorted {
    cell: Option<Cell>,
    descending: bool,
}

impl PartialEq for Sorted {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Sorted {}

impl PartialOrd for Sorted {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sorted {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.cell, &other.cell) {
            (Some(a), Some(b)) if self.descending => b.compare(a),
            (Some(a), Some(b)) => a.compare(b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }
}
