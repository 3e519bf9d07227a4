/// Two sums by feature over the positions of a batch, in f64: those of its shards are added up in their order, whatever thread computed them.
#[derive(Debug, Default, PartialEq)]
pub struct BatchSums {
    /// How many positions count.
    pub(super) count: f64,
    /// `Σ x`, or `Σ ∂L/∂out`.
    pub(super) first: Vec<f64>,
    /// `Σ x²`, or `Σ ∂L/∂out ⊙ x̂`.
    pub(super) second: Vec<f64>,
}

impl Clone for BatchSums {
    fn clone(&self) -> Self {
        Self { count: self.count, first: self.first.clone(), second: self.second.clone() }
    }

    /// Copies the sums; memory is reused.
    fn clone_from(&mut self, other: &Self) {
        self.count = other.count;
        self.first.clone_from(&other.first);
        self.second.clone_from(&other.second);
    }
}

impl BatchSums {
    /// Back to sums of nothing.
    pub fn clear(&mut self) {
        self.begin(0);
    }

    /// Sums of nothing, of `features` features.
    pub(super) fn begin(&mut self, features: usize) {
        self.count = 0.0;
        for sums in [&mut self.first, &mut self.second] {
            sums.clear();
            sums.resize(features, 0.0);
        }
    }

    /// Adds one position: its numbers, and the second factor of each product.
    pub(super) fn add_row(&mut self, numbers: &[f32], factors: &[f32]) {
        self.count += 1.0;
        let sums = self.first.iter_mut().zip(&mut self.second);
        for ((first, second), (x, factor)) in sums.zip(numbers.iter().zip(factors)) {
            *first += f64::from(*x);
            *second += f64::from(*x) * f64::from(*factor);
        }
    }

    /// Adds the sums of another shard.
    pub(super) fn add(&mut self, other: &Self) {
        self.count += other.count;
        for (sums, others) in [(&mut self.first, &other.first), (&mut self.second, &other.second)] {
            sums.resize(others.len(), 0.0);
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
        }
    }

    /// Bytes of memory in use.
    pub(super) fn bytes(&self) -> usize {
        (self.first.capacity() + self.second.capacity()) * size_of::<f64>()
    }
}
