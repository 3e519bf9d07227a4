//! The order of the units of a layer in its heat maps, and the unit that is chosen.

use std::collections::BTreeMap;

use crate::protocol::LayerUnit;
use crate::sort::SmallSort as _;
use crate::ui::run_state::{RecurrentLayer, RunState};

/// Products of two values up to which the order by similarity reads every token; of more tokens it reads some, evenly spread.
const MOST_PRODUCTS: usize = 1 << 26;

/// The order of the units of a layer, from left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnitOrder {
    /// By their numbers.
    #[default]
    Stored,
    /// Those whose hidden state varies most over the examples first.
    Activity,
    /// Beside each unit the one whose course over the examples correlates with its own most, from the most active one on.
    Similarity,
}

impl UnitOrder {
    /// Its name in titles; that of the order of the numbers is not said.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Stored => None,
            Self::Activity => Some("by activity"),
            Self::Similarity => Some("by similarity"),
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Stored => Self::Activity,
            Self::Activity => Self::Similarity,
            Self::Similarity => Self::Stored,
        }
    }
}

/// How the units of all layers are ordered, and which one is chosen.
///
/// An order is that of the hidden state over all examples at the time when it was computed: a unit has the same column in every example and
/// every gate, and keeps it until the key is pressed again or the network is validated.
#[derive(Debug, Clone, Default)]
pub struct Units {
    order: UnitOrder,
    orders: BTreeMap<RecurrentLayer, Vec<usize>>,
    /// The number of the chosen unit.
    pub chosen: Option<usize>,
    /// Whether the chosen unit fills the screen.
    pub is_open: bool,
    /// The unit whose tokens were requested last.
    pub requested: Option<LayerUnit>,
}

impl Units {
    /// The order.
    pub fn order(&self) -> UnitOrder {
        self.order
    }

    /// Changes to the next order.
    pub fn turn(&mut self, run: &RunState) {
        self.order = self.order.next();
        self.arrange(run);
    }

    /// Computes the order of all layers from the frames that are shown.
    pub fn arrange(&mut self, run: &RunState) {
        self.orders.clear();
        self.complete(run);
    }

    /// Computes the order of the layers that have none yet.
    pub fn complete(&mut self, run: &RunState) {
        if self.order == UnitOrder::Stored {
            return;
        }
        let missing: Vec<RecurrentLayer> =
            run.shown_layers().filter(|layer| !self.orders.contains_key(layer)).collect();
        for layer in missing {
            if let Some((units, values)) = courses(run, layer) {
                let order = match self.order {
                    UnitOrder::Similarity => by_similarity(units, &values),
                    _ => by_activity(units, &values),
                };
                self.orders.insert(layer, order);
            }
        }
    }

    /// Forgets the orders, which belong to another run.
    pub fn begin_run(&mut self) {
        self.orders.clear();
        (self.chosen, self.is_open, self.requested) = (None, false, None);
    }

    /// The numbers of the `units` units of a layer from left to right; `None` where they are in the order of their numbers.
    pub fn columns(&self, layer: RecurrentLayer, units: usize) -> Option<&[usize]> {
        self.orders.get(&layer).map(Vec::as_slice).filter(|order| order.len() == units)
    }

    /// The number of the unit at a place from the left.
    fn unit_at(&self, place: usize, layer: RecurrentLayer, units: usize) -> usize {
        self.columns(layer, units).and_then(|columns| columns.get(place).copied()).unwrap_or(place)
    }

    /// The place of a unit from the left.
    pub fn place(&self, unit: usize, layer: RecurrentLayer, units: usize) -> usize {
        let place = self.columns(layer, units).and_then(|columns| columns.iter().position(|of| *of == unit));
        place.unwrap_or(unit)
    }

    /// The chosen one of `units` units.
    pub fn chosen_of(&self, units: usize) -> Option<usize> {
        self.chosen.map(|unit| unit.min(units.saturating_sub(1)))
    }

    /// Chooses the unit that is `by` columns to the right; without a chosen one the first, or the last.
    pub fn move_by(&mut self, by: isize, layer: RecurrentLayer, units: usize) {
        let last = units.saturating_sub(1);
        let place = match self.chosen_of(units) {
            Some(unit) => self.place(unit, layer, units).saturating_add_signed(by).min(last),
            None if by < 0 => last,
            None => 0,
        };
        self.chosen = Some(self.unit_at(place, layer, units));
    }
}

/// The number of units of a layer and its hidden state after every token of every example, row-major `[token, unit]`.
fn courses(run: &RunState, layer: RecurrentLayer) -> Option<(usize, Vec<f32>)> {
    let examples = run.info().map_or(0, |info| info.probes.len());
    let of_layer = |example| {
        let frame = run.probe(example)?;
        // The hidden state comes first.
        frame.activations.iter().find(|a| (a.layer, a.direction) == layer)
    };
    let mut shown = (0..examples).filter_map(of_layer).peekable();
    let units = shown.peek()?.units;
    let values: Vec<f32> = shown.filter(|a| a.units == units).flat_map(|a| a.values.clone()).collect();
    (units > 0 && !values.is_empty()).then_some((units, values))
}

/// The number of units of a layer, and those that are the same after every token of every example.
pub(super) fn constant(run: &RunState, layer: RecurrentLayer) -> Option<(usize, Vec<usize>)> {
    let (units, values) = courses(run, layer)?;
    let is_constant = |unit: &usize| {
        let course = values.iter().skip(*unit).step_by(units);
        let (low, high) =
            course.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)));
        low == high
    };
    Some((units, (0..units).filter(is_constant).collect()))
}

/// The course of every unit around its mean; values that are not finite count as 0.
fn centred(units: usize, values: &[f32], every: usize) -> Vec<Vec<f32>> {
    let rows: Vec<&[f32]> = values.chunks_exact(units).step_by(every.max(1)).collect();
    let course = |unit: usize| {
        let value = |row: &&[f32]| row.get(unit).copied().filter(|x| x.is_finite()).unwrap_or(0.0);
        let course: Vec<f32> = rows.iter().map(value).collect();
        let mean = course.iter().sum::<f32>() / course.len().max(1) as f32;
        course.into_iter().map(|x| x - mean).collect()
    };
    (0..units).map(course).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The units by the variance of their course, the greatest first; of equal ones the lower number.
fn by_activity(units: usize, values: &[f32]) -> Vec<usize> {
    let variances: Vec<f32> = centred(units, values, 1).iter().map(|course| dot(course, course)).collect();
    let mut order: Vec<usize> = (0..units).collect();
    order.small_sort_by(|a, b| variances[*b].total_cmp(&variances[*a]).then(a.cmp(b)));
    order
}

/// A chain from the most active unit on: next comes the unit whose course correlates most with the last one's. Units without any change
/// come last.
fn by_similarity(units: usize, values: &[f32]) -> Vec<usize> {
    let tokens = values.len() / units;
    let every = (tokens * units).saturating_mul(units).div_ceil(MOST_PRODUCTS);
    let mut courses = centred(units, values, every);
    let mut left = Vec::new();
    let mut constant = Vec::new();
    for unit in by_activity(units, values) {
        let norm = dot(&courses[unit], &courses[unit]).sqrt();
        if norm > 1e-6 {
            courses[unit].iter_mut().for_each(|x| *x /= norm);
            left.push(unit);
        } else {
            constant.push(unit);
        }
    }
    let mut chain: Vec<usize> = Vec::with_capacity(units);
    while !left.is_empty() {
        let next = match chain.last() {
            None => 0,
            Some(last) => {
                let similarity = |place: &usize| dot(&courses[*last], &courses[left[*place]]);
                // Of equal ones the more active.
                (0..left.len()).rev().max_by(|a, b| similarity(a).total_cmp(&similarity(b))).unwrap_or(0)
            }
        };
        chain.push(left.remove(next));
    }
    chain.extend(constant);
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four units over six tokens: 0 hardly moves, 1 and 3 rise together, 2 is their opposite, 4 is constant.
    fn values() -> Vec<f32> {
        let rows = [0.0_f32, 0.2, 0.4, 0.6, 0.8, 1.0];
        let wiggle = [0.01_f32, -0.01, 0.01, -0.01, 0.01, -0.01];
        let row = |(x, w): (&f32, f32)| [w, 0.9 * x, -x, 0.5 * x + w, 0.7];
        rows.iter().zip(wiggle).flat_map(row).collect()
    }

    #[test]
    fn units_are_ordered_by_variance() {
        assert_eq!(by_activity(5, &values()), [2, 1, 3, 0, 4]);
    }

    #[test]
    fn similar_courses_are_neighbours_and_constant_ones_come_last() {
        // 2 is the most active; 0 (uncorrelated) is nearer to it than its opposites, of which 3 has the same wiggle as 0.
        assert_eq!(by_similarity(5, &values()), [2, 0, 3, 1, 4]);
    }

    #[test]
    fn values_that_are_not_finite_do_no_harm() {
        let mut values = values();
        values[7] = f32::NAN;
        values[11] = f32::INFINITY;
        for order in [by_activity(5, &values), by_similarity(5, &values)] {
            let mut sorted = order;
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4]);
        }
    }

    #[test]
    fn the_chosen_unit_moves_along_the_order() {
        let mut units = Units::default();
        let layer = (1, None);
        units.orders.insert(layer, vec![2, 0, 1]);
        units.move_by(1, layer, 3);
        assert_eq!(units.chosen, Some(2));
        units.move_by(1, layer, 3);
        assert_eq!(units.chosen, Some(0));
        units.move_by(-5, layer, 3);
        assert_eq!(units.chosen, Some(2));
        // A layer of another width has the order of its numbers.
        assert!(units.columns(layer, 4).is_none());
        units.move_by(1, layer, 4);
        assert_eq!(units.chosen, Some(3));
    }
}
