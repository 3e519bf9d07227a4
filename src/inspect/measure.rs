//! How long sequences are, and how far the most frequent tokens reach.

use crate::protocol::{Coverage, Lengths};

/// Bars of a histogram, at most.
const BARS: usize = 12;
/// The sizes of a vocabulary whose coverage is reported.
const SIZES: [usize; 6] = [1_000, 2_000, 5_000, 10_000, 20_000, 50_000];

/// Of sequences of these lengths, counted in `unit`; `None` where there is none.
pub(super) fn lengths(mut all: Vec<usize>, unit: &str) -> Option<Lengths> {
    all.sort_unstable();
    let (least, most) = (*all.first()?, *all.last()?);
    let quantile = |percent: u8| {
        let at = (all.len() * usize::from(percent)).div_ceil(100).saturating_sub(1);
        (percent, all.get(at).copied().unwrap_or(most))
    };
    let quantiles: Vec<(u8, usize)> = [50, 90, 95, 99].map(quantile).to_vec();
    // A few very long ones must not make all others one bar.
    let usual = quantiles.last().map_or(most, |(_, length)| *length);
    let width = bar(usual.max(least) - least);
    let first = least / width * width;
    let (mut bins, mut rest) = (Vec::new(), all.as_slice());
    while let Some(smallest) = rest.first() {
        let from = first + bins.len() * width;
        let tail = from > usual;
        let to = if tail { most } else { from + width - 1 };
        debug_assert!(from <= *smallest, "the first bar starts at or below the least");
        let inside = rest.partition_point(|length| *length <= to);
        bins.push((from, to.min(most.max(from)), inside));
        rest = rest.get(inside..).unwrap_or_default();
    }
    Some(Lengths { unit: unit.into(), least, most, quantiles, bins })
}

/// A width of which [`BARS`] reach over `span`: 1, 2, 5, 10, 20, …
fn bar(span: usize) -> usize {
    let widths = (0..).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_usize.saturating_pow(power)));
    widths.take(60).find(|width| span / width < BARS).unwrap_or(usize::MAX)
}

/// Of tokens that come so often each.
pub(super) fn coverage(mut counts: Vec<u64>, unit: &str) -> Coverage {
    counts.sort_unstable();
    counts.reverse();
    let running: u64 = counts.iter().sum();
    let share = |size: usize| {
        let covered: u64 = counts.iter().take(size).sum();
        (size, covered as f64 / running.max(1) as f64)
    };
    let shares = SIZES.into_iter().filter(|size| *size < counts.len()).map(share).collect();
    let once = counts.iter().filter(|count| **count == 1).count();
    Coverage { unit: unit.into(), distinct: counts.len(), once, running, shares }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantiles_are_lengths_that_so_many_do_not_exceed() {
        let found = lengths((1..=100).rev().collect(), "words").unwrap();
        assert_eq!(found.quantiles, [(50, 50), (90, 90), (95, 95), (99, 99)]);
        assert_eq!((found.least, found.most), (1, 100));
        assert_eq!(found.bins.first(), Some(&(0, 9, 9)));
        assert_eq!(lengths(Vec::new(), "words"), None);
    }

    #[test]
    fn one_very_long_text_is_a_bar_of_its_own() {
        let all = (0..500).map(|n| 10 + n % 10).chain([9_000]).collect();
        let found = lengths(all, "words").unwrap();
        assert_eq!(found.bins.len(), 11, "{:?}", found.bins);
        assert_eq!(found.bins.last(), Some(&(20, 9_000, 1)));
    }

    #[test]
    fn shares_are_of_all_words_as_often_as_they_come() {
        let counts: Vec<u64> = [1000].into_iter().chain(vec![1; 1_500]).collect();
        let found = coverage(counts, "words");
        assert_eq!((found.distinct, found.running, found.shares.len()), (1_501, 2_500, 1));
        assert!((found.shares[0].1 - 1_999.0 / 2_500.0).abs() < 1e-12);
        assert_eq!(coverage(Vec::new(), "words").running, 0);
    }

    proptest! {
        #[test]
        fn the_bars_hold_every_length_once(
            all in proptest::collection::vec(prop_oneof![0_usize..30, 0_usize..100_000, Just(usize::MAX / 4)], 1..60),
        ) {
            let found = lengths(all.clone(), "words").unwrap();
            prop_assert!(found.bins.len() <= BARS + 2, "{:?}", found.bins);
            prop_assert_eq!(found.bins.iter().map(|(.., count)| count).sum::<usize>(), all.len());
            prop_assert!(found.bins.windows(2).all(|two| two[0].1 + 1 == two[1].0), "{:?}", found.bins);
            for (from, to, count) in &found.bins {
                prop_assert_eq!(all.iter().filter(|length| (from..=to).contains(length)).count(), *count);
            }
        }
    }
}
