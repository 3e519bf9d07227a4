//! Conversion of datasets to the inputs and targets of a network.

use std::ops::Range;

use ndarray::s;

use crate::data::{Inputs, Targets};
use crate::nn::{Input, TargetsView};

/// The targets of the sequences `rows` of `targets`.
pub fn network_targets(targets: &Targets, rows: Range<usize>) -> TargetsView<'_> {
    match targets {
        Targets::Classes(classes) => TargetsView::Classes(&classes[rows]),
        Targets::Steps(classes) => TargetsView::Steps(classes.slice(s![rows, ..])),
        Targets::Real(numbers) | Targets::Labels(numbers) => TargetsView::Real(numbers.slice(s![rows, ..])),
    }
}

/// The input of a network.
pub fn network_input(inputs: &Inputs) -> Input<'_> {
    match inputs {
        Inputs::Tokens(ids) => Input::Ids(ids.view()),
        Inputs::Channels(ids) => Input::Channels(ids.view()),
        Inputs::Real(numbers) => Input::Real(numbers.view()),
    }
}
