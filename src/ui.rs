//! The screens: one loop over events, keys and signals; a fold of events into state; views that are handed data.
//!
//! Sees `protocol`, `preset` and `run`, never the trainer.

pub mod help;
pub mod input;
pub mod keymap;
pub mod menu;
pub mod terminal;
pub mod text;
pub mod theme;
