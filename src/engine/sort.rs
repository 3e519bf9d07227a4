//! Sorting of short lists, compiled once.
//!
//! Every sort of the standard library with a closure of its own is another 5 KB of instructions, a hundred of which are more than a thirtieth
//! of the program. These sort positions by a comparison that is called through a pointer. Lists that may have millions of items, or are
//! sorted at every step, use the standard library.

use std::cmp::Ordering;

/// Stable sorts of short lists.
pub trait SmallSort<T> {
    /// Sorts as [`slice::sort_by`] does.
    fn small_sort_by(&mut self, compare: impl FnMut(&T, &T) -> Ordering);

    /// Sorts as [`slice::sort_by_key`] does.
    fn small_sort_by_key<K: Ord>(&mut self, key: impl FnMut(&T) -> K);
}

impl<T> SmallSort<T> for [T] {
    fn small_sort_by(&mut self, mut compare: impl FnMut(&T, &T) -> Ordering) {
        let mut from = sorted(self.len(), &mut |a, b| compare(&self[a], &self[b]));
        // One cycle of the permutation after another: each swap moves an item to its place.
        for first in 0..self.len() {
            let mut to = first;
            while from[to] != first {
                let next = std::mem::replace(&mut from[to], to);
                self.swap(to, next);
                to = next;
            }
            from[to] = to;
        }
    }

    fn small_sort_by_key<K: Ord>(&mut self, mut key: impl FnMut(&T) -> K) {
        self.small_sort_by(|a, b| key(a).cmp(&key(b)));
    }
}

/// The positions of `count` items in their order.
fn sorted(count: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..count).collect();
    positions.sort_by(|a, b| compare(*a, *b));
    positions
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lists_are_sorted_as_by_the_standard_library(keys in prop::collection::vec(0u8..20, 0..60)) {
            let items: Vec<(u8, String)> = keys.iter().enumerate().map(|(i, key)| (*key, i.to_string())).collect();
            let (mut expected, mut by_key, mut descending) = (items.clone(), items.clone(), items.clone());
            expected.sort_by_key(|(key, _)| *key);
            by_key.small_sort_by_key(|(key, _)| *key);
            prop_assert_eq!(&by_key, &expected);
            expected.clone_from(&items);
            expected.sort_by_key(|item| std::cmp::Reverse(item.0));
            descending.small_sort_by(|a, b| b.0.cmp(&a.0));
            prop_assert_eq!(&descending, &expected);
        }
    }
}
