//! One time step of a recurrent layer, forward and backward, for all sequences of a shard: the product with the recurrent weights, and
//! the cell's arithmetic while the sums of that product are in registers.
//!
//! ```text
//! forward    for a few rows and one vector of units:   sums of all gates ← input + h_{t−1}·U     then gates, c, h
//! backward   likewise:   ∂L/∂h_t ← upstream gradient + δ_{t+1}·Uᵀ     then δ_t
//! ```
//! A cell is a `CellMath`: its formulas over vectors of any instruction set, written beside the layer in `nn`. What is here
//! drives it: [`PackedMatrix`] holds the weights in the order in which the product reads them (unit by unit, all gates of a unit's
//! vector side by side), and `ForwardView` and `BackwardView` load and store one vector of units, masks included.
//! [`matmul_packed`] is a product with such weights alone.

mod cell_math;
mod packed;
mod packed_product;
mod prefetch;
mod step;
mod view;

pub(crate) use cell_math::{CellMath, cell_backward, cell_forward};
#[cfg(test)]
pub(crate) use cell_math::{backward_on, forward_on};
pub use packed::PackedMatrix;
pub use packed_product::matmul_packed;
pub use step::{BackwardStep, CellFunctions, ForwardStep, Functions, Projected};
pub(crate) use view::{BackwardView, ForwardView};
