//! Layers that move a window over time: PyTorch has the features of a sequence before its time steps.

use super::place::Place;
use super::snippet::Snippet;
use crate::nn::{Conv1D, Padding};

/// Steps before and after a sequence of `time` steps that a window of `reach` steps covers.
fn ends(padding: Padding, time: usize, reach: usize, stride: usize) -> (usize, usize) {
    match padding {
        Padding::Valid => (0, 0),
        Padding::Causal => (reach - 1, 0),
        Padding::Same => {
            let last = time.div_ceil(stride).saturating_sub(1) * stride;
            let both = (last + reach).saturating_sub(time);
            (both / 2, both - both / 2)
        }
    }
}

/// The module of a convolution, and its call.
pub(super) fn conv(place: &Place<'_>, conv: &Conv1D) -> (String, String) {
    let Conv1D { filters, kernel_size, strides, dilation_rate, .. } = conv;
    let mut arguments = format!("{}, {filters}, {kernel_size}", place.features(0));
    if *strides > 1 {
        arguments.push_str(&format!(", stride={strides}"));
    }
    if *dilation_rate > 1 {
        arguments.push_str(&format!(", dilation={dilation_rate}"));
    }
    if !conv.use_bias {
        arguments.push_str(", bias=False");
    }
    let reach = (kernel_size - 1) * dilation_rate + 1;
    let (before, after) = ends(conv.padding, place.time(), reach, *strides);
    let (x, module) = (place.input(), &place.module);
    let padded = match (before, after) {
        (0, 0) => format!("{x}.mT"),
        (before, after) => format!("F.pad({x}.mT, ({before}, {after}))"),
    };
    (format!("{module} = nn.Conv1d({arguments})"), format!("{module}({padded}).mT"))
}

/// The size of a pool's window, its stride if that is another, and its padding.
type Pool = (usize, Option<usize>, Padding);

pub(super) fn max_pool(place: &Place<'_>, (size, stride, padding): Pool) -> String {
    let (x, stride) = (place.input(), stride.unwrap_or(size));
    match ends(padding, place.time(), size, stride) {
        (0, 0) => format!("F.max_pool1d({x}.mT, {size}, {stride}).mT"),
        (before, after) => {
            format!("F.max_pool1d(F.pad({x}.mT, ({before}, {after}), value=-torch.inf), {size}, {stride}).mT")
        }
    }
}

/// The call, and the definition that it needs.
pub(super) fn average_pool(place: &Place<'_>, (size, stride, padding): Pool) -> (String, Option<Snippet>) {
    let (x, stride) = (place.input(), stride.unwrap_or(size));
    match ends(padding, place.time(), size, stride) {
        (0, 0) => (format!("F.avg_pool1d({x}.mT, {size}, {stride}).mT"), None),
        (before, after) => {
            (format!("average_pool({x}, {size}, {stride}, {before}, {after})"), Some(Snippet::AveragePool))
        }
    }
}
