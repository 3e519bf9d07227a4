//! A preset that is edited, and the `--set` that change it in the same way.

mod changes;
mod layer;

use std::path::Path;

use serde_yaml::{Mapping, Value};

use super::builtin;
use super::document::{Document, Overrides};
use super::error::PresetError;
use super::read::{self, Resolved};
use crate::optim::OptimizerSpec;
use crate::sort::SmallSort as _;
use changes::add_changes;

pub use layer::EditedLayer;

/// The kinds of layers that the editor offers.
pub const LAYER_KINDS: &[&str] = layer::KINDS;

/// The names of the optimizers.
pub const OPTIMIZERS: &[&str] = OptimizerSpec::NAMES;

/// A preset with changes to it.
#[derive(Debug, Clone, PartialEq)]
pub struct EditedPreset {
    /// The name of a built-in preset.
    name: String,
    /// The tree as it is written.
    written: Value,
    /// The tree with the changes.
    tree: Value,
}

impl EditedPreset {
    /// The preset `name`, a built-in one or a file, without changes.
    ///
    /// # Errors
    /// If there is none, or it is no YAML.
    pub fn open(name: &str) -> Result<Self, PresetError> {
        let (origin, text) = match builtin::text(name) {
            Some(text) => (format!("preset {name}"), text.to_owned()),
            None => read::read_file(Path::new(name)).map(|(_, text, _)| (name.to_owned(), text))?,
        };
        let written = Document::parse(&origin, &text)?.tree().clone();
        Ok(Self { name: name.to_owned(), tree: written.clone(), written })
    }

    /// The name of the preset.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether nothing is changed.
    pub fn is_unchanged(&self) -> bool {
        self.tree == self.written
    }

    /// The plain value at `path`, as it is written; `None` if there is none.
    pub fn value(&self, path: &[&str]) -> Option<String> {
        match path.iter().try_fold(&self.tree, |node, step| node.get(*step))? {
            Value::Mapping(_) | Value::Sequence(_) | Value::Null => None,
            value => Some(changes::flow(value)),
        }
    }

    /// Sets the value at `path` to what `text` says in YAML; nothing removes it. Text that is no YAML is a text.
    pub fn set(&mut self, path: &[&str], text: &str) {
        let Some((last, parents)) = path.split_last() else { return };
        let mut node = &mut self.tree;
        for step in parents {
            let Value::Mapping(map) = node else { return };
            node = map.entry(Value::from(*step)).or_insert(Value::Null);
            // `optimizer: Adam` is short for `optimizer: {name: Adam}`.
            if let Value::String(name) = node {
                let name = Value::String(std::mem::take(name));
                *node = Value::Mapping([("name".into(), name)].into_iter().collect());
            } else if node.is_null() {
                *node = Value::Mapping(Mapping::new());
            }
        }
        let Value::Mapping(map) = node else { return };
        match text.trim() {
            "" => drop(map.remove(*last)),
            text => {
                let value = serde_yaml::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
                map.insert(Value::from(*last), value);
            }
        }
    }

    /// The optimizer.
    pub fn optimizer(&self) -> String {
        let path = &["train", "optimizer"];
        let name = self.value(path).or_else(|| self.value(&["train", "optimizer", "name"]));
        name.unwrap_or_else(|| "Adam".to_owned())
    }

    /// Sets the optimizer; learning rate and clipping stay.
    pub fn set_optimizer(&mut self, name: &str) {
        const STAY: [&str; 5] = ["name", "learning_rate", "clipnorm", "global_clipnorm", "clipvalue"];
        self.set(&["train", "optimizer", "name"], name);
        let map = self.tree.get_mut("train").and_then(|train| train.get_mut("optimizer"));
        if let Some(Value::Mapping(map)) = map {
            map.retain(|key, _| key.as_str().is_some_and(|key| STAY.contains(&key)));
        }
    }

    /// The layers.
    pub fn layers(&self) -> Vec<EditedLayer> {
        let layers = self.tree.get("model").and_then(Value::as_sequence);
        layers.map(|layers| layers.iter().map(EditedLayer::of).collect()).unwrap_or_default()
    }

    /// Changes the layer number `at` to a layer of this kind; what both have stays.
    pub fn set_layer_kind(&mut self, at: usize, kind: &str) {
        if let Some(layer) = self.layers_mut().and_then(|layers| layers.get_mut(at)) {
            *layer = layer::changed(layer, kind);
        }
    }

    /// Sets the size of the layer number `at`: its units, filters or rate.
    pub fn set_layer_size(&mut self, at: usize, text: &str) {
        if let Some(layer) = self.layers_mut().and_then(|layers| layers.get_mut(at)) {
            layer::set_number(layer, None, text);
        }
    }

    /// Sets another number of the layer number `at`, one of [`EditedLayer::further`].
    pub fn set_layer_number(&mut self, at: usize, key: &str, text: &str) {
        if let Some(layer) = self.layers_mut().and_then(|layers| layers.get_mut(at)) {
            layer::set_number(layer, Some(key), text);
        }
    }

    /// Turns `return_sequences` of one recurrent layer, or else of two, on or off, if that alone makes a network right that is wrong: of those
    /// nearest to the layer number `at`. Returns their numbers, each with whether it returns all steps now; empty if nothing was changed.
    pub fn mend_sequences(&mut self, at: usize) -> Vec<(usize, bool)> {
        if self.resolve().is_ok() {
            return Vec::new();
        }
        let is_recurrent = |layer: &usize| self.clone().toggle_sequences(*layer);
        let mut layers: Vec<usize> = (0..self.layers().len()).filter(is_recurrent).collect();
        // The one below before the one above: a layer that is added reads what is below it.
        layers.small_sort_by_key(|layer| (layer.abs_diff(at), *layer));
        let ones = layers.iter().map(|layer| vec![*layer]);
        let pairs = layers.windows(2).map(<[_]>::to_vec);
        for turned in ones.chain(pairs) {
            let mut mended = self.clone();
            if !turned.iter().all(|layer| mended.toggle_sequences(*layer)) || mended.resolve().is_err() {
                continue;
            }
            let all = mended.layers();
            let is_on = |layer: usize| {
                all.get(layer).is_some_and(|layer| layer.others.contains("return_sequences: true"))
            };
            *self = mended;
            return turned.into_iter().map(|layer| (layer, is_on(layer))).collect();
        }
        Vec::new()
    }

    /// Turns `return_sequences` of the recurrent layer number `at` on or off; returns whether it is one.
    pub fn toggle_sequences(&mut self, at: usize) -> bool {
        let layer = self.layers_mut().and_then(|layers| layers.get_mut(at));
        layer.is_some_and(layer::toggle_sequences)
    }

    /// Adds a layer of this kind behind the layer number `at`.
    pub fn add_layer(&mut self, at: usize, kind: &str) {
        if let Some(layers) = self.layers_mut() {
            let at = (at + 1).min(layers.len());
            layers.insert(at, layer::changed(&Value::Null, kind));
        }
    }

    /// Removes the layer number `at`.
    pub fn remove_layer(&mut self, at: usize) {
        if let Some(layers) = self.layers_mut().filter(|layers| at < layers.len()) {
            layers.remove(at);
        }
    }

    /// Exchanges two layers; returns whether there are both.
    pub fn swap_layers(&mut self, one: usize, other: usize) -> bool {
        let layers = self.layers_mut().filter(|layers| one.max(other) < layers.len());
        layers.map(|layers| layers.swap(one, other)).is_some()
    }

    fn layers_mut(&mut self) -> Option<&mut Vec<Value>> {
        self.tree.get_mut("model").and_then(Value::as_sequence_mut)
    }

    /// The changes as `--set` takes them, in the order of the preset.
    pub fn changes(&self) -> Vec<String> {
        let mut changes = Vec::new();
        add_changes(&self.written, &self.tree, &mut String::new(), &mut changes);
        changes
    }

    /// The changes for [`load`](super::load).
    pub fn overrides(&self) -> Overrides {
        Overrides { set: self.changes(), ..Overrides::default() }
    }

    /// The spec, checked as that of a training.
    ///
    /// # Errors
    /// As [`load`](super::load).
    pub fn resolve(&self) -> Result<Resolved, PresetError> {
        read::load(&self.name, &self.overrides())
    }

    /// The preset with its changes, as YAML.
    pub fn to_yaml(&self) -> String {
        serde_yaml::to_string(&self.tree).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
