//! Runs, groups, cards and comparisons as JSON.

use serde_json::{Map, Value, json};

use crate::runs::{Card, Cell, Comparison, Group, Run, Statistic, Values, timestamp};

/// A run.
pub(in crate::cli) fn run_json(run: &Run) -> Value {
    let summary = &run.summary;
    let layers: Vec<&str> = summary.layers.split(", ").filter(|layer| !layer.is_empty()).collect();
    let settings: Map<String, Value> =
        summary.settings.iter().map(|(path, value)| (path.to_string(), setting(value))).collect();
    json!({
        "name": &*run.name,
        "path": run.path.to_string_lossy(),
        "state": run.state.word(),
        "reason": some(&summary.reason),
        "damage": some(&summary.damage),
        "started": timestamp(run.started),
        "preset": some(&summary.preset),
        "task": some(&summary.task),
        "layers": layers,
        "params": summary.params,
        "steps": summary.steps,
        "epochs": summary.epochs,
        "epochs_planned": summary.planned,
        "seconds": summary.seconds,
        "monitor": some(&summary.monitor),
        "best": summary.best.as_ref().map(|best| best.value),
        "best_step": summary.best.as_ref().map(|best| best.step),
        "best_epoch": summary.best.as_ref().map(|best| best.epoch),
        "last": summary.last_metric(&summary.monitor),
        "metrics": summary.best.as_ref().map(|best| metrics(&best.metrics)),
        "last_metrics": metrics(&summary.last),
        "tags": run.marks.tags,
        "notes": run.marks.notes,
        "settings": settings,
    })
}

/// A group of runs by the key called `key`.
pub(super) fn group_json(group: &Group, key: &str) -> Value {
    let metrics: Map<String, Value> =
        group.metrics.iter().map(|(name, of)| (name.to_string(), statistic(of))).collect();
    json!({
        "key": key,
        "value": group.value.as_ref().map(|value| match value {
            Cell::Number(number) => json!(number),
            Cell::Text(text) => json!(&**text),
        }),
        "preset": some(&group.preset),
        "n_runs": group.runs,
        "n_finished": group.finished,
        "metrics": metrics,
        "seconds": group.seconds.as_ref().map(statistic),
        "differing": group.differing.iter().map(|path| path.to_string()).collect::<Vec<_>>(),
    })
}

/// A card.
pub(in crate::cli) fn card_json(card: &Card) -> Value {
    let mut value = run_json(&card.run);
    let changed = card.changed.as_ref().map(|changed| {
        let row = |(path, before, after): &(String, Option<String>, Option<String>)| {
            let value = |value: &Option<String>| value.as_deref().map(setting);
            json!({"setting": path, "preset_value": value(before), "value": value(after)})
        };
        changed.iter().map(row).collect::<Vec<_>>()
    });
    let events = card.recorded.iter().map(|event| {
        let mut fields = event.fields.clone();
        fields.insert("kind".into(), event.kind.clone().into());
        fields.insert("step".into(), event.step.into());
        Value::Object(fields)
    });
    let checkpoints = card.checkpoints.iter().map(|checkpoint| {
        json!({"name": checkpoint.name, "is_last": checkpoint.is_last, "is_best": checkpoint.is_best, "weights": checkpoint.weights})
    });
    let model = card.info.as_ref().map(|info| {
        let layer = |row: &crate::protocol::LayerRow| {
            json!({"class": row.class, "output": row.output, "params": row.params, "detail": row.detail})
        };
        info.model.layers.iter().map(layer).collect::<Vec<_>>()
    });
    let data = card.info.as_ref().map(|info| {
        json!({
            "source": info.data.source,
            "n_train": info.data.train,
            "n_validation": info.data.validation,
            "vocabulary": info.data.vocabulary,
            "length": info.data.length,
        })
    });
    let divergence = card.divergence.clone().map(|mut report| {
        // They may be large.
        if let Some(batch) = &mut report.batch {
            (batch.inputs, batch.targets) = (None, None);
        }
        report
    });
    let more = json!({
        "seed": card.info.as_ref().map(|info| info.seed),
        "threads": card.info.as_ref().map(|info| info.threads),
        "model": model,
        "data": data,
        "changed": changed,
        "events": events.collect::<Vec<_>>(),
        "warnings": card.warnings,
        "divergence": divergence,
        "checkpoints": checkpoints.collect::<Vec<_>>(),
        "data_fingerprint": card.data,
        "resumed": card.seams,
        "repeat": card.repeat,
    });
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    value
}

/// A comparison.
pub(in crate::cli) fn comparison_json(comparison: &Comparison) -> Value {
    let settings = comparison.settings.iter().map(|(path, values)| {
        let values = values.iter().map(|value| value.as_deref().map(setting)).collect::<Vec<_>>();
        json!({"setting": &**path, "values": values})
    });
    json!({
        "runs": comparison.runs.iter().map(run_json).collect::<Vec<_>>(),
        "differing": settings.collect::<Vec<_>>(),
    })
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn metrics(values: &Values) -> Map<String, Value> {
    values.iter().map(|(name, value)| (name.to_string(), json!(value))).collect()
}

fn statistic(of: &Statistic) -> Value {
    json!({"mean": of.mean, "std": of.std, "n": of.n})
}

/// The value of a setting: a number or true or false, if it is one.
fn setting(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::Null)) => value,
        _ => Value::String(text.to_owned()),
    }
}
