//! Benchmarks of training: time, memory and allocations of the workloads that other systems are measured on.
//!
//! ```text
//! workloads.json ─ catalog ─→ Workload ─→ nn::Model, data: batches ─→ step::Stepper
//!                                                                        │ steps by the clock
//!                                         report ◀── Measured ◀── measure ┤ (peak, arithmetic, memory)
//!                                            ▲                            │
//!                                            └──── Watched ◀── watching ──┘ train::Watch ─ Event ─→ ui, off the screen
//! ```

mod arithmetic;
mod catalog;
mod estimate;
mod measure;
mod memory;
mod offscreen;
mod peak;
mod profile;
mod profile_report;
mod quantiles;
mod report;
mod stage;
mod watching;
mod workload;
mod zipf;

pub use arithmetic::training_flops;
pub use catalog::{WorkloadError, workloads};
pub use estimate::{Cost, estimate};
pub use measure::{AllocatedPerStep, Effort, MeasureError, Measured, measure};
pub use memory::{Resident, resident};
pub use peak::Peak;
pub use profile::{PartTime, Profile, Roofs, profile};
pub use profile_report::{profile_heading, profile_json, profile_rows};
pub use quantiles::Quantiles;
pub use report::{heading, json, rows, watched_heading, watched_json, watched_row};
pub use watching::{Watched, watch};
pub use workload::Workload;
