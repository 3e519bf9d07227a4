use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use super::compare::differing_settings;
use super::key::{Cell, Key};
use super::list::Run;
use super::table::{Column, Table};
use crate::escape::foreign;
use crate::metrics::VALIDATION;
use crate::number;
use crate::run::RunState;

/// The beginnings of settings that change nothing in the training.
const IGNORED: [&str; 2] = ["watch.", "alerts."];
/// Settings named in a note.
const NAMED: usize = 5;

/// Runs of a preset that have one value of a key: seeds, or folds.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The value; `None` for runs that have none.
    pub value: Option<Cell>,
    /// Their preset.
    pub preset: Arc<str>,
    /// The metric that their best evaluation is chosen by.
    pub monitor: Arc<str>,
    /// The main metric of their task besides the loss.
    pub main: Option<&'static str>,
    /// How many there are.
    pub runs: usize,
    /// How many have finished: the others have no part in the statistics.
    pub finished: usize,
    /// Each metric of the best evaluations.
    pub metrics: Vec<(Arc<str>, Statistic)>,
    /// Seconds of training.
    pub seconds: Option<Statistic>,
    /// The settings in which its runs differ besides seed and fold: it pools what is not the same training.
    pub differing: Vec<Arc<str>>,
}

/// A mean, and how far the values are from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistic {
    /// The arithmetic mean.
    pub mean: f64,
    /// The sample standard deviation, with n − 1; `None` of one value.
    pub std: Option<f64>,
    /// The number of values.
    pub n: usize,
}

impl Statistic {
    /// Of these values; `None` if there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        Some(Self { mean, std: (n > 1).then(|| (squares / (n - 1) as f64).sqrt()), n })
    }

    /// `0.1234 ± 0.0012`; of accuracies in per cent.
    pub fn text(&self, name: &str) -> String {
        match self.std {
            Some(std) if name.ends_with("accuracy") => {
                format!("{:.1} ± {:.1} %", self.mean * 100.0, std * 100.0)
            }
            Some(std) => format!("{} ± {}", number::named(name, self.mean), number::metric(std)),
            None => number::named(name, self.mean),
        }
    }
}

/// Groups `runs` by the value of `key`, and those of different presets apart; in the order in which they appear.
pub fn group(runs: &[Run], key: &Key, now: SystemTime) -> Vec<Group> {
    let mut members: Vec<(Option<Cell>, Arc<str>, Vec<&Run>)> = Vec::new();
    for run in runs {
        let (value, preset) = (key.value(run, now), &run.summary.preset);
        match members.iter_mut().find(|(known, of, _)| *known == value && of == preset) {
            Some((.., members)) => members.push(run),
            None => members.push((value, Arc::clone(preset), vec![run])),
        }
    }
    members.into_iter().map(|(value, preset, members)| of(value, preset, &members)).collect()
}

fn of(value: Option<Cell>, preset: Arc<str>, members: &[&Run]) -> Group {
    let finished: Vec<&Run> = members.iter().copied().filter(|run| run.state == RunState::Finished).collect();
    let mut names: Vec<Arc<str>> = Vec::new();
    for (name, _) in
        finished.iter().filter_map(|run| run.summary.best.as_ref()).flat_map(|best| &best.metrics)
    {
        if !names.contains(name) {
            names.push(Arc::clone(name));
        }
    }
    let statistic = |name: Arc<str>| {
        let values = finished.iter().filter_map(|run| run.summary.metric(&name)).filter(|x| x.is_finite());
        Some((Arc::clone(&name), Statistic::of(&values.collect::<Vec<_>>())?))
    };
    let seconds: Vec<f64> = finished.iter().map(|run| run.summary.seconds).collect();
    let sample = finished.first().or(members.first());
    Group {
        value,
        preset,
        monitor: sample.map(|run| Arc::clone(&run.summary.monitor)).unwrap_or_default(),
        main: sample.and_then(|run| run.summary.main_metric()),
        runs: members.len(),
        finished: finished.len(),
        metrics: names.into_iter().filter_map(statistic).collect(),
        seconds: Statistic::of(&seconds),
        differing: differing(&finished),
    }
}

/// The settings in which runs differ that are more than repetitions of one training.
fn differing(runs: &[&Run]) -> Vec<Arc<str>> {
    let is_training = |path: &str| {
        !IGNORED.iter().any(|start| path.starts_with(start))
            && path != "train.seed"
            && !path.ends_with(".fold")
    };
    let settings = differing_settings(runs.iter().copied()).into_iter().map(|(path, _)| path);
    settings.filter(|path| is_training(path)).collect()
}

/// A line for each group whose runs differ in more than their seed.
pub fn group_notes(groups: &[Group]) -> Vec<String> {
    let note = |group: &Group| {
        let named: Vec<Cow<'_, str>> = group.differing.iter().take(NAMED).map(|path| foreign(path)).collect();
        let more = group.differing.len().saturating_sub(named.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let value =
            group.value.as_ref().map_or("–".to_owned(), |value| foreign(&value.text()).into_owned());
        format!("{value}: its runs differ in {}{more}", named.join(", "))
    };
    groups.iter().filter(|group| !group.differing.is_empty()).map(note).collect()
}

/// The table of groups by the key called `key`: mean ± standard deviation.
pub fn group_columns(groups: &[Group], key: &str) -> Table {
    let column = |cell: &dyn Fn(&Group) -> String| groups.iter().map(cell).collect::<Vec<String>>();
    let several = groups.iter().any(|group| Some(&group.preset) != groups.first().map(|first| &first.preset));
    let preset = |group: &Group| if several { foreign(&group.preset).into_owned() } else { String::new() };
    let count = |group: &Group| match group.runs == group.finished {
        true => group.runs.to_string(),
        false => format!("{} of {}", group.finished, group.runs),
    };
    // Metrics in the order of the first group that has them, the monitored one and the main ones alone.
    let mut names: Vec<String> = Vec::new();
    for group in groups {
        let main = [VALIDATION, ""].map(|prefix| group.main.map(|main| format!("{prefix}{main}")));
        for name in [Some(group.monitor.to_string())].into_iter().chain(main).flatten() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let value = |group: &Group| match &group.value {
        Some(cell) => foreign(&cell.text()).into_owned(),
        None => "–".to_owned(),
    };
    let mut columns = vec![
        Column::text(foreign(key).into_owned(), u8::MAX, column(&value)),
        Column::text("preset", 95, column(&preset)),
        Column::number("runs", 90, column(&count)),
    ];
    for (i, name) in names.iter().enumerate() {
        let cell = |group: &Group| {
            let found = group.metrics.iter().find(|(known, _)| **known == **name);
            found.map_or(String::new(), |(_, statistic)| statistic.text(name))
        };
        columns.push(Column::number(
            foreign(name).into_owned(),
            80_u8.saturating_sub(i as u8),
            column(&cell),
        ));
    }
    let seconds =
        |group: &Group| group.seconds.map_or(String::new(), |seconds| number::duration(seconds.mean));
    columns.push(Column::number("time", 50, column(&seconds)));
    Table::new(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::filter::tests::run;
    use std::time::UNIX_EPOCH;

    #[test]
    fn means_and_deviations_are_those_worked_out_by_hand() {
        let rate = "train.optimizer.learning_rate";
        let mut runs = vec![
            run("a", 0.5, &[(rate, "0.1")]),
            run("b", 0.7, &[(rate, "0.1")]),
            run("c", 0.6, &[(rate, "0.1")]),
            run("d", 0.9, &[(rate, "0.01")]),
            run("e", 0.2, &[]),
            run("f", 0.1, &[(rate, "0.1")]),
        ];
        runs[5].state = RunState::Diverged;
        let key = Key::find_one("learning_rate", &runs).unwrap();
        let groups = group(&runs, &key, UNIX_EPOCH);
        let (_, lines) = group_columns(&groups, "learning_rate").lines(200);
        assert_eq!(
            lines,
            [
                "0.1            3 of 4  60.0 ± 10.0 %  1:30",
                "0.01                1         90.0 %  1:30",
                "–                   1         20.0 %  1:30",
            ]
        );
        assert_eq!(Statistic::of(&[]), None);
    }

    #[test]
    fn a_group_whose_runs_differ_in_more_than_the_seed_says_in_what() {
        let rate = "train.optimizer.learning_rate";
        let mut runs = vec![
            run("a", 0.5, &[(rate, "0.1"), ("train.seed", "1"), ("train.epochs", "5"), ("watch.every", "1")]),
            run("b", 0.7, &[(rate, "0.1"), ("train.seed", "2"), ("train.epochs", "9"), ("data.train", "7")]),
            run("c", 0.6, &[(rate, "0.2"), ("train.seed", "3")]),
            run("d", 0.9, &[(rate, "0.2"), ("train.seed", "4")]),
        ];
        let key = Key::find_one("learning_rate", &runs).unwrap();
        let notes = |runs: &[Run]| group_notes(&group(runs, &key, UNIX_EPOCH));
        assert_eq!(notes(&runs), ["0.1: its runs differ in train.epochs, data.train"]);
        // One that has not finished has no part in the statistics.
        runs[1].state = RunState::Diverged;
        assert_eq!(notes(&runs), Vec::<String>::new());
    }
}
