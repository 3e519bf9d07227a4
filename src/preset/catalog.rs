use super::document::Overrides;
use super::error::PresetError;
use super::read;
use super::spec::RunSpec;
use crate::data::DataSpec;
use crate::protocol::{ClassCount, DataFacts, ModelTable};

/// The presets that the program carries, in the menu's order; the first is the default.
const CATALOG: &[(&str, &[(&str, &str)])] = &[
    (
        "Word order",
        &[
            ("word-order", include_str!("../../presets/word-order.yaml")),
            ("word-order-dense", include_str!("../../presets/word-order-dense.yaml")),
            ("word-order-conv1d", include_str!("../../presets/word-order-conv1d.yaml")),
            ("word-order-bilstm", include_str!("../../presets/word-order-bilstm.yaml")),
            ("word-order-attention", include_str!("../../presets/word-order-attention.yaml")),
            ("word-order-attention-alone", include_str!("../../presets/word-order-attention-alone.yaml")),
        ],
    ),
    (
        "Long memory",
        &[
            ("vanishing-rnn", include_str!("../../presets/vanishing-rnn.yaml")),
            ("vanishing-lstm", include_str!("../../presets/vanishing-lstm.yaml")),
            ("vanishing-gru", include_str!("../../presets/vanishing-gru.yaml")),
            ("temporal-order", include_str!("../../presets/temporal-order.yaml")),
            ("adding-problem", include_str!("../../presets/adding-problem.yaml")),
        ],
    ),
    (
        "A target a step, and series",
        &[
            ("copy-memory", include_str!("../../presets/copy-memory.yaml")),
            ("reber-grammar", include_str!("../../presets/reber-grammar.yaml")),
            ("sine-forecast", include_str!("../../presets/sine-forecast.yaml")),
            ("airline-lstm", include_str!("../../presets/airline-lstm.yaml")),
            ("temperatures-gru", include_str!("../../presets/temperatures-gru.yaml")),
        ],
    ),
    (
        "Language",
        &[
            ("shakespeare-lstm", include_str!("../../presets/shakespeare-lstm.yaml")),
            ("tags-bilstm", include_str!("../../presets/tags-bilstm.yaml")),
        ],
    ),
    (
        "The lecture, on IMDB",
        &[
            ("lecture-rnn8", include_str!("../../presets/lecture-rnn8.yaml")),
            ("lecture-rnn16-rnn8", include_str!("../../presets/lecture-rnn16-rnn8.yaml")),
            ("imdb-dense", include_str!("../../presets/imdb-dense.yaml")),
            ("imdb-lstm", include_str!("../../presets/imdb-lstm.yaml")),
            ("imdb-gru", include_str!("../../presets/imdb-gru.yaml")),
            ("imdb-bilstm", include_str!("../../presets/imdb-bilstm.yaml")),
            ("imdb-conv1d", include_str!("../../presets/imdb-conv1d.yaml")),
            ("imdb-attention", include_str!("../../presets/imdb-attention.yaml")),
        ],
    ),
    (
        "Sentences and names",
        &[
            ("mr-conv1d", include_str!("../../presets/mr-conv1d.yaml")),
            ("names-gru", include_str!("../../presets/names-gru.yaml")),
        ],
    ),
    ("Recordings", &[("spoken-words-gru", include_str!("../../presets/spoken-words-gru.yaml"))]),
];

/// A preset as the menu shows it: all that can be said of it without reading its data.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Heading that it stands under.
    pub group: String,
    /// What `unrolled train` calls it.
    pub name: String,
    /// One line.
    pub title: String,
    /// What to look for, in two or three sentences.
    pub about: String,
    /// The layers with their output shapes and parameters, as Keras's `summary`.
    pub model: ModelTable,
    /// What the preset alone says of the data; numbers it does not know are 0.
    pub data: DataFacts,
    /// Further rows of name and value: loss, optimizer, epochs, batch size.
    pub settings: Vec<(String, String)>,
    /// What has to be fetched and where it has to go, when the data are not there.
    pub missing: Option<String>,
}

/// The names of all embedded presets.
pub fn names() -> impl Iterator<Item = &'static str> {
    CATALOG.iter().flat_map(|(_, presets)| presets.iter().map(|(name, _)| *name))
}

/// The YAML text of an embedded preset.
pub fn text(name: &str) -> Option<&'static str> {
    CATALOG.iter().flat_map(|(_, presets)| *presets).find(|(n, _)| *n == name).map(|(_, text)| *text)
}

/// All embedded presets as the menu shows them.
///
/// # Errors
/// When an embedded preset is wrong; a test makes sure that none is.
pub fn entries() -> Result<Vec<Entry>, PresetError> {
    let all =
        CATALOG.iter().flat_map(|(group, presets)| presets.iter().map(move |(name, _)| (*group, *name)));
    all.map(|(group, name)| Ok(entry(group, &read::load(name, &Overrides::default())?.spec))).collect()
}

fn entry(group: &str, spec: &RunSpec) -> Entry {
    let (train, validation) = match &spec.data {
        DataSpec::Generated(generated) => generated.sizes(),
        _ => (0, 0),
    };
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
        model: spec.model().map(|model| model.table().clone()).unwrap_or_default(),
        data: DataFacts {
            source: spec.data.source(),
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
