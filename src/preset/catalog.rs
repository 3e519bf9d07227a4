use crate::protocol::{DataFacts, ModelTable};

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
