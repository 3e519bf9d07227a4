//! Stratified splits of training and validation data.

use std::collections::HashMap;

use crate::data::sources::labelled::Validation;
use crate::data::text::corpus::Corpus;
use crate::rng::Rng;

/// The indices of the training texts of `corpus` and of the held_out-out ones, each in order: `held_out` of every class, sampled by `seed`.
/// Equal texts stay on one side; they count as texts of the class of the first.
pub(crate) fn split(corpus: &Corpus, held_out: &Validation, seed: u64) -> (Vec<usize>, Vec<usize>) {
    split_by_fingerprint(corpus.fingerprints(), held_out, seed)
}

/// Splits items with a fingerprint and a class each, as [`split`].
pub(crate) fn split_by_fingerprint(
    fingerprints: impl Iterator<Item = (u64, usize)>,
    held_out: &Validation,
    seed: u64,
) -> (Vec<usize>, Vec<usize>) {
    let is_held_out = |before: usize, size: usize| match held_out {
        Validation::Share(share) => (before as f64) < (share * size as f64).round(),
        Validation::Fold { folds, fold } => fold_of(before, size, *folds) == *fold,
        Validation::Given(_) => false,
    };
    let held_out = assign(fingerprints, seed, is_held_out);
    (0..held_out.len()).partition(|row| !held_out.get(*row).copied().unwrap_or_default())
}

/// The number of items that each of `folds` folds holds out.
pub(crate) fn folds(fingerprints: impl Iterator<Item = (u64, usize)>, folds: usize, seed: u64) -> Vec<usize> {
    let mut counts = vec![0; folds];
    for fold in assign(fingerprints, seed, |before, size| fold_of(before, size, folds)) {
        if let Some(count) = counts.get_mut(fold.wrapping_sub(1)) {
            *count += 1;
        }
    }
    counts
}

/// The fold, from 1, of the item at position `before` in a class of `size` items.
fn fold_of(before: usize, size: usize, folds: usize) -> usize {
    before * folds / size + 1
}

/// Shuffles the rows of each class and returns `part(position, class size)` for each row; equal rows get the value of the first.
fn assign<T: Copy + Default>(
    fingerprints: impl Iterator<Item = (u64, usize)>,
    seed: u64,
    part: impl Fn(usize, usize) -> T,
) -> Vec<T> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut group_of: HashMap<u64, usize> = HashMap::new();
    let mut classes: Vec<Vec<usize>> = Vec::new();
    let mut rows = 0;
    for (row, (fingerprint, class)) in fingerprints.enumerate() {
        rows = row + 1;
        let group = *group_of.entry(fingerprint).or_insert_with(|| {
            if classes.len() <= class {
                classes.resize(class + 1, Vec::new());
            }
            classes[class].push(groups.len());
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(row);
    }
    let mut assigned = vec![T::default(); rows];
    for (class, mut members) in classes.into_iter().enumerate() {
        Rng::new(seed, "validation", class as u64).shuffle(&mut members);
        let size: usize = members.iter().map(|group| groups[*group].len()).sum();
        let mut before = 0;
        for group in members {
            let here = part(before, size);
            groups[group].iter().for_each(|row| assigned[*row] = here);
            before += groups[group].len();
        }
    }
    assigned
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::data::text::tokenizer::Level;

    /// 60 texts of class a, of which the last 20 are equal, and 30 of class b.
    fn corpus() -> Corpus {
        let mut corpus = Corpus::new(Level::Word, false);
        for n in 0..60 {
            corpus.push(&format!("a {}", n.min(40)), "a");
        }
        (0..30).for_each(|n| corpus.push(&format!("b {n}"), "b"));
        corpus
    }

    fn of_a(rows: &[usize]) -> usize {
        rows.iter().filter(|row| **row < 60).count()
    }

    #[test]
    fn a_share_is_stratified_and_depends_on_the_seed() {
        let corpus = corpus();
        let sample = |seed| split(&corpus, &Validation::Share(0.2), seed);
        let mut different = BTreeSet::new();
        for seed in 0..20 {
            let (train, held_out) = sample(seed);
            assert_eq!(sample(seed), (train.clone(), held_out.clone()));
            assert_eq!(train.len() + held_out.len(), 90);
            assert_eq!(held_out.len() - of_a(&held_out), 6, "a fifth of b");
            // All equal texts, or none.
            assert!([0, 20].contains(&held_out.iter().filter(|row| (40..60).contains(*row)).count()));
            assert!(of_a(&held_out) >= 12 && of_a(&held_out) < 32, "{}", of_a(&held_out));
            different.insert(held_out);
        }
        assert!(different.len() > 15);
    }

    #[test]
    fn every_text_is_held_out_by_one_fold() {
        let corpus = corpus();
        let mut all = Vec::new();
        for fold in 1..=5 {
            let (train, held_out) = split(&corpus, &Validation::Fold { folds: 5, fold }, 7);
            assert_eq!(train.len() + held_out.len(), 90);
            assert_eq!(held_out.len() - of_a(&held_out), 6);
            all.extend(held_out);
        }
        all.sort_unstable();
        assert!(all.into_iter().eq(0..90));
        let counts = folds(corpus.fingerprints(), 5, 7);
        let held_out = |fold| split(&corpus, &Validation::Fold { folds: 5, fold }, 7).1.len();
        assert_eq!(counts, (1..=5).map(held_out).collect::<Vec<_>>());
        // The twenty equal texts are in one fold.
        assert!(folds(corpus.fingerprints(), 80, 7).contains(&0));
    }
}
