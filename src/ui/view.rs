//! What is seen: one panel a file. Views are handed state and a buffer, and fetch nothing.

pub mod dashboard;
mod explain;
mod gradient;
mod hidden;
mod message;
mod metric;
pub mod plot;
mod preparing;
mod status;
