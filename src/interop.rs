//! Trained networks and records of trainings in the formats of other programs.
//!
//! | module | contents |
//! |---|---|
//! | [`csv_log()`] | the epochs of a run as Keras's `CSVLogger` writes them |
//! | [`tensorboard`] | event files: scalars, histograms, pictures, texts and settings of a run |

mod csv_log;
pub mod tensorboard;

pub use csv_log::csv_log;
