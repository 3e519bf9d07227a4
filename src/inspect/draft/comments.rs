//! The comments of a draft, each attached to a key or a list item.

use std::collections::{BTreeMap, BTreeSet};

use crate::preset::Value;

/// Keys that are written even where they have their default: what a person changes first.
const SHOWN: [&str; 5] =
    ["train.optimizer.learning_rate", "train.batch_size", "train.epochs", "train.seed", "watch.every"];

/// Comments by the path of what they are attached to: `train.loss`, `model.1`.
#[derive(Debug, Clone, Default)]
pub(super) struct Comments {
    before: BTreeMap<String, Vec<String>>,
    beside: BTreeMap<String, String>,
    suggested: BTreeMap<String, Value>,
    shown: BTreeSet<String>,
}

impl Comments {
    /// Adds a paragraph in the lines before `path`.
    pub fn before(&mut self, path: &str, words: impl Into<String>) {
        self.before.entry(path.into()).or_default().push(words.into());
    }

    /// Puts a comment into the line of `path`.
    pub fn beside(&mut self, path: &str, words: impl Into<String>) {
        self.beside.insert(path.into(), words.into());
    }

    /// Adds `path: value` as a comment, for people to uncomment. The key must be one of a section: `data.season`.
    pub fn suggest(&mut self, path: &str, value: impl Into<Value>) {
        self.suggested.insert(path.into(), value.into());
    }

    /// Has the key at `path` written even where it has its default.
    pub fn show(&mut self, path: &str) {
        self.shown.insert(path.into());
    }

    /// The paragraphs before `path`.
    pub fn paragraphs_before(&self, path: &str) -> &[String] {
        self.before.get(path).map(Vec::as_slice).unwrap_or_default()
    }

    /// The comment in the line of `path`.
    pub fn note_beside(&self, path: &str) -> Option<&str> {
        self.beside.get(path).map(String::as_str)
    }

    /// The suggestions with their paths.
    pub fn suggestions(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.suggested.iter().map(|(path, value)| (path.as_str(), value))
    }

    /// Removes the suggestions that `is_right` refuses.
    pub fn retain_suggestions(&mut self, mut is_right: impl FnMut(&str, &Value) -> bool) {
        self.suggested.retain(|path, value| is_right(path, value));
    }

    /// Whether the key at `path` is written even where it has its default: it or something within it is shown or has a comment.
    pub fn keeps(&self, path: &str) -> bool {
        let shown = SHOWN.into_iter().chain(self.shown.iter().map(String::as_str));
        shown.chain(self.paths()).any(|other| other == path || is_within(other, path))
    }

    /// Whether something within `path` has a comment, so that it must be in lines of its own.
    pub fn has_within(&self, path: &str) -> bool {
        self.paths().any(|commented| is_within(commented, path))
    }

    /// The paths with a comment or a suggestion.
    fn paths(&self) -> impl Iterator<Item = &str> {
        let all = self.before.keys().chain(self.beside.keys()).chain(self.suggested.keys());
        all.map(String::as_str)
    }

    /// The paths with a comment that neither `tree` nor a suggestion has: their comments would be lost.
    pub fn lost(&self, tree: &Value) -> Vec<&str> {
        let is_there = |path: &str| {
            let node = path.split('.').try_fold(tree, |node, step| match node {
                Value::Sequence(items) => items.get(step.parse::<usize>().ok()?),
                node => node.get(step),
            });
            node.is_some() || self.suggested.contains_key(path)
        };
        self.paths().filter(|path| !is_there(path)).collect()
    }
}

fn is_within(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
}
