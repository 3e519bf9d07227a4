use serde::{Deserialize, Serialize};

/// The values of all weight tensors after a monitored step, as distributions; kernels as small pictures as well.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WeightDistributions {
    /// The number of updates before it.
    pub step: u64,
    /// An entry a weight tensor, in the model's order.
    pub tensors: Vec<WeightDistribution>,
}

/// The values of one weight tensor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WeightDistribution {
    /// `1.recurrent_kernel`: the layer's number and Keras's name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The largest finite absolute value: the bins divide `[−limit, limit]` evenly.
    pub limit: f32,
    /// The number of values in each of [`WeightDistribution::BINS`] bins; that of 0 is in the middle. Values that are not finite are in none.
    pub bins: Vec<u64>,
    /// Their mean.
    pub mean: f32,
    /// Their standard deviation.
    pub deviation: f32,
    /// Of a kernel: its values, or the largest of each block of them.
    pub picture: Option<KernelPicture>,
}

impl WeightDistribution {
    /// The number of bins: odd, so that the middle one is around 0.
    pub const BINS: usize = 41;

    /// The lower end of a bin, in the unit of the weights.
    pub fn edge(&self, bin: usize) -> f32 {
        self.limit * (2.0 * bin as f32 / self.bins.len().max(1) as f32 - 1.0)
    }
}

/// A kernel of two dimensions, or of more with all but the last joined, reduced to blocks of equal size.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KernelPicture {
    /// Columns of `values`.
    pub columns: usize,
    /// Row-major `[row, column]`: of each block the value of the largest absolute value, with its sign.
    pub values: Vec<f32>,
}

impl KernelPicture {
    /// Maximum number of rows, and of columns.
    pub const MOST: usize = 64;

    /// Rows of `values`.
    pub fn rows(&self) -> usize {
        self.values.len().checked_div(self.columns).unwrap_or(0)
    }
}
