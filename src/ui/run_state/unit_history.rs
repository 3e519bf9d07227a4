//! How active the units of all layers were at steps spread over training.

use std::sync::Arc;

use super::RecurrentLayer;
use super::thinned::Thinned;
use crate::protocol::ProbeFrame;

/// Steps at most: beyond that every second one is dropped.
const MOST_STEPS: usize = 64;

/// The mean magnitude of every unit over the tokens of one example, at steps spread over training, in bounded memory.
#[derive(Debug, Clone, Default)]
pub struct UnitHistory {
    steps: Thinned<Arc<ActiveUnits>, MOST_STEPS>,
    /// The example.
    pub example: usize,
}

/// The mean magnitudes at one step.
#[derive(Debug, Default)]
struct ActiveUnits {
    step: u64,
    quantities: Vec<(RecurrentLayer, String, Vec<f32>)>,
}

impl ActiveUnits {
    fn of(frame: &ProbeFrame) -> Self {
        let quantities = frame.activations.iter().map(|of| {
            let rows = of.values.len().checked_div(of.units).unwrap_or(0).max(1);
            let mean = |unit: usize| {
                let sum: f32 = of.values.iter().skip(unit).step_by(of.units.max(1)).map(|x| x.abs()).sum();
                sum / rows as f32
            };
            ((of.layer, of.direction), of.quantity.clone(), (0..of.units).map(mean).collect())
        });
        Self { step: frame.step, quantities: quantities.collect() }
    }
}

impl UnitHistory {
    /// The history of an example, before any frame.
    pub fn new(example: usize) -> Self {
        Self { example, ..Self::default() }
    }

    /// The steps of a run of `last` steps, monitored every so many, whose frames give an evenly spread history.
    pub fn steps_of(last: u64, every: u64) -> Vec<u64> {
        let every = every.max(1);
        let monitored = last / every;
        let apart = monitored.div_ceil(MOST_STEPS as u64 / 2).max(1);
        (0..=monitored).step_by(apart as usize).map(|i| i * every).collect()
    }

    /// Adds the next frame; one of another example, or of an earlier step, is left out.
    pub fn add(&mut self, frame: &ProbeFrame) {
        let is_later = self.steps.items().last().is_none_or(|last| last.step < frame.step);
        if frame.probe == self.example && is_later {
            self.steps.push(Arc::new(ActiveUnits::of(frame)));
        }
    }

    /// Steps and mean magnitudes of a unit, the earliest first.
    pub fn course(&self, layer: RecurrentLayer, quantity: &str, unit: usize) -> Vec<(u64, f32)> {
        let at = |active: &Arc<ActiveUnits>| {
            let mut all = active.quantities.iter();
            let (.., values) = all.find(|(of, name, _)| *of == layer && name == quantity)?;
            Some((active.step, *values.get(unit)?))
        };
        self.steps.items().iter().filter_map(at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Activations;

    fn frame(step: u64, probe: usize, values: &[f32]) -> ProbeFrame {
        let h = Activations {
            layer: 1,
            quantity: "h".into(),
            units: 2,
            values: values.into(),
            ..Activations::default()
        };
        ProbeFrame { step, probe, activations: vec![h], ..ProbeFrame::default() }
    }

    #[test]
    fn a_course_is_the_mean_magnitude_and_its_length_is_bounded() {
        let mut history = UnitHistory::new(1);
        history.add(&frame(0, 1, &[0.5, 1.0, -0.5, 0.0]));
        history.add(&frame(10, 0, &[9.0, 9.0]));
        history.add(&frame(10, 1, &[0.25, -1.0]));
        history.add(&frame(10, 1, &[0.0, 0.0]));
        assert_eq!(history.course((1, None), "h", 0), [(0, 0.5), (10, 0.25)]);
        assert_eq!(history.course((1, None), "h", 1), [(0, 0.5), (10, 1.0)]);
        assert!(history.course((1, None), "c", 0).is_empty() && history.course((1, None), "h", 2).is_empty());
        (2..500).for_each(|i| history.add(&frame(10 * i, 1, &[0.0, 0.0])));
        let course = history.course((1, None), "h", 0);
        assert!(course.len() <= MOST_STEPS && course[0].0 == 0 && course[course.len() - 1].0 == 4990);
    }

    #[test]
    fn the_steps_of_a_recording_are_few_and_spread_over_all_of_it() {
        assert_eq!(UnitHistory::steps_of(35, 10), [0, 10, 20, 30]);
        let steps = UnitHistory::steps_of(1_000_000, 20);
        assert!(steps.len() <= MOST_STEPS && steps[0] == 0 && steps[steps.len() - 1] > 950_000, "{steps:?}");
        assert_eq!(UnitHistory::steps_of(0, 0), [0]);
    }
}
