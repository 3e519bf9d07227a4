//! Whether a race has a winner.

use super::standings::Standings;
use crate::metrics::{Paired, holm, paired_t};

/// A winner needs a p-value below this.
pub const SIGNIFICANCE: f64 = 0.05;
/// The least number of seeds from which a winner is named.
pub const LEAST_SEEDS: usize = 3;

/// A network compared with the first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rival {
    /// Its number.
    pub network: usize,
    /// The first minus this one, paired by seeds; `None` with fewer than two pairs.
    pub paired: Option<Paired>,
    /// The p-value adjusted for the number of comparisons; `None` if it is not tested: too few seeds, or a training that failed.
    pub p: Option<f64>,
}

/// The result of a race.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The first is better than all that were tested; `p` is the largest of the adjusted p-values.
    Winner {
        /// See above.
        p: f64,
    },
    /// The first is not better than these networks beyond chance; each with its adjusted p-value.
    Undecided(Vec<(usize, f64)>),
    /// There are fewer seeds than [`LEAST_SEEDS`].
    TooFewSeeds,
    /// There are not two networks whose trainings all finished.
    Incomplete,
}

/// What can be concluded from the seeds that have ended with all networks.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The number of these seeds.
    pub seeds: usize,
    /// The numbers of the networks, the best first.
    pub order: Vec<usize>,
    /// All but the first, in this order.
    pub rivals: Vec<Rival>,
    /// Whether the first has won.
    pub verdict: Verdict,
}

/// Judges a race by the seeds that have ended with all networks: paired t-tests of the first against each other network over the seeds,
/// corrected by Holm. A network of which a training failed comes last and is not tested.
pub fn judge(standings: &Standings) -> Judgement {
    let networks = &standings.networks;
    let seeds = networks.iter().map(|network| network.values.len()).min().unwrap_or(0);
    let values =
        |i: usize| networks.get(i).map_or(&[][..], |network| network.values.get(..seeds).unwrap_or_default());
    let order = standings.after(seeds).order();
    let is_complete = |i: usize| values(i).iter().all(Option::is_some);
    let first = order.first().copied().unwrap_or(0);
    let mut rivals: Vec<Rival> = order
        .iter()
        .skip(1)
        .map(|i| {
            let pairs: Vec<(f64, f64)> =
                values(first).iter().zip(values(*i)).filter_map(|(a, b)| Some(((*a)?, (*b)?))).collect();
            Rival { network: *i, paired: paired_t(&pairs), p: None }
        })
        .collect();
    let is_tested = |rival: &Rival| seeds >= LEAST_SEEDS && is_complete(first) && is_complete(rival.network);
    let tested: Vec<usize> = (0..rivals.len()).filter(|i| is_tested(&rivals[*i])).collect();
    let p: Vec<f64> = tested.iter().filter_map(|i| Some(rivals[*i].paired?.p)).collect();
    for (i, p) in tested.iter().zip(holm(&p)) {
        rivals[*i].p = Some(p);
    }
    let adjusted = || rivals.iter().filter_map(|rival| Some((rival.network, rival.p?)));
    let open: Vec<(usize, f64)> = adjusted().filter(|(_, p)| *p >= SIGNIFICANCE).collect();
    let verdict = match (seeds >= LEAST_SEEDS, adjusted().map(|(_, p)| p).reduce(f64::max)) {
        (false, _) => Verdict::TooFewSeeds,
        (true, None) => Verdict::Incomplete,
        (true, Some(p)) if open.is_empty() => Verdict::Winner { p },
        (true, Some(_)) => Verdict::Undecided(open),
    };
    Judgement { seeds, order, rivals, verdict }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::race::JudgedMetric;

    /// The standings after seeds with these values.
    fn standings(higher_is_better: bool, values: &[&[Option<f64>]]) -> Standings {
        let names = (0..values.len()).map(|i| (format!("n{i}"), None)).collect();
        let mut standings = Standings::new("race".into(), (1..=3).collect(), names);
        standings.judged = Some(JudgedMetric { name: "val_accuracy".into(), higher_is_better });
        for (network, values) in standings.networks.iter_mut().zip(values) {
            network.values = values.to_vec();
        }
        standings
    }

    fn all(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    #[test]
    fn a_winner_is_better_than_each_other_beyond_chance() {
        let (a, b, c) = (all(&[0.5, 0.5, 0.5]), all(&[0.90, 0.92, 0.91]), all(&[0.70, 0.73, 0.72]));
        let judgement = judge(&standings(true, &[&a, &b, &c]));
        assert_eq!(judgement.order, [1, 2, 0]);
        let Verdict::Winner { p } = judgement.verdict else { panic!("{judgement:?}") };
        // By hand: of a the difference is 0.41 ± 0.01, t = 71.0, p = 0.000198; of c 0.1933 ± 0.00577, t = 58.0, p = 0.000297. Holm doubles
        // the smaller, and the larger is at least as large.
        assert!((p - 2.0 * 0.000_198).abs() < 1e-6, "{p}");
        // Less is better: another order, the same certainty.
        assert_eq!(judge(&standings(false, &[&a, &b, &c])).order, [0, 2, 1]);
    }

    #[test]
    fn without_significance_the_networks_that_cannot_be_told_apart_are_named() {
        let (a, b, c) = (all(&[0.90, 0.80, 0.85]), all(&[0.84, 0.82, 0.80]), all(&[0.1, 0.0, 0.05]));
        let judgement = judge(&standings(true, &[&a, &b, &c]));
        let Verdict::Undecided(open) = &judgement.verdict else { panic!("{judgement:?}") };
        assert_eq!(open.iter().map(|(network, _)| *network).collect::<Vec<_>>(), [1]);
        // Differences 0.06, −0.02, 0.05: mean 0.03, standard deviation 0.0436, t = 1.192.
        assert!((open[0].1 - 0.355_45).abs() < 1e-4, "{open:?}");
    }

    #[test]
    fn two_seeds_are_too_few_and_equal_values_are_no_victory() {
        let (a, b) = (all(&[1.0, 1.0]), all(&[0.5, 0.5]));
        let judgement = judge(&standings(true, &[&a, &b]));
        assert_eq!((judgement.verdict, judgement.rivals[0].p), (Verdict::TooFewSeeds, None));
        let a = all(&[1.0, 1.0, 1.0]);
        assert_eq!(judge(&standings(true, &[&a, &a])).verdict, Verdict::Undecided(vec![(1, 1.0)]));
        let b = all(&[0.5, 0.5, 0.5]);
        assert_eq!(judge(&standings(true, &[&a, &b])).verdict, Verdict::Winner { p: 0.0 });
    }

    #[test]
    fn a_network_that_diverged_comes_last_and_is_not_tested() {
        let (a, b) = (all(&[0.9, 0.91, 0.9]), all(&[0.7, 0.71, 0.72]));
        let failed = vec![Some(0.99), None, Some(0.99)];
        let judgement = judge(&standings(true, &[&failed, &a, &b]));
        assert_eq!(judgement.order, [1, 2, 0]);
        assert_eq!(judgement.rivals[1].p, None);
        assert!(matches!(judgement.verdict, Verdict::Winner { .. }));
        let judgement = judge(&standings(true, &[&failed, &a]));
        assert_eq!(judgement.verdict, Verdict::Incomplete);
        // A seed that has not ended with all does not count.
        let judgement = judge(&standings(true, &[&a, &b[..2]]));
        assert_eq!((judgement.seeds, judgement.verdict), (2, Verdict::TooFewSeeds));
    }
}
