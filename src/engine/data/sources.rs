//! The data sources: one module per `source:` of a preset.

pub(crate) mod generated;
pub mod labelled;
pub mod language;
pub mod sequences;
pub mod series;
pub mod tags;
