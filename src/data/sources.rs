//! The data sources: one module per `source:` of a preset.

pub(crate) mod generated;
pub(crate) mod labelled;
pub(crate) mod language;
pub(crate) mod sequences;
pub(crate) mod series;
pub(crate) mod tags;
