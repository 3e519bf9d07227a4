//! Validation data drawn from the training data.

use std::collections::HashMap;

use crate::data::sources::labelled::Validation;
use crate::data::text::corpus::Corpus;
use crate::rng::Rng;

/// The texts of `corpus` to learn from, and those to hold back, each in its order: of every class the part that `held_back` asks for,
/// drawn by `seed`. Texts that are alike stay on one side, that of the first one's class.
pub(crate) fn split(corpus: &Corpus, held_back: &Validation, seed: u64) -> (Vec<usize>, Vec<usize>) {
    of_prints(corpus.prints(), held_back, seed)
}

/// The same of whatever has a print and a class.
pub(crate) fn of_prints(
    prints: impl Iterator<Item = (u64, usize)>,
    held_back: &Validation,
    seed: u64,
) -> (Vec<usize>, Vec<usize>) {
    let held = |before: usize, size: usize| match held_back {
        Validation::Share(share) => (before as f64) < (share * size as f64).round(),
        Validation::Fold { folds, fold } => fold_of(before, size, *folds) == *fold,
        Validation::Given(_) => false,
    };
    let back = drawn(prints, seed, held);
    (0..back.len()).partition(|row| !back.get(*row).copied().unwrap_or_default())
}

/// How many of them each of so many folds holds back.
pub(crate) fn folds(prints: impl Iterator<Item = (u64, usize)>, folds: usize, seed: u64) -> Vec<usize> {
    let mut counts = vec![0; folds];
    for fold in drawn(prints, seed, |before, size| fold_of(before, size, folds)) {
        if let Some(count) = counts.get_mut(fold.wrapping_sub(1)) {
            *count += 1;
        }
    }
    counts
}

/// The fold, from 1, of what so many of a class of this size stand before.
fn fold_of(before: usize, size: usize, folds: usize) -> usize {
    before * folds / size + 1
}

/// What `part` says of each row, by how many rows of its class (of so many) were drawn before it; the same of all that are alike.
fn drawn<T: Copy + Default>(
    prints: impl Iterator<Item = (u64, usize)>,
    seed: u64,
    part: impl Fn(usize, usize) -> T,
) -> Vec<T> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut group_of: HashMap<u64, usize> = HashMap::new();
    let mut classes: Vec<Vec<usize>> = Vec::new();
    let mut rows = 0;
    for (row, (print, class)) in prints.enumerate() {
        rows = row + 1;
        let group = *group_of.entry(print).or_insert_with(|| {
            if classes.len() <= class {
                classes.resize(class + 1, Vec::new());
            }
            classes[class].push(groups.len());
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(row);
    }
    let mut told = vec![T::default(); rows];
    for (class, mut members) in classes.into_iter().enumerate() {
        Rng::new(seed, "validation", class as u64).shuffle(&mut members);
        let size: usize = members.iter().map(|group| groups[*group].len()).sum();
        let mut before = 0;
        for group in members {
            let here = part(before, size);
            groups[group].iter().for_each(|row| told[*row] = here);
            before += groups[group].len();
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::data::text::tokens::Level;

    /// 60 texts of class a, of which the last 20 are alike, and 30 of class b.
    fn corpus() -> Corpus {
        let mut corpus = Corpus::new(Level::Word, false);
        for n in 0..60 {
            corpus.push(&format!("a {}", n.min(40)), "a", Path::new("x"), None);
        }
        (0..30).for_each(|n| corpus.push(&format!("b {n}"), "b", Path::new("x"), None));
        corpus
    }

    fn of_a(rows: &[usize]) -> usize {
        rows.iter().filter(|row| **row < 60).count()
    }

    #[test]
    fn a_share_is_of_every_class_and_hangs_on_the_seed() {
        let corpus = corpus();
        let drawn = |seed| split(&corpus, &Validation::Share(0.2), seed);
        let mut different = BTreeSet::new();
        for seed in 0..20 {
            let (train, held) = drawn(seed);
            assert_eq!(drawn(seed), (train.clone(), held.clone()));
            assert_eq!(train.len() + held.len(), 90);
            assert_eq!(held.len() - of_a(&held), 6, "a fifth of b");
            // All that are alike, or none.
            assert!([0, 20].contains(&held.iter().filter(|row| (40..60).contains(*row)).count()));
            assert!(of_a(&held) >= 12 && of_a(&held) < 32, "{}", of_a(&held));
            different.insert(held);
        }
        assert!(different.len() > 15);
    }

    #[test]
    fn folds_hold_every_text_back_once() {
        let corpus = corpus();
        let mut all = Vec::new();
        for fold in 1..=5 {
            let (train, held) = split(&corpus, &Validation::Fold { folds: 5, fold }, 7);
            assert_eq!(train.len() + held.len(), 90);
            assert_eq!(held.len() - of_a(&held), 6);
            all.extend(held);
        }
        all.sort_unstable();
        assert!(all.into_iter().eq(0..90));
        let counts = folds(corpus.prints(), 5, 7);
        let held = |fold| split(&corpus, &Validation::Fold { folds: 5, fold }, 7).1.len();
        assert_eq!(counts, (1..=5).map(held).collect::<Vec<_>>());
        // The twenty that are alike stand in one.
        assert!(folds(corpus.prints(), 80, 7).contains(&0));
    }
}
