//! A race: several networks on the same data, once for every seed. Each training is a run of its own; here are their standings and what can
//! be concluded from them.

mod judgement;
mod standings;

pub use judgement::{Judgement, LEAST_SEEDS, Rival, SIGNIFICANCE, Verdict, judge};
pub use standings::{JudgedMetric, Standing, Standings};
