//! The latest of each picture of a run: gradient profiles, instruments, probes.

use std::collections::BTreeMap;

use super::heat_scale::HeatScale;
use super::{Profiles, RecurrentLayer};
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
                self.probes.insert(frame.probe, (**frame).clone());
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
