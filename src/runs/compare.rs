use std::sync::Arc;

use super::card::of_preset;
use super::list::Run;
use super::table::{Column, Table};
use crate::escape::foreign;
use crate::number;
use crate::preset::{self, Overrides, Settings};

/// Settings that say nothing of the training.
const WORDS: [&str; 3] = ["name", "title", "about"];

/// The start of settings of what is watched, which change nothing in the training.
const WATCH: &str = "watch.";

/// A setting with its value in each run.
pub type Differing = (Arc<str>, Vec<Option<Arc<str>>>);

/// Runs side by side: the settings that differ, and the metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The runs.
    pub runs: Vec<Run>,
    /// The settings that are not the same in all runs.
    pub settings: Vec<Differing>,
    /// The metrics of any of them.
    pub metrics: Vec<Arc<str>>,
}

/// Returns the settings that are not the same in all `runs`, in the order of the first that has them.
pub fn differing_settings<'r>(runs: impl Iterator<Item = &'r Run> + Clone) -> Vec<Differing> {
    let mut paths: Vec<&Arc<str>> = Vec::new();
    for (path, _) in runs.clone().flat_map(|run| run.summary.settings.iter()) {
        if !WORDS.contains(&&**path) && !paths.contains(&path) {
            paths.push(path);
        }
    }
    let values = |path: &Arc<str>| -> Vec<Option<Arc<str>>> {
        runs.clone().map(|run| run.summary.settings.get(path).cloned()).collect()
    };
    let all = paths.into_iter().map(|path| (Arc::clone(path), values(path)));
    all.filter(|(_, values)| values.iter().any(|value| Some(value) != values.first())).collect()
}

impl Comparison {
    /// Compares `runs`.
    pub fn new(runs: Vec<Run>) -> Self {
        let mut metrics: Vec<Arc<str>> = Vec::new();
        for run in &runs {
            let best = run.summary.best.iter().flat_map(|best| &best.metrics);
            for (name, _) in run.summary.last.iter().chain(best) {
                if !metrics.contains(name) {
                    metrics.push(Arc::clone(name));
                }
            }
        }
        let settings = differing_settings(runs.iter());
        Self { runs, settings, metrics }
    }

    /// The settings of the training that differ: all but those of what is watched.
    pub fn of_training(&self) -> impl Iterator<Item = &Differing> {
        self.settings.iter().filter(|(path, _)| !path.starts_with(WATCH))
    }

    /// Those settings of the training that somebody has written: in the preset's text, or as a change of it. The others are defaults, such
    /// as those of another class of layer. Of a run without a built-in preset all count as written.
    pub fn written(&self) -> Vec<&Differing> {
        let presets: Vec<Option<WrittenPreset>> =
            self.runs.iter().map(|run| WrittenPreset::of(&run.summary.preset)).collect();
        let is_written = |(path, values): &&Differing| {
            presets.iter().zip(values).any(|(preset, value)| match (preset, value) {
                (Some(preset), Some(value)) => preset.is_written(path, value),
                (None, Some(_)) => true,
                (_, None) => false,
            })
        };
        self.of_training().filter(is_written).collect()
    }

    /// The table: a column for each run; `settings`, then metrics of the best evaluation and of the last epoch.
    pub fn table(&self, settings: &[&Differing]) -> Table {
        let mut labels = vec!["state".to_owned(), "preset".to_owned()];
        labels.extend(settings.iter().map(|(path, _)| foreign(path).into_owned()));
        labels.extend(["steps", "epochs", "time"].map(str::to_owned));
        labels.extend(self.metrics.iter().flat_map(|name| {
            let name = foreign(name);
            [format!("best {name}"), format!("last {name}")]
        }));
        let mut columns = vec![Column::text("", u8::MAX, labels)];
        for (i, run) in self.runs.iter().enumerate() {
            let summary = &run.summary;
            let text =
                |text: Option<&Arc<str>>| text.map_or("–".to_owned(), |text| foreign(text).into_owned());
            let mut cells = vec![run.state.word().to_owned(), text(Some(&summary.preset))];
            cells.extend(settings.iter().map(|(_, values)| text(values.get(i).and_then(Option::as_ref))));
            cells.extend([
                number::count(summary.steps),
                number::count(summary.epochs),
                number::duration(summary.seconds),
            ]);
            for name in &self.metrics {
                let value =
                    |value: Option<f64>| value.map_or("–".to_owned(), |value| number::named(name, value));
                cells.extend([value(summary.metric(name)), value(summary.last_metric(name))]);
            }
            columns.push(Column::number(foreign(&run.name).into_owned(), 0, cells));
        }
        Table { columns }
    }
}

/// A built-in preset: its settings as written, and with all defaults.
struct WrittenPreset {
    written: Settings,
    resolved: Settings,
}

impl WrittenPreset {
    fn of(name: &str) -> Option<Self> {
        let written = preset::settings(name, preset::text(name)?).ok()?;
        Some(Self { written, resolved: of_preset(name, &Overrides::default())? })
    }

    /// Whether a setting with this value is written in the preset, or as a change of it.
    fn is_written(&self, path: &str, value: &str) -> bool {
        let is_default = self.resolved.iter().any(|(known, default)| known == path && default == value);
        !is_default || self.written.iter().any(|(known, _)| known == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::filter::tests::run;

    #[test]
    fn only_settings_that_differ_are_compared() {
        let runs = vec![
            run(
                "a",
                0.5,
                &[("name", "a"), ("train.loss", "mse"), ("model.1.units", "8"), ("watch.every", "9")],
            ),
            run("b", f64::NAN, &[("name", "b"), ("train.loss", "mse"), ("train.clip", "1\x1b")]),
        ];
        let comparison = Comparison::new(runs);
        let settings: Vec<&Differing> = comparison.of_training().collect();
        let (head, rows) = comparison.table(&settings).lines(200);
        assert_eq!(head.split_whitespace().collect::<Vec<_>>(), ["a", "b"]);
        let row = |label: &str| rows.iter().find(|row| row.starts_with(label)).cloned();
        assert_eq!((row("train.loss"), row("watch.every")), (None, None));
        assert!(comparison.settings.iter().any(|(path, _)| **path == *"watch.every"));
        assert!(row("model.1.units").unwrap().ends_with("–") && row("train.clip").unwrap().ends_with("1␛"));
        assert!(row("best val_accuracy").unwrap().contains("50.0 %"));
    }

    #[test]
    fn defaults_of_another_class_of_layer_are_not_written_by_anybody() {
        let preset = |name: &str, change: Option<(&str, &str)>| {
            let settings = of_preset(name, &Overrides::default()).unwrap();
            let changed = |(path, value): (String, String)| match change {
                Some((changed, new)) if changed == path => (path, new.to_owned()),
                _ => (path, value),
            };
            let settings: Settings = settings.into_iter().map(changed).collect();
            let mut run = run(name, 0.5, &[]);
            let mut summary = (*run.summary).clone();
            summary.preset = name.into();
            summary.settings =
                settings.into_iter().map(|(path, value)| (path.into(), value.into())).collect();
            run.summary = Arc::new(summary);
            run
        };
        let clip = Some(("train.seed", "77"));
        let comparison = Comparison::new(vec![preset("vanishing-rnn", clip), preset("vanishing-lstm", None)]);
        let paths: Vec<&str> = comparison.written().iter().map(|(path, _)| &**path).collect();
        let all: Vec<&str> = comparison.of_training().map(|(path, _)| &**path).collect();
        assert!(
            paths.contains(&"train.seed") && paths.iter().any(|path| path.ends_with(".layer")),
            "{paths:?}"
        );
        // An LSTM has an activation of its gates, and no preset says which.
        let gates = |paths: &[&str]| paths.iter().any(|path| path.ends_with(".recurrent_activation"));
        assert!(gates(&all) && !gates(&paths), "{all:?}");
    }
}
