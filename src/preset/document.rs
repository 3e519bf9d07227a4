//! A preset as a tree of YAML with the overrides `--set`, `--data` and `--seed`, which tracks the origin of each part.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use serde_yaml::{Mapping, Value};

use super::error::{PresetError, in_plain_words, unknown};
use super::yaml_position;

/// The overrides of a preset on the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--set K=V`: `train.epochs=2`, `model.1.units=16`.
    pub set: Vec<String>,
    /// `--data PATH`: a file, or a folder.
    pub data: Option<PathBuf>,
    /// `--seed N`.
    pub seed: Option<u64>,
}

/// The maximum depth of brackets. The YAML crate refuses half of it, but takes the square of the depth of time for that.
const MAX_DEPTH: usize = 256;

/// Whether there are more than [`MAX_DEPTH`] open brackets anywhere; those in texts count as well.
fn is_too_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    text.bytes().any(|byte| {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_DEPTH
    })
}

/// A tree and its origin.
pub(super) struct Document {
    /// File name or preset name, for messages.
    origin: String,
    text: String,
    tree: Value,
    /// The path of every override, and its text on the command line.
    overridden: Vec<(Vec<String>, String)>,
    /// The folder that paths of overrides are relative to; empty for the current one.
    directory: PathBuf,
}

impl Document {
    pub(super) fn parse(origin: &str, text: &str) -> Result<Self, PresetError> {
        let at = |place: Option<(usize, usize)>, message: String| PresetError {
            place: place.map_or(origin.to_owned(), |(line, column)| format!("{origin}:{line}:{column}")),
            field: String::new(),
            message,
        };
        if is_too_deep(text) {
            return Err(at(None, format!("found more than {MAX_DEPTH} brackets within each other")));
        }
        if let Some((line, column, key)) = yaml_position::of_duplicate(text) {
            return Err(at(
                Some((line, column)),
                format!("the key `{key}` appears twice in one mapping; remove one"),
            ));
        }
        let tree: Value = serde_yaml::from_str(text).map_err(|e| {
            let message = e.to_string();
            let message = message.split_once(" at line ").map_or(message.as_str(), |(what, _)| what);
            at(e.location().map(|l| (l.line(), l.column())), format!("this is no YAML: {message}"))
        })?;
        if !tree.is_mapping() {
            let found = match tree {
                Value::Null => "nothing",
                Value::Sequence(_) => "a list",
                _ => "a plain value",
            };
            let expected = "expected a mapping with the keys title, data, tokens, model, train";
            return Err(at(None, format!("found {found}; {expected}")));
        }
        Ok(Self {
            origin: origin.into(),
            text: text.into(),
            tree,
            overridden: Vec::new(),
            directory: PathBuf::new(),
        })
    }

    /// A document that was never a text; errors in it have no line.
    pub(super) fn of_tree(origin: &str, tree: Value, directory: &Path) -> Self {
        let directory = directory.to_owned();
        Self { origin: origin.into(), text: String::new(), tree, overridden: Vec::new(), directory }
    }

    /// Lays `K=V` over the tree. Missing mappings are made; list items must exist.
    pub(super) fn set(&mut self, assignment: &str) -> Result<(), PresetError> {
        let source = format!("--set {assignment}");
        let refuse = |field: &str, message: String| PresetError {
            place: source.clone(),
            field: field.into(),
            message,
        };
        let Some((path, value)) = assignment.split_once('=').filter(|(path, _)| !path.is_empty()) else {
            return Err(refuse("", "expected KEY=VALUE, as in train.epochs=2".into()));
        };
        if is_too_deep(value) {
            return Err(refuse(path, format!("found more than {MAX_DEPTH} brackets within each other")));
        }
        let value: Value = serde_yaml::from_str(value).map_err(|_| {
            refuse(path, format!("`{value}` is no YAML value; quote a text that has special characters"))
        })?;
        let steps: Vec<String> = path.split('.').map(str::to_owned).collect();
        self.put(steps, value, source.clone()).map_err(|message| refuse(path, message))
    }

    /// Sets `value` at `path`; `source` is its origin.
    pub(super) fn put(&mut self, path: Vec<String>, value: Value, source: String) -> Result<(), String> {
        let mut node = &mut self.tree;
        for step in &path {
            if node.is_null() {
                *node = Value::Mapping(Mapping::new());
            }
            node = match node {
                Value::Mapping(map) => map.entry(Value::String(step.clone())).or_insert(Value::Null),
                Value::Sequence(items) => {
                    let len = items.len();
                    let item = step.parse::<usize>().ok().and_then(|i| items.get_mut(i));
                    item.ok_or_else(|| {
                        format!("the list has the items 0 to {}, not `{step}`", len.saturating_sub(1))
                    })?
                }
                _ => return Err(format!("`{step}` cannot be looked up in a plain value")),
            };
        }
        *node = value;
        self.overridden.push((path, source));
        Ok(())
    }

    /// The value at `path`.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.tree, |node, step| node.get(*step))
    }

    /// Removes and returns the value at `path`.
    pub(super) fn remove(&mut self, path: &[&str]) {
        let Some((last, parents)) = path.split_last() else { return };
        let parent = parents.iter().try_fold(&mut self.tree, |node, step| node.get_mut(*step));
        if let Some(Value::Mapping(map)) = parent {
            map.remove(*last);
        }
    }

    /// Whether the value at `path`, or a part of it, is from the command line.
    pub(super) fn is_overridden(&self, path: &[&str]) -> bool {
        self.overridden.iter().any(|(given, _)| given.iter().zip(path).all(|(a, b)| a == b))
    }

    /// An error at `path`, with its position in the file.
    pub(super) fn error(&self, path: &[String], message: impl Into<String>) -> PresetError {
        let given = self.overridden.iter().rev().find(|(given, _)| path.starts_with(given));
        let place = match given {
            Some((_, source)) => source.clone(),
            None => match yaml_position::of(&self.text, path) {
                Some((line, column)) => format!("{}:{line}:{column}", self.origin),
                None => self.origin.clone(),
            },
        };
        PresetError { place, field: path.join("."), message: message.into() }
    }

    /// Deserializes the value at `path`; errors have the position of the field.
    pub(super) fn read<T: DeserializeOwned>(&self, path: &[String], value: Value) -> Result<T, PresetError> {
        self.read_with(path, |track| {
            let result = T::deserialize(serde_path_to_error::Deserializer::new(value, track));
            result.map(Ok::<T, String>)
        })
    }

    /// As [`Document::read`], for whatever `read` makes of a tracked deserialiser.
    fn read_with<T>(
        &self,
        path: &[String],
        read: impl FnOnce(&mut serde_path_to_error::Track) -> Result<Result<T, String>, serde_yaml::Error>,
    ) -> Result<T, PresetError> {
        let mut track = serde_path_to_error::Track::new();
        match read(&mut track) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(message)) => Err(self.error(path, message)),
            Err(e) => {
                let inner = track.path();
                let steps = inner.iter().filter_map(|step| match step {
                    Segment::Seq { index } => Some(index.to_string()),
                    Segment::Unknown => None,
                    named => Some(named.to_string()),
                });
                let full: Vec<String> = path.iter().cloned().chain(steps).collect();
                Err(self.error(&full, in_plain_words(&e.to_string())))
            }
        }
    }

    /// Deserializes a mapping whose `tag` (`layer`, `name`, `source`) is one of `known`: `read` receives the name and the
    /// rest of the mapping, and returns `None` for an unknown name.
    pub(super) fn read_tagged<T>(
        &self,
        path: &[String],
        value: Value,
        tag: &str,
        known: &[&str],
        read: impl for<'t, 'p> FnOnce(
            &str,
            serde_path_to_error::Deserializer<'t, 'p, Value>,
        ) -> Option<Result<T, serde_yaml::Error>>,
    ) -> Result<T, PresetError> {
        let within = |step: &str| path.iter().cloned().chain([step.to_owned()]).collect::<Vec<_>>();
        let Value::Mapping(mut map) = value else {
            let message =
                format!("expected a mapping such as {{{tag}: {}, …}}", known.first().unwrap_or(&"…"));
            return Err(self.error(path, message));
        };
        let name = match map.remove(tag) {
            Some(Value::String(name)) => name,
            Some(_) => return Err(self.error(&within(tag), format!("expected one of {}", known.join(", ")))),
            None => {
                return Err(self
                    .error(path, format!("the key `{tag}` is missing; it is one of {}", known.join(", "))));
            }
        };
        if !known.contains(&name.as_str()) {
            return Err(self.error(&within(tag), unknown(tag, &name, known)));
        }
        self.read_with(path, |track| {
            let rest = serde_path_to_error::Deserializer::new(Value::Mapping(map), track);
            read(&name, rest).transpose().map(|found| found.ok_or_else(|| unknown(tag, &name, known)))
        })
    }

    /// The whole tree.
    pub(super) fn tree(&self) -> &Value {
        &self.tree
    }

    /// Makes the path at `path` absolute: relative to the folder of overrides if it is from one of them, or else to
    /// `base`.
    pub(super) fn absolute(&self, path: &[&str], written: &Path, base: &Path) -> PathBuf {
        let from = if self.is_overridden(path) { &self.directory } else { base };
        let joined = from.join(written);
        std::path::absolute(&joined).unwrap_or(joined)
    }
}
