use crate::interop::DescribedLayer;

/// A layer that is being written.
pub(super) struct Place<'a> {
    pub layer: &'a DescribedLayer<'a>,
    /// `self.NAME`.
    pub module: String,
    /// The key of its states.
    pub name: &'a str,
    /// The variable of its output.
    pub output: String,
    /// The variables of its inputs.
    pub inputs: Vec<String>,
    /// Those of their masks.
    pub masks: Vec<Option<String>>,
    /// The variable of the mask that it makes.
    pub made: Option<String>,
    /// The shapes of its inputs, with the batch.
    pub shapes: Vec<Vec<Option<usize>>>,
}

impl Place<'_> {
    /// The variable of its first input.
    pub fn input(&self) -> &str {
        &self.inputs[0]
    }

    /// The mask of its first input.
    pub fn mask(&self) -> Option<&str> {
        self.masks[0].as_deref()
    }

    /// The features of an input.
    pub fn features(&self, input: usize) -> usize {
        self.shapes[input].last().copied().flatten().unwrap_or(0)
    }

    /// The time steps of its first input.
    pub fn time(&self) -> usize {
        self.shapes[0].get(1).copied().flatten().unwrap_or(1)
    }

    /// Whether an input is a sequence.
    pub fn is_sequence(&self, input: usize) -> bool {
        self.shapes[input].len() == 3
    }
}
