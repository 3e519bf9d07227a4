//! A preset for a network that a file of Keras describes: a classifier of texts says by itself what its data are.

use std::path::Path;

use serde_json::{Value, json};

use super::import::KerasFile;
use super::import_error::ImportError;
use crate::preset::{self, Overrides, PresetError, RunSpec};

/// The default length of a text in tokens, where the network takes any.
const LENGTH: usize = 200;

impl KerasFile {
    /// The settings of a run with the network of the file, whose data are labelled texts at `data`, and the overrides `set`; `None` if the
    /// file has only weights.
    ///
    /// # Errors
    /// If the network is no classifier of texts: its data are to be given by a preset. Also for layers that are not available.
    pub fn spec(&self, data: Option<&Path>, set: &[String]) -> Result<Option<RunSpec>, ImportError> {
        let Some(text) = self.preset(data)? else { return Ok(None) };
        let overrides = Overrides { set: set.to_vec(), ..Overrides::default() };
        let resolved = preset::reload(&text, &overrides);
        Ok(Some(resolved.map_err(|error| self.in_file(&error))?.spec))
    }

    /// An error of settings that the file has, in its own words: it has no lines.
    pub fn in_file(&self, error: &PresetError) -> ImportError {
        let PresetError { field, message, .. } = error;
        let number =
            field.strip_prefix("model.").and_then(|rest| rest.split('.').next()?.parse::<usize>().ok());
        match number.and_then(|layer| Some((layer, self.title(layer)?))) {
            Some((layer, title)) => {
                let what = match field.splitn(3, '.').nth(2) {
                    None | Some("layer") => message.clone(),
                    Some(argument) => format!("{argument}: {message}"),
                };
                ImportError::Layer { layer, title, what }
            }
            None => ImportError::Config(format!("{field}: {message}")),
        }
    }

    fn preset(&self, data: Option<&Path>) -> Result<Option<String>, ImportError> {
        let refuse = |what: &str| {
            let what = format!(
                "{what}: what its data are is to be given by a preset, --as PRESET, whose layers are replaced by those of the file"
            );
            Err(ImportError::Config(what))
        };
        if let [_, _, ..] = self.inputs() {
            return refuse(&format!("the network has {} inputs", self.inputs().len()));
        }
        let Some(model) = self.model(&[])? else { return Ok(None) };
        let layers = model.as_array().map_or(&[][..], Vec::as_slice);
        let class = |layer: &Value| layer["class_name"].as_str().unwrap_or_default().to_owned();
        let (Some(first), Some(last)) = (layers.first(), layers.last()) else {
            return refuse("the network has no layers");
        };
        let vocabulary = first["config"]["input_dim"].as_u64();
        let (true, Some(vocabulary)) = (class(first) == "Embedding", vocabulary) else {
            return refuse("the network does not begin with an Embedding");
        };
        let activation =
            |layer: &Value| layer["config"]["activation"].as_str().unwrap_or("linear").to_owned();
        // An activation may be a layer of its own, behind the last Dense.
        let (dense, activation) = match layers {
            [.., before, _]
                if class(last) == "Activation"
                    && activation(before) == "linear"
                    && last.get("inputs").is_none() =>
            {
                (before, activation(last))
            }
            _ => (last, activation(last)),
        };
        let units = dense["config"]["units"].as_u64().unwrap_or_default();
        if class(dense) == "Dense" && self.has_output_at_every_step() {
            return refuse("the network has an output at every step");
        }
        let (loss, labels) = match (&class(dense)[..], &activation[..], units) {
            ("Dense", "sigmoid", 1) => ("binary_crossentropy", false),
            ("Dense", "sigmoid", _) => ("binary_crossentropy", true),
            ("Dense", "softmax", _) => ("sparse_categorical_crossentropy", false),
            _ => return refuse("the network does not end with a Dense layer with sigmoid or softmax"),
        };
        let time = self.inputs().first().and_then(|(_, shape)| shape.get(1).copied().flatten());
        let path = data.map_or_else(|| "no-data-yet.csv".into(), |data| data.to_string_lossy().into_owned());
        let mut source = json!({"source": "labelled", "path": path});
        if data.is_none() {
            source["needs"] =
                "the network was imported without data: add --data PATH, a table or folder of labelled texts"
                    .into();
        }
        if labels {
            source["multi_label"] = true.into();
        }
        let preset = json!({
            "name": self.name(),
            "title": format!("Imported: {}", self.name().unwrap_or_default()),
            "data": source,
            "tokens": {"level": "word", "vocabulary": vocabulary, "length": time.unwrap_or(LENGTH)},
            "model": model,
            "train": {"loss": loss, "optimizer": {"name": "Adam"}, "batch_size": 32, "epochs": 3},
        });
        Ok(Some(preset.to_string()))
    }
}
