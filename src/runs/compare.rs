use std::sync::Arc;

use super::list::Run;
use super::table::{Column, Table};
use crate::escape::foreign;
use crate::number;

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

    /// The table: a column for each run; settings, then metrics of the best evaluation and of the last epoch.
    pub fn table(&self) -> Table {
        let mut labels = vec!["state".to_owned(), "preset".to_owned()];
        labels.extend(self.of_training().map(|(path, _)| foreign(path).into_owned()));
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
            cells.extend(self.of_training().map(|(_, values)| text(values.get(i).and_then(Option::as_ref))));
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
        let (head, rows) = comparison.table().lines(200);
        assert_eq!(head.split_whitespace().collect::<Vec<_>>(), ["a", "b"]);
        let row = |label: &str| rows.iter().find(|row| row.starts_with(label)).cloned();
        assert_eq!((row("train.loss"), row("watch.every")), (None, None));
        assert!(comparison.settings.iter().any(|(path, _)| **path == *"watch.every"));
        assert!(row("model.1.units").unwrap().ends_with("–") && row("train.clip").unwrap().ends_with("1␛"));
        assert!(row("best val_accuracy").unwrap().contains("50.0 %"));
    }
}
