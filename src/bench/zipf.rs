use crate::rng::Rng;

/// Token ids by Zipf's law: id `k − 1` with probability `k^−s / ζ(s)`, and all that lies beyond the vocabulary is its last id, as
/// `numpy.minimum(rng.zipf(s, …), vocabulary) - 1` draws them.
#[derive(Debug)]
pub(super) struct Zipf {
    /// The probability of each id or a lower one.
    cumulative: Vec<f64>,
}

impl Zipf {
    /// Creates a distribution with an exponent `s` above 1 and at least one id.
    pub(super) fn new(s: f64, vocabulary: usize) -> Self {
        let last = vocabulary as f64;
        // The weight of the last id and all beyond, Σ k^−s from k = last: Euler–Maclaurin formula, to 1e-4 for one id.
        let beyond = last.powf(1.0 - s) / (s - 1.0) + 0.5 * last.powf(-s) + s / 12.0 * last.powf(-s - 1.0);
        let weights = (1..vocabulary).map(|k| (k as f64).powf(-s)).chain([beyond]);
        let mut sum = 0.0;
        let mut cumulative: Vec<f64> = weights
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        cumulative.iter_mut().for_each(|sum_to| *sum_to /= sum);
        Self { cumulative }
    }

    /// Samples an id below the vocabulary.
    pub(super) fn draw(&self, rng: &mut Rng) -> u32 {
        let at = rng.uniform();
        let id = self.cumulative.partition_point(|below| *below <= at);
        id.min(self.cumulative.len().saturating_sub(1)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_law_is_that_of_the_infinite_series_cut_off() {
        // ζ(1.2) = 5.591582441177751 (Apéry's tables; scipy.special.zeta).
        let zeta = 5.591_582_441_177_751;
        let zipf = Zipf::new(1.2, 1000);
        assert!((zipf.cumulative[0] - 1.0 / zeta).abs() < 1e-9, "{}", zipf.cumulative[0]);
        assert!((zipf.cumulative[1] - (1.0 + 2.0_f64.powf(-1.2)) / zeta).abs() < 1e-9);
        assert_eq!(zipf.cumulative.last(), Some(&1.0));
    }

    #[test]
    fn draws_follow_the_law_and_stay_in_the_vocabulary() {
        let (zipf, mut rng) = (Zipf::new(1.2, 100), Rng::new(1, "test", 0));
        let n = 100_000;
        let mut counts = [0_u32; 100];
        (0..n).for_each(|_| counts[zipf.draw(&mut rng) as usize] += 1);
        let mut before = 0.0;
        for (id, cumulative) in zipf.cumulative.iter().enumerate() {
            let (p, seen) = (cumulative - before, f64::from(counts[id]) / f64::from(n));
            assert!((seen - p).abs() < 5.0 * (p / f64::from(n)).sqrt(), "id {id}: {seen} for {p}");
            before = *cumulative;
        }
        assert_eq!(Zipf::new(1.2, 1).draw(&mut rng), 0);
    }
}
