use crate::data::sources::labelled::Validation;
use crate::rng::Rng;

/// Which texts of a file are held back, where nobody can hold them all side by side: told of each text by itself, from its print and the
/// seed. So copies stay on one side, and every pass tells the same. A share is of all texts; of each class it is about as much.
#[derive(Debug, Clone)]
pub(crate) struct Draw {
    wanted: Validation,
    seed: u64,
}

impl Draw {
    pub fn new(wanted: &Validation, seed: u64) -> Self {
        Self { wanted: wanted.clone(), seed }
    }

    /// The rank of a text among those held back, even in `[0, 1)`; `None` for a text to learn from.
    pub fn rank(&self, print: u64) -> Option<f64> {
        let mut rng = Rng::new(self.seed, "validation", print);
        let place = rng.uniform();
        let held = match self.wanted {
            Validation::Share(share) => place < share,
            Validation::Fold { folds, fold } => (place * folds as f64) as usize + 1 == fold,
            Validation::Given(_) => false,
        };
        held.then(|| rng.uniform())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(wanted: Validation, seed: u64) -> Vec<u64> {
        let draw = Draw::new(&wanted, seed);
        (0..10_000).filter(|print| draw.rank(*print).is_some()).collect()
    }

    #[test]
    fn a_share_is_about_that_and_hangs_on_the_seed() {
        let tenth = held(Validation::Share(0.1), 1);
        assert!((900..1100).contains(&tenth.len()), "{}", tenth.len());
        assert_eq!(tenth, held(Validation::Share(0.1), 1));
        assert_ne!(tenth, held(Validation::Share(0.1), 2));
    }

    #[test]
    fn folds_hold_every_text_back_once() {
        let mut all: Vec<u64> =
            (1..=3).flat_map(|fold| held(Validation::Fold { folds: 3, fold }, 7)).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..10_000));
    }

    #[test]
    fn ranks_are_even() {
        let draw = Draw::new(&Validation::Share(0.5), 1);
        let ranks: Vec<f64> = (0..10_000).filter_map(|print| draw.rank(print)).collect();
        let mean = ranks.iter().sum::<f64>() / ranks.len() as f64;
        assert!((mean - 0.5).abs() < 0.02 && ranks.iter().all(|rank| (0.0..1.0).contains(rank)), "{mean}");
    }
}
