//! Runs and groups as comma-separated values (RFC 4180).

use std::sync::Arc;

use crate::escape::foreign;
use crate::runs::{Group, Run, differing_settings, timestamp};

/// The runs: columns, metrics of the best evaluation, those of the last epoch, and the settings that differ.
pub(super) fn runs(runs: &[Run]) -> String {
    let mut metrics: Vec<Arc<str>> = Vec::new();
    for run in runs {
        let best = run.summary.best.iter().flat_map(|best| &best.metrics);
        for (name, _) in run.summary.last.iter().chain(best) {
            if !metrics.contains(name) {
                metrics.push(Arc::clone(name));
            }
        }
    }
    let settings = differing_settings(runs.iter());
    let mut head: Vec<String> = [
        "name",
        "state",
        "started",
        "preset",
        "task",
        "layers",
        "params",
        "steps",
        "epochs",
        "seconds",
        "monitor",
        "best",
        "best_epoch",
        "tags",
    ]
    .map(str::to_owned)
    .to_vec();
    head.extend(metrics.iter().flat_map(|name| [name.to_string(), format!("last.{name}")]));
    head.extend(settings.iter().map(|(path, _)| path.to_string()));
    let mut out = line(head.iter().map(String::as_str));
    for (i, run) in runs.iter().enumerate() {
        let summary = &run.summary;
        let number = |x: Option<f64>| x.map_or(String::new(), |x| x.to_string());
        let mut cells = vec![
            run.name.to_string(),
            run.state.word().to_owned(),
            timestamp(run.started),
            summary.preset.to_string(),
            summary.task.to_string(),
            summary.layers.to_string(),
            summary.params.to_string(),
            summary.steps.to_string(),
            summary.epochs.to_string(),
            summary.seconds.to_string(),
            summary.monitor.to_string(),
            number(summary.best.as_ref().map(|best| best.value)),
            summary.best.as_ref().map_or(String::new(), |best| best.epoch.to_string()),
            run.marks.tags.join(" "),
        ];
        for name in &metrics {
            cells.extend([number(summary.metric(name)), number(summary.last_metric(name))]);
        }
        let setting = |values: &Vec<Option<Arc<str>>>| values.get(i).cloned().flatten();
        cells.extend(
            settings.iter().map(|(_, values)| setting(values).map_or(String::new(), |v| v.to_string())),
        );
        out += &line(cells.iter().map(String::as_str));
    }
    out
}

/// The groups: mean and standard deviation of every metric.
pub(super) fn groups(groups: &[Group], key: &str) -> String {
    let mut metrics: Vec<&Arc<str>> = Vec::new();
    for (name, _) in groups.iter().flat_map(|group| &group.metrics) {
        if !metrics.contains(&name) {
            metrics.push(name);
        }
    }
    let mut head: Vec<String> =
        [key, "preset", "n_runs", "n_finished", "differing"].map(str::to_owned).to_vec();
    head.extend(
        metrics.iter().flat_map(|name| [format!("{name}.mean"), format!("{name}.std"), format!("{name}.n")]),
    );
    let mut out = line(head.iter().map(String::as_str));
    for group in groups {
        let value = group.value.as_ref().map_or(String::new(), |value| value.text());
        let mut cells =
            vec![value, group.preset.to_string(), group.runs.to_string(), group.finished.to_string()];
        cells.push(group.differing.join(" "));
        for name in &metrics {
            let found =
                group.metrics.iter().find(|(known, _)| known == *name).map(|(_, statistic)| statistic);
            cells.extend([
                found.map_or(String::new(), |statistic| statistic.mean.to_string()),
                found.and_then(|statistic| statistic.std).map_or(String::new(), |std| std.to_string()),
                found.map_or(String::new(), |statistic| statistic.n.to_string()),
            ]);
        }
        out += &line(cells.iter().map(String::as_str));
    }
    out
}

/// A line; what contains a comma, a quote or a line end is quoted.
pub(in crate::cli) fn line<'c>(cells: impl Iterator<Item = &'c str>) -> String {
    let cell = |cell: &str| {
        let cell = foreign(cell);
        match cell.contains([',', '"', '\n', '\r']) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell.into_owned(),
        }
    };
    cells.map(cell).collect::<Vec<_>>().join(",") + "\n"
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn commas_quotes_and_control_characters_are_quoted_or_escaped() {
        assert_eq!(line(["a", "b,c", "d\"e", "f\n\x1bg"].into_iter()), "a,\"b,c\",\"d\"\"e\",f␊␛g\n");
    }
}
