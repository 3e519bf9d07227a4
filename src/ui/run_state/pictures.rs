//! The latest of each picture of a run: gradient profiles, instruments, probes.

use std::collections::BTreeMap;

use super::heat_scale::HeatScale;
use super::{Profiles, RecurrentLayer, RunState};
use crate::protocol::{
    Event, GradientProfile, Instruments, LayerHealth, ParamNorms, ProbeFrame, TokenInfluence,
};

/// What panels draw of one monitored step: the latest, or an earlier one from the recording.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pictures {
    pub(super) gradients: BTreeMap<RecurrentLayer, Profiles>,
    pub(super) health: BTreeMap<RecurrentLayer, LayerHealth>,
    pub(super) params: Vec<ParamNorms>,
    pub(super) clipped_norm: Option<f64>,
    pub(super) probes: BTreeMap<usize, ProbeFrame>,
    /// The scales of the heat maps, by layer and quantity.
    pub(super) scales: BTreeMap<RecurrentLayer, BTreeMap<String, HeatScale>>,
    /// By probe the influence of its tokens, which is not measured at every monitored step, and the step.
    pub(super) influences: BTreeMap<usize, (u64, TokenInfluence)>,
    /// By probe the step of the predictions after its tokens but the last, which are not made at every monitored step either.
    pub(super) predicted: BTreeMap<usize, u64>,
}

impl Pictures {
    /// Folds one event, if it is a picture.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Gradient(profile) => self.gradient(profile),
            Event::Instruments(read) => self.instruments(read),
            Event::Probe(frame) => {
                if let Some(influence) = &frame.influence {
                    self.influences.insert(frame.probe, (frame.step, influence.clone()));
                }
                self.scale(frame);
                let mut frame = (**frame).clone();
                if frame.has_predictions() {
                    self.predicted.insert(frame.probe, frame.step);
                }
                if let Some(earlier) = self.probes.get_mut(&frame.probe) {
                    frame.keep_predictions(earlier);
                }
                self.probes.insert(frame.probe, frame);
            }
            _ => {}
        }
    }

    fn scale(&mut self, frame: &ProbeFrame) {
        for shown in &frame.activations {
            let scales = self.scales.entry((shown.layer, shown.direction)).or_default();
            match scales.get_mut(&shown.quantity) {
                Some(scale) => scale.add(&shown.values),
                None => scales.entry(shown.quantity.clone()).or_default().add(&shown.values),
            }
        }
    }

    fn gradient(&mut self, profile: &GradientProfile) {
        self.gradients
            .entry((profile.layer, profile.direction))
            .and_modify(|profiles| profiles.latest.clone_from(profile))
            .or_insert_with(|| Profiles { first: profile.clone(), latest: profile.clone() });
    }

    fn instruments(&mut self, read: &Instruments) {
        for health in &read.layers {
            let mut health = health.clone();
            let layer = (health.layer, health.direction);
            if let Some(earlier) = self.health.get(&layer) {
                health.keep_radii(earlier);
            }
            self.health.insert(layer, health);
        }
        self.params.clone_from(&read.params);
        self.clipped_norm = read.clipped_norm;
    }

    /// The frame of a probe.
    pub fn probe(&self, index: usize) -> Option<&ProbeFrame> {
        self.probes.get(&index)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.gradients.is_empty() && self.health.is_empty() && self.probes.is_empty()
    }

    /// Whether there is one of a recurrent layer and one of a probe, as far as the run has any.
    pub fn has_all(&self, [layers, probes]: [bool; 2]) -> bool {
        (!layers || !self.gradients.is_empty()) && (!probes || !self.probes.is_empty())
    }

    /// Whether there are predictions after the tokens of every probe that may have them.
    pub fn has_predictions(&self) -> bool {
        let expected = self.probes.iter().filter(|(_, frame)| frame.by_token.len() > 1);
        expected.into_iter().all(|(probe, _)| self.predicted.contains_key(probe))
    }

    /// The latest step of any of them.
    pub fn step(&self) -> Option<u64> {
        let gradients = self.gradients.values().map(|profiles| profiles.latest.step);
        gradients.chain(self.probes.values().map(|frame| frame.step)).max()
    }

    /// Takes the profiles of the first step, which are shown for comparison, from `whole`.
    pub fn compare_with_first_of(&mut self, whole: &Self) {
        for (layer, profiles) in &mut self.gradients {
            if let Some(all) = whole.gradients.get(layer) {
                profiles.first.clone_from(&all.first);
            }
        }
    }
}

impl RunState {
    /// The step after which the predictions after the tokens of a probe were made, without that after its last token.
    pub fn predicted(&self, probe: usize) -> Option<u64> {
        self.pictures().predicted.get(&probe).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::TokenPrediction;

    /// A frame with a prediction of `value` after each token where `has` says so.
    fn frame(step: u64, value: f32, has: [bool; 3]) -> Event {
        let prediction = |has: bool| {
            let outputs = has.then(|| ("yes".to_owned(), value));
            TokenPrediction { outputs: outputs.into_iter().collect() }
        };
        Event::Probe(Box::new(ProbeFrame {
            step,
            by_token: has.map(prediction).to_vec(),
            ..ProbeFrame::default()
        }))
    }

    #[test]
    fn predictions_stay_until_they_are_made_again() {
        let mut run = RunState::default();
        let values = |run: &RunState| -> Vec<Option<f32>> {
            let tokens = run.probe(0).unwrap().by_token.iter();
            tokens.map(|token| token.outputs.first().map(|(_, value)| *value)).collect()
        };
        run.apply(&frame(1, 0.1, [false, false, true]));
        assert_eq!((values(&run), run.predicted(0)), (vec![None, None, Some(0.1)], None));
        run.apply(&frame(51, 0.2, [true, true, true]));
        run.apply(&frame(101, 0.3, [false, false, true]));
        assert_eq!((values(&run), run.predicted(0)), (vec![Some(0.2), Some(0.2), Some(0.3)], Some(51)));
        assert_eq!(run.probe(0).unwrap().step, 101);
        run.apply(&frame(151, 0.4, [true, true, true]));
        assert_eq!((values(&run), run.predicted(0)), (vec![Some(0.4); 3], Some(151)));
    }
}
