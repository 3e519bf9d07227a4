//! The random number generator: portable, with a serializable state, and stable across versions of `rand`.
//!
//! The generator is Xoshiro256++ (Blackman & Vigna 2019). The distributions are implemented here, so that
//! a new version of `rand` changes no run.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng as _, SeedableRng};
use serde::{Deserialize, Serialize};

/// A seeded stream of random numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rng(Xoshiro256PlusPlus);

impl Rng {
    /// Creates the stream of `seed` for one purpose: each `purpose` and `index` has an independent stream.
    ///
    /// Purposes are short words (`"weights"`, `"order"`); the index numbers several streams of one purpose (epochs, layers).
    pub fn new(seed: u64, purpose: &str, index: u64) -> Self {
        // FNV-1a over the purpose, then SplitMix64 (Steele et al. 2014) to decorrelate similar seeds.
        let word = purpose
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
        let mixed =
            [word, index].iter().fold(split_mix(seed), |state, part| split_mix(state ^ split_mix(*part)));
        Self(Xoshiro256PlusPlus::seed_from_u64(mixed))
    }

    /// Returns 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Returns a uniform number in `[0, 1)` with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Returns a uniform integer in `0..n`, without bias (Lemire 2019); 0 when `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        let n = n as u64;
        if n == 0 {
            return 0;
        }
        let threshold = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.bits()) * u128::from(n);
            if product as u64 >= threshold {
                return (product >> 64) as usize;
            }
        }
    }

    /// Returns a standard normal number by the Box–Muller transform (1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Shuffles `items` uniformly (Fisher & Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// Returns one of `items`, chosen uniformly; `None` if there are none.
    pub fn choose<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }
}

fn split_mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn the_stream_never_changes() {
        let mut rng = Rng::new(1, "order", 0);
        let words: Vec<u64> = (0..3).map(|_| rng.bits()).collect();
        let pinned = [17116146197618693887, 16349721457856923454, 14090042587221087292];
        assert_eq!(words, pinned);
    }

    #[test]
    fn streams_of_other_seeds_purposes_and_indices_differ() {
        let first = |seed, purpose, index| Rng::new(seed, purpose, index).bits();
        let all = [first(1, "a", 0), first(2, "a", 0), first(1, "b", 0), first(1, "a", 1), first(0, "a", 1)];
        assert!(all.iter().enumerate().all(|(i, a)| all.iter().skip(i + 1).all(|b| a != b)));
    }

    #[test]
    fn draws_have_their_moments() {
        let mut rng = Rng::new(3, "test", 0);
        let n = 200_000;
        let mean = |f: &mut dyn FnMut() -> f64| (0..n).map(|_| f()).sum::<f64>() / f64::from(n);
        assert!((mean(&mut || rng.uniform()) - 0.5).abs() < 0.003);
        assert!(mean(&mut || rng.normal()).abs() < 0.01);
        assert!((mean(&mut || rng.normal().powi(2)) - 1.0).abs() < 0.02);
        assert!((mean(&mut || rng.below(7) as f64) - 3.0).abs() < 0.03);
    }

    #[test]
    fn a_shuffle_keeps_every_item_and_a_state_survives_serialisation() {
        let mut rng = Rng::new(5, "test", 0);
        let mut items: Vec<u32> = (0..100).collect();
        rng.shuffle(&mut items);
        let saved = serde_json::to_string(&rng).unwrap();
        let mut again: Rng = serde_json::from_str(&saved).unwrap();
        assert_eq!(again.bits(), rng.bits());
        assert!(!items.is_sorted());
        items.sort_unstable();
        assert!(items.into_iter().eq(0..100));
    }
}
