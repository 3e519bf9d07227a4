//! A list that stays short however much is added.

/// Items spread evenly over all that were added, the first and the latest among them.
///
/// Every `stride`-th item stays, and the latest until the next comes; the stride doubles when there are more than so many.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Thinned<T, const MOST: usize> {
    items: Vec<T>,
    /// Items so far.
    seen: u64,
    /// `log₂` of the stride.
    halvings: u32,
}

impl<T, const MOST: usize> Default for Thinned<T, MOST> {
    fn default() -> Self {
        Self { items: Vec::new(), seen: 0, halvings: 0 }
    }
}

impl<T, const MOST: usize> Thinned<T, MOST> {
    /// Adds the next item. The one before gives way unless it is one of those that stay.
    pub fn push(&mut self, item: T) {
        let stride = 1_u64 << self.halvings;
        if self.seen > 0 && !(self.seen - 1).is_multiple_of(stride) {
            self.items.pop();
        }
        self.items.push(item);
        self.seen += 1;
        if self.items.len() > MOST {
            let mut index = 0_usize;
            self.items.retain(|_| {
                index += 1;
                !index.is_multiple_of(2)
            });
            self.halvings += 1;
        }
    }

    /// The items, the first and the latest among them.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// The item that was added last.
    pub fn last_mut(&mut self) -> Option<&mut T> {
        self.items.last_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_evenly_spread_with_the_first_and_the_latest() {
        let mut thinned = Thinned::<u64, 8>::default();
        for item in 0..1000 {
            thinned.push(item);
            let items = thinned.items();
            assert!(items.len() <= 8 && items[0] == 0 && items.last() == Some(&item), "{items:?}");
            let distances: Vec<u64> = items.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let spread = distances.len().saturating_sub(1);
            assert!(distances.iter().take(spread).all(|distance| *distance == distances[0]), "{items:?}");
        }
    }
}
