//! Presets: a file as written → a spec, resolved and validated; and the catalogue of those that the program carries.

mod catalog;

pub use catalog::Entry;
