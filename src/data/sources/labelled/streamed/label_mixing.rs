/// How well the labels of a file are mixed, as far as a shuffle buffer can see.
#[derive(Debug)]
pub(super) struct Mixture {
    window: usize,
    /// Of the window at hand, by label, and the labels that are in it.
    counts: Vec<u64>,
    there: Vec<usize>,
    seen: usize,
    /// Of all windows: pairs of texts, and those of one label.
    pairs: f64,
    alike: f64,
    all: Vec<u64>,
}

impl Mixture {
    /// Seen through windows of so many texts.
    pub fn new(window: usize) -> Self {
        Self {
            window,
            counts: Vec::new(),
            there: Vec::new(),
            seen: 0,
            pairs: 0.0,
            alike: 0.0,
            all: Vec::new(),
        }
    }

    /// The next text has this label.
    pub fn add(&mut self, label: usize) {
        if label >= self.all.len() {
            self.all.resize(label + 1, 0);
            self.counts.resize(label + 1, 0);
        }
        if let (Some(count), Some(all)) = (self.counts.get_mut(label), self.all.get_mut(label)) {
            if *count == 0 {
                self.there.push(label);
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
        for label in self.there.drain(..) {
            if let Some(count) = self.counts.get_mut(label) {
                self.alike += pairs(std::mem::take(count));
            }
        }
        self.seen = 0;
    }

    /// How much of the variety of labels a window lacks: 0 where the file is well mixed, 1 where each window has one label alone. It is the
    /// chance of two texts to differ in label, within a window against anywhere (Wright's fixation index).
    pub fn lacks(&mut self) -> f64 {
        self.close();
        let all: u64 = self.all.iter().sum();
        let anywhere = 1.0 - self.all.iter().map(|count| pairs(*count)).sum::<f64>() / pairs(all);
        let within = 1.0 - self.alike / self.pairs;
        let lacks = 1.0 - within / anywhere;
        if lacks.is_finite() { lacks } else { 0.0 }
    }
}

/// Pairs of so many.
fn pairs(n: u64) -> f64 {
    n as f64 * n.saturating_sub(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn lacks(window: usize, labels: impl Iterator<Item = usize>) -> f64 {
        let mut mixture = Mixture::new(window);
        labels.for_each(|label| mixture.add(label));
        mixture.lacks()
    }

    #[test]
    fn a_sorted_file_lacks_all_variety_and_a_mixed_one_none() {
        assert!(lacks(100, (0..10_000).map(|n| n / 5000)) > 0.99);
        let mut rng = Rng::new(1, "test", 0);
        for window in [2, 100, 1 << 20] {
            let mixed = lacks(window, (0..10_000).map(|_| rng.below(3)));
            assert!(mixed.abs() < 0.05, "{mixed}");
        }
        // A window over two of three blocks.
        let half = lacks(2000, (0..6000).map(|n| n / 1000 % 3));
        assert!((0.2..0.3).contains(&half), "{half}");
        assert_eq!(lacks(100, std::iter::empty()), 0.0);
        assert_eq!(lacks(100, std::iter::repeat_n(0, 1000)), 0.0);
    }
}
