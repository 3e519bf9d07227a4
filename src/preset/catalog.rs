use super::builtin::CATALOG;
use super::document::Overrides;
use super::error::PresetError;
use super::read;
use super::spec::RunSpec;
use crate::nn::{InputRef, LayerNode};
use crate::protocol::{ClassCount, DataFacts, ModelTable};

/// A preset in the menu: everything known without reading its data.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The heading above it.
    pub group: String,
    /// The name for `unrolled train`.
    pub name: String,
    /// The title, one line.
    pub title: String,
    /// What it shows, in two or three sentences.
    pub about: String,
    /// The layers with their output shapes and parameters, as Keras's `summary`.
    pub model: ModelTable,
    /// What each layer reads, where the preset says so: the numbers of layers, the names of channels of the data.
    pub reads: Vec<Vec<String>>,
    /// The facts of the data that are known from the preset; unknown numbers are 0.
    pub data: DataFacts,
    /// Further rows of name and value: loss, optimizer, epochs, batch size.
    pub settings: Vec<(String, String)>,
    /// Instructions to obtain the data, if they are missing.
    pub missing: Option<String>,
}

/// The entries of all built-in presets.
///
/// # Errors
/// When an embedded preset is wrong; a test makes sure that none is.
pub fn entries() -> Result<Vec<Entry>, PresetError> {
    let all =
        CATALOG.iter().flat_map(|(group, presets)| presets.iter().map(move |(name, _)| (*group, *name)));
    all.map(|(group, name)| Ok(entry(group, &read::load(name, &Overrides::default())?.spec))).collect()
}

impl Entry {
    /// The entry of `spec` under the heading `group`.
    pub fn of(group: &str, spec: &RunSpec) -> Self {
        entry(group, spec)
    }
}

/// The layers of `spec`. Units that follow the data are unknown, and so are the parameters that belong to them.
fn table(spec: &RunSpec) -> ModelTable {
    let mut table = spec.model().map(|model| model.table().clone()).unwrap_or_default();
    if let Some(row) = table.layers.last_mut().filter(|_| spec.units_follow_classes) {
        if let Some(units) = row.output.last_mut() {
            *units = None;
        }
        row.params = 0;
    }
    table
}

/// The inputs of `node`, one of `layers`.
fn reads(node: &LayerNode, layers: &[LayerNode]) -> Vec<String> {
    let number = |name: &String| layers.iter().position(|layer| layer.name.as_ref() == Some(name));
    let input = |input: &InputRef| match input {
        InputRef::Layer(number) => number.to_string(),
        InputRef::Channel(name) => number(name).map_or_else(|| name.clone(), |number| number.to_string()),
    };
    node.inputs.iter().map(input).collect()
}

fn entry(group: &str, spec: &RunSpec) -> Entry {
    let (train, validation) = spec.data.source().sizes();
    let (form, optimizer) = (spec.form(), &spec.train.optimizer);
    let settings = [
        ("loss", spec.train.loss.name().to_owned()),
        ("optimizer", format!("{}, learning rate {}", optimizer.name(), optimizer.learning_rate())),
        ("batch size", spec.train.batch_size.to_string()),
        ("epochs", spec.train.epochs.to_string()),
    ];
    Entry {
        group: group.into(),
        name: spec.name.clone(),
        title: spec.title.clone(),
        about: spec.about.clone(),
        model: table(spec),
        reads: spec.model.iter().map(|node| reads(node, &spec.model)).collect(),
        data: DataFacts {
            source: spec.data.source().description(),
            train,
            validation,
            classes: form
                .targets
                .labels()
                .iter()
                .map(|label| ClassCount { label: label.clone(), count: 0 })
                .collect(),
            vocabulary: form.vocabulary(),
            length: form.time(),
            ..DataFacts::default()
        },
        settings: settings.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        missing: spec.data.missing(),
    }
}
