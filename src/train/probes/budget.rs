//! How often sequences are read for the probes, from their number against those that are trained on.

/// A forward pass is about the third part of a training step of as many sequences.
const FORWARD: usize = 3;
/// The time that an instrument may take is one part in so many of that of training.
const PARTS: usize = 400;

/// Training that is monitored more often than at one in so many steps is as much more expensive.
const LEAST_EVERY: usize = 50;

/// The sequences that are trained on between two monitored steps, by which the time of other sequences of the same length is measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    sequences: usize,
}

impl Budget {
    /// Of a training in batches of `batch_size` sequences that is monitored `every` so many steps.
    pub fn new(batch_size: usize, every: usize) -> Self {
        Self { sequences: batch_size.saturating_mul(every.max(LEAST_EVERY)).max(1) }
    }

    /// The interval, in monitored steps, at which reading `sequences` takes 0.25 % of the time of training at most.
    pub fn interval(self, sequences: usize) -> u64 {
        let most = self.sequences.saturating_mul(FORWARD);
        sequences.saturating_mul(PARTS).div_ceil(most).max(1) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;

    #[test]
    fn few_sequences_are_read_at_every_monitored_step_and_many_less_often() {
        // Of 48 sequences a forward pass is an eighth of a step with 128: 0.25 % of 50 steps.
        let intervals = |every| [0, 1, 48, 49, 96, 97].map(|n| Budget::new(128, every).interval(n));
        assert_eq!(intervals(50), [1, 1, 1, 2, 2, 3]);
        assert_eq!(intervals(100), [1, 1, 1, 1, 1, 2]);
        assert_eq!(intervals(1), intervals(50), "who monitors every step pays for it");
        assert_eq!(Budget::new(16, 50).interval(128), 22);
        assert_eq!(Budget::new(0, 0).interval(3), 400);
    }
}
