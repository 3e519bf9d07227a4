//! Keras's defaults of single fields: serde takes them by name.

use super::{Activation, Initializer};

pub(in crate::nn) fn yes() -> bool {
    true
}

pub(in crate::nn) fn tanh() -> Activation {
    Activation::Tanh
}

pub(in crate::nn) fn sigmoid() -> Activation {
    Activation::Sigmoid
}

pub(in crate::nn) fn glorot_uniform() -> Initializer {
    Initializer::GlorotUniform
}

pub(in crate::nn) fn orthogonal() -> Initializer {
    Initializer::ORTHOGONAL
}

pub(in crate::nn) fn zeros() -> Initializer {
    Initializer::Zeros
}
