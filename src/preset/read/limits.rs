//! Limits on what a preset contains, checked before anything is made of it.

use serde_yaml::Value;

use crate::preset::document::Document;
use crate::preset::error::PresetError;
use crate::preset::spec::Probes;

/// Checks that the numbers in `value`, at `path`, are finite in the precision of training.
pub(super) fn check_numbers(
    document: &Document,
    path: &mut Vec<String>,
    value: &Value,
) -> Result<(), PresetError> {
    let mut inner = |step: String, value: &Value| {
        path.push(step);
        check_numbers(document, path, value)?;
        path.pop();
        Ok(())
    };
    match value {
        Value::Mapping(map) => map.iter().try_for_each(|(key, value)| {
            inner(key.as_str().map_or_else(|| format!("{key:?}"), str::to_owned), value)
        }),
        Value::Sequence(items) => {
            items.iter().enumerate().try_for_each(|(index, value)| inner(index.to_string(), value))
        }
        Value::Number(number) if number.as_f64().is_some_and(|number| !(number as f32).is_finite()) => {
            let expected = format!("found {number}; expected a finite number, at most {:e}", f32::MAX);
            Err(document.error(path, expected))
        }
        _ => Ok(()),
    }
}

/// The maximum number of layers.
const MAX_LAYERS: usize = 1000;
/// The maximum number of probes: each is a picture on every monitored step.
const MAX_PROBES: usize = 1000;

/// Checks the lengths of lists before anything is made of them.
pub(super) fn check_counts(document: &Document, layers: usize, probes: &Probes) -> Result<(), PresetError> {
    let probes = match probes {
        Probes::First(count) => *count,
        Probes::Texts(texts) => texts.len(),
    };
    let counts = [
        (vec!["model".to_owned()], layers, MAX_LAYERS, "layers"),
        (vec!["watch".to_owned(), "probes".to_owned()], probes, MAX_PROBES, "probes"),
    ];
    match counts.into_iter().find(|(_, count, most, _)| count > most) {
        None => Ok(()),
        Some((path, count, most, what)) => {
            Err(document.error(&path, format!("found {count} {what}; expected at most {most}")))
        }
    }
}
