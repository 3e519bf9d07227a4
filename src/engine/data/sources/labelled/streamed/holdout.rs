use crate::data::sources::labelled::Validation;
use crate::rng::Rng;

/// Decides which texts of a streamed file are held out for validation, from the fingerprint of each text and the seed. So copies of a text
/// stay on one side, and every pass decides alike. A share is a share of all texts, and approximately one of each class.
#[derive(Debug, Clone)]
pub(crate) struct Holdout {
    validation: Validation,
    seed: u64,
}

impl Holdout {
    pub fn new(validation: &Validation, seed: u64) -> Self {
        Self { validation: validation.clone(), seed }
    }

    /// The rank of a held-out text, uniform in `[0, 1)`; `None` for a training text.
    pub fn rank(&self, fingerprint: u64) -> Option<f64> {
        let mut rng = Rng::new(self.seed, "validation", fingerprint);
        let position = rng.uniform();
        let is_held_out = match self.validation {
            Validation::Share(share) => position < share,
            Validation::Fold { folds, fold } => (position * folds as f64) as usize + 1 == fold,
            Validation::Given(_) => false,
        };
        is_held_out.then(|| rng.uniform())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_out(validation: Validation, seed: u64) -> Vec<u64> {
        let holdout = Holdout::new(&validation, seed);
        (0..10_000).filter(|fingerprint| holdout.rank(*fingerprint).is_some()).collect()
    }

    #[test]
    fn a_share_is_approximate_and_depends_on_the_seed() {
        let tenth = held_out(Validation::Share(0.1), 1);
        assert!((900..1100).contains(&tenth.len()), "{}", tenth.len());
        assert_eq!(tenth, held_out(Validation::Share(0.1), 1));
        assert_ne!(tenth, held_out(Validation::Share(0.1), 2));
    }

    #[test]
    fn every_text_is_held_out_by_one_fold() {
        let mut all: Vec<u64> =
            (1..=3).flat_map(|fold| held_out(Validation::Fold { folds: 3, fold }, 7)).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..10_000));
    }

    #[test]
    fn ranks_are_uniform() {
        let holdout = Holdout::new(&Validation::Share(0.5), 1);
        let ranks: Vec<f64> = (0..10_000).filter_map(|fingerprint| holdout.rank(fingerprint)).collect();
        let mean = ranks.iter().sum::<f64>() / ranks.len() as f64;
        assert!((mean - 0.5).abs() < 0.02 && ranks.iter().all(|rank| (0.0..1.0).contains(rank)), "{mean}");
    }
}
