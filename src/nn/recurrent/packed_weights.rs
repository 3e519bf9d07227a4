use crate::kernel::recurrent::PackedMatrix;

/// Recurrent weights in the order in which the steps read them, packed once a pass: see
/// [`kernel::recurrent`](crate::kernel::recurrent).
#[derive(Debug, Default)]
pub struct PackedWeights {
    /// For the first product of a step forward, and for the second where there is one.
    pub forward: [PackedMatrix; 2],
    /// The same for a step backward.
    pub backward: [PackedMatrix; 2],
}

impl PackedWeights {
    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.forward.iter().chain(&self.backward).map(PackedMatrix::bytes).sum()
    }
}
