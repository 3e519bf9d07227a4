/// Measures how well the labels of a file are mixed within windows of the size of the shuffle buffer.
#[derive(Debug)]
pub(super) struct LabelMixing {
    window: usize,
    /// Counts of the current window, by label, and the labels that appear in it.
    counts: Vec<u64>,
    present: Vec<usize>,
    seen: usize,
    /// Over all windows: pairs of texts, and pairs of equal label.
    pairs: f64,
    same_label: f64,
    all: Vec<u64>,
}

impl LabelMixing {
    /// Creates a measurement with windows of `window` texts.
    pub fn new(window: usize) -> Self {
        Self {
            window,
            counts: Vec::new(),
            present: Vec::new(),
            seen: 0,
            pairs: 0.0,
            same_label: 0.0,
            all: Vec::new(),
        }
    }

    /// Adds the label of the next text.
    pub fn add(&mut self, label: usize) {
        if label >= self.all.len() {
            self.all.resize(label + 1, 0);
            self.counts.resize(label + 1, 0);
        }
        if let (Some(count), Some(all)) = (self.counts.get_mut(label), self.all.get_mut(label)) {
            if *count == 0 {
                self.present.push(label);
            }
            *count += 1;
            *all += 1;
        }
        self.seen += 1;
        if self.seen == self.window {
            self.close();
        }
    }

    fn close(&mut self) {
        self.pairs += pairs(self.seen as u64);
        for label in self.present.drain(..) {
            if let Some(count) = self.counts.get_mut(label) {
                self.same_label += pairs(std::mem::take(count));
            }
        }
        self.seen = 0;
    }

    /// The variety of labels that windows lack: 0 where the file is well mixed, 1 where each window has a single label. It is
    /// `1 − P(labels of two texts of a window differ) / P(labels of any two texts differ)`, Wright's fixation index.
    pub fn missing_variety(&mut self) -> f64 {
        self.close();
        let all: u64 = self.all.iter().sum();
        let anywhere = 1.0 - self.all.iter().map(|count| pairs(*count)).sum::<f64>() / pairs(all);
        let within = 1.0 - self.same_label / self.pairs;
        let missing = 1.0 - within / anywhere;
        if missing.is_finite() { missing } else { 0.0 }
    }
}

/// Ordered pairs of `n` items.
fn pairs(n: u64) -> f64 {
    n as f64 * n.saturating_sub(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn missing_variety(window: usize, labels: impl Iterator<Item = usize>) -> f64 {
        let mut label_mixing = LabelMixing::new(window);
        labels.for_each(|label| label_mixing.add(label));
        label_mixing.missing_variety()
    }

    #[test]
    fn variety_is_missing_in_a_sorted_file_and_not_in_a_mixed_one() {
        assert!(missing_variety(100, (0..10_000).map(|n| n / 5000)) > 0.99);
        let mut rng = Rng::new(1, "test", 0);
        for window in [2, 100, 1 << 20] {
            let mixed = missing_variety(window, (0..10_000).map(|_| rng.below(3)));
            assert!(mixed.abs() < 0.05, "{mixed}");
        }
        // A window over two of three blocks.
        let half = missing_variety(2000, (0..6000).map(|n| n / 1000 % 3));
        assert!((0.2..0.3).contains(&half), "{half}");
        assert_eq!(missing_variety(100, std::iter::empty()), 0.0);
        assert_eq!(missing_variety(100, std::iter::repeat_n(0, 1000)), 0.0);
    }
}
